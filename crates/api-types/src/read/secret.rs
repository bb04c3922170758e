//! Texts that must not reach a log.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FromJson, Measured};
use crate::faults::Faults;
use crate::place::Place;

/// A secret in a request; `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Gives it out.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(•••)")
    }
}

impl Measured for Secret {
    fn fault(&self, min: usize, max: usize) -> Option<String> {
        self.0.fault(min, max)
    }
}

impl FromJson for Secret {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        String::from_json(value, place, faults).map(Self)
    }
}
