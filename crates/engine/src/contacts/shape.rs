//! The bounds of what a contact holds.

use domain::contacts::{limits, zones};
use serde_json::{Map, Value};

use crate::faults::Faults;

/// Characters of a field's name.
const FIELD_NAME: usize = 64;
/// Characters of a BSUID. Meta, "Business-scoped user ids": country code, dot, up to 128; a parent id has `ENT.` too.
const BSUID: usize = 140;

pub(crate) fn name(name: Option<&str>, faults: &mut Faults) {
    if let Some(name) = name {
        faults.at_most("/name", name, limits::NAME);
    }
}

/// `en`, `pt_BR`, `zh-Hant-TW`.
pub(crate) fn language(language: Option<&str>, faults: &mut Faults) {
    let fits = |code: &str| {
        let mut parts = code.trim().split(['_', '-']);
        let first = parts.next().unwrap_or_default();
        let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        (2..=3).contains(&first.len())
            && letters(first)
            && parts.all(|part| {
                (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
    };
    if let Some(code) = language
        && !fits(code)
    {
        faults.add("/language", "must be a language code such as en or pt_BR");
    }
}

/// An IANA name, as the time-zone database writes it.
pub(crate) fn time_zone(zone: Option<String>, faults: &mut Faults) -> Option<String> {
    let zone = trimmed(zone)?;
    let known = zones::canonical(&zone);
    if known.is_none() {
        faults.add("/time_zone", "must be the IANA name of a time zone, such as Europe/Berlin");
    }
    known
}

/// `CC.` and letters or digits; opaque otherwise.
pub(super) fn bsuid(bsuid: &str, faults: &mut Faults) {
    let well_formed = bsuid.split_once('.').is_some_and(|(country, rest)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    });
    if !well_formed {
        faults.add("/bsuid", "must be a user id as Meta gives it, such as US.13491208655302741918");
    }
    faults.at_most("/bsuid", bsuid, BSUID);
}

/// Trimmed, without repeats, in the order given.
pub(crate) fn tags(tags: Vec<String>, faults: &mut Faults) -> Vec<String> {
    if tags.len() > limits::TAGS {
        faults.add("/tags", format!("must have at most {} tags, has {}", limits::TAGS, tags.len()));
    }
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for (index, tag) in tags.into_iter().enumerate() {
        faults.required(&format!("/tags/{index}"), &tag, limits::TAG);
        let tag = tag.trim().to_owned();
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}

/// Each a string; `null` is for the caller to judge.
pub(crate) fn fields(fields: &Map<String, Value>, faults: &mut Faults) {
    if fields.len() > limits::FIELDS {
        faults.add("/fields", format!("must have at most {} members, has {}", limits::FIELDS, fields.len()));
    }
    for (key, value) in fields {
        let place = format!("/fields/{}", key.replace('~', "~0").replace('/', "~1"));
        faults.required(&place, key, FIELD_NAME);
        match value {
            Value::String(text) => faults.at_most(&place, text, limits::FIELD_VALUE),
            Value::Null => {}
            _ => faults.add(place, "must be a string"),
        }
    }
}

/// The contact must not outgrow its bounds by this change.
pub(super) fn room(current: &Map<String, Value>, change: &Map<String, Value>, faults: &mut Faults) {
    let removed = change.iter().filter(|(key, value)| value.is_null() && current.contains_key(*key)).count();
    let added = change.iter().filter(|(key, value)| !value.is_null() && !current.contains_key(*key)).count();
    let after = current.len() - removed + added;
    if after > limits::FIELDS && change.len() <= limits::FIELDS {
        faults.add("/fields", format!("the contact would have {after} fields; at most {}", limits::FIELDS));
    }
}

/// Without blanks around it; nothing but blanks is nothing.
pub(super) fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(check: impl FnOnce(&mut Faults)) -> Vec<String> {
        let mut faults = Faults::default();
        check(&mut faults);
        faults.0.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn tags_are_trimmed_and_not_repeated() {
        let mut faults = Faults::default();
        let kept = tags(vec![" vip ".into(), "vip".into(), "berlin".into()], &mut faults);
        assert_eq!(kept, ["vip", "berlin"]);
        assert!(faults.check().is_ok());
        assert_eq!(pointers(|faults| drop(tags(vec!["a".into(), "".into()], faults))), ["/tags/1"]);
    }

    #[test]
    fn a_field_is_a_string_and_its_place_is_told() {
        let given = json!({"city": "Berlin", "age": 41, "a/b": [1]});
        let found = pointers(|faults| fields(given.as_object().unwrap(), faults));
        assert_eq!(found, ["/fields/age", "/fields/a~1b"]);
    }

    #[test]
    fn languages_and_user_ids_have_a_form() {
        for good in ["en", "pt_BR", "zh-Hant-TW", "fil"] {
            assert!(pointers(|faults| language(Some(good), faults)).is_empty(), "{good}");
        }
        for bad in ["", "english", "e", "pt BR", "pt_"] {
            assert_eq!(pointers(|faults| language(Some(bad), faults)), ["/language"], "{bad}");
        }
        assert!(pointers(|faults| bsuid("US.13491208655302741918", faults)).is_empty());
        assert!(pointers(|faults| bsuid("US.ENT.118", faults)).is_empty());
        for bad in ["", "13491208655302741918", "us.1", "US.", "US.1 2"] {
            assert_eq!(pointers(|faults| bsuid(bad, faults)), ["/bsuid"], "{bad}");
        }
    }

    #[test]
    fn a_time_zone_is_a_name_that_the_database_knows() {
        let read = |zone: &str| {
            let mut faults = Faults::default();
            let zone = time_zone(Some(zone.to_owned()), &mut faults);
            (zone, faults.0.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>())
        };
        assert_eq!(read(" america/sao_paulo "), (Some("America/Sao_Paulo".to_owned()), vec![]));
        assert_eq!(read(" "), (None, vec![]));
        for bad in ["CET-1", "Europe/Atlantis", "+01:00"] {
            assert_eq!(read(bad), (None, vec!["/time_zone".to_owned()]), "{bad}");
        }
    }

    #[test]
    fn a_contact_does_not_outgrow_its_bounds_by_many_small_changes() {
        let full: Map<String, Value> = (0..limits::FIELDS).map(|n| (n.to_string(), json!("x"))).collect();
        let one_more = Map::from_iter([("new".to_owned(), json!("y"))]);
        assert_eq!(pointers(|faults| room(&full, &one_more, faults)), ["/fields"]);
        let swap = Map::from_iter([("new".to_owned(), json!("y")), ("0".to_owned(), Value::Null)]);
        assert!(pointers(|faults| room(&full, &swap, faults)).is_empty());
    }
}
