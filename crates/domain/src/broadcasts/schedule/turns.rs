//! The turns of a recurring broadcast.

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Every, Recurrence, moment, zone};
use crate::Timestamp;

/// Turns that a recurrence has at most: a daily one for over a century.
const MOST: i64 = 50_000;

impl Recurrence {
    /// What the clock shows at the nth turn, from 0; `None`: there is none so late.
    fn local(&self, turn: i64) -> Option<DateTime> {
        let steps = turn.checked_mul(i64::from(self.interval.max(1)))?;
        // Always from the first: the 31st stays the 31st after a February.
        let span = match self.every {
            Every::Day => Span::new().try_days(steps),
            Every::Week => Span::new().try_weeks(steps),
            Every::Month => Span::new().try_months(steps),
        };
        let at = self.first.checked_add(span.ok()?).ok()?;
        self.until.is_none_or(|until| at <= until).then_some(at)
    }

    fn zone(&self, default_zone: Option<&str>) -> TimeZone {
        zone(self.time_zone.as_deref().or(default_zone))
    }

    /// The number of the first turn after this moment.
    fn first_after(&self, after: Timestamp, zone: &TimeZone) -> Option<i64> {
        // Turns come in the order of their numbers, so that the first can be searched for by halves.
        let (mut low, mut high) = (0, MOST);
        while low < high {
            let middle = (low + high) / 2;
            match self.local(middle) {
                Some(local) if moment(local, zone) <= after => low = middle + 1,
                _ => high = middle,
            }
        }
        self.local(low).map(|_| low)
    }
}

/// The first turn after this moment; `None`: there are no more. `default_zone` is the tenant's (IANA name), for a
/// recurrence without its own; without both it is UTC.
pub fn next_turn(recurrence: &Recurrence, after: Timestamp, default_zone: Option<&str>) -> Option<Timestamp> {
    let zone = recurrence.zone(default_zone);
    let turn = recurrence.first_after(after, &zone)?;
    recurrence.local(turn).map(|local| moment(local, &zone))
}

/// What became due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// The latest turn that is due.
    pub latest: Timestamp,
    /// How many were due before it and are not made up for.
    pub missed: i64,
    /// The next one; `None`: it was the last.
    pub next: Option<Timestamp>,
}

/// The turns from `due` (a turn, the next to be made) up to `now`, where only the latest is made up for. A plan whose
/// `due` is none of its turns any more has the one turn at `due`.
pub fn turns_between(
    recurrence: &Recurrence,
    due: Timestamp,
    now: Timestamp,
    default_zone: Option<&str>,
) -> Turns {
    let zone = recurrence.zone(default_zone);
    let next = next_turn(recurrence, now.max(due), default_zone);
    let after_due = recurrence.first_after(due, &zone);
    let after_now = recurrence.first_after(now.max(due), &zone);
    // Of a recurrence that has ended: count up to its last turn.
    let end = after_now.unwrap_or_else(|| count(recurrence));
    let missed = (end - after_due.unwrap_or(end)).max(0);
    let latest =
        if missed == 0 { due } else { recurrence.local(end - 1).map_or(due, |local| moment(local, &zone)) };
    Turns { latest, missed, next }
}

/// How many turns it has.
fn count(recurrence: &Recurrence) -> i64 {
    let (mut low, mut high) = (0, MOST);
    while low < high {
        let middle = (low + high) / 2;
        if recurrence.local(middle).is_some() { low = middle + 1 } else { high = middle }
    }
    low
}
