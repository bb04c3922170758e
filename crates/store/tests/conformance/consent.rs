//! The consent ledger.

use domain::TenantId;
use domain::consent::{ConsentKind, ConsentSource};
use domain::{ContactId, Timestamp};
use ports::Paging;
use ports::consent::{ConsentOutcome, ConsentRecord, ConsentStore, NewConsent};
use serde_json::json;

use crate::samples::{at_once, new_contact, walk};
use crate::support::{Bench, at};

on_each_engine!(
    a_decision_changes_the_contact_and_the_ledger,
    a_second_stop_writes_nothing,
    of_a_hundred_stops_at_once_one_is_kept,
    stops_and_starts_at_once_leave_a_ledger_that_adds_up,
    an_older_decision_changes_nothing,
    a_list_does_not_bring_back_somebody_who_said_stop,
    a_stop_takes_back_what_was_written_between_without_a_new_entry,
    a_marketing_stop_leaves_the_opt_in,
    the_ledger_is_read_newest_first_to_its_end,
    nobody_has_no_consent,
);

fn new(contact: ContactId, kind: ConsentKind, source: ConsentSource, at: Timestamp) -> NewConsent {
    NewConsent {
        contact_id: contact,
        kind,
        source,
        at,
        evidence: json!({ "wamid": "wamid.1", "text": "STOP\0" }),
    }
}

async fn record(bench: &Bench, tenant: TenantId, consent: NewConsent) -> ConsentOutcome {
    bench.store.record_consent(tenant, consent).await.unwrap().expect("a contact")
}

async fn ledger(bench: &Bench, tenant: TenantId, contact: ContactId) -> Vec<ConsentRecord> {
    bench.store.consent_records(tenant, contact, &Paging::default()).await.unwrap().items
}

async fn a_decision_changes_the_contact_and_the_ledger(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let outcome = record(&bench, tenant, new(contact, ConsentKind::OptIn, ConsentSource::Api, at(3))).await;
    assert!(outcome.changed && outcome.contact.consent.opted_in);
    assert_eq!(outcome.contact.consent.opted_in_at, Some(at(3)));
    assert_eq!(bench.read_contact(tenant, contact).await, outcome.contact);
    let entries = ledger(&bench, tenant, contact).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(Some(entries[0].id), outcome.record_id);
    assert_eq!(
        (entries[0].kind, entries[0].source, entries[0].at),
        (ConsentKind::OptIn, ConsentSource::Api, at(3))
    );
    assert_eq!(entries[0].evidence["wamid"], "wamid.1");
}

async fn a_second_stop_writes_nothing(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let stop = |second| new(contact, ConsentKind::OptOut, ConsentSource::Keyword, at(second));
    assert!(record(&bench, tenant, stop(1)).await.changed);
    let second = record(&bench, tenant, stop(5)).await;
    assert_eq!((second.changed, second.record_id), (false, None));
    assert_eq!(second.contact.consent.opted_out_at, Some(at(1)));
    assert_eq!(ledger(&bench, tenant, contact).await.len(), 1);
}

async fn of_a_hundred_stops_at_once_one_is_kept(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let outcomes = at_once(&bench.store, 100, |store, number| async move {
        let stop = new(contact, ConsentKind::OptOut, ConsentSource::Keyword, at(i64::from(number)));
        store.record_consent(tenant, stop).await.unwrap().unwrap()
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.changed).count(), 1);
    assert_eq!(ledger(&bench, tenant, contact).await.len(), 1);
    assert!(bench.read_contact(tenant, contact).await.consent.explicitly_out());
}

async fn stops_and_starts_at_once_leave_a_ledger_that_adds_up(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let outcomes = at_once(&bench.store, 60, |store, number| async move {
        let kind = if number % 2 == 0 { ConsentKind::OptOut } else { ConsentKind::OptIn };
        let consent = new(contact, kind, ConsentSource::Keyword, at(0));
        store.record_consent(tenant, consent).await.unwrap().unwrap()
    })
    .await;
    let paging = Paging { page_size: 100, ..Paging::default() };
    let mut entries = bench.store.consent_records(tenant, contact, &paging).await.unwrap().items;
    entries.reverse();
    assert_eq!(entries.len(), outcomes.iter().filter(|outcome| outcome.changed).count());
    assert!(entries.windows(2).all(|pair| pair[0].kind != pair[1].kind), "each entry changed something");
    let now = bench.read_contact(tenant, contact).await.consent;
    assert_eq!(now.opted_in, entries.last().unwrap().kind == ConsentKind::OptIn);
}

