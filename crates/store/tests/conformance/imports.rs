//! Imports.

mod consent;
mod large_batches;
mod rows;
mod runs;

use domain::imports::agreement::Agreement;
use domain::{ApiKeyId, ImportId, TenantId};
use ports::contacts::{Contact, ContactFilter, ContactStore};
use ports::imports::{
    Applied, BadRow, GoodRow, Import, ImportBatch, ImportStore, NewImport, OnDuplicate, RowConsent,
};
use serde_json::json;
use store::SqlStore;

use crate::samples::{identity, phone, walk};
use crate::support::{Bench, at};

pub(crate) fn new_import() -> NewImport {
    NewImport {
        filename: Some("list.csv".into()),
        plan: json!({"columns": ["phone"]}),
        file: "1/abc".into(),
        size: 1_000,
        created_by: Some(ApiKeyId(4)),
        holder: "node".into(),
        held_until: at(60),
        at: at(0),
    }
}

fn row(row: u64, number: u32) -> GoodRow {
    GoodRow {
        row,
        phone: phone(number),
        written: format!("+1 555 {number:07}"),
        country: Some("US".into()),
        name: Some(format!("Person {number}")),
        language: Some("en".into()),
        time_zone: None,
        tags: vec!["fair".into()],
        fields: json!({"city": "Rome"}).as_object().unwrap().clone(),
        consent: None,
        cells: vec![format!("+1 555 {number:07}"), "Röme, \"x\"".into()],
    }
}

pub(crate) fn consenting(number_of_row: u64, number: u32) -> GoodRow {
    let evidence = json!({"file": "list.csv", "row": number_of_row});
    GoodRow { consent: Some(says(Agreement::Yes, -500, evidence)), ..row(number_of_row, number) }
}

fn says(says: Agreement, second: i64, evidence: serde_json::Value) -> RowConsent {
    RowConsent { says, at: at(second), before: None, evidence }
}

fn bad(row: u64, error: &str) -> BadRow {
    BadRow {
        row,
        phone: "+1555".into(),
        error: error.into(),
        is_duplicate: false,
        opt_out: None,
        cells: vec!["+1555".into()],
    }
}

pub(crate) fn batch(import: &Import, good: Vec<GoodRow>, bad: Vec<BadRow>) -> ImportBatch {
    let to = good.iter().map(|row| row.row).chain(bad.iter().map(|row| row.row)).max().unwrap();
    ImportBatch {
        import: import.id,
        holder: "node".into(),
        held_until: at(90),
        from: import.cursor,
        to,
        bytes_read: 10 * to,
        good,
        bad,
        on_duplicate: OnDuplicate::Skip,
        at: at(30),
    }
}

pub(crate) fn updating(batch: ImportBatch) -> ImportBatch {
    ImportBatch { on_duplicate: OnDuplicate::Update, ..batch }
}

pub(crate) async fn apply(store: &SqlStore, tenant: TenantId, batch: ImportBatch) -> Import {
    match store.import_batch(tenant, &batch).await.unwrap() {
        Applied::Applied(import) => import,
        other => panic!("not applied: {other:?}"),
    }
}

pub(crate) async fn start(bench: &Bench) -> (TenantId, Import) {
    let tenant = bench.tenant().await;
    (tenant, bench.store.create_import(tenant, new_import()).await.unwrap())
}

async fn by_number(bench: &Bench, tenant: TenantId, number: u32) -> Contact {
    bench.store.contact_by_identity(tenant, &identity(number)).await.unwrap().expect("there")
}

async fn everybody(bench: &Bench, tenant: TenantId) -> Vec<Contact> {
    let store = &bench.store;
    let filter = ContactFilter::default();
    walk(50, |paging| {
        let filter = &filter;
        async move { store.contacts(tenant, filter, &paging).await.unwrap() }
    })
    .await
}

async fn problems(bench: &Bench, tenant: TenantId, import: ImportId) -> Vec<(u64, String, String)> {
    let found = bench.store.import_problems(tenant, import, 0, 1_000).await.unwrap();
    found.into_iter().map(|problem| (problem.row, problem.phone, problem.error)).collect()
}
