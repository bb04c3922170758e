//! The report on an import as it comes back, mended.

use super::problems;

/// Headings of the last two columns of a report: the row of the file, and what was wrong with it.
pub const COLUMNS: [&str; 2] = ["row", "error"];
/// The same, where the file has columns of these names itself.
pub const BESIDE: [&str; 2] = ["import_row", "import_error"];

/// Whether the last two columns are those of a report that was sent back. `rows` are the first ones: a file may have
/// columns of these names itself.
pub fn ends_in<H: AsRef<str>, R: AsRef<[String]>>(headings: &[H], rows: &[R]) -> bool {
    let [before @ .., row, error] = headings else { return false };
    let (row, error) = (row.as_ref(), error.as_ref());
    if [row, error] == BESIDE {
        return true;
    }
    if [row, error] != COLUMNS {
        return false;
    }
    let cells = |column: usize| {
        let cells = rows.iter().filter_map(move |row| row.as_ref().get(column)).map(|cell| cell.trim());
        cells.filter(|cell| !cell.is_empty())
    };
    let (row, error) = (before.len(), before.len() + 1);
    cells(error).next().is_some()
        && cells(error).all(problems::is_ours)
        && cells(row).all(|cell| cell.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_report_are_known_by_what_stands_in_them() {
        let is = |headings: &[&str], rows: &[[&str; 3]]| {
            let rows: Vec<Vec<String>> =
                rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
            ends_in(headings, &rows)
        };
        let ours = ["+1555", "3", "Invalid phone format"];
        assert!(is(
            &["phone", "row", "error"],
            &[ours, ["", "7", "name must be a string; opted_in must be yes or no"]]
        ));
        assert!(is(&["phone", "row", "error"], &[ours, ["+15551234567", "4", ""]]), "one that is mended");
        assert!(!is(&["phone", "row", "error"], &[ours, ["+1555", "3", "E_TIMEOUT"]]));
        assert!(!is(&["phone", "row", "error"], &[["+1555", "3b", "Invalid phone format"]]));
        assert!(!is(&["phone", "row", "error"], &[["+1555", "3", ""]]));
        assert!(!is(&["phone", "error", "row"], &[ours]));
        assert!(is(&["phone", "import_row", "import_error"], &[]));
    }
}
