//! An import on its way: who holds it, where it goes on, and how it ends.

use std::collections::HashSet;

use domain::imports::ImportState;
use domain::{ApiKeyId, ImportId};
use ports::Paging;
use ports::consent::ConsentStore;
use ports::imports::{Applied, Counts, GoodRow, ImportBatch, ImportStore};
use serde_json::json;

use super::{apply, bad, batch, consenting, everybody, new_import, row, start, updating};
use crate::samples::{at_once, by_page};
use crate::support::{Bench, at};

on_each_engine!(
    an_import_is_kept_as_it_was_given,
    a_batch_that_comes_again_changes_nothing,
    a_batch_of_another_holder_or_of_an_import_that_is_over_changes_nothing,
    of_two_importers_who_race_for_the_same_numbers_each_number_is_made_once,
    a_dead_node_leaves_its_import_to_another_at_the_cursor,
    a_cancelled_import_stays_cancelled,
    a_tenant_sees_its_own_imports_alone,
);

async fn an_import_is_kept_as_it_was_given(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    assert_eq!((import.state, import.cursor, import.counts), (ImportState::Running, 0, Counts::default()));
    assert_eq!((import.size, import.created_by), (1_000, Some(ApiKeyId(4))));
    assert_eq!((import.plan.clone(), import.file.as_str()), (json!({"columns": ["phone"]}), "1/abc"));
    assert_eq!(bench.store.import(tenant, import.id).await.unwrap(), Some(import.clone()));
    let second = bench.store.create_import(tenant, new_import()).await.unwrap();
    let list = bench.store.imports(tenant, &Paging::default()).await.unwrap();
    assert_eq!(list.items.iter().map(|one| one.id).collect::<Vec<_>>(), [second.id, import.id]);
    assert_eq!(bench.store.files_of_imports().await.unwrap(), ["1/abc", "1/abc"]);
    let store = &bench.store;
    let failed = store
        .end_import(tenant, import.id, "node", ImportState::Failed, Some("no\0thing"), at(50))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((failed.state, failed.failure.as_deref()), (ImportState::Failed, Some("nothing")));
    assert_eq!(failed.ended_at, Some(at(50)));
}

async fn a_batch_that_comes_again_changes_nothing(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let first = batch(&import, vec![consenting(2, 7)], vec![bad(3, "Invalid phone format")]);
    let after = apply(&bench.store, tenant, first.clone()).await;
    let again = bench.store.import_batch(tenant, &first).await.unwrap();
    assert_eq!(again, Applied::NotOurs(Some(after.clone())));
    assert_eq!(bench.store.import(tenant, import.id).await.unwrap(), Some(after.clone()));
    let next = apply(&bench.store, tenant, batch(&after, vec![row(4, 8)], vec![])).await;
    assert_eq!((next.counts.processed, next.cursor), (3, 4));
}

async fn a_batch_of_another_holder_or_of_an_import_that_is_over_changes_nothing(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let ours = batch(&import, vec![row(2, 7)], vec![]);
    let theirs = ImportBatch { holder: "other".into(), ..ours.clone() };
    assert!(matches!(bench.store.import_batch(tenant, &theirs).await.unwrap(), Applied::NotOurs(Some(_))));
    let store = &bench.store;
    assert_eq!(
        store.end_import(tenant, import.id, "other", ImportState::Completed, None, at(1)).await.unwrap(),
        None
    );
    store.end_import(tenant, import.id, "node", ImportState::Completed, None, at(1)).await.unwrap().unwrap();
    assert!(matches!(store.import_batch(tenant, &ours).await.unwrap(), Applied::NotOurs(Some(_))));
    let missing = ImportBatch { import: ImportId(4711), ..batch(&import, vec![row(2, 7)], vec![]) };
    assert_eq!(store.import_batch(tenant, &missing).await.unwrap(), Applied::NotOurs(None));
    assert!(everybody(&bench, tenant).await.is_empty());
}

async fn of_two_importers_who_race_for_the_same_numbers_each_number_is_made_once(bench: Bench) {
    let tenant = bench.tenant().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(bench.store.create_import(tenant, new_import()).await.unwrap());
    }
    let imports = held.clone();
    at_once(&bench.store, 4, move |store, which| {
        let mut import = imports[which as usize].clone();
        async move {
            for part in 0..4_u32 {
                // Half of them from the end, so that they meet.
                let part = if which % 2 == 0 { part } else { 3 - part };
                let from = import.cursor;
                let good: Vec<GoodRow> =
                    (0..100).map(|n| consenting(from + 1 + u64::from(n), part * 100 + n)).collect();
                let next = batch(&import, good, vec![]);
                let next = if which < 2 { next } else { updating(next) };
                import = apply(&store, tenant, next).await;
            }
        }
    })
    .await;
    let contacts = everybody(&bench, tenant).await;
    let numbers: HashSet<_> = contacts.iter().map(|one| one.identity.phone.clone()).collect();
    assert_eq!((contacts.len(), numbers.len()), (400, 400));
    let mut sum = Counts::default();
    for import in &held {
        let counts = bench.store.import(tenant, import.id).await.unwrap().unwrap().counts;
        assert_eq!(counts.processed, counts.imported + counts.updated + counts.duplicates + counts.errors);
        sum.processed += counts.processed;
        sum.imported += counts.imported;
    }
    assert_eq!((sum.processed, sum.imported), (1_600, 400));
    for contact in contacts.iter().step_by(37) {
        let ledger = bench.store.consent_records(tenant, contact.id, &Paging::default()).await.unwrap();
        assert_eq!(ledger.total, 1, "consent is written once");
    }
}

