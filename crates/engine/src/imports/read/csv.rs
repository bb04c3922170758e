//! CSV: the parts between delimiters, whatever the delimiter is; quotation marks around cells that hold one.
//!
//! Records are framed here, so that a row has the number of the line on which a person sees it, and so that neither an
//! endless line nor a quotation mark that is never closed takes the rest of the file with it.

mod torn;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

use super::{COLUMNS, KEPT, ROW_BYTES, Row, Unreadable};

const PART: usize = 64 * 1024;
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// Rows that the delimiter is found by.
const LOOKED_AT: usize = 30;

pub(super) fn rows(
    file: impl Read,
    encoding: &str,
    delimiter: char,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), Unreadable> {
    let encoding = Encoding::for_label(encoding.as_bytes())
        .ok_or_else(|| Unreadable::refused(format!("there is no encoding {encoding}")))?;
    let mut records = Records::new(decoded(file, encoding), encoding, delimiter);
    while let Some(row) = records.next()? {
        if each(row).is_break() {
            break;
        }
    }
    Ok(())
}

/// UTF-8 comes as it is, without the mark at its beginning, so that a broken letter can be told from one that says so.
fn decoded<R: Read>(file: R, encoding: &'static Encoding) -> DecodeReaderBytes<R, Vec<u8>> {
    let mut builder = DecodeReaderBytesBuilder::new();
    if encoding == UTF_8 {
        builder.utf8_passthru(true).strip_bom(true);
    } else {
        builder.encoding(Some(encoding)).bom_override(true);
    }
    builder.build(file)
}

