//! The rows of a sheet.

use std::io::Read;
use std::ops::ControlFlow;

use jiff::SignedDuration;
use jiff::civil::date;
use quick_xml::events::Event;

use super::texts::{Texts, runs, unescape};
use super::xml::{Xml, attribute, cut_off};
use super::{SHEET, broken, too_large};
use crate::imports::read::{COLUMNS, ROW_BYTES, Row, Unreadable};

/// Rows of a sheet (Excel's specifications and limits).
const ROWS: u64 = 1_048_576;

/// What is needed to read a cell.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) texts: Texts,
    /// Of each style.
    pub(super) formats: Vec<Format>,
    /// Days are counted from 1904.
    pub(super) is_1904: bool,
}

/// What the number of a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Number,
    Moment,
    /// Hours that do not end at 24.
    Duration,
}

impl Format {
    /// Of a format that every workbook has (ECMA-376 part 1, 18.8.30).
    pub(super) fn of_number(number: u32) -> Self {
        match number {
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => Self::Moment,
            46 => Self::Duration,
            _ => Self::Number,
        }
    }

    /// Of a format that a workbook makes, by its code: whether a letter of dates stands in it for itself.
    pub(super) fn of_code(code: &str) -> Self {
        let mut letters = code.chars();
        let mut is_quoted = false;
        while let Some(letter) = letters.next() {
            match letter {
                '"' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                // The next one stands for itself, or for blanks.
                '\\' | '_' | '*' => drop(letters.next()),
                // A colour or a language; hours beyond a day, too.
                '[' => {
                    let inside: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                    let is_time = |letter: char| matches!(letter.to_ascii_lowercase(), 'h' | 'm' | 's');
                    if !inside.is_empty() && inside.chars().all(is_time) {
                        return Self::Duration;
                    }
                }
                // The code of negative numbers.
                ';' => return Self::Number,
                'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => return Self::Moment,
                _ => {}
            }
        }
        Self::Number
    }
}

pub(super) fn rows(
    mut part: Xml<impl Read>,
    cells: &Cells,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), Unreadable> {
    let (mut last, mut is_inside, mut left) = (0, false, SHEET);
    loop {
        let told = match part.next()? {
            Event::Start(tag) if tag.local_name().as_ref() == "row" => {
                attribute(&tag, "r")?.map(|told| place(&told))
            }
            Event::Start(tag) => {
                is_inside |= tag.local_name().as_ref() == "sheetData";
                continue;
            }
            Event::End(tag) if tag.local_name().as_ref() == "sheetData" => return Ok(()),
            // A sheet without any data may lack the element.
            Event::Eof if is_inside => return Err(cut_off()),
            Event::Eof => return Ok(()),
            _ => continue,
        };
        let row = cells.row(&mut part, told.map(|(_, row)| row), last)?;
        last = row.number;
        // A short sheet can name a long text again and again.
        let weight: usize = row.cells.iter().map(String::len).sum();
        left = left.checked_sub(weight as u64).ok_or_else(too_large)?;
        if each(row).is_break() {
            return Ok(());
        }
    }
}

/// A cell's or row's name, taken apart: `C7` is (column 3, row 7), and what is missing is zero.
fn place(name: &str) -> (usize, u64) {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, digits) = name.split_at(letters);
    let letter = |column: usize, letter: u8| {
        column.saturating_mul(26).saturating_add(usize::from(letter.to_ascii_uppercase() - b'A') + 1)
    };
    (letters.bytes().fold(0, letter), digits.parse().unwrap_or(if digits.is_empty() { 0 } else { u64::MAX }))
}

/// Rows are told apart by their numbers, and reading goes on behind one.
fn in_order(number: u64, last: u64) -> Result<u64, Unreadable> {
    if number == 0 || number > ROWS {
        return Err(Unreadable::refused(format!(
            "the sheet is broken: behind row {last} stands one without a number that a sheet can have (1 to {ROWS}); save it anew, or as CSV"
        )));
    }
    if number <= last {
        return Err(Unreadable::refused(format!(
            "the sheet is broken: row {number} stands behind row {last}; save it anew, or as CSV"
        )));
    }
    Ok(number)
}

