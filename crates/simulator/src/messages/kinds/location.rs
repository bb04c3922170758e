//! Locations: degrees, as numbers or as text (WhatsApp, "Location messages").

use serde_json::Value;

use crate::errors::GraphError;
use crate::messages::fields::{Checked, Object};

const NAME_MAX: usize = 1_000;

pub(crate) fn check(location: &Object<'_>) -> Checked {
    degrees(location, "latitude", 90.0)?;
    degrees(location, "longitude", 180.0)?;
    location.optional_text_within("name", NAME_MAX)?;
    location.optional_text_within("address", NAME_MAX)?;
    Ok(())
}

fn degrees(location: &Object<'_>, key: &str, limit: f64) -> Checked {
    let param = location.param(key);
    let value = match location.get(key).ok_or_else(|| GraphError::required(&param))? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match value {
        Some(value) if (-limit..=limit).contains(&value) => Ok(()),
        _ => Err(GraphError::param(format!("Param {param} must be a number between -{limit} and {limit}."))),
    }
}
