//! Names, languages, categories, formats and lifetimes.

use crate::errors::GraphError;

use super::refusals;

const NAME_MAX: usize = 512;
pub(crate) const CATEGORIES: [&str; 3] = ["AUTHENTICATION", "MARKETING", "UTILITY"];

pub(crate) fn name(name: &str) -> Result<(), GraphError> {
    refusals::within("name", name, NAME_MAX)?;
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(GraphError::param(
            "Param name can only have lower-case letters, digits and underscores.",
        ));
    }
    Ok(())
}

/// Two or three lower-case letters, then perhaps a country: `en`, `pt_BR`, `fil`.
pub(crate) fn language(code: &str) -> Result<(), GraphError> {
    let (language, country) = code.split_once('_').unwrap_or((code, "XX"));
    let good = (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && country.len() == 2
        && country.bytes().all(|b| b.is_ascii_uppercase());
    if good {
        Ok(())
    } else {
        Err(GraphError::param(format!("Param language must be a language code, got \"{code}\".")))
    }
}

pub(crate) fn category(given: &str) -> Result<String, GraphError> {
    let upper = given.to_ascii_uppercase();
    if CATEGORIES.contains(&upper.as_str()) {
        return Ok(upper);
    }
    Err(GraphError::param(format!(
        "Param category must be one of {{{}}} - got \"{given}\".",
        CATEGORIES.join(", ")
    )))
}

pub(crate) fn parameter_format(given: &str) -> Result<String, GraphError> {
    let upper = given.to_ascii_uppercase();
    if ["POSITIONAL", "NAMED"].contains(&upper.as_str()) {
        return Ok(upper);
    }
    Err(GraphError::param(format!(
        "Param parameter_format must be one of {{POSITIONAL, NAMED}} - got \"{given}\"."
    )))
}

/// `message_send_ttl_seconds` by category; -1 is 30 days, except for marketing.
pub(crate) fn ttl(seconds: i64, category: &str) -> Result<(), GraphError> {
    let (low, high) = match category {
        "AUTHENTICATION" => (30, 900),
        "UTILITY" => (30, 43_200),
        _ => (43_200, 2_592_000),
    };
    if (low..=high).contains(&seconds) || (seconds == -1 && category != "MARKETING") {
        return Ok(());
    }
    Err(GraphError::param(format!("Param message_send_ttl_seconds must be {low} to {high} for {category}.")))
}
