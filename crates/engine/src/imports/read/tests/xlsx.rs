use super::super::*;
use super::{kept, numbered, read, refused, table};

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
