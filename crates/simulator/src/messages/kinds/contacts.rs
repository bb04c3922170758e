//! Contact cards: up to 257, each with a formatted name and one more name part (WhatsApp, "Contacts messages").

use serde_json::Value;

use crate::errors::GraphError;
use crate::messages::fields::{Checked, missing, wrong_type};

const CARDS_MAX: usize = 257;
const NAME_PARTS: [&str; 5] = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
const LISTS: [&str; 4] = ["phones", "emails", "urls", "addresses"];

pub(crate) fn check(contacts: Option<&Value>) -> Checked {
    let cards = match contacts {
        None | Some(Value::Null) => return Err(GraphError::required("contacts")),
        Some(Value::Array(cards)) => cards,
        Some(other) => return Err(wrong_type("contacts", "an array", other)),
    };
    if cards.is_empty() || cards.len() > CARDS_MAX {
        return Err(GraphError::param(format!(
            "Param contacts must have between 1 and {CARDS_MAX} elements."
        )));
    }
    cards.iter().enumerate().try_for_each(|(at, card)| check_card(at, card))
}

fn check_card(at: usize, card: &Value) -> Checked {
    let name = card.get("name").and_then(Value::as_object);
    let name = name.ok_or_else(|| GraphError::required(&format!("contacts[{at}]['name']")))?;
    let filled =
        |key: &str| name.get(key).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    if !filled("formatted_name") {
        return Err(GraphError::required(&format!("contacts[{at}]['name']['formatted_name']")));
    }
    if !NAME_PARTS.iter().any(|part| filled(part)) {
        let details = format!(
            "contacts[{at}]['name'] needs at least one of {} beside formatted_name.",
            NAME_PARTS.join(", ")
        );
        return Err(missing(details));
    }
    if let Some(day) = card.get("birthday").and_then(Value::as_str)
        && day.parse::<jiff::civil::Date>().is_err()
    {
        return Err(GraphError::param(format!(
            "Param contacts[{at}]['birthday'] must be in the format YYYY-MM-DD."
        )));
    }
    for list in LISTS {
        match card.get(list) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => {}
            Some(other) => {
                return Err(wrong_type(&format!("contacts[{at}]['{list}']"), "an array of objects", other));
            }
        }
    }
    Ok(())
}
