//! A JSON object read field by field, each on its own, so that one bad field costs nothing but itself.
//!
//! Values stay as slices of the body until asked for; a number in place of a string (and the reverse) is taken for
//! what it means, because Meta sends ids, timestamps and sizes both ways. Of a repeated key the last one counts.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The members of one JSON object.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields<'a> {
    entries: Vec<(Cow<'a, str>, &'a RawValue)>,
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Fields<'a> {
    /// `None` unless the text is a JSON object.
    pub(crate) fn of(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The value of a field, `null` counting as absent.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.entries.iter().rev().find(|(key, _)| key == name)?;
        (value.get() != "null").then_some(*value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Each name once.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.entries.iter().map(|(key, _)| key.as_ref());
        names
            .enumerate()
            .filter(|(at, name)| !self.entries[..*at].iter().any(|(key, _)| key == name))
            .map(|it| it.1)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        scalar(self.raw(name)?.get())
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        integer(&self.text(name)?)
    }

    pub(crate) fn decimal(&self, name: &str) -> Option<f64> {
        self.text(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name)?.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    pub(crate) fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::of(self.raw(name)?.get())
    }

    /// The elements of a list, each with its place.
    pub(crate) fn elements(&self, name: &str) -> Vec<Element<'a>> {
        self.raw(name).map(elements).unwrap_or_default()
    }

    /// The elements of a list; see [`elements`] for what stands for one.
    pub(crate) fn array(&self, name: &str) -> Vec<&'a RawValue> {
        self.elements(name).into_iter().map(|(_, element)| element).collect()
    }

    /// The objects of a list.
    pub(crate) fn objects(&self, name: &str) -> Vec<Fields<'a>> {
        self.array(name).into_iter().filter_map(|raw| Fields::of(raw.get())).collect()
    }

    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        self.parsed(name)
    }

    pub(crate) fn parsed<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }
}

/// One element of a list and its place in it; `None` where an object stands in place of the list.
pub(crate) type Element<'a> = (Option<usize>, &'a RawValue);

/// The elements of a list. Some senders write lists as objects with the keys "0", "1", ...; any other object in
/// place of a list counts as its only element, and anything else as no element.
pub(crate) fn elements(raw: &RawValue) -> Vec<Element<'_>> {
    match raw.get().as_bytes().first() {
        Some(b'[') => {
            let list: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            list.into_iter().enumerate().map(|(index, element)| (Some(index), element)).collect()
        }
        Some(b'{') => numbered(raw).unwrap_or_else(|| vec![(None, raw)]),
        _ => Vec::new(),
    }
}

fn numbered(raw: &RawValue) -> Option<Vec<Element<'_>>> {
    let fields = Fields::of(raw.get())?;
    let index = |key: &str| key.parse().ok().filter(|index: &usize| index.to_string() == key);
    fields.entries.iter().map(|(key, value)| Some((Some(index(key)?), *value))).collect()
}

/// A string, number or boolean as text; digits of a number stay exact.
pub(crate) fn scalar(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(json.to_owned()),
        _ => None,
    }
}

/// An integer from its text; a fraction is cut off.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Beyond 2^53 a double no longer names one integer.
        (number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Fields { entries })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_stand_for_each_other() {
        let fields =
            Fields::of(r#"{"a":"12","b":12,"c":true,"d":null,"e":1.5,"f":"true","g":{},"h":1e3}"#).unwrap();
        assert_eq!((fields.integer("a"), fields.integer("b")), (Some(12), Some(12)));
        assert_eq!((fields.text("a"), fields.text("b")), (Some("12".into()), Some("12".into())));
        assert_eq!((fields.flag("c"), fields.flag("f"), fields.flag("a")), (Some(true), Some(true), None));
        assert_eq!((fields.text("d"), fields.has("d"), fields.text("g")), (None, false, None));
        assert_eq!((fields.decimal("e"), fields.integer("e")), (Some(1.5), Some(1)));
        assert_eq!(fields.integer("h"), Some(1000));
    }

    #[test]
    fn an_id_beyond_the_exact_range_of_doubles_keeps_its_digits() {
        let fields = Fields::of(r#"{"id":102290129340398123456789}"#).unwrap();
        assert_eq!(fields.text("id").as_deref(), Some("102290129340398123456789"));
        assert_eq!(fields.integer("id"), None);
    }

    #[test]
    fn of_a_repeated_key_the_last_counts() {
        assert_eq!(Fields::of(r#"{"a":1,"a":2}"#).unwrap().integer("a"), Some(2));
    }

    #[test]
    fn what_stands_in_place_of_a_list_is_taken_for_one() {
        let fields = Fields::of(r#"{"a":{"b":1},"c":[1,2],"d":"x","e":{"0":{},"2":{}},"f":{}}"#).unwrap();
        let lengths = ["a", "c", "d", "e", "f"].map(|name| fields.array(name).len());
        assert_eq!(lengths, [1, 2, 0, 2, 0]);
        let places: Vec<_> = fields.elements("e").into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, [Some(0), Some(2)]);
    }
}
