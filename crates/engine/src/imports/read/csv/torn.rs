//! Records that are none: what their quotation marks and cells are, as well as that can be told.

use crate::imports::read::COLUMNS;

/// Where a byte of a record stands.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Start,
    Cell,
    Quotes,
    /// Behind a quotation mark inside: it is over, unless another one follows.
    Mark,
}

impl In {
    fn next(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quotes, b'"') => Self::Mark,
            (Self::Start | Self::Mark, b'"') | (Self::Quotes, _) => Self::Quotes,
            (_, byte) if byte == delimiter || matches!(byte, b'\n' | b'\r') => Self::Start,
            // Blanks between the mark and the delimiter.
            (Self::Mark, b' ') => Self::Mark,
            _ => Self::Cell,
        }
    }
}

/// Whether bytes end inside a cell that a quotation mark opened.
pub(super) fn ends_quoted(record: &[u8], delimiter: u8) -> bool {
    record.iter().fold(In::Start, |at, byte| at.next(*byte, delimiter)) == In::Quotes
}

/// Whether something else than a delimiter follows a quotation mark that ends a cell.
pub(super) fn closes_amiss(record: &[u8], delimiter: u8) -> bool {
    let mut at = In::Start;
    record.iter().any(|byte| {
        let before = at;
        at = at.next(*byte, delimiter);
        before == In::Mark && at == In::Cell
    })
}

/// The cells of a line that is no record, as well as they can be told: a quotation mark that is not closed before a
/// delimiter or the end is a letter.
pub(super) fn split(line: &str, delimiter: char) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, behind) = match quoted(rest, delimiter) {
            Some(parts) => parts,
            None => match rest.split_once(delimiter) {
                Some((cell, behind)) => (cell.to_owned(), Some(behind)),
                None => (rest.to_owned(), None),
            },
        };
        cells.push(cell);
        match behind {
            Some(behind) if cells.len() < COLUMNS => rest = behind,
            _ => return cells,
        }
    }
}

/// A cell in quotation marks at the beginning of a text, and what is behind its delimiter.
fn quoted(text: &str, delimiter: char) -> Option<(String, Option<&str>)> {
    let inside = text.strip_prefix('"')?;
    let mut from = 0;
    loop {
        let end = from + inside[from..].find('"')?;
        let behind = &inside[end + 1..];
        if behind.is_empty() {
            return Some((inside[..end].replace("\"\"", "\""), None));
        }
        if let Some(behind) = behind.strip_prefix(delimiter) {
            return Some((inside[..end].replace("\"\"", "\""), Some(behind)));
        }
        from = end + 1 + usize::from(behind.starts_with('"'));
    }
}
