//! The members of an object, taken one by one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{FromJson, Measured, kind_of};
use crate::faults::Faults;
use crate::place::Place;

/// The members of an object that were not taken yet.
#[derive(Debug)]
pub struct Fields<'f> {
    members: Map<String, Value>,
    place: &'f Place<'f>,
    faults: &'f mut Faults,
}

impl<'f> Fields<'f> {
    /// The members of `value`; a fault when it is no object.
    pub fn of(value: Value, place: &'f Place<'f>, faults: &'f mut Faults) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self { members, place, faults }),
            other => {
                faults.add(place, format!("must be an object, not {}", kind_of(&other)));
                None
            }
        }
    }

    /// Takes a member.
    pub fn take<T: FromJson>(&mut self, name: &str) -> Option<T> {
        let place = self.place.member(name);
        match self.members.remove(name) {
            Some(value) => T::from_json(value, &place, self.faults),
            None => T::absent().or_else(|| {
                self.faults.add(&place, "is missing");
                None
            }),
        }
    }

    /// Takes a member as it is, whatever it is.
    pub fn take_raw(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Whether a member is there and not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Checks the length of a text that was taken.
    pub fn measured<T: Measured>(
        &mut self,
        name: &str,
        taken: Option<T>,
        min: usize,
        max: usize,
    ) -> Option<T> {
        let taken = taken?;
        match taken.fault(min, max) {
            None => Some(taken),
            Some(problem) => {
                self.fault(name, problem);
                None
            }
        }
    }

    /// Notes a fault at a member.
    pub fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults.add(&self.place.member(name), problem);
    }

    /// Notes a fault at the object itself.
    pub fn fault_here(&mut self, problem: impl Into<String>) {
        self.faults.add(self.place, problem);
    }

    /// Names every member that nobody took.
    pub fn finish(self) {
        for name in self.members.keys() {
            self.faults.add(&self.place.member(name), "is not a known field");
        }
    }
}

/// A member of a change: left as it is, taken away, or set.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Change<T> {
    /// The member was absent.
    #[default]
    Keep,
    /// The member was `null`.
    Clear,
    Set(T),
}

impl<T> Change<T> {
    /// Whether nothing changes.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// `None`: keep; `Some(None)`: take away.
    pub fn into_option(self) -> Option<Option<T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<T: FromJson> FromJson for Change<T> {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Clear),
            value => T::from_json(value, place, faults).map(Self::Set),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::Keep)
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}
