//! Batches of some thousand rows, and the search that finds them.

use std::time::Duration;

use domain::TenantId;
use ports::Paging;
use ports::contacts::{Contact, ContactFilter, ContactPatch, ContactStore, NewContact};
use ports::imports::{GoodRow, ImportBatch, ImportStore};
use ports::operator::OperatorStore;

use super::{apply, batch, by_number, consenting, new_import, problems, row, start};
use crate::samples::new_contact;
use crate::support::{Bench, at};

on_each_engine!(
    of_a_large_batch_those_that_are_known_are_told_from_those_that_are_not,
    a_search_finds_everybody_of_a_large_batch_before_and_after_the_index_was_filled,
    contacts_of_a_large_batch_that_change_before_they_are_in_the_index_are_found_as_they_are,
);

/// More than a statement may bring before PostgreSQL notes the range of their ids, and more than a batch of the index.
const LARGE: u32 = 5_400;

fn large(first: u32) -> Vec<GoodRow> {
    (0..LARGE).map(|number| consenting(u64::from(number) + 2, first + number)).collect()
}

async fn of_a_large_batch_those_that_are_known_are_told_from_those_that_are_not(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let known: Vec<GoodRow> = [7, 5_000, 300].map(|number| row(u64::from(number) + 2, number)).into();
    let import = apply(&bench.store, tenant, batch(&import, known, vec![])).await;
    let again = ImportBatch { to: import.cursor + 1, ..batch(&import, large(0), vec![]) };
    let import = apply(&bench.store, tenant, again).await;
    assert_eq!((import.counts.imported, import.counts.duplicates), (u64::from(LARGE), 3));
    let mut told: Vec<u64> =
        problems(&bench, tenant, import.id).await.into_iter().map(|(row, ..)| row).collect();
    told.sort_unstable();
    assert_eq!(told, [9, 302, 5_002]);
    let with_consent = ContactFilter { opted_in: Some(true), ..ContactFilter::default() };
    assert_eq!(total(&bench, tenant, with_consent).await, u64::from(LARGE) - 3);
    let again = ImportBatch { to: import.cursor + 1, ..batch(&import, large(0), vec![]) };
    // Each row is told once.
    let other = bench.store.create_import(tenant, new_import()).await.unwrap();
    let again = ImportBatch { import: other.id, from: 0, ..again };
    let other = apply(&bench.store, tenant, again).await;
    assert_eq!((other.counts.imported, other.counts.duplicates), (0, u64::from(LARGE)));
}

async fn searched(bench: &Bench, tenant: TenantId, text: &str) -> Vec<Contact> {
    let filter = ContactFilter { search: Some(text.into()), ..ContactFilter::default() };
    bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap().items
}

/// How many a filter finds, once they are counted: of so many contacts, a total may be an estimate at first.
async fn total(bench: &Bench, tenant: TenantId, filter: ContactFilter) -> u64 {
    let counted = async {
        loop {
            let page = bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap();
            if !page.total_is_estimate {
                return page.total;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted).await.expect("a count")
}

/// Fills the index; answers how many contacts it took in.
async fn fill_index(bench: &Bench, limit: u32) -> u64 {
    let mut contacts = 0;
    loop {
        let done = bench.store.index_contacts(limit).await.unwrap();
        contacts += done.contacts;
        if !done.more {
            return contacts;
        }
    }
}

async fn a_search_finds_everybody_of_a_large_batch_before_and_after_the_index_was_filled(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let (other, theirs) = start(&bench).await;
    bench.contact(tenant, NewContact { name: Some("Person 12x".into()), ..new_contact(999_999) }).await;
    apply(&bench.store, tenant, batch(&import, large(0), vec![])).await;
    apply(&bench.store, other, batch(&theirs, large(0), vec![])).await;
    for waiting in [2 * u64::from(LARGE) + 1, 0] {
        for (text, many) in [
            ("person 12", 1 + 1 + 10 + 100),
            ("person 5399", 1),
            ("person 5400", 0),
            ("0000042", 1),
            // So common that the index is not asked.
            ("person", 1 + u64::from(LARGE)),
        ] {
            for (tenant, many) in [(tenant, many), (other, if many > 1 { many - 1 } else { many })] {
                let filter = ContactFilter { search: Some(text.into()), ..ContactFilter::default() };
                assert_eq!(total(&bench, tenant, filter).await, many, "{text}, {waiting} waiting");
            }
        }
        assert_eq!(fill_index(&bench, 10_000).await, waiting);
    }
}

async fn contacts_of_a_large_batch_that_change_before_they_are_in_the_index_are_found_as_they_are(
    bench: Bench,
) {
    let (tenant, import) = start(&bench).await;
    apply(&bench.store, tenant, batch(&import, large(0), vec![])).await;
    let [early, late, gone, gone_late] = [
        by_number(&bench, tenant, 10).await.id,
        by_number(&bench, tenant, 4_321).await.id,
        by_number(&bench, tenant, 20).await.id,
        by_number(&bench, tenant, 4_322).await.id,
    ];
    let renamed = |name: &str| ContactPatch { name: Some(Some(name.into())), ..ContactPatch::default() };
    bench.store.update_contact(tenant, early, renamed("Ægir"), at(40)).await.unwrap();
    bench.store.delete_contact(tenant, gone, at(41)).await.unwrap();
    // Parts of the batch are in the index, others are not.
    assert!(bench.store.index_contacts(700).await.unwrap().more);
    bench.store.update_contact(tenant, late, renamed("Freyja"), at(42)).await.unwrap();
    bench.store.delete_contact(tenant, gone_late, at(43)).await.unwrap();
    for filled in [false, true] {
        if filled {
            fill_index(&bench, 700).await;
        }
        let ids = async |text: &str| {
            searched(&bench, tenant, text).await.iter().map(|contact| contact.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("ægir").await, [early]);
        assert_eq!(ids("freyja").await, [late]);
        assert_eq!(ids("person 4321").await, []);
        assert_eq!(ids("person 4322").await, []);
        assert_eq!(ids("person 4323").await.len(), 1);
        assert_eq!(ids("0000020").await, []);
    }
}
