//! Segments: saved questions about contacts.
//!
//! A [`Rule`] is read from JSON with every fault at once ([`Rule::read`]) and written as the same JSON, so that the
//! store keeps what a client wrote. What a condition means is said at its type; a condition never knows "perhaps":
//! what a contact does not have is not equal to anything, and `not` turns every answer round.

mod condition;
mod read;
mod write;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::BroadcastId;
pub use crate::messages::content::Fault;
pub use condition::{
    Condition, Flag, Outcome, TagTest, TextField, TextTest, TimeField, TimeTest, is_numeric_text,
};

/// Limits on a rule.
pub mod limits {
    /// Groups (`all`, `any`, `not`) inside each other.
    pub const DEPTH: usize = 8;
    /// Conditions in one rule; a group of none counts as one.
    pub const CONDITIONS: usize = 100;
    /// Values of one list.
    pub const VALUES: usize = 500;
    /// Characters of a value.
    pub const VALUE: usize = 2_000;
    /// Characters of the name of a custom field.
    pub const FIELD_NAME: usize = 64;
    /// Days back: a century.
    pub const DAYS: u32 = 36_500;
    /// Characters of a segment's name.
    pub const NAME: usize = 128;
}

/// Which contacts are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Every one of these holds; of none: always.
    All(Vec<Rule>),
    /// At least one of these holds; of none: never.
    Any(Vec<Rule>),
    /// This does not hold.
    Not(Box<Rule>),
    /// This holds.
    Is(Condition),
}

impl Rule {
    /// The rule that every contact answers to.
    pub fn everyone() -> Self {
        Self::All(Vec::new())
    }

    /// Reads a rule that somebody wrote, within the [limits]; `pointer` is where it stands in its document. Notes every fault in it and gives `None` if there
    /// is any.
    pub fn read(value: &Value, pointer: &str, faults: &mut Vec<Fault>) -> Option<Self> {
        read::rule(value, pointer, read::As::Written, faults)
    }

    /// The same JSON that it is read from.
    pub fn to_json(&self) -> Value {
        write::rule(self)
    }

    /// How large it is, as [`limits::CONDITIONS`] counts.
    pub fn size(&self) -> usize {
        match self {
            Self::All(rules) | Self::Any(rules) => rules.iter().map(Self::size).sum::<usize>().max(1),
            Self::Not(rule) => rule.size(),
            Self::Is(_) => 1,
        }
    }

    /// The broadcasts that it asks about, each with the place of its id in the rule's JSON; `pointer` is where that stands.
    pub fn broadcasts(&self, pointer: &str) -> Vec<(String, BroadcastId)> {
        let within = |name: &str, rules: &[Self]| {
            let each = rules.iter().enumerate();
            each.flat_map(|(index, rule)| rule.broadcasts(&format!("{pointer}/{name}/{index}"))).collect()
        };
        match self {
            Self::All(rules) => within("all", rules),
            Self::Any(rules) => within("any", rules),
            Self::Not(rule) => rule.broadcasts(&format!("{pointer}/not")),
            Self::Is(Condition::Broadcast { id, .. }) => vec![(format!("{pointer}/value/id"), *id)],
            Self::Is(_) => Vec::new(),
        }
    }

    /// Every condition in it.
    pub fn conditions(&self) -> Vec<&Condition> {
        match self {
            Self::All(rules) | Self::Any(rules) => rules.iter().flat_map(Self::conditions).collect(),
            Self::Not(rule) => rule.conditions(),
            Self::Is(condition) => vec![condition],
        }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::everyone()
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// What was kept is read without the limits: they are for those who write rules, and what a rule was put into since
/// may lie deeper.
impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut faults = Vec::new();
        read::rule(&value, "", read::As::Kept, &mut faults).ok_or_else(|| {
            let words: Vec<String> =
                faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.problem)).collect();
            serde::de::Error::custom(words.join("; "))
        })
    }
}

#[cfg(test)]
mod tests;