impl Cells {
    /// The row that began last.
    fn row(&self, part: &mut Xml<impl Read>, told: Option<u64>, last: u64) -> Result<Row, Unreadable> {
        let mut row =
            Row { number: told.map(|told| in_order(told, last)).transpose()?.unwrap_or(0), ..Row::default() };
        let (mut weight, mut next) = (0, 0);
        let mut text = String::new();
        loop {
            let (named, style, kind) = match part.next()? {
                Event::Start(tag) if tag.local_name().as_ref() == "c" => {
                    let style = attribute(&tag, "s")?.and_then(|style| style.parse().ok()).unwrap_or(0);
                    (
                        attribute(&tag, "r")?.map(|name| place(&name)),
                        style,
                        Kind::of(attribute(&tag, "t")?.as_deref()),
                    )
                }
                Event::End(tag) if tag.local_name().as_ref() == "row" => break,
                Event::Eof => return Err(cut_off()),
                _ => continue,
            };
            if let Some((column, number)) = named {
                if row.number == 0 && number != 0 {
                    row.number = in_order(number, last)?;
                }
                if number != 0 && number != row.number {
                    return Err(Unreadable::refused(format!(
                        "the sheet is broken: a cell of row {number} stands in row {}; save it anew, or as CSV",
                        row.number
                    )));
                }
                next = column.checked_sub(1).unwrap_or(next);
            }
            if row.problem.is_some() {
                part.skip()?;
                continue;
            }
            text.clear();
            self.cell(part, kind, style, &mut text)?;
            put(&mut row, next, &text, &mut weight);
            next += 1;
        }
        if row.number == 0 {
            row.number = in_order(last + 1, last)?;
        }
        Ok(row)
    }

    /// The text of the cell that began last.
    fn cell(
        &self,
        part: &mut Xml<impl Read>,
        kind: Kind,
        style: usize,
        to: &mut String,
    ) -> Result<(), Unreadable> {
        let depth = part.depth();
        while part.depth() >= depth {
            let (is_value, is_text) = match part.next()? {
                Event::Start(tag) => {
                    let name = tag.local_name();
                    // Where the text stands inside, a value beside it says the same.
                    (name.as_ref() == "v" && kind != Kind::Inline, name.as_ref() == "is")
                }
                Event::Eof => return Err(cut_off()),
                _ => continue,
            };
            if is_text {
                to.clear();
                runs(part, to)?;
            } else if is_value {
                to.clear();
                part.text(to, ROW_BYTES + 16)?;
                self.value(kind, style, to)?;
            } else {
                part.skip()?;
            }
        }
        Ok(())
    }

    /// As a person sees it, but dates as programs write them.
    fn value(&self, kind: Kind, style: usize, text: &mut String) -> Result<(), Unreadable> {
        match kind {
            Kind::Shared => {
                if !text.trim().is_empty() {
                    let number = text.trim().parse().ok();
                    let shared = number.and_then(|number| self.texts.get(number));
                    let shared = shared.ok_or_else(|| broken("a cell names a text that is not there"))?;
                    text.clear();
                    text.push_str(shared);
                }
            }
            Kind::Truth => *text = if matches!(text.trim(), "1" | "true") { "yes" } else { "no" }.to_owned(),
            Kind::Fault => text.clear(),
            Kind::Text | Kind::Inline => unescape(text),
            Kind::Number => {
                // What is no number is shown as it stands there.
                if let Ok(number) = text.trim().parse::<f64>() {
                    *text = self.number(number, style);
                }
            }
        }
        Ok(())
    }

    fn number(&self, number: f64, style: usize) -> String {
        let format = self.formats.get(style).copied().unwrap_or(Format::Number);
        let moment = if format == Format::Moment { moment(number, self.is_1904) } else { None };
        match moment {
            Some(moment) => moment,
            // Telephone numbers are numbers to a spreadsheet.
            None if number.fract() == 0.0 && number.abs() < 1e16 => format!("{number:.0}"),
            None => number.to_string(),
        }
    }
}

/// What the value of a cell is (its `t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Shared,
    Inline,
    Text,
    Truth,
    Fault,
}

impl Kind {
    fn of(word: Option<&str>) -> Self {
        match word {
            None | Some("n") => Self::Number,
            Some("s") => Self::Shared,
            Some("inlineStr") => Self::Inline,
            Some("b") => Self::Truth,
            Some("e") => Self::Fault,
            _ => Self::Text,
        }
    }
}

/// A text may be held once and named by every cell: what a row would take is asked before it is taken.
fn put(row: &mut Row, column: usize, text: &str, weight: &mut usize) {
    if text.is_empty() {
        return;
    }
    *weight += text.len();
    if *weight > ROW_BYTES {
        row.problem = Some("The row is too long".into());
    } else if column >= COLUMNS {
        row.problem = Some(format!("The row has more than {COLUMNS} columns"));
    } else {
        if row.cells.len() <= column {
            row.cells.resize(column + 1, String::new());
        }
        row.cells[column] = if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() };
    }
}

/// Days since the last one of 1899, whose year 1900 has a 29th of February, or since the first one of 1904.
fn moment(days: f64, is_1904: bool) -> Option<String> {
    let days = if is_1904 { days + 1_462.0 } else { days };
    // The last one is in the year 9999.
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    let days = if days < 60.0 { days + 1.0 } else { days };
    let milliseconds = (days * 86_400_000.0).round() as i64;
    let begin = date(1899, 12, 30).at(0, 0, 0, 0);
    let moment = begin.checked_add(SignedDuration::from_secs(milliseconds.div_euclid(1_000))).ok()?;
    Some(format!("{}Z", moment.strftime("%Y-%m-%dT%H:%M:%S")))
}
