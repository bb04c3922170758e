//! XLSX workbooks, one sheet of them, cell by cell.
//!
//! A workbook is a packed folder of XML; a few kilobytes may unpack to gigabytes. So it is unpacked once into nothing,
//! under limits, before it is read.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

use calamine::{DataRef, Reader, SheetVisible, Xlsx, XlsxError};
use zip::ZipArchive;

use super::{COLUMNS, Row, Unreadable};

/// Unpacked bytes of a sheet, and of any other part (the texts of all cells are one part, which is held in memory).
const SHEET: u64 = 2 * 1024 * 1024 * 1024;
const PART: u64 = 128 * 1024 * 1024;
/// Bytes without any mark-up in them: a cell has at most 32,767 characters.
const TEXT: usize = 1024 * 1024;
const PARTS: usize = 1_000;

/// Whether a file begins as a packed folder does.
pub(super) fn is_zip(path: &Path) -> std::io::Result<bool> {
    let mut head = Vec::with_capacity(4);
    File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(head == b"PK\x03\x04")
}

/// Looks whether the workbook can be read within the limits; answers the sheet to be read.
pub(super) fn check(path: &Path, wanted: Option<&str>) -> Result<String, Unreadable> {
    unpack_into_nothing(path)?;
    let workbook: Xlsx<_> = open(BufReader::new(File::open(path)?))?;
    if let Some(wanted) = wanted {
        let found = workbook.sheet_names().into_iter().find(|name| name == wanted);
        return found.ok_or_else(|| {
            let names = workbook.sheet_names().join(", ");
            Unreadable::refused(format!("there is no sheet \"{wanted}\"; there are {names}"))
        });
    }
    let sheets = workbook.sheets_metadata();
    let visible = sheets.iter().find(|sheet| sheet.visible == SheetVisible::Visible);
    visible
        .or(sheets.first())
        .map(|sheet| sheet.name.clone())
        .ok_or_else(|| Unreadable::refused("the workbook has no sheet"))
}

fn unpack_into_nothing(path: &Path) -> Result<(), Unreadable> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?)).map_err(broken)?;
    if archive.len() > PARTS {
        return Err(Unreadable::refused(format!("the workbook has more than {PARTS} parts")));
    }
    let mut buffer = vec![0; 64 * 1024];
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(broken)?;
        let is_sheet = part.name().map_err(broken)?.to_ascii_lowercase().contains("worksheets/");
        let limit = if is_sheet { SHEET } else { PART };
        let (mut all, mut without_markup) = (0, 0);
        loop {
            let length = part.read(&mut buffer).map_err(broken)?;
            if length == 0 {
                break;
            }
            all += length as u64;
            match buffer[..length].iter().rposition(|byte| *byte == b'<') {
                Some(last) => without_markup = length - last,
                None => without_markup += length,
            }
            if all > limit || (is_sheet && without_markup > TEXT) {
                return Err(Unreadable::refused(format!(
                    "the workbook unpacks to more than can be read (a sheet: {} MB, its texts: {} MB); save it as CSV",
                    SHEET >> 20,
                    PART >> 20
                )));
            }
        }
    }
    Ok(())
}

fn open<R: Read + Seek>(file: R) -> Result<Xlsx<R>, Unreadable> {
    Xlsx::new(file).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> Unreadable {
    Unreadable::refused(format!("the file is no XLSX workbook that can be read: {error}"))
}

pub(super) fn rows(
    file: impl Read + Seek,
    sheet: &str,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), Unreadable> {
    let mut workbook = open(BufReader::new(file))?;
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(broken)?;
    let mut row = Row::default();
    loop {
        let cell = match cells.next_cell() {
            Ok(cell) => cell,
            // A sheet without any data may lack the element.
            Err(XlsxError::XmlEof("sheetData")) if row.number == 0 => None,
            Err(error) => return Err(broken(error)),
        };
        let Some(cell) = cell else { break };
        let (line, column) = cell.get_position();
        let number = u64::from(line) + 1;
        if number != row.number {
            let done = std::mem::replace(&mut row, Row { number, ..Row::default() });
            if done.number > 0 && each(done).is_break() {
                return Ok(());
            }
        }
        put(&mut row, column as usize, cell.get_value());
    }
    if row.number > 0 {
        // The last one: whether it breaks off makes no difference.
        let _ = each(row);
    }
    Ok(())
}

fn put(row: &mut Row, column: usize, value: &DataRef<'_>) {
    let text = text(value);
    if text.is_empty() {
        return;
    }
    if column >= COLUMNS {
        row.problem = Some(format!("The row has more than {COLUMNS} columns"));
        return;
    }
    if row.cells.len() <= column {
        row.cells.resize(column + 1, String::new());
    }
    row.cells[column] = text;
}

/// As a person sees it, but dates as programs write them.
fn text(value: &DataRef<'_>) -> String {
    let text = match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::Int(number) => number.to_string(),
        // Telephone numbers are numbers to a spreadsheet.
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e16 => format!("{number:.0}"),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        DataRef::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
        }
        DataRef::DateTime(duration) => duration.as_f64().to_string(),
    };
    if text.contains('\0') { text.replace('\0', "") } else { text }
}