/// The one that parts most of the first rows into the same number of cells.
pub(super) fn find_delimiter(path: &Path, encoding: &'static Encoding) -> Result<char, Unreadable> {
    let mut best = (',', 0);
    for delimiter in DELIMITERS {
        let file = std::fs::File::open(path)?;
        let mut records = Records::new(decoded(file, encoding), encoding, delimiter);
        let mut widths = Vec::new();
        while let Some(row) = records.next()? {
            if row.number == 1
                && let Some(told) = row.cells.join("\u{1f}").to_ascii_lowercase().strip_prefix("sep=")
                && told.chars().count() == 1
            {
                return Ok(told.chars().next().filter(char::is_ascii).unwrap_or(','));
            }
            widths.push(row.cells.len());
            if widths.len() == LOOKED_AT {
                break;
            }
        }
        let score = widths
            .iter()
            .map(|width| (*width - 1).min(100) * widths.iter().filter(|other| *other == width).count())
            .max()
            .unwrap_or(0);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    Ok(best.0)
}

/// Records of a text in UTF-8.
pub(super) struct Records<R> {
    input: R,
    /// The one that it was in.
    encoding: &'static Encoding,
    delimiter: u8,
    at_end: bool,
    /// Holds the record from `start` on; read up to `at`.
    buffer: Vec<u8>,
    start: usize,
    at: usize,
    core: Reader,
    /// Unquoted cells, one behind the other, and where each ends.
    out: Vec<u8>,
    ends: Vec<usize>,
    written: (usize, usize),
    /// On which `start` lies.
    line: u64,
    /// The byte before `start` was a carriage return.
    after_return: bool,
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R, encoding: &'static Encoding, delimiter: char) -> Self {
        let delimiter = u8::try_from(delimiter).unwrap_or(b',');
        Self {
            input,
            encoding,
            delimiter,
            at_end: false,
            buffer: Vec::with_capacity(2 * PART),
            start: 0,
            at: 0,
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            out: vec![0; ROW_BYTES],
            ends: vec![0; COLUMNS],
            written: (0, 0),
            line: 1,
            after_return: false,
        }
    }

    /// The next record that is not an empty line.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Unreadable> {
        if !self.skip_breaks()? {
            return Ok(None);
        }
        loop {
            if self.at == self.buffer.len() && !self.at_end {
                if self.at - self.start > ROW_BYTES {
                    return self.give_up("The row is too long: is a quotation mark not closed?").map(Some);
                }
                self.fill()?;
                continue;
            }
            if self.at == self.buffer.len() && self.quote_is_open() {
                return self.give_up("A quotation mark is not closed").map(Some);
            }
            let (result, read, out, ends) = self.core.read_record(
                &self.buffer[self.at..],
                &mut self.out[self.written.0..],
                &mut self.ends[self.written.1..],
            );
            self.at += read;
            self.written = (self.written.0 + out, self.written.1 + ends);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    return self.give_up("The row is too long: is a quotation mark not closed?").map(Some);
                }
                ReadRecordResult::OutputEndsFull => {
                    return self.give_up(&format!("The row has more than {COLUMNS} columns")).map(Some);
                }
                ReadRecordResult::Record if self.is_torn() => {
                    return self.give_up("A quotation mark is not closed").map(Some);
                }
                ReadRecordResult::Record => return Ok(Some(self.take())),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Whether the file ends inside a cell that began with a quotation mark on an earlier line. One that does not begin
    /// its cell is a letter like any other.
    fn quote_is_open(&self) -> bool {
        let record = &self.buffer[self.start..];
        record.contains(&b'\n') && torn::ends_quoted(record, self.delimiter)
    }

    /// Whether a cell goes on over lines up to a quotation mark that closes none: another cell's first, whose row would be lost
    /// in this one.
    fn is_torn(&self) -> bool {
        let record = self.buffer[self.start..self.at].trim_ascii_end();
        record.iter().any(|byte| matches!(byte, b'\n' | b'\r')) && torn::closes_amiss(record, self.delimiter)
    }

    fn fill(&mut self) -> Result<(), Unreadable> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
        }
        let length = self.buffer.len();
        self.buffer.resize(length + PART, 0);
        let more = self.input.read(&mut self.buffer[length..])?;
        self.buffer.truncate(length + more);
        self.at_end = more == 0;
        Ok(())
    }

    /// To the first byte of a record; false at the end.
    fn skip_breaks(&mut self) -> Result<bool, Unreadable> {
        loop {
            match self.buffer.get(self.start) {
                Some(b'\n') if self.after_return => self.after_return = false,
                Some(byte @ (b'\n' | b'\r')) => {
                    self.line += 1;
                    self.after_return = *byte == b'\r';
                }
                Some(_) => {
                    self.after_return = false;
                    self.at = self.start;
                    self.written = (0, 0);
                    return Ok(true);
                }
                None if self.at_end => return Ok(false),
                None => {
                    self.at = self.start;
                    self.fill()?;
                    continue;
                }
            }
            self.start += 1;
        }
    }

    fn take(&mut self) -> Row {
        let (mut from, mut is_whole) = (0, true);
        let mut cells = Vec::with_capacity(self.written.1);
        for end in &self.ends[..self.written.1] {
            let bytes = &self.out[from..*end];
            is_whole &= self.is_whole(bytes);
            cells.push(text(bytes));
            from = *end;
        }
        let number = self.line;
        let (breaks, ends_in_return) = breaks(&self.buffer[self.start..self.at]);
        self.line += breaks;
        self.after_return = ends_in_return;
        self.start = self.at;
        let problem =
            (!is_whole).then(|| format!("The row holds a letter that is not {}", self.encoding.name()));
        Row { number, cells, problem, ..Row::default() }
    }

    /// Whether every letter could be read; where bytes were decoded, what could not be was replaced by U+FFFD.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.encoding == UTF_8 || !text.contains(char::REPLACEMENT_CHARACTER),
            Err(_) => false,
        }
    }

    /// The line on which the record began is lost; the next line begins the next record.
    fn give_up(&mut self, why: &str) -> Result<Row, Unreadable> {
        let number = self.line;
        let line_end = |bytes: &[u8]| bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let mut end = line_end(&self.buffer[self.start..]);
        let kept_to = end.unwrap_or(KEPT).min(self.buffer.len() - self.start);
        let kept_to = if kept_to > ROW_BYTES / 8 { KEPT } else { kept_to };
        let kept =
            torn::split(&text(&self.buffer[self.start..self.start + kept_to]), char::from(self.delimiter));
        while end.is_none() && !self.at_end {
            self.start = self.buffer.len();
            self.at = self.start;
            self.fill()?;
            end = line_end(&self.buffer[self.start..]);
        }
        self.start = end.map_or(self.buffer.len(), |end| self.start + end);
        self.at = self.start;
        self.core.reset();
        Ok(Row { number, cells: kept, problem: Some(why.to_owned()), ..Row::default() })
    }
}

/// Line ends in a record, and whether it ends in a carriage return whose line feed may follow.
fn breaks(record: &[u8]) -> (u64, bool) {
    let feeds = record.iter().filter(|byte| **byte == b'\n').count();
    let returns = record
        .iter()
        .enumerate()
        .filter(|(index, byte)| **byte == b'\r' && record.get(index + 1) != Some(&b'\n'))
        .count();
    ((feeds + returns) as u64, record.last() == Some(&b'\r'))
}

/// Without U+0000, which no store keeps.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.contains('\0') { text.replace('\0', "") } else { text.into_owned() }
}
