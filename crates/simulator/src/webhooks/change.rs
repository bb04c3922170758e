//! One change inside a webhook body.

use serde_json::Value;

/// A field and its value for one account. `items` counts messages or statuses in it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) waba_id: String,
    /// The phone number index concerned, for the override of the `messages` field.
    pub(crate) phone: Option<u32>,
    pub(crate) field: String,
    /// The value, serialised and escaped.
    pub(crate) value: String,
    pub(crate) items: usize,
    /// `entry.time` in seconds; absent for `messages`.
    pub(crate) time: Option<i64>,
}

impl Change {
    /// A change that is not about a message.
    pub(crate) fn account(waba_id: &str, field: &str, value: &Value, raw_utf8: bool, now_s: i64) -> Self {
        Self {
            waba_id: waba_id.into(),
            phone: None,
            field: field.into(),
            value: super::escape::to_json(value, raw_utf8),
            items: 1,
            time: (field != "messages").then_some(now_s),
        }
    }
}
