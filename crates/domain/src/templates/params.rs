//! What a client gives for a template: `template_params`.
//!
//! Three forms, from the shortest to the fullest: a list of texts in the order of `param_names`; an object of texts
//! by those names; or an object with `header`, `body`, `buttons`, `cards` and `expiration_time_ms`. Meta's own list of
//! components is read as the last of them. All faults of the input are told at once.

mod read;
mod write;

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

    /// Files kept by us that these parameters name, for the caller to find at Meta or to upload; each with what it is to be
    /// shown as (`image`, `video`, `document`, `gif`).
    pub fn own_files(&self) -> Vec<(MediaId, &str)> {
        let Self::Full(full) = self else { return Vec::new() };
        let cards = full.cards.iter().map(|card| &card.header);
        std::iter::once(&full.header)
            .chain(cards)
            .filter_map(|header| match header {
                Some(HeaderParam::Media { source: MediaSource::Ours(id), kind, .. }) => {
                    Some((*id, kind.as_str()))
                }
                _ => None,
            })
            .collect()
    }

    /// The JSON that [`Params::read`] reads back.
    pub fn to_json(&self) -> Value {
        match self {
            Self::List(texts) => json!(texts),
            Self::Named(texts) => write::named(texts),
            Self::Full(full) => full.to_json(),
        }
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
mod tests;