async fn a_dead_node_leaves_its_import_to_another_at_the_cursor(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    apply(&bench.store, tenant, batch(&import, vec![row(2, 7)], vec![])).await;
    let other = bench.another_node().await;
    let free = |node: &'static str, now| {
        let other = &other;
        async move {
            let found = other.free_imports(node, now, 10).await.unwrap();
            found.into_iter().map(|(tenant, import)| (tenant, import.id)).collect::<Vec<_>>()
        }
    };
    assert!(free("other", at(89)).await.is_empty());
    assert_eq!(other.take_import(tenant, import.id, "other", at(89), at(150)).await.unwrap(), None);
    assert_eq!(free("node", at(89)).await, [(tenant, import.id)]);
    assert_eq!(free("other", at(90)).await, [(tenant, import.id)]);
    let taken = at_once(&other, 5, move |store, number| async move {
        let name = format!("other-{number}");
        store
            .take_import(tenant, import.id, &name, at(91), at(150))
            .await
            .unwrap()
            .map(|import| (name, import))
    })
    .await;
    let mut taken: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1, "one gets it");
    let (name, now) = taken.remove(0);
    assert_eq!((now.cursor, now.run_at, now.run_processed), (2, at(91), 1));
    let late = batch(&now, vec![row(3, 8)], vec![]);
    assert!(matches!(bench.store.import_batch(tenant, &late).await.unwrap(), Applied::NotOurs(_)));
    apply(&other, tenant, ImportBatch { holder: name.clone(), ..late }).await;
    other.release_import(tenant, now.id, &name).await.unwrap();
    assert_eq!(free("third", at(0)).await, [(tenant, now.id)]);
}

async fn a_cancelled_import_stays_cancelled(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let (stopped, now) = bench.store.cancel_import(tenant, import.id, at(9)).await.unwrap().unwrap();
    assert_eq!((stopped.state, stopped.ended_at, now), (ImportState::Cancelled, Some(at(9)), true));
    let (again, now) = bench.store.cancel_import(tenant, import.id, at(10)).await.unwrap().unwrap();
    assert_eq!((again, now), (stopped, false));
    let batch = batch(&import, vec![row(2, 7)], vec![]);
    assert!(matches!(bench.store.import_batch(tenant, &batch).await.unwrap(), Applied::NotOurs(Some(_))));
    assert_eq!(bench.store.free_imports("node", at(99), 10).await.unwrap(), []);
    let ended = bench.store.end_import(tenant, import.id, "node", ImportState::Completed, None, at(11)).await;
    assert_eq!(ended.unwrap(), None);
    assert_eq!(bench.store.cancel_import(tenant, ImportId(4711), at(9)).await.unwrap(), None);
}

async fn a_tenant_sees_its_own_imports_alone(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    apply(&bench.store, tenant, batch(&import, vec![], vec![bad(2, "Invalid phone format")])).await;
    let (stranger, store) = (bench.tenant().await, &bench.store);
    assert_eq!(store.import(stranger, import.id).await.unwrap(), None);
    assert_eq!(store.imports(stranger, &by_page(1, 10)).await.unwrap().total, 0);
    assert_eq!(store.import_problems(stranger, import.id, 0, 10).await.unwrap(), []);
    assert_eq!(store.cancel_import(stranger, import.id, at(9)).await.unwrap(), None);
    assert_eq!(store.take_import(stranger, import.id, "node", at(9), at(99)).await.unwrap(), None);
    let ended =
        store.end_import(stranger, import.id, "node", ImportState::Failed, None, at(9)).await.unwrap();
    assert_eq!(ended, None);
    store.release_import(stranger, import.id, "node").await.unwrap();
    let known = store.import(tenant, import.id).await.unwrap().unwrap();
    let theirs = batch(&known, vec![row(3, 7)], vec![]);
    assert_eq!(store.import_batch(stranger, &theirs).await.unwrap(), Applied::NotOurs(None));
    assert_eq!(store.free_imports("other", at(89), 10).await.unwrap(), []);
}
