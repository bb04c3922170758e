//! Moments, as people and spreadsheets write them. Whether 05/06 is in May or in June no cell tells by itself: the column
//! does, where one of its dates can be read in one way only. Nothing is guessed.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Nobody agreed to messages of WhatsApp before there was WhatsApp: an earlier date is a slip, or a spreadsheet's zero.
const BEGINNING: Date = date(2009, 1, 1);

/// Which of the day and the month stands first in the dates of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// `25/06/2026`.
    DayFirst,
    /// `06/25/2026`.
    MonthFirst,
}

/// Why a cell is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMoment {
    #[error("must be a time such as 2026-11-22T10:00:00Z")]
    Unreadable,
    /// Day and month may stand either way, and the column does not tell.
    #[error("may be one of two days: write it as year, month and day, such as 2026-11-22")]
    Ambiguous,
    #[error("lies before 2009, when WhatsApp began")]
    TooEarly,
}

/// A moment: RFC 3339, or a date with or without a time in UTC, written `2026-11-22`, `2026/11/22`, `22.11.2026` or `22.11.26`
/// (dots: the day first; two digits of a year: 20..), or with slashes or hyphens in the `order` of its column.
///
/// # Errors
/// See [`NoMoment`].
pub fn moment(cell: &str, order: Option<DateOrder>) -> Result<Timestamp, NoMoment> {
    let cell = cell.trim();
    let at = match cell.parse::<Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let civil = match cell.replacen(' ', "T", 1).parse::<DateTime>() {
                Ok(civil) => civil,
                Err(_) => Written::read(cell).ok_or(NoMoment::Unreadable)?.in_order(order)?,
            };
            civil.to_zoned(TimeZone::UTC).map_err(|_| NoMoment::Unreadable)?.timestamp()
        }
    };
    let beginning = BEGINNING.to_zoned(TimeZone::UTC).map_err(|_| NoMoment::Unreadable)?;
    if at < beginning.timestamp() { Err(NoMoment::TooEarly) } else { Ok(at) }
}

/// The order that the dates of a column show: that of those that can be read in one way only, when they agree.
pub fn order<'c>(cells: impl Iterator<Item = &'c str>) -> Option<DateOrder> {
    let shown: Vec<DateOrder> = cells.filter_map(|cell| Written::read(cell.trim())?.shown()).collect();
    let first = *shown.first()?;
    shown.iter().all(|order| *order == first).then_some(first)
}

/// A date of three numbers.
struct Written {
    /// As they stand; the year is known by its place or its length.
    first: i16,
    second: i16,
    year: i16,
    /// Whether the order is in doubt at all.
    settled: bool,
    time: Time,
}

impl Written {
    fn read(cell: &str) -> Option<Self> {
        let (date, time) = cell.split_once([' ', 'T']).unwrap_or((cell, ""));
        let separator = ['.', '/', '-'].into_iter().find(|one| date.contains(*one))?;
        let parts: [&str; 3] = date.split(separator).collect::<Vec<_>>().try_into().ok()?;
        let number =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?;
        let [first, second, third] = [number(parts[0])?, number(parts[1])?, number(parts[2])?];
        let time = if time.trim().is_empty() { Time::midnight() } else { time.trim().parse().ok()? };
        if parts[0].len() == 4 {
            // The year first: nobody puts the day before the month then.
            return Some(Self { first: third, second, year: first, settled: true, time });
        }
        let year = match parts[2].len() {
            4 => third,
            // 26-11-22 may begin with the year.
            2 if separator != '-' => 2000 + third,
            _ => return None,
        };
        Some(Self { first, second, year, settled: separator == '.', time })
    }

