//! Which of the first rows names the columns.

use domain::imports::columns;
use domain::imports::phone_column::looks_like_a_number;

use super::Row;

/// Rows above the headings, at most: a title, a date, a remark.
const TITLES: usize = 5;
/// Written where somebody has no number; none of them is a heading.
const NOTHING: [&str; 16] = [
    "n/a",
    "na",
    "n.a.",
    "none",
    "null",
    "nil",
    "unknown",
    "unbekannt",
    "k.a.",
    "k. a.",
    "keine",
    "missing",
    "tbd",
    "x",
    "ninguno",
    "aucun",
];

/// The place of the row of headings; `None`: the rows are data from the first one on. It is better to take headings for
/// data, which is told as one bad row, than somebody for a heading, who is lost without a word.
pub(super) fn find(rows: &[Row]) -> Option<usize> {
    let below_titles = rows.iter().take(TITLES).position(|row| !is_title(row)).unwrap_or(0);
    if below_titles > 0 && known(rows, below_titles) > 0 && is_heading(rows, below_titles) {
        return Some(below_titles);
    }
    (!rows.is_empty() && is_heading(rows, 0)).then_some(0)
}

/// Words in a single cell.
fn is_title(row: &Row) -> bool {
    let filled: Vec<&String> = row.cells.iter().filter(|cell| !cell.trim().is_empty()).collect();
    matches!(filled[..], [cell] if !columns::is_known(cell) && !looks_like_a_number(cell))
}

/// Cells that are known as headings, and stand nowhere below themselves.
fn known(rows: &[Row], at: usize) -> usize {
    let repeated = |column: usize, cell: &String| {
        rows[at + 1..]
            .iter()
            .any(|row| row.cells.get(column).is_some_and(|other| other.trim() == cell.trim()))
    };
    let cells = rows[at].cells.iter().enumerate();
    cells.filter(|(column, cell)| columns::is_known(cell) && !repeated(*column, cell)).count()
}

fn is_heading(rows: &[Row], at: usize) -> bool {
    let (row, known) = (&rows[at], known(rows, at));
    if row.cells.iter().any(|cell| looks_like_a_number(cell)) || known >= 2 {
        return known >= 2;
    }
    // What stands above the numbers of the other rows is their heading, or the lack of a number.
    numbers(&rows[at + 1..]).into_iter().all(|column| {
        let cell = row.cells.get(column).map_or("", |cell| cell.trim());
        is_word(cell) || (cell.is_empty() && known > 0)
    })
}

fn is_word(cell: &str) -> bool {
    cell.chars().any(char::is_alphabetic) && !NOTHING.contains(&cell.to_lowercase().as_str())
}

/// The columns most of whose cells look like numbers.
fn numbers(rows: &[Row]) -> Vec<usize> {
    let columns = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let is_of_numbers = |column: &usize| {
        let cells =
            || rows.iter().filter_map(|row| row.cells.get(*column)).filter(|cell| !cell.trim().is_empty());
        let numbers = cells().filter(|cell| looks_like_a_number(cell)).count();
        numbers > 0 && numbers * 2 >= cells().count()
    };
    (0..columns).filter(is_of_numbers).collect()
}
