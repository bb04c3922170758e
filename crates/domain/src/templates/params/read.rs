//! Reads `template_params`, telling every fault with its place.

mod components;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{BodyParams, ButtonParam, ButtonValue, CardParams, FullParams, HeaderParam, MediaSource, Params};
use crate::MediaId;

/// One fault of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParamFault {
    /// JSON pointer below `template_params`.
    pub pointer: String,
    /// What is wrong, in words.
    pub problem: String,
}

impl fmt::Display for ParamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.problem)
    }
}

const FORMS: &str = "give a list of texts, an object of texts by name, or an object with header, body, buttons, \
                     cards and expiration_time_ms, or Meta's list of components";

/// Collects faults below a place.
struct Reader {
    faults: Vec<ParamFault>,
}

pub(super) fn params(value: &Value) -> Result<Params, Vec<ParamFault>> {
    let mut reader = Reader { faults: Vec::new() };
    let params = match value {
        Value::Null => Params::default(),
        Value::Array(items) if components::is_list_of_components(items) => {
            Params::Full(Box::new(reader.components(items, "")))
        }
        Value::Array(items) => Params::List(reader.texts(items, "")),
        Value::Object(object) if is_full(object) => Params::Full(Box::new(reader.full(object))),
        Value::Object(object) => Params::Named(reader.named(object, "")),
        _ => {
            reader.fault("", FORMS);
            Params::default()
        }
    };
    if reader.faults.is_empty() { Ok(params) } else { Err(reader.faults) }
}

/// The full form has no members but its own, and none of them as a named text would look (but for `header`, which
/// alone is the header's text).
fn is_full(object: &Map<String, Value>) -> bool {
    !object.is_empty()
        && object.iter().all(|(key, value)| match key.as_str() {
            "header" => true,
            "body" | "buttons" | "cards" => value.is_array() || value.is_object(),
            "expiration_time_ms" => true,
            _ => false,
        })
        && (object.len() > 1 || !object.get("expiration_time_ms").is_some_and(Value::is_string))
}

impl Reader {
    fn fault(&mut self, pointer: &str, problem: impl Into<String>) {
        self.faults.push(ParamFault { pointer: pointer.to_owned(), problem: problem.into() });
    }

