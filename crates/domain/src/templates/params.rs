//! What a client gives for a template: `template_params`.
//!
//! Three forms, from the shortest to the fullest: a list of texts in the order of `param_names`; an object of texts
//! by those names; or an object with `header`, `body`, `buttons`, `cards` and `expiration_time_ms`. All faults of
//! the input are told at once.

mod read;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::MediaId;

pub use read::ParamFault;

/// Parameters as given; whether they fit a template is for [`super::check`] to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Params {
    /// Texts in the order of the template's required slots.
    List(Vec<String>),
    /// Texts by the names of the slots.
    Named(Vec<(String, String)>),
    /// Every part by itself.
    Full(Box<FullParams>),
}

impl Default for Params {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// The full form.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FullParams {
    /// For a header with a parameter, a file, a place or a product.
    pub header: Option<HeaderParam>,
    /// The body's texts.
    pub body: Option<BodyParams>,
    /// By index.
    pub buttons: Vec<ButtonParam>,
    /// Cards of a carousel, in order.
    pub cards: Vec<CardParams>,
    /// End of a limited-time offer, UNIX milliseconds.
    pub expiration_time_ms: Option<i64>,
}

/// Texts of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyParams {
    /// In order.
    List(Vec<String>),
    /// By name, number or alias.
    Named(Vec<(String, String)>),
}

impl BodyParams {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::List(texts) => texts.len(),
            Self::Named(texts) => texts.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaSource {
    /// Meta's id of an upload.
    #[serde(rename = "id")]
    MetaId(String),
    /// An address that Meta fetches.
    #[serde(rename = "link")]
    Link(String),
    /// A file kept by us.
    #[serde(rename = "media_id")]
    Ours(MediaId),
}

/// What goes into a header.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderParam {
    /// A text; for a file also an address or Meta's id.
    Text(String),
    /// A file.
    Media {
        /// `image`, `video`, `document` or `gif`.
        kind: String,
        source: MediaSource,
        /// Shown with a document.
        filename: Option<String>,
    },
    /// A place.
    Location { latitude: f64, longitude: f64, name: Option<String>, address: Option<String> },
    /// A product of a catalogue: Meta's `product` object.
    Product(Map<String, Value>),
}

/// What goes into a button.
#[derive(Debug, Clone, PartialEq)]
pub struct ButtonParam {
    /// Its place among the template's buttons, from 0.
    pub index: usize,
    pub value: ButtonValue,
}

/// Kinds of button parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum ButtonValue {
    /// The end of an address; also fits wherever a text fits.
    Text(String),
    /// What a quick reply or a call sends back.
    Payload(String),
    /// A coupon code.
    CouponCode(String),
    /// A Flow's token and the data of its first screen.
    Flow { token: Option<String>, data: Option<Value> },
    /// Meta's `action` object: catalogue, products, order.
    Action(Map<String, Value>),
}

impl ButtonValue {
    /// The name under which the full form gives it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Payload(_) => "payload",
            Self::CouponCode(_) => "coupon_code",
            Self::Flow { .. } => "flow_token",
            Self::Action(_) => "action",
        }
    }
}

/// What goes into a card.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CardParams {
    pub header: Option<HeaderParam>,
    pub body: Option<BodyParams>,
    pub buttons: Vec<ButtonParam>,
}

impl Params {
    /// Reads any of the three forms; `null` is no parameters.
    ///
    /// # Errors
    /// Every fault, each with its place (a JSON pointer below `template_params`).
    pub fn read(value: &Value) -> Result<Self, Vec<ParamFault>> {
        read::params(value)
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::List(texts) => texts.is_empty(),
            Self::Named(texts) => texts.is_empty(),
            Self::Full(full) => **full == FullParams::default(),
        }
    }

    /// Files kept by us that these parameters name, for the caller to find at Meta or to upload.
    pub fn own_media(&self) -> Vec<MediaId> {
        let Self::Full(full) = self else { return Vec::new() };
        let cards = full.cards.iter().map(|card| &card.header);
        std::iter::once(&full.header)
            .chain(cards)
            .filter_map(|header| match header {
                Some(HeaderParam::Media { source: MediaSource::Ours(id), .. }) => Some(*id),
                _ => None,
            })
            .collect()
    }

    /// The JSON that [`Params::read`] reads back.
    pub fn to_json(&self) -> Value {
        match self {
            Self::List(texts) => json!(texts),
            Self::Named(texts) => named(texts),
            Self::Full(full) => full.to_json(),
        }
    }
}

impl FullParams {
    fn to_json(&self) -> Value {
        let mut json = parts(self.header.as_ref(), self.body.as_ref(), &self.buttons);
        if !self.cards.is_empty() {
            let cards = self
                .cards
                .iter()
                .map(|card| Value::Object(parts(card.header.as_ref(), card.body.as_ref(), &card.buttons)));
            json.insert("cards".into(), cards.collect());
        }
        if let Some(end) = self.expiration_time_ms {
            json.insert("expiration_time_ms".into(), json!(end));
        }
        if json.is_empty() {
            // An empty object would be read back as no named parameters.
            json.insert("buttons".into(), json!([]));
        }
        Value::Object(json)
    }
}