async fn an_older_decision_changes_nothing(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    record(&bench, tenant, new(contact, ConsentKind::OptOut, ConsentSource::Keyword, at(100))).await;
    let late = record(&bench, tenant, new(contact, ConsentKind::OptIn, ConsentSource::Keyword, at(50))).await;
    assert!(!late.changed && late.contact.consent.explicitly_out());
    assert_eq!(ledger(&bench, tenant, contact).await.len(), 1);
}

async fn a_list_does_not_bring_back_somebody_who_said_stop(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    record(&bench, tenant, new(contact, ConsentKind::OptOut, ConsentSource::Keyword, at(1))).await;
    let import = record(&bench, tenant, new(contact, ConsentKind::OptIn, ConsentSource::Import, at(9))).await;
    assert!(!import.changed && import.contact.consent.explicitly_out());
    let asked = record(&bench, tenant, new(contact, ConsentKind::OptIn, ConsentSource::Api, at(9))).await;
    assert!(asked.changed && asked.contact.consent.opted_in);
}

async fn a_stop_takes_back_what_was_written_between_without_a_new_entry(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let stop = |second| new(contact, ConsentKind::OptOut, ConsentSource::Keyword, at(second));
    record(&bench, tenant, stop(1)).await;
    let sql = format!("UPDATE contacts SET wrote_after_opt_out = TRUE WHERE id = {contact}");
    crate::samples::run(&bench, &sql).await;
    assert!(bench.read_contact(tenant, contact).await.consent.wrote_after_opt_out);
    let again = record(&bench, tenant, stop(5)).await;
    assert!(!again.changed);
    assert!(!bench.read_contact(tenant, contact).await.consent.wrote_after_opt_out);
    assert_eq!(ledger(&bench, tenant, contact).await.len(), 1);
}

async fn a_marketing_stop_leaves_the_opt_in(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    record(&bench, tenant, new(contact, ConsentKind::OptIn, ConsentSource::Api, at(1))).await;
    let meta = |kind, second| new(contact, kind, ConsentSource::MetaPreference, at(second));
    assert!(record(&bench, tenant, meta(ConsentKind::MarketingStop, 2)).await.changed);
    assert!(!record(&bench, tenant, meta(ConsentKind::MarketingStop, 3)).await.changed);
    let consent = bench.read_contact(tenant, contact).await.consent;
    assert!(consent.opted_in && consent.marketing_stopped);
    assert!(record(&bench, tenant, meta(ConsentKind::MarketingResume, 4)).await.changed);
    assert!(!bench.read_contact(tenant, contact).await.consent.marketing_stopped);
    assert_eq!(ledger(&bench, tenant, contact).await.len(), 3);
}

async fn the_ledger_is_read_newest_first_to_its_end(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let other = bench.contact(tenant, new_contact(2)).await.id;
    for second in 0..12 {
        let kind = if second % 2 == 0 { ConsentKind::OptIn } else { ConsentKind::OptOut };
        record(&bench, tenant, new(contact, kind, ConsentSource::Console, at(second))).await;
        record(&bench, tenant, new(other, kind, ConsentSource::Console, at(second))).await;
    }
    let store = &bench.store;
    let read = |paging: Paging| async move { store.consent_records(tenant, contact, &paging).await.unwrap() };
    let entries = walk(5, read).await;
    assert_eq!(
        entries.iter().map(|entry| entry.at).collect::<Vec<_>>(),
        (0..12).rev().map(at).collect::<Vec<_>>()
    );
    assert!(entries.iter().all(|entry| entry.contact_id == contact));
    assert_eq!(read(Paging::default()).await.total, 12);
}

async fn nobody_has_no_consent(bench: Bench) {
    let tenant = bench.tenant().await;
    let consent = new(ContactId(9_999), ConsentKind::OptIn, ConsentSource::Api, at(1));
    assert_eq!(bench.store.record_consent(tenant, consent).await.unwrap(), None);
    assert!(ledger(&bench, tenant, ContactId(9_999)).await.is_empty());
}