    fn text(&mut self, value: &Value, pointer: &str) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => {
                self.fault(pointer, "must be a text");
                String::new()
            }
        }
    }

    fn texts(&mut self, items: &[Value], at: &str) -> Vec<String> {
        items.iter().enumerate().map(|(index, item)| self.text(item, &format!("{at}/{index}"))).collect()
    }

    fn named(&mut self, object: &Map<String, Value>, at: &str) -> Vec<(String, String)> {
        let entries = object.iter();
        entries
            .map(|(name, value)| (name.clone(), self.text(value, &format!("{at}/{}", escaped(name)))))
            .collect()
    }

    fn unknown(&mut self, object: &Map<String, Value>, known: &[&str], at: &str) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.fault(
                &format!("{at}/{}", escaped(key)),
                format!("unknown field; known are {}", known.join(", ")),
            );
        }
    }

    fn full(&mut self, object: &Map<String, Value>) -> FullParams {
        let CardParams { header, body, buttons } = self.parts(object, "");
        let cards = object.get("cards").map(|cards| self.list(cards, "/cards")).unwrap_or_default();
        let cards = cards.iter().enumerate().map(|(index, card)| self.card(card, &format!("/cards/{index}")));
        let cards = cards.collect();
        let end = object.get("expiration_time_ms").filter(|end| !end.is_null());
        let expiration_time_ms = end.and_then(|end| self.time(end, "/expiration_time_ms"));
        FullParams { header, body, buttons, cards, expiration_time_ms }
    }

    fn time(&mut self, value: &Value, at: &str) -> Option<i64> {
        let read = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        if read.is_none() {
            self.fault(at, "must be a time as UNIX milliseconds");
        }
        read
    }

    fn card(&mut self, value: &Value, at: &str) -> CardParams {
        let Some(card) = value.as_object() else {
            self.fault(at, "must be an object with header, body and buttons");
            return CardParams::default();
        };
        self.unknown(card, &["header", "body", "buttons"], at);
        self.parts(card, at)
    }

    fn parts(&mut self, object: &Map<String, Value>, at: &str) -> CardParams {
        let present = |key: &str| object.get(key).filter(|value| !value.is_null());
        let header = present("header").and_then(|header| self.header(header, &format!("{at}/header")));
        let body = present("body").and_then(|body| self.body(body, &format!("{at}/body")));
        let pointer = format!("{at}/buttons");
        let buttons = present("buttons").map(|buttons| self.list(buttons, &pointer)).unwrap_or_default();
        let buttons = buttons.iter().enumerate();
        let buttons =
            buttons.filter_map(|(index, button)| self.button(button, &format!("{pointer}/{index}")));
        CardParams { header, body, buttons: buttons.collect() }
    }

    fn list<'v>(&mut self, value: &'v Value, at: &str) -> &'v [Value] {
        value.as_array().map(Vec::as_slice).unwrap_or_else(|| {
            self.fault(at, "must be a list");
            &[]
        })
    }

    fn body(&mut self, value: &Value, at: &str) -> Option<BodyParams> {
        match value {
            Value::Array(items) => Some(BodyParams::List(self.texts(items, at))),
            Value::Object(object) => Some(BodyParams::Named(self.named(object, at))),
            _ => {
                self.fault(at, "must be a list of texts or an object of texts by name");
                None
            }
        }
    }

    fn header(&mut self, value: &Value, at: &str) -> Option<HeaderParam> {
        match value {
            Value::String(_) | Value::Number(_) => Some(HeaderParam::Text(self.text(value, at))),
            Value::Object(object) if object.contains_key("type") => self.typed(object, at),
            Value::Object(object) if object.len() == 1 => {
                let (kind, content) = object.iter().next()?;
                self.header_of(kind, content, at)
            }
            _ => {
                self.fault(
                    at,
                    "must be a text or an object with one of image, video, document, gif, location, product",
                );
                None
            }
        }
    }

    fn header_of(&mut self, kind: &str, content: &Value, at: &str) -> Option<HeaderParam> {
        let pointer = format!("{at}/{}", escaped(kind));
        let Some(object) = content.as_object() else {
            self.fault(&pointer, "must be an object");
            return None;
        };
        match kind {
            "image" | "video" | "document" | "gif" => self.media(kind, object, &pointer),
            "location" => self.location(object, &pointer),
            "product" => Some(HeaderParam::Product(object.clone())),
            "text" => {
                let text = object.get("text").cloned().unwrap_or(Value::Null);
                Some(HeaderParam::Text(self.text(&text, &pointer)))
            }
            _ => {
                self.fault(
                    &pointer,
                    "unknown kind of header; known are image, video, document, gif, location, product",
                );
                None
            }
        }
    }

    fn media(&mut self, kind: &str, object: &Map<String, Value>, at: &str) -> Option<HeaderParam> {
        self.unknown(object, &["id", "link", "media_id", "filename"], at);
        let given: Vec<&str> =
            ["id", "link", "media_id"].into_iter().filter(|key| object.contains_key(*key)).collect();
        let [key] = given[..] else {
            self.fault(at, "give exactly one of id (Meta's), link and media_id (ours)");
            return None;
        };
        let pointer = format!("{at}/{key}");
        let source = match (key, &object[key]) {
            ("media_id", id) if id.as_i64().is_some() => MediaSource::Ours(MediaId(id.as_i64()?)),
            // A column of a list is a text.
            ("media_id", Value::String(id)) if id.trim().parse::<i64>().is_ok() => {
                MediaSource::Ours(MediaId(id.trim().parse().ok()?))
            }
            ("id", Value::String(id)) if !id.is_empty() => MediaSource::MetaId(id.clone()),
            ("id", Value::Number(id)) => MediaSource::MetaId(id.to_string()),
            ("link", Value::String(link)) => MediaSource::Link(link.clone()),
            ("media_id", _) => {
                self.fault(&pointer, "must be the id of a file uploaded here");
                return None;
            }
            _ => {
                self.fault(&pointer, "must be a text");
                return None;
            }
        };
        let filename = object.get("filename").filter(|name| !name.is_null());
        let filename = filename.map(|name| self.text(name, &format!("{at}/filename")));
        Some(HeaderParam::Media { kind: kind.to_owned(), source, filename })
    }

    fn location(&mut self, object: &Map<String, Value>, at: &str) -> Option<HeaderParam> {
        self.unknown(object, &["latitude", "longitude", "name", "address"], at);
        let mut coordinate = |key: &str| {
            let value = object.get(key);
            let read = value.and_then(|value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()));
            if read.is_none() {
                self.fault(&format!("{at}/{key}"), "must be a number of degrees");
            }
            read
        };
        let (latitude, longitude) = (coordinate("latitude"), coordinate("longitude"));
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let (name, address) = (text("name"), text("address"));
        Some(HeaderParam::Location { latitude: latitude?, longitude: longitude?, name, address })
    }

    fn button(&mut self, value: &Value, at: &str) -> Option<ButtonParam> {
        let Some(object) = value.as_object() else {
            self.fault(
                at,
                "must be an object with an index and one of text, payload, coupon_code, flow_token and action",
            );
            return None;
        };
        const FIELDS: [&str; 7] =
            ["index", "text", "payload", "coupon_code", "flow_token", "flow_action_data", "action"];
        self.unknown(object, &FIELDS, at);
        let index =
            object.get("index").and_then(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok()));
        let value = self.button_value(object, at);
        let Some(index) = index.and_then(|index| usize::try_from(index).ok()) else {
            self.fault(at, "needs an index: the button's place in the template, from 0");
            return None;
        };
        Some(ButtonParam { index, value: value? })
    }

    fn button_value(&mut self, object: &Map<String, Value>, at: &str) -> Option<ButtonValue> {
        let flow = object.contains_key("flow_token") || object.contains_key("flow_action_data");
        let texts =
            ["text", "payload", "coupon_code", "action"].into_iter().filter(|key| object.contains_key(*key));
        let mut given: Vec<&str> = texts.collect();
        given.extend(flow.then_some("flow"));
        let [kind] = given[..] else {
            self.fault(at, "give exactly one of text, payload, coupon_code, flow_token and action");
            return None;
        };
        match kind {
            "flow" => {
                let token = object.get("flow_token").filter(|token| !token.is_null());
                let token = token.map(|token| self.text(token, &format!("{at}/flow_token")));
                Some(ButtonValue::Flow { token, data: object.get("flow_action_data").cloned() })
            }
            "action" => match &object["action"] {
                Value::Object(action) => Some(ButtonValue::Action(action.clone())),
                _ => {
                    self.fault(&format!("{at}/action"), "must be an object");
                    None
                }
            },
            _ => {
                let text = self.text(&object[kind], &format!("{at}/{kind}"));
                Some(match kind {
                    "payload" => ButtonValue::Payload(text),
                    "coupon_code" => ButtonValue::CouponCode(text),
                    _ => ButtonValue::Text(text),
                })
            }
        }
    }
}

/// A key as part of a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
