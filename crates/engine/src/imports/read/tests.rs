mod xlsx;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

struct Kept {
    path: PathBuf,
    _folder: TempDir,
}

fn kept(bytes: impl AsRef<[u8]>) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    Kept { path, _folder: folder }
}

fn table(file: &Kept) -> Table {
    Table::find(&file.path, &Hints::default()).unwrap().0
}

fn read(file: &Kept) -> Vec<Row> {
    read_after(file, &table(file), 0)
}

fn read_after(file: &Kept, table: &Table, after: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let each = &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    };
    table.each(&file.path, after, &Progress::default(), each).unwrap();
    rows
}

fn numbered(rows: &[Row]) -> Vec<(u64, Vec<&str>)> {
    rows.iter().map(|row| (row.number, row.cells.iter().map(String::as_str).collect())).collect()
}

fn refused(bytes: impl AsRef<[u8]>) -> String {
    Table::find(&kept(bytes).path, &Hints::default()).unwrap_err().to_string()
}

#[test]
fn a_row_has_the_number_of_the_line_on_which_it_begins() {
    let file = kept("phone,name\r\n+1,\"Ann\r\nMarie\r\nLou\"\r\n\r\n\r\n+2,Bob\r\n+3,\"a \"\"b\"\"\"");
    assert_eq!(
        numbered(&read(&file)),
        [(2, vec!["+1", "Ann\r\nMarie\r\nLou"]), (7, vec!["+2", "Bob"]), (8, vec!["+3", "a \"b\""])]
    );
    for breaks in ["\n", "\r\n", "\r"] {
        let file = kept(["phone", "+1", "", "+2", ""].join(breaks));
        assert_eq!(numbered(&read(&file)), [(2, vec!["+1"]), (4, vec!["+2"])], "{breaks:?}");
    }
}

#[test]
fn delimiters_are_found_out() {
    for delimiter in [',', ';', '\t', '|'] {
        let text =
            "phone,name\n+15551234567,Müller\n+15551234568,\"x,y;z\"\n".replace(',', &delimiter.to_string());
        let file = kept(text);
        let Format::Csv { delimiter: found, .. } = table(&file).format else { panic!() };
        assert_eq!(found, delimiter);
    }
    let excel = kept("sep=;\nphone;name\n+15551234567;a,b\n");
    assert_eq!(table(&excel).header, ["phone", "name"]);
    assert_eq!(numbered(&read(&excel)), [(3, vec!["+15551234567", "a,b"])]);
    assert_eq!(table(&kept("phone\n+15551234567\n")).header, ["phone"]);
}

#[test]
fn encodings_are_found_out() {
    let text = "phone;name\n+4915112345678;Jürgen Groß\n+4915112345679;Çelik “Özil”\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2], mark: bool| {
        let mark = if mark { "\u{feff}" } else { "" };
        format!("{mark}{text}").encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (format!("\u{feff}{text}").into_bytes(), "UTF-8"),
        (utf16(u16::to_le_bytes, true), "UTF-16LE"),
        (utf16(u16::to_be_bytes, true), "UTF-16BE"),
        (utf16(u16::to_le_bytes, false), "UTF-16LE"),
        (encoding_rs::WINDOWS_1252.encode(text).0.into_owned(), "windows-1252"),
    ] {
        let file = kept(&bytes);
        let Format::Csv { encoding: found, .. } = table(&file).format else { panic!() };
        assert_eq!(found, encoding);
        assert_eq!(table(&file).header, ["phone", "name"], "{encoding}");
        let rows = read(&file);
        assert_eq!(rows[0].cells[1], "Jürgen Groß", "{encoding}");
        assert_eq!(rows[1].cells[1], "Çelik “Özil”", "{encoding}");
    }
}

#[test]
fn a_letter_that_is_no_utf_8_far_into_the_file_is_seen() {
    let mut bytes = b"phone,name\n".to_vec();
    for number in 0..20_000 {
        bytes.extend_from_slice(format!("+1555{number:07},Ann\n").as_bytes());
    }
    bytes.extend_from_slice(b"+15559999999,J\xfcrgen M\xfcller\n");
    let file = kept(bytes);
    assert_eq!(read(&file).last().unwrap().cells[1], "Jürgen Müller");
}

