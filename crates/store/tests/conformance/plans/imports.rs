//! An import, from its beginning to its end.

use domain::imports::ImportState;
use domain::imports::agreement::Agreement;
use ports::imports::{
    Applied, BadRow, GoodRow, ImportBatch, ImportStore, NewImport, OnDuplicate, ProblemKind, RowConsent,
};
use store::SqlStore;

use super::MANY;
use crate::samples::phone;
use crate::scene::Scene;
use crate::support::at;

fn new_import() -> NewImport {
    NewImport {
        filename: None,
        plan: serde_json::json!({}),
        file: "1/abc".into(),
        size: 1,
        created_by: None,
        holder: "node".into(),
        held_until: at(1),
        at: at(0),
    }
}

fn bad(row: u64) -> BadRow {
    BadRow {
        row,
        phone: String::new(),
        error: "is no number".into(),
        is_duplicate: false,
        opt_out: None,
        cells: Vec::new(),
    }
}

fn says(says: Agreement) -> RowConsent {
    RowConsent { says, at: at(0), before: None, evidence: serde_json::json!({}) }
}

/// An import of nothing but bad rows.
pub(super) async fn problems(scene: &Scene) {
    let import = scene.store().create_import(scene.tenant, new_import()).await.unwrap();
    let batch = ImportBatch {
        import: import.id,
        holder: "node".into(),
        held_until: at(600),
        from: 0,
        to: u64::from(MANY),
        bytes_read: 1,
        good: Vec::new(),
        bad: (1..=u64::from(MANY)).map(bad).collect(),
        on_duplicate: OnDuplicate::Skip,
        at: at(99),
    };
    let applied = scene.store().import_batch(scene.tenant, &batch).await.unwrap();
    assert!(matches!(applied, Applied::Applied(_)), "{applied:?}");
}

/// Rows of numbers that are known, of new ones, and of none.
pub(super) async fn imports(scene: &Scene, store: &SqlStore) {
    let tenant = scene.tenant;
    let import = store.create_import(tenant, new_import()).await.unwrap();
    store.free_imports("other", at(50), 5).await.unwrap();
    store.take_import(tenant, import.id, "node", at(50), at(500)).await.unwrap();
    let good = |row: u64, number: u32| GoodRow {
        row,
        phone: phone(number),
        written: String::new(),
        country: None,
        name: Some("Ana".into()),
        language: None,
        time_zone: None,
        tags: vec!["fair".into()],
        fields: Default::default(),
        consent: Some(says(Agreement::Yes)),
        cells: Vec::new(),
    };
    let leaves = |row, number| GoodRow { consent: Some(says(Agreement::OptedOut)), ..good(row, number) };
    let mut from = 0;
    for on_duplicate in [OnDuplicate::Skip, OnDuplicate::Update] {
        let first = MANY * 2 + u32::try_from(from).unwrap();
        let batch = ImportBatch {
            import: import.id,
            holder: "node".into(),
            held_until: at(600),
            from,
            to: from + 5,
            bytes_read: 1,
            good: vec![good(from + 1, first), good(from + 2, 7), good(from + 3, 8), leaves(from + 4, 9)],
            bad: vec![BadRow { opt_out: Some((phone(10), says(Agreement::OptedOut))), ..bad(from + 5) }],
            on_duplicate,
            at: at(99),
        };
        let applied = store.import_batch(tenant, &batch).await.unwrap();
        assert!(matches!(applied, Applied::Applied(_)), "{applied:?}");
        from += 5;
    }
    store.import_problems(tenant, import.id, 1, 10).await.unwrap();
    store.import_problems_of(tenant, import.id, ProblemKind::Note, 10).await.unwrap();
    store.imports(tenant, &Default::default()).await.unwrap();
    store.files_of_imports().await.unwrap();
    store.release_import(tenant, import.id, "node").await.unwrap();
    store.take_import(tenant, import.id, "node", at(99), at(500)).await.unwrap();
    store.end_import(tenant, import.id, "node", ImportState::Completed, None, at(99)).await.unwrap();
    store.cancel_import(tenant, import.id, at(99)).await.unwrap();
}
