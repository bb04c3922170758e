//! Reading requests: every fault is found, not only the first.
//!
//! A body is parsed into a [`serde_json::Value`] first and then read member by member; a reader that finds a fault
//! notes it with its place and goes on. `None` from a reader always means that at least one fault was noted.

mod fields;
mod query;
mod scalars;
mod secret;

use serde_json::Value;

pub use fields::{Change, Fields};
pub use query::{FromQuery, FromText, QueryFields};
pub use scalars::Measured;
pub use secret::Secret;

use crate::faults::Faults;
use crate::place::Place;

/// What can be read from a JSON value.
pub trait FromJson: Sized {
    /// Reads it; `None` after noting at least one fault.
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self>;

    /// What it is when the member is absent; `None`: it must be there.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads a whole body.
///
/// # Errors
/// Every fault of it, at least one.
pub fn read<T: FromJson>(value: Value) -> Result<T, Faults> {
    let mut faults = Faults::default();
    match T::from_json(value, &Place::Root, &mut faults) {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(faults),
    }
}

/// Reads a query string that was already split and decoded.
///
/// # Errors
/// Every fault of it, at least one.
pub fn read_query<T: FromQuery>(pairs: Vec<(String, String)>) -> Result<T, Faults> {
    let mut faults = Faults::default();
    let mut fields = QueryFields::of(pairs, &mut faults);
    let read = T::from_query(&mut fields);
    fields.finish();
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(faults),
    }
}

/// What a JSON value is, in words.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
