//! Parameters put into a template: what fits becomes Meta's `components`, what does not is told whole.

mod binder;
mod components;
mod values;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::params::MediaSource;
use super::slots::Place;
use super::{Definition, Params, Slot};
use binder::Binder;

/// Why parameters do not fit: the details of TEMPLATE_PARAMS_MISMATCH, but for the template's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.message())]
pub struct ParamsMismatch {
    /// How many parameters a send must give, header and buttons counted.
    pub expected_params: usize,
    /// How many were given.
    pub provided_params: usize,
    /// Their names, in order.
    pub param_names: Vec<String>,
    /// Everything that is wrong, one sentence each.
    pub problems: Vec<String>,
}

impl ParamsMismatch {
    /// One sentence: the numbers when they differ, else what is wrong.
    pub fn message(&self) -> String {
        let (expected, provided) = (self.expected_params, self.provided_params);
        if expected == provided {
            return format!("Template parameters do not fit: {}", self.problems.join("; "));
        }
        let noun = if expected == 1 { "parameter" } else { "parameters" };
        let verb = if provided == 1 { "was" } else { "were" };
        format!("Template expects {expected} {noun}, but {provided} {verb} provided")
    }
}

/// What fills a slot.
#[derive(Debug, Clone, PartialEq)]
pub enum Filling {
    /// A text of any kind.
    Text(String),
    /// A file.
    Media { source: MediaSource, filename: Option<String> },
    /// A place.
    Location { latitude: f64, longitude: f64, name: Option<String>, address: Option<String> },
    /// Meta's `product` object.
    Product(Map<String, Value>),
    /// A Flow's token and data.
    Flow { token: Option<String>, data: Option<Value> },
    /// Meta's `action` object.
    Action(Map<String, Value>),
    /// UNIX milliseconds.
    Time(i64),
}

impl Filling {
    /// Its text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Parameters that fit.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundParams {
    /// In the order of the slots; optional slots that were not given are left out.
    filled: Vec<(Slot, Filling)>,
    /// Whether body parameters are told apart by name.
    named: bool,
    /// Where the one-time code goes a second time.
    code_button: Option<usize>,
    /// Sub-types of the buttons, by index.
    button_types: Vec<String>,
    /// The same for each card.
    card_button_types: Vec<Vec<String>>,
}

impl BoundParams {
    /// What fills each slot, in order.
    pub fn filled(&self) -> &[(Slot, Filling)] {
        &self.filled
    }

    /// What fills a place.
    pub fn at(&self, place: &Place) -> Option<&Filling> {
        self.filled.iter().find(|(slot, _)| slot.place == *place).map(|(_, filling)| filling)
    }

    /// Files kept by us, to be found at Meta or uploaded before [`BoundParams::to_components`].
    pub fn own_media(&self) -> Vec<crate::MediaId> {
        let ours = |filling: &Filling| match filling {
            Filling::Media { source: MediaSource::Ours(id), .. } => Some(*id),
            _ => None,
        };
        self.filled.iter().filter_map(|(_, filling)| ours(filling)).collect()
    }

    /// Puts Meta's id in the place of a file kept by us.
    pub fn set_media(&mut self, ours: crate::MediaId, meta_id: &str) {
        for (_, filling) in &mut self.filled {
            if let Filling::Media { source, .. } = filling
                && *source == MediaSource::Ours(ours)
            {
                *source = MediaSource::MetaId(meta_id.to_owned());
            }
        }
    }
}

/// Fits parameters to a template. `aliases` are the tenant's names for positional body parameters, in order.
///
/// # Errors
/// Numbers, names, kinds and values that do not fit, all at once.
pub fn check(
    definition: &Definition,
    aliases: &[String],
    params: &Params,
) -> Result<BoundParams, ParamsMismatch> {
    let mut binder = Binder::new(definition, aliases);
    match params {
        Params::List(texts) => binder.list(texts),
        Params::Named(texts) => {
            texts.iter().for_each(|(name, text)| binder.named(name, text, |_| true));
        }
        Params::Full(full) => binder.full(full),
    }
    binder.finish(definition)
}

impl BoundParams {
    fn new(definition: &Definition, filled: Vec<(Slot, Filling)>, code_button: Option<usize>) -> Self {
        let types = |buttons: &[super::definition::Button]| {
            buttons.iter().map(|button| button.kind.as_str().to_owned()).collect::<Vec<_>>()
        };
        Self {
            filled,
            named: definition.format == super::ParameterFormat::Named,
            code_button,
            button_types: types(&definition.buttons),
            card_button_types: definition.cards.iter().map(|card| types(&card.buttons)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
