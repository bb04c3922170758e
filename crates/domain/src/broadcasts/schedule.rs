//! When a broadcast goes out, and when nobody is disturbed.

mod turns;

use jiff::Span;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::contacts::zones;

pub use turns::{Turns, next_turn, turns_between};

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

/// The zone of a recipient, out of what its row says: an IANA name, or the two letters of its country; UTC when it
/// says nothing, or nothing that is known.
pub fn zone(zone: Option<&str>) -> TimeZone {
    match zone {
        Some(country) if country.len() == 2 => zones::zone_of(None, Some(country)),
        name => zones::zone_of(name, None),
    }
}

/// When a clock in this zone shows this time. What the clock skips in spring is as long after the gap as it is after
/// its beginning; of two equal times in autumn the first.
pub fn moment(local: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(local).compatible().unwrap_or(Timestamp::MAX)
}

/// The first moment at which some clock on earth shows this time, and the last at which the last one does.
pub fn first_and_last(local: DateTime) -> (Timestamp, Timestamp) {
    // From UTC+14 (Kiritimati) to UTC-12 (Baker Island).
    let offset = |hours| TimeZone::fixed(jiff::tz::Offset::constant(hours));
    (moment(local, &offset(14)), moment(local, &offset(-12)))
}

/// Every name by which a recipient's row may say its zone: IANA names and countries.
fn zone_names() -> impl Iterator<Item = String> {
    let letters = || (b'A'..=b'Z').map(char::from);
    let countries = letters().flat_map(move |first| letters().map(move |second| format!("{first}{second}")));
    let countries = countries.filter(|code| zones::name_of(None, Some(code)) != "UTC");
    countries.chain(jiff::tz::db().available().map(|name| name.to_string()))
}

/// What `when` makes of each zone, for those where it differs from what it makes of UTC.
pub fn by_zone(when: impl Fn(&TimeZone) -> Timestamp) -> (Vec<(String, Timestamp)>, Timestamp) {
    let otherwise = when(&TimeZone::UTC);
    let zones = zone_names().map(|name| {
        let at = when(&zone(Some(&name)));
        (name, at)
    });
    (zones.filter(|(_, at)| *at != otherwise).collect(), otherwise)
}

/// The names of the zones in which it is quiet at the moment that `when` makes of each.
pub fn quiet_zones(when: impl Fn(&TimeZone) -> Timestamp, hours: &QuietHours) -> Vec<String> {
    let is_quiet = |name: &String| {
        let zone = zone(Some(name));
        quiet(&zone, when(&zone), hours).is_some()
    };
    zone_names().filter(is_quiet).collect()
}

/// Whether it is quiet in this zone, and until when. The hours go by the clock on the wall: the night in which the
/// clock is moved is longer or shorter.
pub fn quiet(zone: &TimeZone, at: Timestamp, hours: &QuietHours) -> Option<Timestamp> {
    let local = zone.to_datetime(at);
    let now = local.time();
    let over_midnight = hours.to <= hours.from;
    let is_quiet =
        if over_midnight { now >= hours.from || now < hours.to } else { now >= hours.from && now < hours.to };
    // From a time to the same time: nothing is quiet, rather than everything.
    if !is_quiet || hours.from == hours.to {
        return None;
    }
    let tomorrow = over_midnight && now >= hours.from;
    let day = if tomorrow { local.date().checked_add(Span::new().days(1)).ok()? } else { local.date() };
    let until = moment(day.to_datetime(hours.to), zone);
    // In the hour that comes twice the end may lie behind already: it is over.
    (until > at).then_some(until)
}

#[cfg(test)]
mod tests;
