//! What a send must fill in: worked out once when a template is stored, read on every send.

use serde_json::Value;

use super::variables::distinct;

/// The parameters of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Parameters {
    #[default]
    None,
    /// `{{1}}` to `{{n}}`.
    Positional(usize),
    /// By name, in order of appearance.
    Named(Vec<String>),
}

impl Parameters {
    fn of(text: &str, named: bool) -> Self {
        let names = distinct(text);
        match (names.len(), named) {
            (0, _) => Self::None,
            (_, true) => Self::Named(names),
            (count, false) => Self::Positional(count),
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Positional(count) => *count,
            Self::Named(names) => names.len(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum HeaderShape {
    #[default]
    None,
    Text(Parameters, String),
    /// IMAGE, VIDEO, DOCUMENT, GIF, LOCATION or PRODUCT.
    Format(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ButtonShape {
    /// Upper case: QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, OTP, FLOW, ...
    pub(crate) kind: String,
    pub(crate) text: String,
    /// A URL button with a variable (or an OTP button) needs a parameter.
    pub(crate) dynamic: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) header: HeaderShape,
    pub(crate) body: Parameters,
    pub(crate) body_text: String,
    pub(crate) buttons: Vec<ButtonShape>,
    /// Cards of a carousel; empty when it is none.
    pub(crate) cards: Vec<Shape>,
    pub(crate) limited_time_offer: bool,
    pub(crate) authentication: bool,
}

impl Shape {
    pub(crate) fn of(components: &[Value], category: &str, format: &str) -> Self {
        let named = format.eq_ignore_ascii_case("NAMED");
        let mut shape = Self { authentication: category == "AUTHENTICATION", ..Self::default() };
        for component in components {
            match upper(component, "type").as_str() {
                "HEADER" => shape.header = header(component, named),
                "BODY" => {
                    shape.body_text = text(component).to_owned();
                    shape.body = Parameters::of(&shape.body_text, named);
                }
                "BUTTONS" => shape.buttons = buttons(component),
                "CAROUSEL" => shape.cards = cards(component, category, format),
                "LIMITED_TIME_OFFER" => shape.limited_time_offer = true,
                _ => {}
            }
        }
        if shape.authentication && shape.body == Parameters::None {
            // Meta writes the body of authentication templates itself, with the code in it.
            shape.body = Parameters::Positional(1);
            shape.body_text = "*{{1}}* is your verification code.".into();
        }
        shape
    }
}

fn header(component: &Value, named: bool) -> HeaderShape {
    match upper(component, "format").as_str() {
        "TEXT" => HeaderShape::Text(Parameters::of(text(component), named), text(component).to_owned()),
        "" => HeaderShape::None,
        format => HeaderShape::Format(format.to_owned()),
    }
}

fn buttons(component: &Value) -> Vec<ButtonShape> {
    let list = component.get("buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().map(button).collect()
}

fn button(button: &Value) -> ButtonShape {
    let kind = upper(button, "type");
    let url = button.get("url").and_then(Value::as_str).unwrap_or_default();
    let dynamic = kind == "OTP" || (kind == "URL" && url.contains("{{"));
    ButtonShape { dynamic, text: text(button).to_owned(), kind }
}

fn cards(component: &Value, category: &str, format: &str) -> Vec<Shape> {
    let cards = component.get("cards").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    cards
        .iter()
        .map(|card| {
            let parts =
                card.get("components").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            Shape::of(parts, category, format)
        })
        .collect()
}

/// A member in upper case; Meta takes either case.
pub(crate) fn upper(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase()
}

pub(crate) fn text(value: &Value) -> &str {
    value.get("text").and_then(Value::as_str).unwrap_or_default()
}
