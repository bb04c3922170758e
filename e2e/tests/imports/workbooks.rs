//! Files of every kind: workbooks, other encodings, garbage, and what is hostile.

use e2e::{Database, Stack};
use serde_json::json;

use crate::{counts, details, import, imported, total};

#[test]
fn workbooks_and_utf_16_are_read_and_garbage_is_refused_in_words() {
    let stack = Stack::start(Database::sqlite());
    let utf16: Vec<u8> =
        "\u{feff}phone\tname\r\n+15550000001\tJürgen\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(counts(&imported(&stack.api, "a.txt", &utf16, &[])), [1, 1, 0, 0, 0]);
    assert_eq!(total(&stack.api, "&search=j%C3%BCrgen"), 1);
    let workbook = workbook(&[&["Mobile", "Name"], &["+15550000002", "Ann"], &["oops", "Bob"]]);
    let report = imported(&stack.api, "book.xlsx", &workbook, &[]);
    assert_eq!(counts(&report), [2, 1, 0, 0, 1]);
    assert_eq!(details(&report)[0].0, 3);
    let mut endless = b"phone,name\n+15550000003,Ann\n".to_vec();
    endless.resize(3_000_000, b'x');
    let report = imported(&stack.api, "endless.csv", &endless, &[]);
    assert_eq!((&report["state"], counts(&report)), (&json!("completed"), [2, 1, 0, 0, 1]));
    let wide = format!("phone,{}\n+15550000004\n", vec!["x"; 10_000].join(","));
    for (name, bytes, says) in [
        ("empty.csv", b"".to_vec(), "empty"),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(50), "neither text nor"),
        ("zeros.csv", vec![0; 10_000], "neither text nor"),
        ("broken.xlsx", b"PK\x03\x04 nothing".to_vec(), "no XLSX workbook"),
        ("bomb.xlsx", bomb(), "unpacks to more"),
        ("liar.xlsx", liar("100000000000000000"), "no column seems to hold phone numbers"),
        ("liar2.xlsx", liar("18446744073709551615"), "no column seems to hold phone numbers"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".repeat(100), "take the password off"),
        (
            "order.xlsx",
            zipped(
                &[2, 3, 2].map(|row| format!("<row r=\"{row}\"><c t=\"str\"><v>x</v></c></row>")).concat(),
            ),
            "row 2 stands behind row 3",
        ),
        ("wide.csv", wide.into_bytes(), "more than 2000 columns"),
        ("prose.txt", b"Dear all,\nthis is no list.\n".to_vec(), "no column seems to hold phone numbers"),
    ] {
        let refused = import(&stack.api, name, &bytes, &[]).refused(400, "VALIDATION_FAILED");
        let problem = refused["details"]["faults"][0]["problem"].as_str().expect("a problem").to_owned();
        assert!(problem.contains(says), "{name}: {problem}");
    }
    let missing = stack.api.get("/contacts/import/4711");
    assert_eq!(missing.refused(404, "IMPORT_NOT_FOUND")["details"]["id"], 4711);
}