    fn on(&self, day: i16, month: i16) -> Option<DateTime> {
        let date = Date::new(self.year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(date.to_datetime(self.time))
    }

    fn day_first(&self) -> Option<DateTime> {
        self.on(self.first, self.second)
    }

    fn month_first(&self) -> Option<DateTime> {
        if self.settled { None } else { self.on(self.second, self.first) }
    }

    /// The order in which it must have been written.
    fn shown(&self) -> Option<DateOrder> {
        match (self.day_first(), self.month_first()) {
            (Some(_), None) if !self.settled => Some(DateOrder::DayFirst),
            (None, Some(_)) => Some(DateOrder::MonthFirst),
            _ => None,
        }
    }

    fn in_order(&self, order: Option<DateOrder>) -> Result<DateTime, NoMoment> {
        match (self.day_first(), self.month_first(), order) {
            (None, None, _) => Err(NoMoment::Unreadable),
            (Some(one), Some(other), _) if one == other => Ok(one),
            (Some(day_first), Some(_), Some(DateOrder::DayFirst)) => Ok(day_first),
            (Some(_), Some(month_first), Some(DateOrder::MonthFirst)) => Ok(month_first),
            (Some(_), Some(_), None) => Err(NoMoment::Ambiguous),
            (Some(one), None, _) | (None, Some(one), _) => Ok(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_programs_and_people_write_it() {
        for (cell, read) in [
            ("2026-11-22T10:00:00Z", Ok("2026-11-22T10:00:00Z")),
            ("2026-11-22T10:00:00+02:00", Ok("2026-11-22T08:00:00Z")),
            ("2026-11-22 10:00", Ok("2026-11-22T10:00:00Z")),
            ("2026-11-22", Ok("2026-11-22T00:00:00Z")),
            ("2026/11/22", Ok("2026-11-22T00:00:00Z")),
            ("22.11.2026", Ok("2026-11-22T00:00:00Z")),
            ("5.6.2026", Ok("2026-06-05T00:00:00Z")),
            ("22.11.25", Ok("2025-11-22T00:00:00Z")),
            ("11/22/2026 10:30", Ok("2026-11-22T10:30:00Z")),
            ("22/11/2026", Ok("2026-11-22T00:00:00Z")),
            ("22/11/26", Ok("2026-11-22T00:00:00Z")),
            ("22-11-2026", Ok("2026-11-22T00:00:00Z")),
            ("06/06/2026", Ok("2026-06-06T00:00:00Z")),
            ("05/06/2026", Err(NoMoment::Ambiguous)),
            ("05-06-2026 10:00", Err(NoMoment::Ambiguous)),
            ("26-11-22", Err(NoMoment::Unreadable)),
            ("yesterday", Err(NoMoment::Unreadable)),
            ("", Err(NoMoment::Unreadable)),
            ("32.13.2026", Err(NoMoment::Unreadable)),
            ("22.11.025", Err(NoMoment::Unreadable)),
            ("22.+1.2025", Err(NoMoment::Unreadable)),
            ("0025-11-22", Err(NoMoment::TooEarly)),
            ("2008-12-31", Err(NoMoment::TooEarly)),
            ("1970-01-01T00:00:00Z", Err(NoMoment::TooEarly)),
        ] {
            assert_eq!(moment(cell, None), read.map(|read| read.parse().unwrap()), "{cell}");
        }
    }

    #[test]
    fn the_order_of_day_and_month_is_that_of_the_column() {
        let read = |cell, order| moment(cell, order).map(|at| at.to_string());
        let day_first = order(["", "05/06/2026", "25/06/2026", "no date"].into_iter());
        assert_eq!(day_first, Some(DateOrder::DayFirst));
        assert_eq!(read("05/06/2026", day_first), Ok("2026-06-05T00:00:00Z".to_owned()));
        let month_first = order(["05/06/2026", "06/25/2026"].into_iter());
        assert_eq!(month_first, Some(DateOrder::MonthFirst));
        assert_eq!(read("05/06/26", month_first), Ok("2026-05-06T00:00:00Z".to_owned()));
        assert_eq!(read("05.06.2026", month_first), Ok("2026-06-05T00:00:00Z".to_owned()));
        for column in [vec!["05/06/2026"], vec!["06/25/2026", "25/06/2026"], vec!["25.06.2026", "2026-06-25"]]
        {
            assert_eq!(order(column.iter().copied()), None, "{column:?}");
        }
    }
}
