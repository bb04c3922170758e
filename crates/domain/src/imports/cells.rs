//! Cells of a table, as people and spreadsheets write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A cell that says neither yes nor no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neither;

/// Yes or no in the words of lists; `None` for an empty cell.
///
/// # Errors
/// It is [`Neither`].
pub fn yes_or_no(cell: &str) -> Result<Option<bool>, Neither> {
    const YES: [&str; 26] = [
        "yes",
        "y",
        "true",
        "t",
        "1",
        "x",
        "ja",
        "j",
        "wahr",
        "si",
        "sí",
        "s",
        "oui",
        "o",
        "vrai",
        "sim",
        "verdadeiro",
        "verdadero",
        "vero",
        "on",
        "ok",
        "ya",
        "opted in",
        "opted_in",
        "opt-in",
        "subscribed",
    ];
    const NO: [&str; 21] = [
        "no",
        "n",
        "false",
        "f",
        "0",
        "nein",
        "falsch",
        "non",
        "faux",
        "não",
        "nao",
        "falso",
        "off",
        "tidak",
        "-",
        "none",
        "opted out",
        "opted_out",
        "opt-out",
        "unsubscribed",
        "null",
    ];
    let word = cell.trim().to_lowercase();
    match word.as_str() {
        "" => Ok(None),
        word if YES.contains(&word) => Ok(Some(true)),
        word if NO.contains(&word) => Ok(Some(false)),
        _ => Err(Neither),
    }
}

/// The tags of a cell, parted by commas, semicolons or bars; or a JSON array of texts, for tags that hold one of these.
pub fn tags(cell: &str) -> Vec<String> {
    let listed = cell.trim_start().starts_with('[').then(|| serde_json::from_str::<Vec<String>>(cell));
    let tags = match listed {
        Some(Ok(tags)) => tags,
        _ => cell.split([',', ';', '|']).map(str::to_owned).collect(),
    };
    tags.iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

/// A moment: RFC 3339, or a date with or without a time in UTC, written `2026-11-22`, `22.11.2026` or `11/22/2026`
/// (slashes: month first, unless that cannot be).
pub fn moment(cell: &str) -> Option<Timestamp> {
    let cell = cell.trim();
    if let Ok(at) = cell.parse::<Timestamp>() {
        return Some(at);
    }
    let civil = cell.replacen(' ', "T", 1).parse::<DateTime>().ok().or_else(|| in_parts(cell))?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn in_parts(cell: &str) -> Option<DateTime> {
    let (date, time) = cell.split_once([' ', 'T']).unwrap_or((cell, ""));
    let (separator, numbers) = match ['.', '/', '-'].into_iter().find(|one| date.contains(*one)) {
        Some(separator) => {
            (separator, date.split(separator).map(str::parse).collect::<Result<Vec<i16>, _>>().ok()?)
        }
        None => return None,
    };
    let [first, second, year] = numbers.try_into().ok()?;
    let (day, month) = if separator == '/' && first <= 12 { (second, first) } else { (first, second) };
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let time = if time.is_empty() { jiff::civil::Time::midnight() } else { time.trim().parse().ok()? };
    Some(date.to_datetime(time))
}

/// A cell that a spreadsheet does not take for a formula: what begins like one gets an apostrophe before it, as the
/// spreadsheet itself does. Numbers, telephone numbers too, begin with a sign and are none.
pub fn plain(cell: &str) -> std::borrow::Cow<'_, str> {
    if is_formula(cell) { format!("'{cell}").into() } else { cell.into() }
}

/// The cell without the apostrophe that [`plain`] put before it.
pub fn without_apostrophe(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => cell,
    }
}

fn is_formula(cell: &str) -> bool {
    let mut characters = cell.chars();
    match characters.next() {
        Some('=' | '@' | '\t' | '\r') => true,
        Some('+' | '-') => !characters.all(|character| {
            character.is_ascii_digit() || matches!(character, ' ' | '(' | ')' | '.' | '-' | '/')
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_read_in_the_words_of_lists() {
        for (cell, read) in [
            (" Yes ", Ok(Some(true))),
            ("JA", Ok(Some(true))),
            ("1", Ok(Some(true))),
            ("Sí", Ok(Some(true))),
            ("no", Ok(Some(false))),
            ("FALSE", Ok(Some(false))),
            ("", Ok(None)),
            ("perhaps", Err(Neither)),
        ] {
            assert_eq!(yes_or_no(cell), read, "{cell}");
        }
    }

    #[test]
    fn a_moment_is_read_as_programs_and_people_write_it() {
        for (cell, read) in [
            ("2026-11-22T10:00:00Z", Some("2026-11-22T10:00:00Z")),
            ("2026-11-22T10:00:00+02:00", Some("2026-11-22T08:00:00Z")),
            ("2026-11-22 10:00", Some("2026-11-22T10:00:00Z")),
            ("2026-11-22", Some("2026-11-22T00:00:00Z")),
            ("22.11.2026", Some("2026-11-22T00:00:00Z")),
            ("11/22/2026 10:30", Some("2026-11-22T10:30:00Z")),
            ("22/11/2026", Some("2026-11-22T00:00:00Z")),
            ("yesterday", None),
            ("", None),
            ("32.13.2026", None),
        ] {
            assert_eq!(moment(cell), read.map(|read| read.parse().unwrap()), "{cell}");
        }
    }

    #[test]
    fn a_tag_that_holds_a_comma_is_told_by_an_array() {
        assert_eq!(tags("[\"Rome, Italy\", \" vip \", \"\"]"), ["Rome, Italy", "vip"]);
        assert_eq!(tags("[new], vip"), ["[new]", "vip"]);
    }

    #[test]
    fn what_looks_like_a_formula_is_marked_and_read_back_and_a_number_is_left_alone() {
        for cell in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3=x", "\t=1"] {
            assert_eq!(plain(cell), format!("'{cell}"));
            assert_eq!(without_apostrophe(&plain(cell)), cell);
        }
        for cell in ["+15551234567", "+49 (151) 23-45", "-12.5", "Ann", "", "'quoted'"] {
            assert_eq!(plain(cell), cell);
            assert_eq!(without_apostrophe(cell), cell);
        }
    }

    #[test]
    fn tags_of_a_cell_are_parted_and_trimmed() {
        assert_eq!(tags(" vip, berlin ;|new "), ["vip", "berlin", "new"]);
    }
}
