//! Imports.

use std::collections::HashSet;

use domain::consent::{ConsentKind, ConsentSource};
use domain::imports::ImportState;
use domain::imports::agreement::Agreement;
use domain::{ApiKeyId, ImportId, TenantId};
use ports::Paging;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{Contact, ContactFilter, ContactPatch, ContactStore, NewContact};
use ports::imports::{
    Applied, BadRow, Counts, GoodRow, Import, ImportBatch, ImportStore, NewImport, OnDuplicate, ProblemKind,
    RowConsent,
};
use ports::operator::OperatorStore;
use serde_json::json;
use store::SqlStore;

use crate::samples::{at_once, by_page, identity, new_contact, phone, walk};
use crate::support::{Bench, at};

on_each_engine!(
    an_import_is_kept_as_it_was_given,
    a_batch_makes_contacts_with_their_consent_and_keeps_the_problems,
    a_batch_that_comes_again_changes_nothing,
    a_batch_of_another_holder_or_of_an_import_that_is_over_changes_nothing,
    a_known_number_is_a_duplicate_and_stays_as_it_is,
    a_known_contact_is_brought_up_to_date,
    no_import_lifts_an_opt_out,
    a_list_that_says_no_ends_an_opt_in_and_says_so_in_the_ledger,
    an_explicit_opt_out_counts_whatever_becomes_of_its_row,
    what_is_at_fault_is_found_among_what_came_again,
    a_contact_does_not_outgrow_its_bounds,
    of_two_importers_who_race_for_the_same_numbers_each_number_is_made_once,
    a_dead_node_leaves_its_import_to_another_at_the_cursor,
    a_cancelled_import_stays_cancelled,
    problems_are_read_in_pages,
    a_tenant_sees_its_own_imports_alone,
    every_text_is_kept_as_it_stands_in_the_file,
    of_a_large_batch_those_that_are_known_are_told_from_those_that_are_not,
    a_search_finds_everybody_of_a_large_batch_before_and_after_the_index_was_filled,
    contacts_of_a_large_batch_that_change_before_they_are_in_the_index_are_found_as_they_are,
);

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

