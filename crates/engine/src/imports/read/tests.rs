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
    workbook_with(sheet, &[])
}

fn packed<'p>(parts: impl IntoIterator<Item = (&'p str, String)>) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let head = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
    for (name, xml) in parts {
        zip.start_file(name, options).unwrap();
        zip.write_all(format!("{head}{xml}").as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn workbook_with(sheet: &str, others: &[(&'static str, String)]) -> Vec<u8> {
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
    packed(
        parts.into_iter().filter(|part| others.iter().all(|other| other.0 != part.0)).chain(others.to_vec()),
    )
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

#[test]
fn what_a_workbook_says_of_its_texts_makes_no_room_for_them() {
    let cells =
        r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2"><v>4915112345678</v></c></row>"#;
    for count in ["100000000000000000", "18446744073709551615", "-1", "x"] {
        let texts = format!(r#"<sst count="{count}" uniqueCount="{count}"><si><t>phone</t></si></sst>"#);
        let file = kept(workbook_with(cells, &[("xl/sharedStrings.xml", texts)]));
        assert_eq!(table(&file).header, ["phone"], "{count}");
        assert_eq!(numbered(&read(&file)), [(2, vec!["4915112345678"])]);
    }
}

#[test]
fn texts_runs_dates_and_escapes_of_a_workbook_are_read_as_a_person_sees_them() {
    let texts = r#"<sst><si><t>phone</t></si><si><r><t xml:space="preserve">Ann </t></r><r><rPr><b/></rPr><t>L&amp;e</t></r><rPh><t>hint</t></rPh></si><si/><si><t><![CDATA[a]]>_x000A_b_x005F_x</t></si><si><t>_xD83D__xDE00_</t></si></sst>"#;
    let styles = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-407]dd\\.mm\\.yyyy"/><numFmt numFmtId="165" formatCode="0.0 &quot;days&quot;"/><numFmt numFmtId="166" formatCode="[hh]:mm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>"#;
    let sheet = r#"<row><c t="s"><v>0</v></c><c t="str"><f>A1</f><v>x&lt;y</v></c></row><row><c r="A2"><v>4.915112345678E12</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="s"><v>3</v></c><c t="s"><v>4</v></c></row>
        <row r="3"><c r="A3" s="1"><v>46000.5</v></c><c s="2"><v>1</v></c><c s="3"><v>2.5</v></c><c s="4"><v>1.5</v></c><c t="e"><v>#N/A</v></c><c t="b"><v>0</v></c><c t="d"><v>2026-01-02</v></c></row>"#;
    let parts = [("xl/sharedStrings.xml", texts.to_owned()), ("xl/styles.xml", styles.to_owned())];
    let file = kept(workbook_with(sheet, &parts));
    let rows = first_rows(&file.path, &Format::Xlsx { sheet: "People".into() }).unwrap();
    assert_eq!(
        numbered(&rows),
        [
            (1, vec!["phone", "x<y"]),
            (2, vec!["4915112345678", "Ann L&e", "", "a\nb_x", "\u{1f600}"]),
            (3, vec!["2025-12-09T12:00:00Z", "1900-01-01T00:00:00Z", "2.5", "1.5", "", "no", "2026-01-02"]),
        ]
    );
}

#[test]
fn a_long_text_that_every_cell_names_is_held_once() {
    let texts = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(200_000));
    let cells: String = (0..300).map(|_| r#"<c t="s"><v>0</v></c>"#).collect();
    let sheet = format!(
        r#"<row r="1">{}</row><row r="2">{cells}</row><row r="3">{}</row>"#,
        inline("A1", "phone"),
        inline("A3", "+1")
    );
    let rows = read(&kept(workbook_with(&sheet, &[("xl/sharedStrings.xml", texts)])));
    assert_eq!(rows[0].problem.as_deref(), Some("The row is too long"));
    assert!(rows[0].cells.iter().map(String::len).sum::<usize>() <= ROW_BYTES);
    assert_eq!((rows[1].number, rows[1].cells[0].as_str()), (3, "+1"));
    // The same without a text that is held once.
    let cells: String = (0..20)
        .map(|_| format!(r#"<c t="inlineStr"><is><r/><t>{0}</t><t>{0}</t></is></c>"#, "x".repeat(30_000)))
        .collect();
    let sheet = format!(r#"<row r="1">{}</row><row r="2">{cells}</row>"#, inline("A1", "phone"));
    assert_eq!(read(&kept(workbook(&sheet)))[0].problem.as_deref(), Some("The row is too long"));
}

#[test]
fn the_texts_of_a_workbook_have_their_limits_wherever_they_lie() {
    let rels = "http://schemas.openxmlformats.org/package/2006/relationships";
    let to = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="x/{kind}" Target="{target}"/>"#)
    };
    let related = |inside: String| format!(r#"<Relationships xmlns="{rels}">{inside}</Relationships>"#);
    let texts = format!("<sst><si><t>{}</t></si></sst>", "0".repeat(2_000_000));
    let bomb = packed([
        ("_rels/.rels", related(to("r1", "officeDocument", "worksheets/xl/workbook.xml"))),
        ("worksheets/xl/_rels/workbook.xml.rels", related(to("r1", "worksheet", "worksheets/sheet1.xml"))),
        (
            "worksheets/xl/workbook.xml",
            r#"<workbook><sheets><sheet name="A" r:id="r1"/></sheets></workbook>"#.to_owned(),
        ),
        ("worksheets/xl/worksheets/sheet1.xml", "<worksheet><sheetData/></worksheet>".to_owned()),
        ("worksheets/xl/sharedStrings.xml", texts),
    ]);
    assert!(bomb.len() < 1_000_000);
    assert!(refused(bomb).contains("unpacks to more than can be read"));
}

#[test]
fn rows_out_of_order_are_refused_in_words() {
    let row = |number: &str, text: &str| format!(r#"<row r="{number}"><c t="str"><v>{text}</v></c></row>"#);
    let says = |numbers: &[&str]| {
        refused(workbook(&numbers.iter().map(|number| row(number, "phone")).collect::<String>()))
    };
    assert!(says(&["1", "2", "3", "2"]).contains("row 2 stands behind row 3"));
    assert!(says(&["3", "2", "1"]).contains("row 2 stands behind row 3"));
    assert!(says(&["1", "1"]).contains("row 1 stands behind row 1"));
    for number in ["99999999999999999999", "1048577", "0", "x"] {
        assert!(says(&["1", number]).contains("without a number that a sheet can have"), "{number}");
    }
    let cell = |name: &str| format!(r#"<row r="2"><c r="{name}"><v>1</v></c></row>"#);
    assert!(refused(workbook(&cell("A99999999999999999999"))).contains("stands in row 2"));
    assert!(refused(workbook(&cell("A3"))).contains("a cell of row 3 stands in row 2"));
    // Behind the rows that are looked at, the walk ends there.
    let many: String = (1..100).map(|number| row(&number.to_string(), "phone")).collect();
    let file = kept(workbook(&format!("{many}{}", row("50", "x"))));
    let (found, mut seen) = (table(&file), 0);
    let walked = found.each(&file.path, 0, &Progress::default(), &mut |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert!(walked.unwrap_err().to_string().contains("row 50 stands behind row 99"));
    assert_eq!(seen, 98);
}

#[test]
fn elements_without_end_and_tags_without_end_are_refused() {
    assert!(refused(workbook(&"<a>".repeat(1_000))).contains("nested without end"));
    let wide = format!(r#"<row r="1"><c r="ZZZZZZZZZZZZZZZZ1"><v>1</v></c>{}</row>"#, inline("A1", "phone"));
    assert!(refused(workbook(&wide)).contains("more than 2000 columns"));
    assert!(
        refused(workbook(&format!(r#"<row {}="1"/>"#, "a".repeat(2_000_000)))).contains("unpacks to more")
    );
    let many: Vec<(String, String)> = (0..1_001).map(|part| (format!("{part}.xml"), String::new())).collect();
    let many = packed(many.iter().map(|(name, xml)| (name.as_str(), xml.clone())));
    assert!(refused(many).contains("more than 1000 parts"));
}

#[test]
fn a_blank_first_sheet_gives_way_to_the_first_one_with_data() {
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let sheets = format!(
        r#"<workbook xmlns:r="{office}"><sheets><sheet name="Cover" sheetId="1" r:id="r1"/><sheet name="Hidden" state="hidden" sheetId="2" r:id="r2"/><sheet name="Chart" sheetId="3" r:id="r4"/><sheet name="List" sheetId="4" r:id="r3"/></sheets></workbook>"#
    );
    let related: String = (1..=3).map(|sheet| format!(r#"<Relationship Id="r{sheet}" Type="{office}/worksheet" Target="/xl/worksheets/sheet{sheet}.xml"/>"#)).collect();
    let data = |text: &str| {
        format!(r#"<worksheet><sheetData><row r="1">{}</row></sheetData></worksheet>"#, inline("A1", text))
    };
    let parts = [
        ("xl/workbook.xml", sheets),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                r#"<Relationships>{related}<Relationship Id="r4" Type="{office}/chartsheet" Target="x"/></Relationships>"#
            ),
        ),
        ("xl/worksheets/sheet2.xml", data("hidden")),
        ("xl/worksheets/sheet3.xml", data("phone")),
    ];
    let file = kept(workbook_with(r#"<row r="1"><c r="A1" s="1"/></row>"#, &parts));
    assert_eq!(
        (table(&file).format, table(&file).header),
        (Format::Xlsx { sheet: "List".into() }, vec!["phone".to_owned()])
    );
    let wanted = Hints { sheet: Some("Hidden".into()), ..Hints::default() };
    assert_eq!(Table::find(&file.path, &wanted).unwrap().0.header, ["hidden"]);
    let wanted = Hints { sheet: Some("None".into()), ..Hints::default() };
    let says = Table::find(&file.path, &wanted).unwrap_err().to_string();
    assert!(says.contains("there are Cover, Hidden, List"), "{says}");
}

#[test]
fn a_workbook_with_a_password_and_an_old_one_are_told_apart_from_garbage() {
    let mut container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    container.resize(4_096, 0);
    assert!(refused(container).contains("take the password off"));
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
    assert!(refused("[{\"phone\": 1}]").contains("an object with the member contacts"));
    assert!(refused("{}").contains("contacts is missing"));
    assert_eq!(table(&kept("{phone},[name]\n+15551234567,Ann\n")).header, ["{phone}", "[name]"]);
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
            "Unknown member \"city\"",
        ]
    );
    assert_eq!((rows[3].cells[1].as_str(), rows[5].cells[0].as_str()), ("{\"a\":1}", "[\"+1\"]"));
    assert_eq!(rows[11].cells[10], r#"{"city":"Rome","age":7}"#);
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
