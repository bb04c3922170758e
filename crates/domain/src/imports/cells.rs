//! Cells of a table, as people and spreadsheets write them.

use std::borrow::Cow;

/// What a cell of tags must be that begins like an array and is none of texts.
pub const TAGS_WANTED: &str =
    r#"must be separated by commas, or a JSON array of texts such as ["vip", "Rome, Italy"]"#;

/// The tags of a cell, parted by commas, semicolons or bars; or a JSON array of texts, for tags that hold one of these.
///
/// # Errors
/// [`TAGS_WANTED`]: an array that holds something else than texts, or that is not well-formed. Parted at its commas it would
/// become tags that nobody meant.
pub fn tags(cell: &str) -> Result<Vec<String>, &'static str> {
    let read = match serde_json::from_str::<Vec<String>>(cell) {
        Ok(read) => read,
        Err(_) if is_array(cell) => return Err(TAGS_WANTED),
        Err(_) => cell.split([',', ';', '|']).map(str::to_owned).collect(),
    };
    Ok(read.iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect())
}

/// An array of JSON, or one that somebody tried to write: a quotation mark behind the bracket. `[new], vip` are two tags.
fn is_array(cell: &str) -> bool {
    let quotes = ['"', '\'', '“', '”', '„', '‘', '’'];
    let inner = cell.trim_start().strip_prefix('[').map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(quotes))
        || serde_json::from_str::<Vec<serde_json::Value>>(cell).is_ok()
}

/// The cell that [`tags`] parts into just these: as they are told in a list, or as a JSON array when one of them holds what
/// parts them.
pub fn tags_cell<T: AsRef<str>>(tags: &[T]) -> String {
    let all: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
    let listed = all.join(",");
    if self::tags(&listed).is_ok_and(|read| read == all) {
        listed
    } else {
        serde_json::Value::from(all).to_string()
    }
}

/// A cell that a spreadsheet does not take for a formula: what begins like one gets an apostrophe before it, as the
/// spreadsheet itself does; so does what [`without_apostrophe`] would take another apostrophe from. Numbers, telephone numbers
/// too, begin with a sign and are none.
pub fn plain(cell: &str) -> Cow<'_, str> {
    let is_marked = is_formula(cell) || without_apostrophe(cell) != cell;
    if is_marked { format!("'{cell}").into() } else { cell.into() }
}

/// The cell without the apostrophe that [`plain`] put before it, or that somebody typed so that a spreadsheet leaves a number
/// as it is.
pub fn without_apostrophe(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if wants_apostrophe(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Begins like a formula, or is nothing but a number.
fn wants_apostrophe(cell: &str) -> bool {
    cell.starts_with(is_sign)
        || (cell.bytes().any(|byte| byte.is_ascii_digit()) && cell.chars().all(in_number))
}

fn is_formula(cell: &str) -> bool {
    let mut characters = cell.chars();
    match characters.next() {
        Some('+' | '-' | '＋' | '－') => !characters.all(in_number),
        first => first.is_some_and(is_sign),
    }
}

/// What a formula begins with, in spreadsheets of any language; blanks before it do not hide it.
fn is_sign(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n')
}

fn in_number(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, ' ' | '(' | ')' | '.' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_holds_a_comma_is_told_by_an_array() {
        for (cell, tags) in [
            ("[\"Rome, Italy\", \" vip \", \"\"]", &["Rome, Italy", "vip"][..]),
            (" [] ", &[]),
            ("[new], vip", &["[new]", "vip"]),
            ("[new", &["[new"]),
            ("[2026] fair", &["[2026] fair"]),
        ] {
            assert_eq!(self::tags(cell).unwrap(), tags, "{cell}");
        }
    }

    #[test]
    fn an_array_that_is_none_of_texts_is_refused_and_not_parted_at_its_commas() {
        for cell in [
            r#"["a",5]"#,
            r#" [ "a", null]"#,
            "[1, 2]",
            r#"[["a"]]"#,
            r#"["a", "b""#,
            r#"["a" "b"]"#,
            r#"["a"], b"#,
            "['a', 'b']",
            "[“a”, “b”]",
        ] {
            assert_eq!(tags(cell), Err(TAGS_WANTED), "{cell}");
        }
    }

    #[test]
    fn what_looks_like_a_formula_is_marked_and_read_back_and_a_number_is_left_alone() {
        for cell in [
            "=1+1",
            "@SUM(A1)",
            "+cmd|' /C calc'!A0",
            "-2+3=x",
            "\t=1",
            "\n=1",
            "＝1+1",
            "＋cmd",
            "－2+3=x",
            "＠SUM(A1)",
            "'=1",
            "''+1",
            "'015112345671",
        ] {
            assert_eq!(plain(cell), format!("'{cell}"));
            assert_eq!(without_apostrophe(&plain(cell)), cell);
        }
        for cell in
            ["+15551234567", "＋15551234567", "+49 (151) 23-45", "-12.5", "Ann", "", "'quoted'", "'90s", "'"]
        {
            assert_eq!(plain(cell), cell);
            assert_eq!(without_apostrophe(cell), cell);
        }
    }

    #[test]
    fn an_apostrophe_before_a_number_is_a_spreadsheets() {
        assert_eq!(without_apostrophe("'015112345671"), "015112345671");
        assert_eq!(without_apostrophe("'0151 / 123-45"), "0151 / 123-45");
        assert_eq!(without_apostrophe("'+4915112345671"), "+4915112345671");
    }

    #[test]
    fn tags_are_written_so_that_they_are_read_back() {
        for tags in [
            &["vip", "fair"][..],
            &[],
            &["Rome, Italy", "vip"],
            &["a,b", "c;d", "vip"],
            &["a|b"],
            &["[x]"],
            &["[\"a\"", "\"b\"]"],
            &["[\"a\"]"],
            &["[5]"],
            &["['a'"],
            &["say \"hi\""],
        ] {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            assert_eq!(self::tags(&tags_cell(&tags)).unwrap(), tags);
        }
        assert_eq!(tags_cell(&["vip".to_owned(), "fair".to_owned()]), "vip,fair");
    }

    #[test]
    fn tags_of_a_cell_are_parted_and_trimmed() {
        assert_eq!(tags(" vip, berlin ;|new ").unwrap(), ["vip", "berlin", "new"]);
    }
}
