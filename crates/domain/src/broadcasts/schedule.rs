//! When a broadcast goes out, and when nobody is disturbed.

use jiff::civil::{DateTime, Time};
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// When it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// As soon as somebody says so.
    #[default]
    Now,
    /// At one moment for all.
    At { at: Timestamp },
    /// At this time of each recipient's own clock.
    Local { at: DateTime },
    /// Again and again; each turn is a broadcast of its own.
    Recurring { recurrence: Recurrence },
}

/// How it recurs, by the clock of a time zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    pub every: Every,
    /// Each so many days, weeks or months; 1 by default.
    #[serde(default = "one")]
    pub interval: u16,
    /// The first turn; the later ones keep its time of day. On the 31st of a shorter month: its last day.
    pub first: DateTime,
    /// IANA name; `None`: the tenant's, else UTC.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// No turn after this one.
    #[serde(default)]
    pub until: Option<DateTime>,
}

fn one() -> u16 {
    1
}

/// The step of a recurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    Day,
    Week,
    Month,
}

/// A tenant's hours in which no marketing goes out, by each recipient's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From this time of day …
    pub from: Time,
    /// … to this one, of the next day when it is earlier.
    pub to: Time,
    /// What becomes of those whose turn falls into them.
    #[serde(default)]
    pub then: ThenQuiet,
}

/// What becomes of a recipient in quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThenQuiet {
    /// It waits for the end of them.
    #[default]
    Wait,
    /// It is left out.
    LeaveOut,
}

/// How many marketing templates a contact gets at most in so many days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrequencyCap {
    pub messages: u32,
    pub days: u32,
}
