//! Texts, numbers, times, lists: what requests are made of.

use domain::{
    AlertChannelId, AlertId, AlertRuleId, ApiKeyId, BroadcastId, CannedReplyId, ConnectionId, ContactId,
    ConversationId, ErasureId, ImportId, MediaId, MemberId, MessageId, RoleId, SegmentId, SessionId,
    TemplateId, TenantId,
};
use jiff::Timestamp;
use serde_json::{Map, Number, Value};

use super::{Change, FromJson, FromText, kind_of};
use crate::faults::Faults;
use crate::place::Place;

/// A text whose length can be bounded.
pub trait Measured {
    /// What is wrong with its length, in characters; `None`: nothing.
    fn fault(&self, min: usize, max: usize) -> Option<String>;
}

impl Measured for String {
    fn fault(&self, min: usize, max: usize) -> Option<String> {
        if min > 0 && self.trim().is_empty() {
            return Some("must not be empty".into());
        }
        let length = self.chars().count();
        if length < min {
            Some(format!("must have at least {min} characters"))
        } else if length > max {
            Some(format!("must have at most {max} characters, not {length}"))
        } else {
            None
        }
    }
}

impl<T: Measured> Measured for Option<T> {
    fn fault(&self, min: usize, max: usize) -> Option<String> {
        self.as_ref().and_then(|text| text.fault(min, max))
    }
}

impl<T: Measured> Measured for Change<T> {
    fn fault(&self, min: usize, max: usize) -> Option<String> {
        match self {
            Self::Set(text) => text.fault(min, max),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<T: Measured> Measured for Vec<T> {
    fn fault(&self, min: usize, max: usize) -> Option<String> {
        let (index, problem) =
            self.iter().enumerate().find_map(|(index, text)| Some((index, text.fault(min, max)?)))?;
        Some(format!("item {index} {problem}"))
    }
}

fn wrong<T>(expected: &str, value: &Value, place: &Place<'_>, faults: &mut Faults) -> Option<T> {
    faults.add(place, format!("must be {expected}, not {}", kind_of(value)));
    None
}

/// PostgreSQL's text cannot hold it, and no person types it.
const NUL_FAULT: &str = "must not contain the character U+0000";

/// Whether no text in it holds U+0000, names of members included; each that does is a fault.
fn is_clean(value: &Value, place: &Place<'_>, faults: &mut Faults) -> bool {
    match value {
        Value::String(text) if text.contains('\0') => {
            faults.add(place, NUL_FAULT);
            false
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .fold(true, |clean, (index, item)| is_clean(item, &place.item(index), faults) && clean),
        Value::Object(members) => are_clean(members, place, faults),
        _ => true,
    }
}

fn are_clean(members: &Map<String, Value>, place: &Place<'_>, faults: &mut Faults) -> bool {
    members.iter().fold(true, |clean, (name, value)| {
        if name.contains('\0') {
            faults.add(place, "has a member whose name contains the character U+0000");
            return false;
        }
        is_clean(value, &place.member(name), faults) && clean
    })
}

impl FromJson for Value {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        is_clean(&value, place, faults).then_some(value)
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Object(members) => are_clean(&members, place, faults).then_some(members),
            other => wrong("an object", &other, place, faults),
        }
    }
}

impl FromJson for String {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::String(text) if text.contains('\0') => {
                faults.add(place, NUL_FAULT);
                None
            }
            Value::String(text) => Some(text),
            other => wrong("a string", &other, place, faults),
        }
    }
}

impl FromJson for bool {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(flag),
            other => wrong("true or false", &other, place, faults),
        }
    }
}

impl FromJson for f64 {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_f64(),
            other => wrong("a number", &other, place, faults),
        }
    }
}

fn whole<T>(
    value: &Value,
    place: &Place<'_>,
    faults: &mut Faults,
    range: &str,
    read: impl Fn(&Number) -> Option<T>,
) -> Option<T> {
    match value {
        Value::Number(number) => read(number).or_else(|| {
            faults.add(place, format!("must be a whole number {range}"));
            None
        }),
        other => wrong("a whole number", other, place, faults),
    }
}

impl FromJson for i64 {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        whole(&value, place, faults, "of at most 64 bits", Number::as_i64)
    }
}

impl FromJson for u32 {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        whole(&value, place, faults, "from 0 to 4294967295", |number| {
            number.as_u64().and_then(|number| Self::try_from(number).ok())
        })
    }
}

impl FromJson for Timestamp {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        let text = String::from_json(value, place, faults)?;
        Self::from_text(&text).map_err(|problem| faults.add(place, problem)).ok()
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_json(value, place, faults).map(Some),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        let Value::Array(items) = value else { return wrong("an array", &value, place, faults) };
        let count = items.len();
        let read: Self = items
            .into_iter()
            .enumerate()
            .filter_map(|(index, item)| T::from_json(item, &place.item(index), faults))
            .collect();
        (read.len() == count).then_some(read)
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        T::from_json(value, place, faults).map(Self::new)
    }
}

macro_rules! ids {
    ($($id:ident),+ $(,)?) => {$(
        impl FromJson for $id {
            fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
                whole(&value, place, faults, "from 1", |number| number.as_i64().filter(|id| *id > 0)).map(Self)
            }
        }

        impl FromText for $id {
            fn from_text(text: &str) -> Result<Self, String> {
                match text.parse() {
                    Ok(id) if id > 0 => Ok(Self(id)),
                    _ => Err("must be an id: a whole number from 1".into()),
                }
            }
        }
    )+};
}

ids! {
    ErasureId, MemberId, RoleId, SessionId,
    AlertChannelId, AlertId, AlertRuleId, ApiKeyId, BroadcastId, CannedReplyId, ConnectionId, ContactId, ConversationId, ImportId, MediaId, MessageId, SegmentId,
    TemplateId, TenantId,
}