fn consenting(number_of_row: u64, number: u32) -> GoodRow {
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

fn batch(import: &Import, good: Vec<GoodRow>, bad: Vec<BadRow>) -> ImportBatch {
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

fn updating(batch: ImportBatch) -> ImportBatch {
    ImportBatch { on_duplicate: OnDuplicate::Update, ..batch }
}

async fn apply(store: &SqlStore, tenant: TenantId, batch: ImportBatch) -> Import {
    match store.import_batch(tenant, &batch).await.unwrap() {
        Applied::Applied(import) => import,
        other => panic!("not applied: {other:?}"),
    }
}

async fn start(bench: &Bench) -> (TenantId, Import) {
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

async fn a_batch_makes_contacts_with_their_consent_and_keeps_the_problems(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let in_file = BadRow { is_duplicate: true, ..bad(5, "Duplicate number") };
    let good = vec![consenting(2, 7), row(3, 8)];
    let import =
        apply(&bench.store, tenant, batch(&import, good, vec![bad(4, "Invalid phone format"), in_file]))
            .await;
    let counts = Counts { processed: 4, imported: 2, updated: 0, duplicates: 1, errors: 1 };
    assert_eq!((import.counts, import.cursor, import.bytes_read), (counts, 5, 50));
    let contact = by_number(&bench, tenant, 7).await;
    assert_eq!((contact.name.as_deref(), contact.language.as_deref()), (Some("Person 7"), Some("en")));
    assert_eq!((contact.country.as_deref(), contact.tags), (Some("US"), vec!["fair".to_owned()]));
    assert_eq!((json!(contact.fields), contact.created_at), (json!({"city": "Rome"}), at(30)));
    assert_eq!((contact.consent.opted_in, contact.consent.opted_in_at), (true, Some(at(-500))));
    let ledger = bench.store.consent_records(tenant, contact.id, &Paging::default()).await.unwrap().items;
    assert_eq!(ledger.len(), 1);
    assert_eq!((ledger[0].kind, ledger[0].source), (ConsentKind::OptIn, ConsentSource::Import));
    assert_eq!((ledger[0].at, &ledger[0].evidence), (at(-500), &json!({"file": "list.csv", "row": 2})));
    let other = by_number(&bench, tenant, 8).await;
    assert!(!other.consent.opted_in);
    let filter = ContactFilter { search: Some("person 8".into()), ..ContactFilter::default() };
    assert_eq!(
        bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap().items[0].id,
        other.id
    );
    let kept = bench.store.import_problems(tenant, import.id, 0, 10).await.unwrap();
    assert_eq!(
        kept.iter().map(|one| (one.row, one.error.as_str())).collect::<Vec<_>>(),
        [(4, "Invalid phone format"), (5, "Duplicate number")]
    );
    assert_eq!(kept[0].cells, ["+1555"]);
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

async fn a_known_number_is_a_duplicate_and_stays_as_it_is(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let known = bench.contact(tenant, NewContact { name: Some("Old".into()), ..new_contact(7) }).await;
    let import = apply(&bench.store, tenant, batch(&import, vec![consenting(2, 7), row(3, 8)], vec![])).await;
    assert_eq!((import.counts.imported, import.counts.duplicates), (1, 1));
    assert_eq!(by_number(&bench, tenant, 7).await, known);
    let ledger = bench.store.consent_records(tenant, known.id, &Paging::default()).await.unwrap();
    assert_eq!(ledger.total, 0);
    assert_eq!(
        problems(&bench, tenant, import.id).await,
        [(2, "+1 555 0000007".to_owned(), "Duplicate number".to_owned())]
    );
}

async fn a_known_contact_is_brought_up_to_date(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let known = NewContact {
        name: Some("Old".into()),
        language: Some("de".into()),
        time_zone: Some("Europe/Berlin".into()),
        tags: vec!["vip".into(), "fair".into()],
        fields: json!({"zip": "10115"}).as_object().unwrap().clone(),
        ..new_contact(7)
    };
    let known = bench.contact(tenant, known).await;
    let named = GoodRow { language: None, ..consenting(2, 7) };
    let import = apply(&bench.store, tenant, updating(batch(&import, vec![named, row(3, 8)], vec![]))).await;
    let counts = Counts { processed: 2, imported: 1, updated: 1, ..Counts::default() };
    assert_eq!(import.counts, counts);
    let now = by_number(&bench, tenant, 7).await;
    assert_eq!(
        (now.id, now.name.as_deref(), now.language.as_deref()),
        (known.id, Some("Person 7"), Some("de"))
    );
    assert_eq!(
        (now.tags, json!(now.fields)),
        (vec!["vip".to_owned(), "fair".to_owned()], json!({"zip": "10115", "city": "Rome"}))
    );
    assert_eq!((now.time_zone.as_deref(), now.updated_at), (Some("Europe/Berlin"), at(30)));
    assert!(now.consent.opted_in);
    let ledger = bench.store.consent_records(tenant, now.id, &Paging::default()).await.unwrap();
    assert_eq!(ledger.total, 1);
    // A second time consent is nothing new.
    let again = updating(batch(&import, vec![consenting(4, 7)], vec![]));
    apply(&bench.store, tenant, again).await;
    assert_eq!(bench.store.consent_records(tenant, now.id, &Paging::default()).await.unwrap().total, 1);
}

async fn no_import_lifts_an_opt_out(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let known = bench.contact(tenant, new_contact(7)).await;
    let stop = NewConsent {
        contact_id: known.id,
        kind: ConsentKind::OptOut,
        source: ConsentSource::Keyword,
        at: at(-1_000),
        evidence: json!({}),
    };
    bench.store.record_consent(tenant, stop).await.unwrap().unwrap();
    let import = apply(&bench.store, tenant, updating(batch(&import, vec![consenting(2, 7)], vec![]))).await;
    assert_eq!((import.counts.updated, import.consent_refused, import.opted_out), (1, 1, 0));
    let notes = bench.store.import_problems_of(tenant, import.id, ProblemKind::Note, 9).await.unwrap();
    assert_eq!((notes.len(), notes[0].row, notes[0].phone.as_str()), (1, 2, "+1 555 0000007"));
    assert_eq!(problems(&bench, tenant, import.id).await, [], "a note is no row to be mended");
    let now = by_number(&bench, tenant, 7).await;
    assert!(now.consent.explicitly_out());
    assert_eq!(now.name.as_deref(), Some("Person 7"));
    assert_eq!(bench.store.consent_records(tenant, now.id, &Paging::default()).await.unwrap().total, 1);
}

fn saying(row_number: u64, number: u32, agreement: Agreement) -> GoodRow {
    let consent = says(agreement, 20, json!({ "row": row_number }));
    GoodRow { consent: Some(consent), ..row(row_number, number) }
}

async fn ledger(bench: &Bench, tenant: TenantId, number: u32) -> Vec<(ConsentKind, ConsentSource, i64)> {
    let contact = by_number(bench, tenant, number).await;
    let found = bench.store.consent_records(tenant, contact.id, &Paging::default()).await.unwrap();
    found.items.iter().map(|one| (one.kind, one.source, one.at.duration_since(at(0)).as_secs())).collect()
}

const IN: (ConsentKind, ConsentSource, i64) = (ConsentKind::OptIn, ConsentSource::Import, -500);
const OUT: (ConsentKind, ConsentSource, i64) = (ConsentKind::OptOut, ConsentSource::Import, 20);

async fn a_list_that_says_no_ends_an_opt_in_and_says_so_in_the_ledger(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let import =
        apply(&bench.store, tenant, batch(&import, vec![consenting(2, 1), consenting(3, 2)], vec![])).await;
    bench.contact(tenant, new_contact(3)).await;
    let was_in = RowConsent { before: Some(at(-500)), ..says(Agreement::OptedOut, 20, json!({})) };
    let good = vec![
        saying(4, 1, Agreement::No),
        saying(5, 2, Agreement::OptedOut),
        saying(6, 3, Agreement::No),
        saying(7, 4, Agreement::No),
        saying(8, 5, Agreement::OptedOut),
        GoodRow { consent: Some(was_in), ..row(9, 6) },
    ];
    let import = apply(&bench.store, tenant, updating(batch(&import, good, vec![]))).await;
    let counts = Counts { processed: 8, imported: 5, updated: 3, ..Counts::default() };
    assert_eq!((import.counts, import.opted_out, import.consent_refused), (counts, 4, 0));
    for (number, expected) in
        [(1, vec![OUT, IN]), (2, vec![OUT, IN]), (3, vec![]), (4, vec![]), (5, vec![OUT]), (6, vec![OUT, IN])]
    {
        assert_eq!(ledger(&bench, tenant, number).await, expected, "{number}");
        let consent = by_number(&bench, tenant, number).await.consent;
        assert!(!consent.opted_in, "{number}");
        assert_eq!(consent.explicitly_out(), !expected.is_empty(), "{number}");
        assert_eq!(consent.opted_in_at, expected.contains(&IN).then_some(at(-500)), "{number}");
    }
    // The next list does not bring them back.
    let good = vec![consenting(10, 1), consenting(11, 5), consenting(12, 4)];
    let import = apply(&bench.store, tenant, updating(batch(&import, good, vec![]))).await;
    assert_eq!((import.counts.updated, import.consent_refused), (6, 2));
    assert!(by_number(&bench, tenant, 5).await.consent.explicitly_out());
    assert!(by_number(&bench, tenant, 4).await.consent.opted_in, "a plain no is nothing of somebody new");
}

async fn an_explicit_opt_out_counts_whatever_becomes_of_its_row(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let tags = (0..100).map(|number| format!("t{number}")).collect();
    bench.contact(tenant, NewContact { tags, ..new_contact(9) }).await;
    let good = (1..=5).map(|number| consenting(u64::from(number) + 1, number)).collect();
    let import = apply(&bench.store, tenant, batch(&import, good, vec![])).await;
    let opt_out = |number: u32| Some((phone(number), says(Agreement::OptedOut, 20, json!({}))));
    let repeated = BadRow { is_duplicate: true, opt_out: opt_out(3), ..bad(9, "Duplicate number") };
    let at_fault = BadRow { opt_out: opt_out(4), ..bad(10, "language must be …") };
    let of_nobody = BadRow { opt_out: opt_out(77), ..bad(11, "language must be …") };
    let good = vec![saying(7, 1, Agreement::OptedOut), saying(8, 2, Agreement::No)];
    let import = apply(&bench.store, tenant, batch(&import, good, vec![repeated, at_fault, of_nobody])).await;
    let counts = Counts { processed: 10, imported: 5, updated: 0, duplicates: 3, errors: 2 };
    assert_eq!((import.counts, import.opted_out), (counts, 3));
    for (number, expected) in
        [(1, vec![OUT, IN]), (2, vec![IN]), (3, vec![OUT, IN]), (4, vec![OUT, IN]), (5, vec![IN])]
    {
        assert_eq!(ledger(&bench, tenant, number).await, expected, "{number}");
        let contact = by_number(&bench, tenant, number).await;
        assert_eq!(contact.consent.explicitly_out(), expected.contains(&OUT), "{number}");
        assert_eq!(contact.name, Some(format!("Person {number}")));
    }
    // Of a contact that cannot take over the rest, too; and once is enough.
    let good = vec![saying(12, 9, Agreement::OptedOut), saying(13, 1, Agreement::OptedOut)];
    let import = apply(&bench.store, tenant, updating(batch(&import, good, vec![]))).await;
    assert_eq!((import.counts.errors, import.opted_out), (3, 4));
    assert_eq!((ledger(&bench, tenant, 9).await, ledger(&bench, tenant, 1).await.len()), (vec![OUT], 2));
}

async fn what_is_at_fault_is_found_among_what_came_again(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let repeated = |row| BadRow { is_duplicate: true, ..bad(row, "Duplicate number") };
    let rows =
        (2..40).map(|row| if row % 13 == 0 { bad(row, "Invalid phone format") } else { repeated(row) });
    apply(&bench.store, tenant, batch(&import, vec![], rows.collect())).await;
    let of = async |kind, limit| {
        let found = bench.store.import_problems_of(tenant, import.id, kind, limit).await.unwrap();
        found.iter().map(|problem| problem.row).collect::<Vec<_>>()
    };
    assert_eq!(of(ProblemKind::Error, 2).await, [13, 26]);
    assert_eq!(of(ProblemKind::Error, 9).await, [13, 26, 39]);
    assert_eq!(of(ProblemKind::Duplicate, 3).await, [2, 3, 4]);
    assert_eq!(of(ProblemKind::Note, 3).await, [0_u64; 0]);
}

async fn a_contact_does_not_outgrow_its_bounds(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let tags = (0..100).map(|number| format!("t{number}")).collect();
    let known = bench.contact(tenant, NewContact { tags, ..new_contact(7) }).await;
    let import = apply(&bench.store, tenant, updating(batch(&import, vec![consenting(2, 7)], vec![]))).await;
    assert_eq!((import.counts.updated, import.counts.errors, import.counts.processed), (0, 1, 1));
    assert_eq!(by_number(&bench, tenant, 7).await, known);
    assert!(problems(&bench, tenant, import.id).await[0].2.contains("too many tags"));
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

async fn problems_are_read_in_pages(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let rows = (1..=25).map(|row| bad(row, "Invalid phone format")).collect();
    apply(&bench.store, tenant, batch(&import, vec![], rows)).await;
    let mut seen = Vec::new();
    while let Some(last) = {
        let after = seen.last().copied().unwrap_or(0);
        let page = bench.store.import_problems(tenant, import.id, after, 10).await.unwrap();
        seen.extend(page.iter().map(|problem| problem.row));
        page.last().map(|problem| problem.row)
    } {
        assert_eq!(seen.last(), Some(&last));
    }
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
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

async fn every_text_is_kept_as_it_stands_in_the_file(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let texts = [
        "O'Hara \"the\" \\ back\\\\slash",
        "{a,b},{\"c\":[1]}",
        "NULL",
        "null",
        "true",
        "007",
        "$1 $2 ; -- %s _",
        "Zoë 😀 中文 \u{202e}עברית\u{2028}",
        "tab\tline\nreturn\r\u{1}\u{7f}",
        "\\u0000 \\n \\\"",
    ];
    let mut good: Vec<GoodRow> =
        (0..).zip(texts).map(|(number, _)| row(u64::from(number) + 2, number)).collect();
    for (row, text) in good.iter_mut().zip(texts) {
        row.name = Some(text.into());
        row.tags = vec![text.into(), "fair".into()];
        row.fields = json!({ text: text, "none": "" }).as_object().unwrap().clone();
        row.consent = Some(says(Agreement::Yes, -500, json!({ "evidence": text })));
    }
    good.push(GoodRow { name: Some("nul\0l".into()), ..row(89, 89) });
    good.push(GoodRow { name: None, language: None, country: None, tags: vec![], ..row(90, 90) });
    let problem = |(number, text): (u64, &str)| BadRow {
        phone: text.into(),
        cells: vec![text.into(), String::new()],
        ..bad(number, text)
    };
    let bad: Vec<BadRow> = (100..).zip(texts).map(problem).collect();
    apply(&bench.store, tenant, batch(&import, good, bad)).await;
    for (number, text) in (0..).zip(texts) {
        let contact = by_number(&bench, tenant, number).await;
        assert_eq!(contact.name.as_deref(), Some(text));
        assert_eq!(contact.tags, [text, "fair"]);
        assert_eq!(json!(contact.fields), json!({ text: text, "none": "" }));
        let records = bench.store.consent_records(tenant, contact.id, &Paging::default()).await.unwrap();
        assert_eq!(records.items[0].evidence, json!({ "evidence": text }));
    }
    assert_eq!(by_number(&bench, tenant, 89).await.name.as_deref(), Some("null"), "no NUL is kept");
    let bare = by_number(&bench, tenant, 90).await;
    assert_eq!((bare.name, bare.language, bare.tags), (None, None, vec![]));
    let told = bench.store.import_problems(tenant, import.id, 0, 100).await.unwrap();
    assert_eq!(told.len(), texts.len());
    for (problem, text) in told.iter().zip(texts) {
        assert_eq!((problem.phone.as_str(), problem.error.as_str()), (text, text));
        assert_eq!(problem.cells, [text, ""]);
    }
}

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
    let page = bench.store.contacts(tenant, &with_consent, &Paging::default()).await.unwrap();
    assert_eq!(page.total, u64::from(LARGE) - 3);
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
        for (text, many) in
            [("person 12", 1 + 1 + 10 + 100), ("person 5399", 1), ("person 5400", 0), ("0000042", 1)]
        {
            for (tenant, many) in [(tenant, many), (other, if many > 1 { many - 1 } else { many })] {
                let filter = ContactFilter { search: Some(text.into()), ..ContactFilter::default() };
                let page = bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap();
                assert_eq!(page.total, many, "{text}, {waiting} waiting");
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
