//! The samples that a template was submitted with. Meta writes them in several shapes; all are read.

use serde_json::Value;

use super::definition::{Body, Button, Header};
use super::placeholders::distinct;
use super::slots::Place;
use super::{Definition, ParameterFormat};

/// Sample texts by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Samples(Vec<(Place, String)>);

impl Samples {
    /// All that the template holds.
    pub(super) fn of(definition: &Definition) -> Self {
        let mut samples = Self::default();
        if let Some(header) = &definition.header {
            samples.header(header, Place::Header);
        }
        if let Some(body) = &definition.body {
            samples.body(body, definition.format, |name| Place::Body(name.to_owned()));
        }
        samples.buttons(&definition.buttons, Place::Button);
        for (index, card) in definition.cards.iter().enumerate() {
            if let Some(header) = &card.header {
                samples.header(header, Place::CardHeader(index));
            }
            if let Some(body) = &card.body {
                samples.body(body, definition.format, |name| Place::CardBody(index, name.to_owned()));
            }
            samples.buttons(&card.buttons, |button| Place::CardButton(index, button));
        }
        samples
    }

    /// The sample for a place.
    pub(super) fn at(&self, place: &Place) -> Option<&str> {
        self.0.iter().find(|(at, _)| at == place).map(|(_, text)| text.as_str())
    }

    fn header(&mut self, header: &Header, place: Place) {
        self.0.extend(header_samples(&header.example).into_iter().next().map(|text| (place, text)));
    }

    fn body(&mut self, body: &Body, format: ParameterFormat, place: impl Fn(&str) -> Place) {
        let names = distinct(body.text.as_deref().unwrap_or_default());
        match format {
            ParameterFormat::Positional => {
                let texts = positional(&body.example["body_text"]);
                self.0.extend(names.into_iter().map(place).zip(texts));
            }
            ParameterFormat::Named => {
                let texts = named(&body.example["body_text_named_params"]);
                self.0.extend(texts.into_iter().map(|(name, text)| (place(&name), text)));
            }
        }
    }

    fn buttons(&mut self, buttons: &[Button], place: impl Fn(usize) -> Place) {
        for (index, button) in buttons.iter().enumerate() {
            self.0.extend(positional(&button.example).into_iter().next().map(|text| (place(index), text)));
        }
    }
}

/// Samples of a header's text: a list, or a list of named ones.
pub(super) fn header_samples(example: &Value) -> Vec<String> {
    let texts = positional(&example["header_text"]);
    if texts.is_empty() {
        return named(&example["header_text_named_params"]).into_iter().map(|(_, text)| text).collect();
    }
    texts
}

/// `"a"`, `["a", "b"]` or `[["a", "b"]]`.
pub(super) fn positional(example: &Value) -> Vec<String> {
    match example {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) if items.first().is_some_and(Value::is_array) => positional(&items[0]),
        Value::Array(items) => items.iter().flat_map(positional).collect(),
        _ => Vec::new(),
    }
}

/// `[{"param_name": "a", "example": "b"}]`.
pub(super) fn named(example: &Value) -> Vec<(String, String)> {
    let text = |item: &Value, key: &str| positional(&item[key]).into_iter().next();
    let items = example.as_array().into_iter().flatten();
    items.filter_map(|item| Some((text(item, "param_name")?, text(item, "example")?))).collect()
}
