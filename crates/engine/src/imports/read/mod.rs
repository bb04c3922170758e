//! Rows out of files that people and programs made: CSV in any usual dress, XLSX, JSON.
//!
//! A file is never held whole. [`Table::find`] looks at its beginning and says how it is to be read; [`Table::each`]
//! goes through its rows. Both block: call them where blocking is allowed.

mod csv;
mod encoding;
mod heading;
mod json;
mod xlsx;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::imports::phone_column::{self, Column, Doubt};
use domain::imports::{cells, report};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use json::{COLUMNS as JSON_COLUMNS, is_json, members};

/// Columns of a row, at most.
pub const COLUMNS: usize = 2_000;
/// Bytes of a row, at most.
pub const ROW_BYTES: usize = 256 * 1024;
/// Rows that are looked at to find out what a file is.
pub const SAMPLE: usize = 50;
/// Bytes by which formats are told apart.
const HEAD: u64 = 1_024;
/// Characters that are kept of a row that is no good row.
const KEPT: usize = 1_000;

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum Format {
    Csv {
        /// By its name in the WHATWG's standard.
        encoding: String,
        delimiter: char,
    },
    Xlsx {
        sheet: String,
    },
    /// An object whose member `contacts` is an array of objects.
    Json,
}

/// What a client said about the file; what it left open is found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// The body is JSON.
    pub is_json: bool,
    pub has_header: Option<bool>,
    pub delimiter: Option<char>,
    pub sheet: Option<String>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// As a person sees it: the line on which it begins, the row of the sheet, the place in the array; from 1.
    pub number: u64,
    pub cells: Vec<String>,
    /// Why it cannot be read; then `cells` holds what could be kept of it.
    pub problem: Option<String>,
    /// The columns that the problem lies in, where the others can be read all the same.
    pub misread: Vec<usize>,
}

impl Row {
    fn is_blank(&self) -> bool {
        self.problem.is_none() && self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    fn unreadable(number: u64, kept: &str, problem: impl Into<String>) -> Self {
        let kept: String = kept.chars().take(KEPT).collect();
        Self { number, cells: vec![kept], problem: Some(problem.into()), ..Self::default() }
    }
}

impl AsRef<[String]> for Row {
    fn as_ref(&self) -> &[String] {
        &self.cells
    }
}

/// Why a file cannot be read (on).
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// In words for whoever sent it.
    #[error("{0}")]
    Refused(String),
}

impl Unreadable {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}

/// A file of rows, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    #[serde(flatten)]
    pub format: Format,
    /// Its first row names the columns.
    pub has_header: bool,
    /// Names of the columns: `column_1` … where the file has none.
    pub header: Vec<String>,
    /// Rows up to this number (header included) are no data.
    pub begins_after: u64,
}

/// Files that are looked at at a time, in the whole process: each may need the memory that the texts of a workbook
/// take, and whoever asks need not wait for the answer.
static LOOKS: Semaphore = Semaphore::const_new(2);
/// The same of files that are read to their end for an answer.
static WALKS: Semaphore = Semaphore::const_new(4);

/// Room for a look at a file ([`Table::find`]). Keep it in the thread that looks: a client that hangs up does not end
/// that thread.
pub(crate) async fn room_to_look() -> Option<SemaphorePermit<'static>> {
    // Nobody closes it.
    LOOKS.acquire().await.ok()
}

/// Room for going through a file ([`Table::each`]), as above.
pub(crate) async fn room_to_walk() -> Option<SemaphorePermit<'static>> {
    WALKS.acquire().await.ok()
}

/// The bytes read so far, told while rows are read.
pub type Progress = Arc<AtomicU64>;

impl Table {
    /// Finds out how a file is to be read; answers its first rows, too.
    ///
    /// # Errors
    /// [`Unreadable`]: it is empty, no table, or the disk failed.
    pub fn find(path: &Path, hints: &Hints) -> Result<(Self, Vec<Row>), Unreadable> {
        unpanicking(|| Self::look(path, hints))
    }

