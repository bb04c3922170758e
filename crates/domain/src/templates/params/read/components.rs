//! Parameters written as Meta's `components` (Cloud API, "Template messages"): for those who have such a list already.

use serde_json::{Map, Value};

use super::Reader;
use crate::templates::params::{BodyParams, ButtonParam, CardParams, FullParams, HeaderParam};

/// Whether a list is one of components, not of texts.
pub(super) fn is_list_of_components(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get("type").is_some_and(Value::is_string))
}

const KINDS: &str = "must be header, body, button, carousel or limited_time_offer";

impl Reader {
    pub(super) fn components(&mut self, items: &[Value], at: &str) -> FullParams {
        let mut full = FullParams::default();
        let mut part = CardParams::default();
        for (index, item) in items.iter().enumerate() {
            let at = format!("{at}/{index}");
            match kind_of(item) {
                "carousel" => full.cards = self.cards(item, &at),
                "limited_time_offer" => full.expiration_time_ms = self.offer_end(item, &at),
                _ => self.component(item, &mut part, &at),
            }
        }
        FullParams { header: part.header, body: part.body, buttons: part.buttons, ..full }
    }

    fn component(&mut self, item: &Value, part: &mut CardParams, at: &str) {
        match kind_of(item) {
            "header" => part.header = self.component_header(item, at),
            "body" => part.body = self.component_body(item, at),
            "button" => part.buttons.extend(self.component_button(item, at)),
            _ => self.fault(&format!("{at}/type"), KINDS),
        }
    }

    fn parameters<'v>(&mut self, item: &'v Value, at: &str) -> &'v [Value] {
        item.get("parameters").map(|list| self.list(list, &format!("{at}/parameters"))).unwrap_or_default()
    }

    /// The one parameter of a component that takes one.
    fn parameter<'v>(&mut self, item: &'v Value, at: &str) -> Option<&'v Map<String, Value>> {
        let [one] = self.parameters(item, at) else {
            self.fault(&format!("{at}/parameters"), "must hold one parameter");
            return None;
        };
        let read = one.as_object();
        if read.is_none() {
            self.fault(&format!("{at}/parameters/0"), "must be an object");
        }
        read
    }

    fn component_header(&mut self, item: &Value, at: &str) -> Option<HeaderParam> {
        let parameter = self.parameter(item, at)?;
        self.typed(parameter, &format!("{at}/parameters/0"))
    }

    /// `{"type": "image", "image": {…}}`, or `{"type": "text", "text": "…"}`.
    pub(super) fn typed(&mut self, parameter: &Map<String, Value>, at: &str) -> Option<HeaderParam> {
        let kind = parameter.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(content) = parameter.get(kind) else {
            self.fault(at, "must have a type, and a member of that name");
            return None;
        };
        match kind {
            "text" => Some(HeaderParam::Text(self.text(content, &format!("{at}/text")))),
            _ => self.header_of(kind, content, at),
        }
    }

    fn component_body(&mut self, item: &Value, at: &str) -> Option<BodyParams> {
        let parameters = self.parameters(item, at);
        let texts: Vec<(Option<String>, String)> = parameters
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                let name = parameter.get("parameter_name").and_then(Value::as_str).map(str::to_owned);
                (name, self.parameter_text(parameter, &format!("{at}/parameters/{index}")))
            })
            .collect();
        let named = texts.iter().any(|(name, _)| name.is_some());
        let of_number = |index: usize| (index + 1).to_string();
        Some(if named {
            let named = texts.into_iter().enumerate();
            BodyParams::Named(
                named.map(|(at, (name, text))| (name.unwrap_or_else(|| of_number(at)), text)).collect(),
            )
        } else {
            BodyParams::List(texts.into_iter().map(|(_, text)| text).collect())
        })
    }

    /// A currency or a time is shown as its `fallback_value`.
    fn parameter_text(&mut self, parameter: &Value, at: &str) -> String {
        let text = match kind_of(parameter) {
            kind @ ("currency" | "date_time") => parameter.get(kind).and_then(|of| of.get("fallback_value")),
            _ => parameter.get("text"),
        };
        self.text(text.unwrap_or(&Value::Null), &format!("{at}/text"))
    }

    fn component_button(&mut self, item: &Value, at: &str) -> Option<ButtonParam> {
        let mut button = self.parameter(item, at)?.clone();
        button.remove("type");
        if let Some(Value::Object(action)) = button.get("action").cloned()
            && action.keys().any(|key| key.starts_with("flow_"))
        {
            button.remove("action");
            button.extend(action);
        }
        button.extend(item.get("index").map(|index| ("index".to_owned(), index.clone())));
        self.button(&Value::Object(button), at)
    }

    fn cards(&mut self, item: &Value, at: &str) -> Vec<CardParams> {
        let at = format!("{at}/cards");
        let cards = self.list(item.get("cards").unwrap_or(&Value::Null), &at);
        let mut places: Vec<usize> = (0..cards.len()).collect();
        places.sort_by_key(|place| cards[*place].get("card_index").and_then(Value::as_u64));
        places
            .into_iter()
            .map(|place| {
                let at = format!("{at}/{place}/components");
                let components = self.list(cards[place].get("components").unwrap_or(&Value::Null), &at);
                let mut card = CardParams::default();
                for (index, component) in components.iter().enumerate() {
                    self.component(component, &mut card, &format!("{at}/{index}"));
                }
                card
            })
            .collect()
    }

    fn offer_end(&mut self, item: &Value, at: &str) -> Option<i64> {
        let parameter = self.parameter(item, at)?;
        let end = parameter.get("limited_time_offer").and_then(|offer| offer.get("expiration_time_ms"));
        self.time(
            end.unwrap_or(&Value::Null),
            &format!("{at}/parameters/0/limited_time_offer/expiration_time_ms"),
        )
    }
}

fn kind_of(item: &Value) -> &str {
    item.get("type").and_then(Value::as_str).unwrap_or_default()
}