fn parts(
    header: Option<&HeaderParam>,
    body: Option<&BodyParams>,
    buttons: &[ButtonParam],
) -> Map<String, Value> {
    let mut json = Map::new();
    if let Some(header) = header {
        json.insert("header".into(), header.to_json());
    }
    match body {
        Some(BodyParams::List(texts)) => _ = json.insert("body".into(), json!(texts)),
        Some(BodyParams::Named(texts)) => _ = json.insert("body".into(), named(texts)),
        None => {}
    }
    if !buttons.is_empty() {
        json.insert("buttons".into(), buttons.iter().map(ButtonParam::to_json).collect());
    }
    json
}

fn named(texts: &[(String, String)]) -> Value {
    texts.iter().map(|(name, text)| (name.clone(), json!(text))).collect::<Map<_, _>>().into()
}

impl HeaderParam {
    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Media { kind, source, filename } => {
                let mut media = Map::new();
                match source {
                    MediaSource::MetaId(id) => media.insert("id".into(), json!(id)),
                    MediaSource::Link(link) => media.insert("link".into(), json!(link)),
                    MediaSource::Ours(id) => media.insert("media_id".into(), json!(id)),
                };
                if let Some(filename) = filename {
                    media.insert("filename".into(), json!(filename));
                }
                json!({ kind.as_str(): media })
            }
            Self::Location { latitude, longitude, name, address } => {
                let mut location = Map::new();
                location.insert("latitude".into(), json!(latitude));
                location.insert("longitude".into(), json!(longitude));
                for (key, text) in [("name", name), ("address", address)] {
                    if let Some(text) = text {
                        location.insert(key.into(), json!(text));
                    }
                }
                json!({ "location": location })
            }
            Self::Product(product) => json!({ "product": product }),
        }
    }
}

impl ButtonParam {
    fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("index".into(), json!(self.index));
        match &self.value {
            ButtonValue::Text(text) | ButtonValue::Payload(text) | ButtonValue::CouponCode(text) => {
                json.insert(self.value.field().into(), json!(text));
            }
            ButtonValue::Flow { token, data } => {
                if let Some(token) = token {
                    json.insert("flow_token".into(), json!(token));
                }
                if let Some(data) = data {
                    json.insert("flow_action_data".into(), data.clone());
                }
            }
            ButtonValue::Action(action) => _ = json.insert("action".into(), json!(action)),
        }
        Value::Object(json)
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::read(&value).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            serde::de::Error::custom(faults.join("; "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Params {
        Params::read(&value).unwrap()
    }

    #[test]
    fn the_three_forms_are_told_apart() {
        assert_eq!(read(Value::Null), Params::default());
        assert_eq!(
            read(json!(["Ana", 860, true])),
            Params::List(vec!["Ana".into(), "860".into(), "true".into()])
        );
        assert_eq!(read(json!({"name": "Ana", "n": 1.5})), {
            Params::Named(vec![("name".into(), "Ana".into()), ("n".into(), "1.5".into())])
        });
        assert!(matches!(read(json!({"body": ["Ana"]})), Params::Full(_)));
        assert!(matches!(read(json!({"header": "Sale"})), Params::Full(_)));
        assert!(matches!(read(json!({"body": "a parameter called body"})), Params::Named(_)));
        assert!(matches!(read(json!({"header": "x", "name": "y"})), Params::Named(_)));
    }

    #[test]
    fn every_form_survives_being_kept() {
        for value in [
            json!([]),
            json!(["a", "b"]),
            json!({"name": "Ana"}),
            json!({"header": "Sale", "body": ["a"], "expiration_time_ms": 5}),
            json!({"header": {"image": {"media_id": 7}}, "body": {"1": "a"}}),
            json!({"header": {"document": {"link": "https://x.y/z.pdf", "filename": "z.pdf"}}}),
            json!({"header": {"location": {"latitude": 1.5, "longitude": -2.0, "name": "n"}}}),
            json!({"header": {"product": {"product_retailer_id": "p", "catalog_id": "c"}}}),
            json!({"buttons": [{"index": 0, "text": "a"}, {"index": 1, "payload": "b"},
                {"index": 2, "coupon_code": "c"}, {"index": 3, "flow_token": "t", "flow_action_data": {"x": 1}},
                {"index": 4, "action": {"thumbnail_product_retailer_id": "p"}}]}),
            json!({"cards": [{"header": {"image": {"id": "1"}}, "body": ["a"], "buttons": [{"index": 0, "text": "b"}]}]}),
        ] {
            assert_eq!(serde_json::to_value(read(value.clone())).unwrap(), value);
        }
        let empty = Params::Full(Box::default());
        assert_eq!(read(empty.to_json()), empty);
    }

    #[test]
    fn files_of_ours_are_listed() {
        let params = read(
            json!({"header": {"video": {"media_id": 7}}, "cards": [{"header": {"image": {"media_id": 8}}}]}),
        );
        assert_eq!(params.own_media(), [MediaId(7), MediaId(8)]);
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_places() {
        let faults = Params::read(&json!({
            "header": {"image": {"id": "1", "link": "https://x.y"}},
            "body": ["a", ["b"]],
            "buttons": [{"text": "a"}, {"index": 1, "txt": "b"}, 5],
            "cards": [{"foot": 1}],
            "expiration_time_ms": "soon",
        }))
        .unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/header/image",
                "/body/1",
                "/buttons/0",
                "/buttons/1/txt",
                "/buttons/1",
                "/buttons/2",
                "/cards/0/foot",
                "/expiration_time_ms"
            ]
        );
        assert!(Params::read(&json!("text")).is_err());
        assert!(serde_json::from_value::<Params>(json!({"body": 5})).is_ok(), "a parameter called body");
        assert!(serde_json::from_value::<Params>(json!({"name": {}})).is_err());
    }
}
