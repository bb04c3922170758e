//! Finds the slot for each value, and counts.

use super::{BoundParams, Filling, ParamsMismatch, values};
use crate::templates::params::{BodyParams, ButtonParam, ButtonValue, FullParams, HeaderParam, MediaSource};
use crate::templates::slots::{Place, SlotKind};
use crate::templates::{Definition, Slot};

pub(super) struct Binder {
    slots: Vec<Slot>,
    fillings: Vec<Option<Filling>>,
    code_button: Option<usize>,
    provided: usize,
    problems: Vec<String>,
    unexpected: Vec<String>,
}

impl Binder {
    pub(super) fn new(definition: &Definition, aliases: &[String]) -> Self {
        let slots = definition.slots(aliases);
        Self {
            fillings: vec![None; slots.len()],
            slots,
            code_button: definition.buttons.iter().position(|button| button.kind.carries_code()),
            provided: 0,
            problems: Vec::new(),
            unexpected: Vec::new(),
        }
    }

    pub(super) fn list(&mut self, texts: &[String]) {
        let required: Vec<usize> =
            (0..self.slots.len()).filter(|index| self.slots[*index].required).collect();
        for (position, text) in texts.iter().enumerate() {
            match required.get(position) {
                Some(index) => self.fill_text(*index, text),
                None => self.provided += 1,
            }
        }
    }

    /// Fills the slot of that name; a positional one is found by its number, too.
    pub(super) fn named(&mut self, name: &str, text: &str, among: impl Fn(&Slot) -> bool) {
        let fits = |slot: &Slot| match &slot.place {
            Place::Body(placeholder) | Place::CardBody(_, placeholder) => placeholder == name,
            _ => false,
        };
        let by_name = self.slots.iter().position(|slot| among(slot) && slot.name == name);
        let found = by_name.or_else(|| self.slots.iter().position(|slot| among(slot) && fits(slot)));
        match found {
            Some(index) if self.fillings[index].is_some() => {
                self.provided += 1;
                self.problems.push(format!("{} is given twice", self.slots[index].name));
            }
            Some(index) => self.fill_text(index, text),
            None => {
                self.provided += 1;
                self.unexpected.push(name.to_owned());
            }
        }
    }

    pub(super) fn full(&mut self, full: &FullParams) {
        self.header(full.header.as_ref(), &Place::Header, "header");
        self.body(full.body.as_ref(), None);
        full.buttons.iter().for_each(|button| self.button(button, None));
        if let Some(end) = full.expiration_time_ms {
            self.put(&Place::LimitedTimeOffer, Filling::Time(end), "expiration_time_ms");
        }
        for (index, card) in full.cards.iter().enumerate() {
            self.header(card.header.as_ref(), &Place::CardHeader(index), &format!("card_{index}_header"));
            self.body(card.body.as_ref(), Some(index));
            card.buttons.iter().for_each(|button| self.button(button, Some(index)));
        }
    }

    fn body(&mut self, body: Option<&BodyParams>, card: Option<usize>) {
        let is_body = move |slot: &Slot| match (&slot.place, card) {
            (Place::Body(_), None) => true,
            (Place::CardBody(of, _), Some(card)) => *of == card,
            _ => false,
        };
        match body {
            None => {}
            Some(BodyParams::Named(texts)) => {
                texts.iter().for_each(|(name, text)| self.named(name, text, is_body));
            }
            Some(BodyParams::List(texts)) => {
                let places: Vec<usize> =
                    (0..self.slots.len()).filter(|index| is_body(&self.slots[*index])).collect();
                for (position, text) in texts.iter().enumerate() {
                    match places.get(position) {
                        Some(index) => self.fill_text(*index, text),
                        None => self.provided += 1,
                    }
                }
            }
        }
    }

    fn header(&mut self, header: Option<&HeaderParam>, place: &Place, name: &str) {
        let Some(header) = header else { return };
        let index = self.slots.iter().position(|slot| slot.place == *place);
        match (header, index) {
            (HeaderParam::Text(text), Some(index)) => self.fill_text(index, text),
            (HeaderParam::Media { kind, source, filename }, Some(index)) => {
                let expected = self.slots[index].kind;
                if media_kind(kind) != Some(expected) {
                    self.problems.push(format!("{} must not be a {kind}", self.slots[index].name));
                }
                let filename = filename.clone();
                self.fill(index, Filling::Media { source: source.clone(), filename });
            }
            (HeaderParam::Location { latitude, longitude, name, address }, Some(index)) => {
                let (name, address) = (name.clone(), address.clone());
                self.fill(
                    index,
                    Filling::Location { latitude: *latitude, longitude: *longitude, name, address },
                );
            }
            (HeaderParam::Product(product), Some(index)) => {
                self.fill(index, Filling::Product(product.clone()))
            }
            (_, None) => {
                self.provided += 1;
                self.unexpected.push(name.to_owned());
            }
        }
    }

