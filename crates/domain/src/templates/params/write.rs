//! Writes parameters as the JSON that is read back.

use serde_json::{Map, Value, json};

use super::{BodyParams, ButtonParam, ButtonValue, FullParams, HeaderParam, MediaSource};

impl FullParams {
    pub(super) fn to_json(&self) -> Value {
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

pub(super) fn named(texts: &[(String, String)]) -> Value {
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