#[test]
fn hostile_workbooks_take_little_memory() {
    let stack = Stack::start(Database::sqlite());
    let good = workbook(&[&["Mobile", "Name"], &["+15550000002", "Ann"]]);
    let dry = [("dry_run", "true")];
    import(&stack.api, "book.xlsx", &good, &dry).expect(200);
    let before = stack.peak_memory();
    let texts = format!("<sst><si><t>phone</t></si><si><t>{}</t></si></sst>", "x".repeat(1_000_000));
    let head = "<row r=\"1\"><c t=\"s\"><v>0</v></c></row>";
    let named = "<c t=\"s\"><v>1</v></c>".repeat(1_000);
    let row = format!("{head}<row r=\"2\"><c t=\"str\"><v>+15550000003</v></c>{named}</row>");
    let names = format!("<row r=\"1\">{named}</row>");
    let font = format!("<fonts><font><name val=\"{}\"/></font></fonts>", "x".repeat(900_000));
    let styles =
        format!("<styleSheet>{font}<cellXfs>{}</cellXfs></styleSheet>", "<xf fontId=\"0\"/>".repeat(5_000));
    let rows = (2..2_000).map(|row| format!("<row r=\"{row}\"><c r=\"BXX{row}\"><v>1</v></c></row>"));
    let sparse = format!("{head}{}", rows.collect::<String>());
    let hostile = [
        zipped_with(&row, &[("xl/sharedStrings.xml", texts.clone())]),
        zipped_with(&names, &[("xl/sharedStrings.xml", texts.clone())]),
        zipped_with(
            &row.replace("<row r=\"2\">", "<row r=\"2\"><c s=\"4999\"><v>1</v></c>"),
            &[("xl/sharedStrings.xml", texts.clone()), ("xl/styles.xml", styles)],
        ),
        zipped_with(&sparse, &[("xl/sharedStrings.xml", texts)]),
        liar("100000000000000000"),
    ];
    std::thread::scope(|scope| {
        for (number, file) in hostile.iter().cycle().take(15).enumerate() {
            let (api, dry) = (&stack.api, &dry);
            scope.spawn(move || import(api, "book.xlsx", file, if number < 10 { &dry[..] } else { &[] }));
        }
    });
    import(&stack.api, "book.xlsx", &good, &dry).expect(200);
    let grown = (stack.peak_memory() - before) >> 20;
    assert!(grown < 200, "{grown} MB more");
}

/// A workbook with one sheet of texts, nothing in it packed.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut sheet = String::new();
    for (row, cells) in rows.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", row + 1));
        for (column, cell) in cells.iter().enumerate() {
            let place = format!("{}{}", char::from(b'A' + u8::try_from(column).expect("few")), row + 1);
            sheet.push_str(&format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"));
        }
        sheet.push_str("</row>");
    }
    zipped(&sheet)
}

/// One whose cell is larger than any cell.
fn bomb() -> Vec<u8> {
    zipped(&format!(
        "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{}</t></is></c></row>",
        "0".repeat(3_000_000)
    ))
}

fn zipped(sheet: &str) -> Vec<u8> {
    zipped_with(sheet, &[])
}

fn zipped_with(sheet: &str, others: &[(&str, String)]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rels = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let types = "http://schemas.openxmlformats.org/package/2006/content-types";
    let parts = [
        ("[Content_Types].xml", format!("<Types xmlns=\"{types}\"/>")),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{rels}\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{rels}\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{main}\"><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ];
    stored(&[parts.as_slice(), others].concat())
}

/// One whose texts claim to be so many.
fn liar(count: &str) -> Vec<u8> {
    let texts = format!("<sst count=\"{count}\" uniqueCount=\"{count}\"><si><t>city</t></si></sst>");
    zipped_with("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>", &[("xl/sharedStrings.xml", texts)])
}

/// A ZIP archive without compression: local headers, the directory, its end (APPNOTE 4.3).
fn stored(parts: &[(&str, String)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in parts {
        let offset = u32::try_from(file.len()).expect("small");
        let size = u32::try_from(content.len()).expect("small");
        let mut entry = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        entry.extend_from_slice(&crc32(content.as_bytes()).to_le_bytes());
        entry.extend_from_slice(&size.to_le_bytes());
        entry.extend_from_slice(&size.to_le_bytes());
        entry.extend_from_slice(&u16::try_from(name.len()).expect("short").to_le_bytes());
        entry.extend_from_slice(&[0, 0]);
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&entry);
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(content.as_bytes());
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&entry);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (offset, size) =
        (u32::try_from(file.len()).expect("small"), u32::try_from(directory.len()).expect("small"));
    let count = u16::try_from(parts.len()).expect("few").to_le_bytes();
    file.extend_from_slice(&directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&count);
    file.extend_from_slice(&count);
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(&offset.to_le_bytes());
    file.extend_from_slice(&[0, 0]);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
