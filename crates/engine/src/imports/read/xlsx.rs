//! XLSX workbooks, one sheet of them, row by row.
//!
//! A workbook is a packed folder of XML; a few kilobytes may unpack to gigabytes, and whatever the XML claims (counts,
//! ranges, row numbers) may be a lie. So nothing here is made room for because a file says so: parts are streamed under
//! limits, and all that is held is the texts of the cells, the format of each style, and one row.

mod book;
mod package;
mod sheet;
mod texts;
mod xml;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

use book::{Book, Sheet};

use super::{Row, Unreadable};

/// Unpacked bytes of the sheet that is read, and of any other part (the texts of all cells are one part, which is held
/// in memory).
const SHEET: u64 = 2 * 1024 * 1024 * 1024;
const PART: u64 = 128 * 1024 * 1024;
/// Bytes without any mark-up in them: a cell has at most 32,767 characters.
const TEXT: usize = 1024 * 1024;
/// Parts of a workbook, and of what one names.
const PARTS: usize = 1_000;

/// Whether a file begins as a packed folder does.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// Whether a file begins as the container of Microsoft's older formats does: `.xls`, and a workbook with a password.
pub(super) fn is_container(head: &[u8]) -> bool {
    head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
}

/// Looks whether the workbook can be read within the limits; answers the sheet to be read: the wanted one, else the
/// first one that is shown and holds anything.
pub(super) fn check(path: &Path, wanted: Option<&str>) -> Result<String, Unreadable> {
    let mut book = Book::open(BufReader::new(File::open(path)?))?;
    book.unpack_texts_into_nothing()?;
    let sheet = match wanted {
        Some(wanted) => book.sheet(wanted)?,
        None => shown(&mut book)?,
    };
    book.unpack_into_nothing(&sheet)?;
    Ok(sheet.name)
}

fn shown<R: Read + Seek>(book: &mut Book<R>) -> Result<Sheet, Unreadable> {
    let shown: Vec<Sheet> = book.sheets().iter().filter(|sheet| sheet.is_shown).cloned().collect();
    let first = shown.first().or(book.sheets().first()).cloned();
    let first = first.ok_or_else(|| Unreadable::refused("the workbook has no sheet"))?;
    if shown.len() < 2 {
        return Ok(first);
    }
    for sheet in shown {
        let mut is_blank = true;
        book.rows(&sheet, &mut |row| {
            is_blank = row.is_blank();
            if is_blank { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !is_blank {
            return Ok(sheet);
        }
    }
    Ok(first)
}

pub(super) fn rows(
    file: impl Read + Seek,
    sheet: &str,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), Unreadable> {
    let mut book = Book::open(BufReader::new(file))?;
    let sheet = book.sheet(sheet)?;
    book.rows(&sheet, each)
}

fn broken(error: impl std::fmt::Display) -> Unreadable {
    Unreadable::refused(format!("the file is no XLSX workbook that can be read: {error}"))
}

fn too_large() -> Unreadable {
    Unreadable::refused(format!(
        "the workbook unpacks to more than can be read (a sheet: {} MB, its texts: {} MB); save it as CSV",
        SHEET >> 20,
        PART >> 20
    ))
}
