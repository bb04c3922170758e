//! Lists: whole, or not at all.

use std::io::Write;

use bytes::Bytes;
use domain::BroadcastId;
use domain::broadcasts::State;
use engine::broadcasts::{BroadcastError, ListOrder, ListRead};
use futures::{StreamExt, stream};
use ports::broadcasts::ListRow;

use super::press::Press;

impl Press {
    async fn list_draft(&self) -> BroadcastId {
        let mut plan = self.plan();
        plan.audience.list = true;
        self.draft(plan).await
    }

    async fn upload(&self, id: BroadcastId, file: Vec<u8>) -> Result<ListRead, BroadcastError> {
        let bytes = stream::iter([Ok(Bytes::from(file))]).boxed();
        let received = self.engine.imports.receive(bytes).await.unwrap();
        self.engine.broadcasts.upload_list(self.tenant, id, &received, ListOrder::default()).await
    }

    async fn rows_of_list(&self, id: BroadcastId) -> i64 {
        self.engine.broadcasts.list_size(self.tenant, id).await.unwrap().rows
    }
}

fn csv(rows: usize) -> Vec<u8> {
    let mut text = String::from("phone\n");
    (0..rows).for_each(|row| text.push_str(&format!("+1555{:07}\n", 2_000_000 + row)));
    text.into_bytes()
}

/// A workbook with so many rows, behind which its sheet breaks off.
fn broken_workbook(rows: usize) -> Vec<u8> {
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rels = "http://schemas.openxmlformats.org/package/2006/relationships";
    let mut sheet = format!(r#"<worksheet xmlns="{main}"><sheetData>"#);
    for row in 1..=rows {
        let phone = format!("+1555{:07}", 3_000_000 + row);
        sheet.push_str(&format!(
            r#"<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>{phone}</t></is></c></row>"#
        ));
    }
    sheet.push_str(r#"<row r="9999"><c r="A9999" t="inl"#);
    let link = |kind: &str, to: &str| {
        format!(
            r#"<Relationships xmlns="{rels}"><Relationship Id="r1" Type="{office}/{kind}" Target="{to}"/></Relationships>"#
        )
    };
    let book = format!(
        r#"<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>"#
    );
    let types = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, xml) in [
        ("[Content_Types].xml", types.to_owned()),
        ("_rels/.rels", link("officeDocument", "xl/workbook.xml")),
        ("xl/workbook.xml", book),
        ("xl/_rels/workbook.xml.rels", link("worksheet", "worksheets/sheet1.xml")),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(xml.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_breaks_off_behind_its_first_rows_leaves_the_list_that_was_there() {
    let press = Press::open().await;
    let phones = press.contacts(3).await;
    let id = press.list_draft().await;
    let refused = press.upload(id, broken_workbook(2_500)).await;
    assert!(matches!(refused, Err(BroadcastError::Faults(_))), "{refused:?}");
    assert_eq!(press.rows_of_list(id).await, 0);
    let empty = press.engine.broadcasts.send(press.tenant, id).await;
    assert!(matches!(empty, Err(BroadcastError::ListEmpty)), "{empty:?}");
    assert_eq!(press.broadcast(id).await.state, State::Draft);
    assert_eq!(press.upload(id, csv(3)).await.unwrap().valid, 3);
    assert!(press.upload(id, broken_workbook(2_500)).await.is_err());
    assert_eq!(press.rows_of_list(id).await, 3);
    press.engine.broadcasts.send(press.tenant, id).await.unwrap();
    press.becomes(id, State::Completed).await;
    press.each_phone_once(&phones);
    assert_eq!(press.broadcast(id).await.counts.total(), 3);
    let over = press.upload(id, csv(1)).await;
    assert!(
        matches!(over, Err(BroadcastError::InvalidState { allowed, .. }) if allowed.contains(&State::Scheduled))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_while_its_list_comes_goes_to_one_list_or_the_other_and_never_to_a_part() {
    let press = Press::open().await;
    for _ in 0..3 {
        let id = press.list_draft().await;
        press.upload(id, csv(2)).await.unwrap();
        let (uploaded, sent) =
            tokio::join!(press.upload(id, csv(12_000)), press.engine.broadcasts.send(press.tenant, id));
        sent.unwrap();
        let rows = match uploaded {
            Ok(_) => 12_000,
            Err(BroadcastError::InvalidState { .. }) => 2,
            Err(other) => panic!("{other}"),
        };
        let done = press.becomes(id, State::Completed).await;
        assert_eq!(done.counts.total() + done.counts.left_out, rows);
        assert_eq!(press.rows_of_list(id).await, rows);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_request_take_the_place_of_all_that_were_there() {
    let press = Press::open().await;
    let id = press.list_draft().await;
    let row = |row_number: i64| ListRow {
        row_number,
        given: format!("+1555{:07}", 2_000_000 + row_number),
        phone: None,
        columns: Default::default(),
    };
    for count in [2_500, 2_000, 1, 0] {
        let rows = (1..=count).map(row).collect();
        let read = press.engine.broadcasts.replace_list(press.tenant, id, rows, None).await.unwrap();
        assert_eq!((read.rows, read.valid), (count, count));
        assert_eq!(press.rows_of_list(id).await, count);
    }
}
