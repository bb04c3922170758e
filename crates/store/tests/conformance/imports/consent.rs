//! What a list says of consent, and what it may change.

use domain::TenantId;
use domain::consent::{ConsentKind, ConsentSource};
use domain::imports::agreement::Agreement;
use ports::Paging;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::NewContact;
use ports::imports::{BadRow, Counts, GoodRow, ImportStore, ProblemKind, RowConsent};
use serde_json::json;

use super::{apply, bad, batch, by_number, consenting, problems, row, says, start, updating};
use crate::samples::{new_contact, phone};
use crate::support::{Bench, at};

on_each_engine!(
    no_import_lifts_an_opt_out,
    a_list_that_says_no_ends_an_opt_in_and_says_so_in_the_ledger,
    an_explicit_opt_out_counts_whatever_becomes_of_its_row,
);

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
