//! What is wrong with a request: every fault with its place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::place::Place;

/// Faults that are reported of one request; what lies behind them is cut off.
const LIMIT: usize = 100;
/// Characters of a name that the client made up and that is shown to it again.
const NAME_LIMIT: usize = 200;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body, or `/name` of a query parameter; empty: the body as a whole.
    #[schema(example = "/content/body")]
    pub pointer: String,
    /// What is wrong there, in words.
    #[schema(example = "must be a string, not a number")]
    pub problem: String,
}

/// All faults of one request, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// One more.
    pub fn add(&mut self, place: &Place<'_>, problem: impl Into<String>) {
        self.add_at(place.to_string(), problem);
    }

    /// One more, its place already written as a JSON pointer.
    pub fn add_at(&mut self, pointer: impl Into<String>, problem: impl Into<String>) {
        if self.0.len() < LIMIT {
            let pointer: String = pointer.into().chars().take(NAME_LIMIT).collect();
            self.0.push(Fault { pointer, problem: problem.into() });
        }
    }

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// As a list.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}