#[test]
fn without_headings_columns_get_numbers() {
    let file = kept("+15551234567,Ann\n+15551234568,Bob\n");
    let table = table(&file);
    assert_eq!((table.has_header, table.begins_after), (false, 0));
    assert_eq!(table.header, ["column_1", "column_2"]);
    assert_eq!(read(&file).len(), 2);
    let told = Hints { has_header: Some(true), ..Hints::default() };
    let (told, rows) = Table::find(&file.path, &told).unwrap();
    assert_eq!((told.header[1].as_str(), rows.len()), ("Ann", 1));
}

#[test]
fn a_walk_goes_on_behind_a_row() {
    let file = kept("phone\n+1\n+2\n\n+3\n");
    assert_eq!(numbered(&read_after(&file, &table(&file), 3)), [(5, vec!["+3"])]);
}

#[test]
fn a_quotation_mark_that_is_not_closed_costs_one_row() {
    let mut text = String::from("phone,name\n+1,\"Ann\n");
    for number in 0..50 {
        text.push_str(&format!("+2{number},Bob\n"));
    }
    let rows = read(&kept(&text));
    assert_eq!(rows.len(), 51);
    assert_eq!((rows[0].number, rows[0].problem.as_deref()), (2, Some("A quotation mark is not closed")));
    assert_eq!((rows[50].number, rows[50].cells[0].as_str()), (52, "+249"));
    // The same in a large file, whose end is far away.
    text.push_str(&"+3,Carl\n".repeat(100_000));
    let rows = read(&kept(&text));
    assert_eq!(rows.len(), 100_051);
    assert!(rows[0].problem.as_deref().unwrap().starts_with("The row is too long"));
    assert_eq!(rows.last().unwrap().number, 100_052);
}

#[test]
fn an_endless_line_is_one_bad_row() {
    let mut bytes = b"phone,name\n+1,Ann\n".to_vec();
    bytes.resize(bytes.len() + 5_000_000, b'x');
    bytes.extend_from_slice(b"\n+2,Bob\n");
    let rows = read(&kept(&bytes));
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(rows[1].problem.is_some() && rows[1].cells[0].len() <= 1_000);
    assert!(refused(vec![b'x'; 1_000_000]).contains("row 1: The row is too long"));
}