    fn look(path: &Path, hints: &Hints) -> Result<(Self, Vec<Row>), Unreadable> {
        let head = head(path)?;
        let format = if hints.is_json || is_json(&head) {
            Format::Json
        } else if xlsx::is_zip(&head) {
            Format::Xlsx { sheet: xlsx::check(path, hints.sheet.as_deref())? }
        } else if xlsx::is_container(&head) {
            return Err(Unreadable::refused(
                "the file is a workbook with a password, or of the old kind (.xls): take the password off, or save it as \
                 .xlsx or CSV",
            ));
        } else {
            let encoding = encoding::find(path)?;
            let delimiter = match hints.delimiter {
                Some(told) => told,
                None => csv::find_delimiter(path, encoding)?,
            };
            Format::Csv { encoding: encoding.name().to_owned(), delimiter }
        };
        let mut rows = first_rows(path, &format)?;
        if matches!(format, Format::Json) {
            let header = JSON_COLUMNS.iter().map(|name| (*name).to_owned()).collect();
            return Ok((Self { format, has_header: false, header, begins_after: 0 }, rows));
        }
        let mut begins_after = 0;
        // Excel's own note on the delimiter.
        if rows.first().is_some_and(|row| row.cells.join("").to_ascii_lowercase().starts_with("sep=")) {
            begins_after = rows.remove(0).number;
        }
        if rows.is_empty() {
            return Err(Unreadable::refused("the file has no rows"));
        }
        let heading = match hints.has_header {
            Some(false) => None,
            Some(true) => Some(heading::find(&rows).unwrap_or(0)),
            None => heading::find(&rows),
        };
        let has_header = heading.is_some();
        let first = &rows[heading.unwrap_or(0)];
        if let Some(problem) = &first.problem
            && (has_header || rows.iter().all(|row| row.problem.is_some()))
        {
            return Err(Unreadable::refused(format!("row {}: {problem}", first.number)));
        }
        let mut header: Vec<String> = Vec::new();
        if let Some(place) = heading {
            let named = rows.drain(..=place).next_back().unwrap_or_default();
            begins_after = named.number;
            header = named
                .cells
                .iter()
                .map(|cell| cells::without_apostrophe(cell.trim()).trim().to_owned())
                .collect();
        }
        let is_report = report::ends_in(&header, &rows);
        while !is_report && has_column(&rows, header.len(), has_header) {
            header.push(format!("column_{}", header.len() + 1));
        }
        let table = Self { format, has_header, header, begins_after };
        rows.iter_mut().for_each(|row| table.measure(row));
        Ok((table, rows))
    }

    /// The column of the telephone numbers, among those that are free; `rows` are the first ones.
    pub(crate) fn phone_column(
        &self,
        rows: &[Row],
        is_free: impl Fn(usize) -> bool,
        country: Option<&str>,
    ) -> Result<usize, Doubt> {
        let is_named = self.has_header || self.format == Format::Json;
        let headings = self.header.iter().map(|heading| if is_named { heading.as_str() } else { "" });
        let columns: Vec<Column<'_>> = headings
            .enumerate()
            .map(|(place, heading)| Column { heading, is_free: is_free(place) })
            .collect();
        let cells =
            |column| rows.iter().filter_map(|row| row.cells.get(column)).map(String::as_str).collect();
        phone_column::find(&columns, cells, country)
    }

    /// A row may be shorter than the header, not longer: what its last cells are could not be told.
    fn measure(&self, row: &mut Row) {
        let width = self.header.len();
        while row.cells.len() > width && row.cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            row.cells.pop();
        }
        if row.cells.len() > width && row.problem.is_none() && self.format != Format::Json {
            let of = if self.has_header { "heading has" } else { "first rows have" };
            row.problem = Some(format!("The row has {} cells, the {of} {width}", row.cells.len()));
            // One cell far to the right is not kept with all the nothing before it.
            let beyond = row.cells.split_off(width);
            row.cells.extend(beyond.into_iter().filter(|cell| !cell.trim().is_empty()));
        }
    }

    /// Goes through the rows of data behind row `after`, in their order, until `each` breaks off. Blank rows are left
    /// out. `progress` is told the bytes read.
    ///
    /// # Errors
    /// [`Unreadable`]: the file cannot be read on.
    pub fn each(
        &self,
        path: &Path,
        after: u64,
        progress: &Progress,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), Unreadable> {
        let after = after.max(self.begins_after);
        unpanicking(|| {
            rows(path, &self.format, progress, &mut |mut row| {
                if row.number <= after || row.is_blank() {
                    return ControlFlow::Continue(());
                }
                self.measure(&mut row);
                each(row)
            })
        })
    }
}

/// Files come from anybody: where a library that takes one apart fails on it, that file is refused and no more. What
/// was at work then is dropped.
fn unpanicking<T>(read: impl FnOnce() -> Result<T, Unreadable>) -> Result<T, Unreadable> {
    std::panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Unreadable::refused("the file is broken in a way that cannot be told")))
}

/// The first bytes.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD as usize);
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

fn first_rows(path: &Path, format: &Format) -> Result<Vec<Row>, Unreadable> {
    let mut found = Vec::new();
    rows(path, format, &Progress::default(), &mut |row| {
        if !row.is_blank() {
            found.push(row);
        }
        if found.len() > SAMPLE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

fn rows(
    path: &Path,
    format: &Format,
    progress: &Progress,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), Unreadable> {
    let file = Counted { file: File::open(path)?, read: Arc::clone(progress) };
    match format {
        Format::Csv { encoding, delimiter } => csv::rows(file, encoding, *delimiter, each),
        Format::Xlsx { sheet } => xlsx::rows(file, sheet, each),
        Format::Json => json::rows(file, each),
    }
}

/// Whether the rows have a column in this place that no heading names: one of most rows is a column without a name, one
/// of a few is a mistake in them. Without any headings the longest row tells.
fn has_column(rows: &[Row], place: usize, has_header: bool) -> bool {
    let reaches = |row: &&Row| row.cells.iter().skip(place).any(|cell| !cell.trim().is_empty());
    let is_filled = |row: &&Row| row.cells.get(place).is_some_and(|cell| !cell.trim().is_empty());
    if has_header {
        let filled = rows.iter().filter(is_filled).count();
        filled > 0 && filled * 2 >= rows.len()
    } else {
        rows.iter().any(|row| reaches(&row))
    }
}

/// A file that tells how much of it was read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests;
