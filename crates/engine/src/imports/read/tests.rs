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
    assert_eq!(rows[0].cells[..6], ["+15551234567", "Ann", "", "", "a, b", "true"]);
    assert_eq!(rows[0].cells[9], r#"{"city":"Rome"}"#);
    assert_eq!((rows[1].number, rows[1].problem.as_deref()), (2, Some("Must be an object")));
    assert_eq!((rows[2].number, rows[2].problem.as_deref()), (3, Some("Unknown member \"nme\"")));
}

#[test]
fn a_json_body_that_is_none_is_refused_and_a_giant_contact_is_not_held() {
    let says = |bytes: String| members(&kept(bytes).path).unwrap_err().to_string();
    assert!(says("[1]".into()).contains("an object with the member contacts"));
    assert!(says("{}".into()).contains("contacts is missing"));
    assert!(says(r#"{"contacts": [{"phone": "+1"}"#.into()).contains("EOF"));
    let giant = format!(r#"{{"contacts": [{{"phone": "{}"}}]}}"#, "1".repeat(1_000_000));
    assert!(says(giant).contains("more than 262144 bytes"));
}

/// A workbook with one sheet.
fn workbook(sheet: &str) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let head = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
    let rels = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let parts = [
        (
            "[Content_Types].xml",
            r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#.to_owned(),
        ),
        (
            "_rels/.rels",
            format!(
                r#"<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                r#"<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>"#
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                r#"<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(r#"<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>"#),
        ),
    ];
    for (name, xml) in parts {
        zip.start_file(name, options).unwrap();
        zip.write_all(format!("{head}{xml}").as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn inline(place: &str, text: &str) -> String {
    format!(r#"<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

#[test]
fn a_sheet_is_read_with_its_own_row_numbers() {
    let sheet = format!(
        r#"<row r="1">{}{}</row><row r="2"><c r="A2"><v>4915112345678</v></c>{}</row><row r="5">{}<c r="C5" t="b"><v>1</v></c></row>"#,
        inline("A1", "Telefon"),
        inline("B1", "Name"),
        inline("B2", "Ann"),
        inline("A5", "+49 151 12345679"),
    );
    let file = kept(workbook(&sheet));
    let table = table(&file);
    assert_eq!(table.format, Format::Xlsx { sheet: "People".into() });
    assert_eq!(table.header, ["Telefon", "Name", "column_3"]);
    assert_eq!(
        numbered(&read(&file)),
        [(2, vec!["4915112345678", "Ann"]), (5, vec!["+49 151 12345679", "", "yes"])]
    );
}

#[test]
fn a_workbook_that_unpacks_without_end_is_refused() {
    let bomb = workbook(&inline("A1", &"0".repeat(3_000_000)));
    assert!(bomb.len() < 20_000);
    assert!(refused(bomb).contains("unpacks to more than can be read"));
}
