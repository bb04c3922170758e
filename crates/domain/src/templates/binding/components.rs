//! Bound parameters as Meta's `components` of a send. Source: Meta, "Send message templates".

use serde_json::{Map, Value, json};

use super::{BoundParams, Filling, MediaSource};
use crate::templates::Slot;
use crate::templates::slots::{Place, SlotKind};

impl BoundParams {
    /// Meta's `components`; empty when the template takes no parameters. Files kept by us must have got Meta's id
    /// before ([`BoundParams::set_media`]): one that has none is left out, and Meta will say so.
    pub fn to_components(&self) -> Value {
        let mut components = Vec::new();
        components.extend(self.component("header", |place| *place == Place::Header));
        components.extend(self.component("body", |place| matches!(place, Place::Body(_))));
        components.extend(self.component("limited_time_offer", |place| *place == Place::LimitedTimeOffer));
        components.extend(self.code_component());
        for (index, sub_type) in self.button_types.iter().enumerate() {
            components.extend(self.button(&Place::Button(index), sub_type, index));
        }
        if !self.card_button_types.is_empty() {
            let cards: Vec<Value> = (0..self.card_button_types.len()).map(|card| self.card(card)).collect();
            components.push(json!({"type": "carousel", "cards": cards}));
        }
        Value::Array(components)
    }

    fn card(&self, card: usize) -> Value {
        let mut components = Vec::new();
        components.extend(self.component("header", |place| *place == Place::CardHeader(card)));
        components
            .extend(self.component("body", |place| matches!(place, Place::CardBody(of, _) if *of == card)));
        for (index, sub_type) in self.card_button_types[card].iter().enumerate() {
            components.extend(self.button(&Place::CardButton(card, index), sub_type, index));
        }
        json!({"card_index": card, "components": components})
    }

    fn component(&self, kind: &str, among: impl Fn(&Place) -> bool) -> Option<Value> {
        let parameters: Vec<Value> = self
            .filled
            .iter()
            .filter(|(slot, _)| among(&slot.place))
            .map(|(slot, filling)| self.parameter(slot, filling))
            .collect();
        (!parameters.is_empty()).then(|| json!({"type": kind, "parameters": parameters}))
    }

    /// The one-time code a second time: Meta wants it in the button as well, as the end of an address.
    fn code_component(&self) -> Option<Value> {
        let index = self.code_button?;
        let code = self.filled.iter().find(|(slot, _)| slot.kind == SlotKind::Code)?.1.as_text()?;
        let parameters = json!([{"type": "text", "text": code}]);
        Some(
            json!({"type": "button", "sub_type": "url", "index": index.to_string(), "parameters": parameters}),
        )
    }

    fn button(&self, place: &Place, sub_type: &str, index: usize) -> Option<Value> {
        let (slot, filling) = self.filled.iter().find(|(slot, _)| slot.place == *place)?;
        let parameters = json!([self.parameter(slot, filling)]);
        Some(
            json!({"type": "button", "sub_type": sub_type, "index": index.to_string(), "parameters": parameters}),
        )
    }

    fn parameter(&self, slot: &Slot, filling: &Filling) -> Value {
        match filling {
            Filling::Text(text) => self.text_parameter(slot, text),
            Filling::Media { source, filename } => {
                let kind = media_word(slot.kind);
                let mut media = Map::new();
                match source {
                    MediaSource::MetaId(id) => _ = media.insert("id".into(), json!(id)),
                    MediaSource::Link(link) => _ = media.insert("link".into(), json!(link)),
                    MediaSource::Ours(_) => {}
                }
                if let Some(filename) = filename.as_ref().filter(|_| slot.kind == SlotKind::Document) {
                    media.insert("filename".into(), json!(filename));
                }
                json!({"type": kind, kind: media})
            }
            Filling::Location { latitude, longitude, name, address } => {
                let mut location = Map::new();
                location.insert("latitude".into(), json!(latitude.to_string()));
                location.insert("longitude".into(), json!(longitude.to_string()));
                for (key, text) in [("name", name), ("address", address)] {
                    if let Some(text) = text {
                        location.insert(key.into(), json!(text));
                    }
                }
                json!({"type": "location", "location": location})
            }
            Filling::Product(product) => json!({"type": "product", "product": product}),
            Filling::Flow { token, data } => {
                let mut action = Map::new();
                if let Some(token) = token {
                    action.insert("flow_token".into(), json!(token));
                }
                if let Some(data) = data {
                    action.insert("flow_action_data".into(), data.clone());
                }
                json!({"type": "action", "action": action})
            }
            Filling::Action(action) => json!({"type": "action", "action": action}),
            Filling::Time(end) => {
                json!({"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": end}})
            }
        }
    }

    fn text_parameter(&self, slot: &Slot, text: &str) -> Value {
        match (slot.kind, &slot.place) {
            (SlotKind::Payload, _) => json!({"type": "payload", "payload": text}),
            (SlotKind::CouponCode, _) => json!({"type": "coupon_code", "coupon_code": text}),
            (_, Place::Body(name) | Place::CardBody(_, name)) if self.named => {
                json!({"type": "text", "parameter_name": name, "text": text})
            }
            (_, Place::Header) if self.named => {
                json!({"type": "text", "parameter_name": slot.name, "text": text})
            }
            _ => json!({"type": "text", "text": text}),
        }
    }
}

fn media_word(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Video => "video",
        SlotKind::Document => "document",
        SlotKind::Gif => "gif",
        _ => "image",
    }
}