    fn button(&mut self, button: &ButtonParam, card: Option<usize>) {
        // The second copy of a one-time code is ours to send; giving it too does no harm.
        if card.is_none() && self.code_button == Some(button.index) {
            return;
        }
        let (place, name) = match card {
            None => (Place::Button(button.index), format!("button_{}", button.index)),
            Some(card) => {
                (Place::CardButton(card, button.index), format!("card_{card}_button_{}", button.index))
            }
        };
        let name = format!("{name}_{}", button.value.field());
        let filling = match &button.value {
            ButtonValue::Text(text) | ButtonValue::Payload(text) | ButtonValue::CouponCode(text) => {
                Filling::Text(text.clone())
            }
            ButtonValue::Flow { token, data } => Filling::Flow { token: token.clone(), data: data.clone() },
            ButtonValue::Action(action) => Filling::Action(action.clone()),
        };
        let right_field = |kind: SlotKind| match &button.value {
            ButtonValue::Text(_) => kind.is_text(),
            ButtonValue::Payload(_) => kind == SlotKind::Payload,
            ButtonValue::CouponCode(_) => kind == SlotKind::CouponCode,
            ButtonValue::Flow { .. } => kind == SlotKind::Flow,
            ButtonValue::Action(_) => kind == SlotKind::Action,
        };
        match self.slots.iter().find(|slot| slot.place == place) {
            Some(slot) if !right_field(slot.kind) => {
                self.provided += 1;
                self.problems.push(format!("{} cannot be given as {}", slot.name, button.value.field()));
            }
            _ => self.put(&place, filling, &name),
        }
    }

    fn put(&mut self, place: &Place, filling: Filling, name: &str) {
        match self.slots.iter().position(|slot| slot.place == *place) {
            Some(index) if self.fillings[index].is_some() => {
                self.provided += 1;
                self.problems.push(format!("{} is given twice", self.slots[index].name));
            }
            Some(index) => self.fill(index, filling),
            None => {
                self.provided += 1;
                self.unexpected.push(name.to_owned());
            }
        }
    }

    /// A text for any slot: a file may be given as an address or as Meta's id, a time as digits.
    fn fill_text(&mut self, index: usize, text: &str) {
        let kind = self.slots[index].kind;
        let filling = match kind {
            _ if kind.is_text() => Filling::Text(text.to_owned()),
            _ if kind.is_media() => Filling::Media { source: media_source(text), filename: None },
            SlotKind::ExpirationTime => match text.trim().parse() {
                Ok(end) => Filling::Time(end),
                Err(_) => Filling::Text(text.to_owned()),
            },
            SlotKind::Flow => Filling::Flow { token: Some(text.to_owned()), data: None },
            _ => Filling::Text(text.to_owned()),
        };
        self.fill(index, filling);
    }

    fn fill(&mut self, index: usize, filling: Filling) {
        if self.slots[index].required {
            self.provided += 1;
        }
        self.fillings[index] = Some(filling);
    }

    pub(super) fn finish(mut self, definition: &Definition) -> Result<BoundParams, ParamsMismatch> {
        let required = || self.slots.iter().filter(|slot| slot.required);
        let (expected_params, provided_params) = (required().count(), self.provided);
        let param_names: Vec<String> = required().map(|slot| slot.name.clone()).collect();
        let absent = |(slot, filling): &(&Slot, &Option<Filling>)| slot.required && filling.is_none();
        let missing: Vec<&str> = self
            .slots
            .iter()
            .zip(&self.fillings)
            .filter(absent)
            .map(|(slot, _)| slot.name.as_str())
            .collect();
        let mut problems = Vec::new();
        if !missing.is_empty() {
            problems.push(format!("missing: {}", missing.join(", ")));
        }
        if !self.unexpected.is_empty() {
            problems.push(format!("unexpected: {}", self.unexpected.join(", ")));
        }
        let excess = provided_params.saturating_sub(expected_params + self.unexpected.len());
        if excess > 0 && self.problems.is_empty() {
            problems.push(format!("{excess} more than the template has places for"));
        }
        problems.append(&mut self.problems);
        let filled: Vec<(Slot, Filling)> = self
            .slots
            .into_iter()
            .zip(self.fillings)
            .filter_map(|(slot, filling)| filling.map(|filling| (slot, filling)))
            .collect();
        problems.extend(values::faults(definition, &filled));
        if problems.is_empty() {
            return Ok(BoundParams::new(definition, filled, self.code_button));
        }
        Err(ParamsMismatch { expected_params, provided_params, param_names, problems })
    }
}

fn media_kind(word: &str) -> Option<SlotKind> {
    match word {
        "image" => Some(SlotKind::Image),
        "video" => Some(SlotKind::Video),
        "document" => Some(SlotKind::Document),
        "gif" => Some(SlotKind::Gif),
        _ => None,
    }
}

fn media_source(text: &str) -> MediaSource {
    if text.contains("://") {
        MediaSource::Link(text.to_owned())
    } else {
        MediaSource::MetaId(text.to_owned())
    }
}
