//! Records that are none: what their quotation marks and cells are, as well as that can be told.

use crate::imports::read::COLUMNS;

/// Whether bytes end inside a cell that a quotation mark opened.
pub(super) fn ends_quoted(record: &[u8], delimiter: u8) -> bool {
    /// Where a byte stands.
    enum In {
        Start,
        Cell,
        Quotes,
        /// Behind a quotation mark inside: it is over, unless another one follows.
        Mark,
    }
    let mut at = In::Start;
    for byte in record {
        at = match (at, *byte) {
            (In::Quotes, b'"') => In::Mark,
            (In::Start | In::Mark, b'"') | (In::Quotes, _) => In::Quotes,
            (_, byte) if byte == delimiter || matches!(byte, b'\n' | b'\r') => In::Start,
            _ => In::Cell,
        };
    }
    matches!(at, In::Quotes)
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