#[test]
fn ten_thousand_columns_are_too_many() {
    let wide = vec!["x"; 10_000].join(",");
    assert!(refused(&wide).contains("more than 2000 columns"));
    let rows = read(&kept(format!("phone,name\n{wide}\n+2,Bob\n")));
    assert_eq!(rows.iter().map(|row| row.problem.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn garbage_is_refused_in_words() {
    assert!(refused("").contains("no rows"));
    assert!(refused("\n\n\n").contains("no rows"));
    assert!(refused([0u8; 500]).contains("neither text nor"));
    assert!(refused(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0").contains("neither text nor"));
    assert!(refused(b"PK\x03\x04 and nothing of it").contains("no XLSX workbook"));
}

#[test]
fn a_zero_byte_inside_a_text_is_left_out() {
    let mut text = "phone,name\n".to_owned();
    text.push_str(&"+15551234567,Ann\n".repeat(10_000));
    text.push_str("+15551234568,B\0ob\n");
    assert_eq!(read(&kept(text)).last().unwrap().cells[1], "Bob");
}

#[test]
fn contacts_of_a_json_body_are_rows() {
    let file = kept(
        r#"{"default_opted_in": true, "contacts": [
            {"phone": "+15551234567", "name": "Ann", "tags": ["a", "b"], "opted_in": true, "fields": {"city": "Rome"}},
            "nobody", {"phone": null, "nme": "x"}], "skip_duplicates": false}"#,
    );
    let (others, count) = members(&file.path).unwrap();
    assert_eq!(
        serde_json::Value::Object(others).to_string(),
        r#"{"default_opted_in":true,"skip_duplicates":false}"#
    );
    assert_eq!(count, 3);
    let hints = Hints { is_json: true, ..Hints::default() };
    let (table, _) = Table::find(&file.path, &hints).unwrap();
    let rows = read_after(&file, &table, 0);
    assert_eq!(rows[0].cells[..6], ["+15551234567", "Ann", "", "", "a,b", "true"]);
    assert_eq!(rows[0].cells[9], r#"{"city":"Rome"}"#);
    assert_eq!((rows[1].number, rows[1].problem.as_deref()), (2, Some("Must be an object")));
    assert_eq!((rows[2].number, rows[2].problem.as_deref()), (3, Some("Unknown member \"nme\"")));
}

#[test]
fn a_json_body_that_is_none_is_refused_and_a_giant_contact_is_not_held() {
    let says = |bytes: String| members(&kept(bytes).path).unwrap_err().to_string();
    assert!(says("7".into()).contains("an object with the member contacts"));
    assert!(says("{}".into()).contains("contacts is missing"));
    assert!(says(r#"{"contacts": [{"phone": "+1"}"#.into()).contains("EOF"));
    let giant = format!(r#"{{"contacts": [{{"phone": "{}"}}]}}"#, "1".repeat(1_000_000));
    assert!(says(giant).contains("more than 262144 bytes"));
}

#[test]
fn nobody_is_taken_for_a_heading() {
    let headings = |text: &str| {
        let table = table(&kept(text));
        (table.has_header, table.begins_after)
    };
    for text in [
        "+4915112345678,Ann,label\n+4915112345679,Bob,vip\n",
        "Ann,+4915112345678,Mobile\nBob,+4915112345679,Home\n",
        "n/a,Ann\n+4915112345679,Bob\n",
        ",Ann\n+4915112345679,Bob\n",
        "12,Ann\n+4915112345679,Bob\n",
        "n/a,Ann,label\n+4915112345679,Bob,vip\n",
    ] {
        assert_eq!(headings(text), (false, 0), "{text}");
    }
    for text in [
        "phone,name,+4930123456\n+4915112345679,Bob,x\n",
        "Kunde,Erreichbar unter\nAnn,+4915112345679\n",
        ",Name,City\n+4915112345679,Bob,Rome\n",
        "phone,name\n+1555,Ann\n",
        "phone\n",
    ] {
        assert_eq!(headings(text), (true, 1), "{text}");
    }
}

#[test]
fn headings_below_a_title_are_found() {
    let file = kept("Kundenliste 2026\n\n\"Stand: 22.11.2026\";\nTelefon;Name\n+4915112345678;Ann\n");
    let found = table(&file);
    assert_eq!(
        (found.header.as_slice(), found.begins_after),
        (["Telefon".to_owned(), "Name".to_owned()].as_slice(), 4)
    );
    assert_eq!(numbered(&read(&file)), [(5, vec!["+4915112345678", "Ann"])]);
}

#[test]
fn one_broken_letter_spoils_its_own_row_and_no_other() {
    let mut bytes = b"phone,name\n".to_vec();
    for number in 0..40 {
        bytes.extend_from_slice(format!("+491511234{number:04},Jürgen Müller\n").as_bytes());
    }
    let whole = bytes.clone();
    bytes.extend_from_slice(b"+4915112349999,Jos\xe9\n");
    let rows = read(&kept(&bytes));
    assert_eq!((rows.len(), rows[0].cells[1].as_str()), (41, "Jürgen Müller"));
    assert!(rows[..40].iter().all(|row| row.problem.is_none()));
    assert_eq!(rows[40].problem.as_deref(), Some("The row holds a letter that is not UTF-8"));
    assert_eq!(rows[40].cells, ["+4915112349999", "Jos\u{fffd}"]);
    // One that is cut off inside its last letter.
    let rows = read(&kept([&whole[..], b"+4915112349999,Jos\xc3"].concat()));
    assert_eq!((rows[0].cells[1].as_str(), rows[40].problem.is_some()), ("Jürgen Müller", true));
    // A letter that says of itself that it was lost is one like any other.
    assert_eq!(read(&kept("phone,name\n+1,J\u{fffd}rgen Größe\n"))[0].problem, None);
    // And one letter alone is no evidence of UTF-8.
    assert_eq!(read(&kept(b"phone,name\n+1,Jos\xe9"))[0].cells[1], "José");
}

#[test]
fn a_row_that_is_longer_than_its_heading_is_bad_and_keeps_its_cells() {
    let mut text = String::from("phone,name,city\n");
    text.push_str(&"+4915112345678,Ann,Rome,,\n".repeat(60));
    text.push_str("+4915112345679,Doe, Bob,Rome\n");
    let rows = read(&kept(&text));
    assert_eq!((rows[59].problem.as_deref(), rows[59].cells.len()), (None, 3));
    assert_eq!(rows[60].problem.as_deref(), Some("The row has 4 cells, the heading has 3"));
    assert_eq!(rows[60].cells, ["+4915112345679", "Doe", " Bob", "Rome"]);
    // A column that most rows have is one without a name.
    let file = kept("phone,name\n+4915112345678,Ann,x\n+4915112345679,Bob,y\n+4915112345670,Cid\n");
    assert_eq!(table(&file).header, ["phone", "name", "column_3"]);
    assert!(read(&file).iter().all(|row| row.problem.is_none()));
    // The same among the first rows.
    let file = kept("phone,name\n+4915112345678,Ann\n+4915112345679,Bob\n+4915112345670,Doe, Cid\n");
    assert_eq!(table(&file).header, ["phone", "name"]);
    assert!(read(&file)[2].problem.is_some());
}

#[test]
fn a_quotation_mark_inside_a_cell_opens_nothing() {
    let rows = read(&kept("phone,name,size\n+1,\"Ann\nLee\",12\"\n+2,\"Bob\nLou\",12\""));
    assert_eq!(numbered(&rows), [(2, vec!["+1", "Ann\nLee", "12\""]), (4, vec!["+2", "Bob\nLou", "12\""])]);
    assert!(rows.iter().all(|row| row.problem.is_none()));
}

#[test]
fn the_cells_of_a_row_that_cannot_be_read_are_told_as_well_as_they_can_be() {
    let rows = read(&kept("phone;name;city\n+1;\"Doe; \"\"Ann\"\"\";\"Rome\n+2;Bob;Paris\n"));
    assert_eq!(rows[0].problem.as_deref(), Some("A quotation mark is not closed"));
    assert_eq!(numbered(&rows), [(2, vec!["+1", "Doe; \"Ann\"", "\"Rome"]), (3, vec!["+2", "Bob", "Paris"])]);
}

#[test]
fn a_zero_byte_at_the_beginning_is_left_out_too() {
    let file = kept(b"phone,name\n+15551234567,A\0nn\n+15551234568,Bob\n+15551234569,Cid\n");
    assert_eq!(read(&file)[0].cells[1], "Ann");
}

#[test]
fn json_is_known_by_what_it_begins_with() {
    for text in [
        r#"{"contacts": [{"phone": "+15551234567"}]}"#,
        "\u{feff}\r\n { \"contacts\": [{\"phone\": \"+15551234567\"}]}",
    ] {
        let file = kept(text);
        assert_eq!((table(&file).format, members(&file.path).unwrap().1), (Format::Json, 1));
        assert_eq!(read(&file)[0].cells[0], "+15551234567");
    }
    assert_eq!(read(&kept("[{\"phone\": \"+1\"}, {\"phone\": \"+2\"}]")).len(), 2);
    assert!(refused("{\"contacts\": {}}").contains("an array of contacts"));
    assert!(refused("{}").contains("contacts is missing"));
    assert_eq!(table(&kept("{phone},[name]\n+15551234567,Ann\n")).header, ["{phone}", "[name]"]);
}

#[test]
fn a_contact_of_a_json_body_that_nobody_can_keep_is_one_bad_row() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let text = format!(
        r#"{{"contacts": [{{"phone": "+1", "name": "\ud800"}}, {{"phone": 1e999}}, {{"phone": "+1", "fields": {{"a": {deep}}}}},
           {{"phone": "+4"}}]}}"#
    );
    let rows = read(&kept(&text));
    assert_eq!(rows.len(), 4);
    for row in &rows[..3] {
        assert!(row.problem.as_deref().unwrap().starts_with("The contact cannot be read"), "{row:?}");
    }
    assert_eq!((rows[3].cells[0].as_str(), rows[3].number), ("+4", 4));
}

#[test]
fn a_quotation_mark_that_is_not_closed_takes_no_row_of_others_along() {
    let text =
        "phone,name,city\n+1,\"Bob,Rome\n+2,Ann,Rome\n+3,\"Cid\",Rome\n+4,\"D\nan\" ,Rome\n+5,\"E\" F,Rome\n";
    let rows = read(&kept(text));
    let phones: Vec<_> = rows.iter().map(|row| (row.number, row.cells[0].as_str())).collect();
    assert_eq!(phones, [(2, "+1"), (3, "+2"), (4, "+3"), (5, "+4"), (7, "+5")]);
    assert_eq!(rows[0].problem.as_deref(), Some("A quotation mark is not closed"));
    assert!(rows[1..].iter().all(|row| row.problem.is_none()), "{rows:?}");
}

#[test]
fn members_of_a_wrong_type_are_faults_and_nothing_of_them_is_lost() {
    let file = kept(
        r#"{"contacts": [
            {"phone": 4915112345678, "name": 7, "opted_in": false},
            {"phone": 4915112345678.0, "name": null}, {"phone": 4.9151123456E12},
            {"phone": "+1", "name": {"a": 1}}, {"phone": "+1", "name": false}, {"phone": ["+1"]}, {"phone": 1.5},
            {"phone": "+1", "tags": [1]}, {"phone": "+1", "tags": {"a": "b"}}, {"phone": "+1", "fields": "x"},
            {"phone": "+1", "opted_in": [true]}, {"phone": "+1", "city": "Rome", "age": 7}]}"#,
    );
    let rows = read(&file);
    assert_eq!(
        (rows[0].cells[0].as_str(), rows[0].cells[1].as_str(), rows[0].cells[5].as_str()),
        ("4915112345678", "7", "false")
    );
    assert_eq!((rows[1].cells[0].as_str(), rows[1].cells[1].as_str()), ("4915112345678", ""));
    assert_eq!(rows[2].cells[0], "4915112345600");
    assert!(rows[..3].iter().all(|row| row.problem.is_none()));
    let problems: Vec<&str> = rows[3..].iter().map(|row| row.problem.as_deref().unwrap()).collect();
    assert_eq!(
        problems,
        [
            "name must be a string",
            "name must be a string",
            "phone must be a string",
            "phone must be a string",
            "tags must be an array of strings",
            "tags must be an array of strings",
            "fields must be an object",
            "opted_in must be true or false",
            "Unknown member \"city\", \"age\"",
        ]
    );
    assert_eq!((rows[3].cells[1].as_str(), rows[5].cells[0].as_str()), ("{\"a\":1}", "[\"+1\"]"));
    assert_eq!(rows[11].cells.last().unwrap(), r#"{"city":"Rome","age":7}"#);
}

#[test]
fn what_stands_beside_the_contacts_is_not_held_without_end() {
    let many: String = (0..101).map(|number| format!("\"a{number}\": 1, ")).collect();
    assert!(
        members(&kept(format!("{{{many}\"contacts\": []}}")).path)
            .unwrap_err()
            .to_string()
            .contains("more than 100")
    );
    let long: String = (0..3).map(|number| format!("\"a{number}\": \"{}\", ", "x".repeat(100_000))).collect();
    assert!(
        members(&kept(format!("{{{long}\"contacts\": []}}")).path)
            .unwrap_err()
            .to_string()
            .contains("262144 bytes")
    );
}

#[test]
fn a_heading_loses_the_apostrophe_that_a_report_gave_it() {
    assert_eq!(table(&kept("phone,'=HYPERLINK(1)\n+15551234567,x\n")).header, ["phone", "=HYPERLINK(1)"]);
}
