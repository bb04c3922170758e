//! Lists that come in pages.

use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::loose;

/// One page. A row that cannot be read is set aside and costs no other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    #[serde(skip)]
    pub unreadable: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Paging {
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub cursors: Option<Cursors>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursors {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl<T> Page<T> {
    /// A page of these rows alone.
    #[must_use]
    pub fn of(data: Vec<T>) -> Self {
        Self { data, unreadable: Vec::new(), paging: None }
    }

    /// The cursor of the next page; `None` on the last, which has a cursor too but no `next`.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        let paging = self.paging.as_ref()?;
        paging.next.as_ref()?;
        paging.cursors.as_ref()?.after.as_deref()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            data: Value,
            #[serde(default, deserialize_with = "loose::object")]
            paging: Option<Paging>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let (mut data, mut unreadable) = (Vec::new(), Vec::new());
        for row in loose::elements(wire.data) {
            match serde_json::from_value(row.clone()) {
                Ok(row) => data.push(row),
                Err(_) => unreadable.push(row),
            }
        }
        Ok(Self { data, unreadable, paging: wire.paging })
    }
}

/// `{"success": true}`, the answer of calls that have nothing else to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    #[serde(default, deserialize_with = "flag")]
    pub success: bool,
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(loose::flag(deserializer)?.unwrap_or(false))
}
