//! When a broadcast goes out, and when nobody is disturbed.

mod turns;

use jiff::Span;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::contacts::zones;
use crate::{SignedDuration, Timestamp};

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
    Local {
        at: DateTime,
        /// What becomes of those where it has passed when the broadcast begins.
        #[serde(default)]
        late: Late,
    },
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

/// What becomes of a recipient whose local time has passed by more than [`GRACE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It gets it at the same hour of the next day: whoever plans for nine in the morning wants nobody to get it at night.
    #[default]
    NextDay,
    /// It gets it at once, whatever its clock shows.
    Now,
    /// It is left out.
    LeaveOut,
}

/// Who is late by no more than this gets it at once: a start takes its time, and a server may have stood for a while.
pub const GRACE: SignedDuration = SignedDuration::from_hours(1);

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
    zone_or(zone, &TimeZone::UTC)
}

/// The same, with `home` (the tenant's zone) for a row that says nothing, or nothing that is known.
pub fn zone_or(zone: Option<&str>, home: &TimeZone) -> TimeZone {
    let known = match zone {
        Some(country) if country.len() == 2 => zones::known_zone(None, Some(country)),
        name => zones::known_zone(name, None),
    };
    known.unwrap_or_else(|| home.clone())
}

/// When a clock in this zone shows this time. What the clock skips in spring is as long after the gap as it is after
/// its beginning; of two equal times in autumn the first.
pub fn moment(local: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(local).compatible().unwrap_or(Timestamp::MAX)
}

/// Whether a local time has passed in this zone by more than [`GRACE`].
pub fn has_passed(local: DateTime, zone: &TimeZone, now: Timestamp) -> bool {
    now.duration_since(moment(local, zone)) > GRACE
}

/// When somebody's turn comes whose clock is to show this time. With [`Late::LeaveOut`] that is `now` for those who are
/// too late: they are left out for it elsewhere.
pub fn local_turn(local: DateTime, late: Late, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let at = moment(local, zone);
    if at >= now || late != Late::NextDay || !has_passed(local, zone, now) {
        return at.max(now);
    }
    let today = zone.to_datetime(now).date();
    let days = (0..=1).filter_map(|days| today.checked_add(Span::new().days(days)).ok());
    days.map(|day| moment(day.to_datetime(local.time()), zone)).find(|at| *at >= now).unwrap_or(now)
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

/// What `of` makes of each zone, for those where it differs from what it makes of `home`, the tenant's; and what it
/// makes of that: it holds for everybody whose zone is not known.
pub fn by_zone<T: PartialEq>(home: &TimeZone, of: impl Fn(&TimeZone) -> T) -> (Vec<(String, T)>, T) {
    let otherwise = of(home);
    let zones = zone_names().map(|name| {
        let made = of(&zone_or(Some(&name), home));
        (name, made)
    });
    (zones.filter(|(_, made)| *made != otherwise).collect(), otherwise)
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
