//! Lines of a CSV, as spreadsheets of every country read them.

/// Appends a line: commas between the cells, CR LF behind the last. A cell is quoted when it holds anything that some spreadsheet
/// parts cells by: comma, semicolon, tab or bar.
pub fn csv_line<T: AsRef<str>>(to: &mut Vec<u8>, cells: impl Iterator<Item = T>) {
    let begins = to.len();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            to.push(b',');
        }
        let cell = cell.as_ref();
        if cell.contains(['"', ',', ';', '\t', '|', '\r', '\n']) {
            to.push(b'"');
            to.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            to.push(b'"');
        } else {
            to.extend_from_slice(cell.as_bytes());
        }
    }
    if to.len() == begins {
        // One empty cell: else the line would be none.
        to.extend_from_slice(b"\"\"");
    }
    to.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &[&str]) -> String {
        let mut to = Vec::new();
        csv_line(&mut to, cells.iter());
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn what_parts_cells_anywhere_is_quoted() {
        assert_eq!(line(&["a", "", "b c", "ü'"]), "a,,b c,ü'\r\n");
        assert_eq!(
            line(&["a,b", "c;d", "e\tf", "g|h", "i\r\nj"]),
            "\"a,b\",\"c;d\",\"e\tf\",\"g|h\",\"i\r\nj\"\r\n"
        );
        assert_eq!(line(&["say \"hi\""]), "\"say \"\"hi\"\"\"\r\n");
        assert_eq!([line(&[""]), line(&["", ""])], ["\"\"\r\n", ",\r\n"]);
    }
}
