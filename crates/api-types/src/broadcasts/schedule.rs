//! When a broadcast goes out.

use domain::broadcasts::schedule::{Every, Late, Recurrence, Schedule};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::Faults;
use crate::place::Place;
use crate::read::FromJson;

words! {
    /// What becomes of a recipient whose local time has passed by more than an hour when the broadcast begins.
    LocalLate = Late {
        NextDay = "next_day",
        Now = "now",
        LeaveOut = "leave_out",
    }
}

words! {
    /// The step of a recurrence.
    RecurrenceStep = Every {
        Day = "day",
        Week = "week",
        Month = "month",
    }
}

/// Date and time of day, of whatever clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalTime(pub DateTime);

impl FromJson for LocalTime {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        let text = String::from_json(value, place, faults)?;
        // jiff would leave an offset or a zone away, and the hour would be another one than was meant.
        let has_zone = Pieces::parse(&text)
            .is_ok_and(|found| found.offset().is_some() || found.time_zone_annotation().is_some());
        match text.parse() {
            Ok(time) if !has_zone => Some(Self(time)),
            _ => {
                faults.add(place, "must be a date and time of day without zone, such as 2026-12-01T09:00");
                None
            }
        }
    }
}

request! {
    /// Exactly one of `send_at`, `local` and `recurrence`.
    ScheduleInput {
        /// At one moment for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        send_at: Option<Timestamp>,
        /// At this time of each recipient's own clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, example = "2026-12-01T09:00")]
        local: Option<LocalTime>,
        /// With `local`: what becomes of recipients where that time has passed by more than an hour when the broadcast
        /// begins. They get it at the same hour of the next day (`next_day`, the default), at once whatever their clock
        /// shows (`now`), or not at all (`leave_out`, with the reason `time_passed`).
        #[serde(skip_serializing_if = "Option::is_none")]
        late: Option<LocalLate>,
        /// Again and again; each turn is a broadcast of its own.
        #[serde(skip_serializing_if = "Option::is_none")]
        recurrence: Option<RecurrenceInput>,
    }
}

request! {
    /// How it recurs, by the clock of a time zone.
    RecurrenceInput {
        every: RecurrenceStep,
        /// Each so many days, weeks or months; 1 by default.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 1, maximum = 365)]
        interval: Option<u32>,
        /// The first turn; the later ones keep its time of day. On the 31st of a shorter month: its last day.
        #[schema(value_type = String, example = "2026-12-01T09:00")]
        first: LocalTime,
        /// IANA name; absent: the tenant's, else UTC.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(example = "Europe/Berlin")]
        time_zone: Option<String> [1, 64],
        /// No turn after this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, example = "2027-12-01T09:00")]
        until: Option<LocalTime>,
    }
}

/// Longest step.
const INTERVAL: u32 = 365;

impl ScheduleInput {
    /// What it says; faults are noted at `at` and below.
    pub(super) fn read(self, at: &str, faults: &mut Faults) -> Option<Schedule> {
        if self.late.is_some() && self.local.is_none() {
            faults.add_at(format!("{at}/late"), "goes with local");
        }
        match (self.send_at, self.local, self.recurrence) {
            (Some(at), None, None) => Some(Schedule::At { at }),
            (None, Some(LocalTime(at)), None) => {
                let late = self.late.map_or_else(Late::default, Into::into);
                Some(Schedule::Local { at, late })
            }
            (None, None, Some(recurrence)) => {
                let at = format!("{at}/recurrence");
                recurrence.read(&at, faults).map(|recurrence| Schedule::Recurring { recurrence })
            }
            _ => {
                faults.add_at(at, "needs exactly one of send_at, local and recurrence");
                None
            }
        }
    }

    /// As it is shown; `None`: as soon as somebody says so.
    pub fn of(schedule: Schedule) -> Option<Self> {
        let nothing = Self { send_at: None, local: None, late: None, recurrence: None };
        match schedule {
            Schedule::Now => None,
            Schedule::At { at } => Some(Self { send_at: Some(at), ..nothing }),
            Schedule::Local { at, late } => {
                Some(Self { local: Some(LocalTime(at)), late: Some(late.into()), ..nothing })
            }
            Schedule::Recurring { recurrence } => {
                let recurrence = RecurrenceInput {
                    every: recurrence.every.into(),
                    interval: Some(recurrence.interval.into()),
                    first: LocalTime(recurrence.first),
                    time_zone: recurrence.time_zone,
                    until: recurrence.until.map(LocalTime),
                };
                Some(Self { recurrence: Some(recurrence), ..nothing })
            }
        }
    }
}

impl RecurrenceInput {
    fn read(self, at: &str, faults: &mut Faults) -> Option<Recurrence> {
        let before = faults.len();
        let interval = self.interval.unwrap_or(1);
        if !(1..=INTERVAL).contains(&interval) {
            faults.add_at(format!("{at}/interval"), format!("must be from 1 to {INTERVAL}"));
        }
        if let Some(zone) = &self.time_zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            faults.add_at(format!("{at}/time_zone"), "is not a time zone such as Europe/Berlin (IANA)");
        }
        if self.until.is_some_and(|until| until.0 < self.first.0) {
            faults.add_at(format!("{at}/until"), "must not be before first");
        }
        (faults.len() == before).then(|| Recurrence {
            every: self.every.into(),
            interval: u16::try_from(interval).unwrap_or(1),
            first: self.first.0,
            time_zone: self.time_zone,
            until: self.until.map(|until| until.0),
        })
    }
}
