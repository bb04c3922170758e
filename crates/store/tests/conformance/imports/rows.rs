//! What becomes of a row: a contact that is new, one that is known, or a problem that is told.

use domain::consent::{ConsentKind, ConsentSource};
use domain::imports::agreement::Agreement;
use ports::Paging;
use ports::consent::ConsentStore;
use ports::contacts::{ContactFilter, ContactStore, NewContact};
use ports::imports::{BadRow, Counts, GoodRow, ImportStore, ProblemKind};
use serde_json::json;

use super::{apply, bad, batch, by_number, consenting, problems, row, says, start, updating};
use crate::samples::new_contact;
use crate::support::{Bench, at};

on_each_engine!(
    a_batch_makes_contacts_with_their_consent_and_keeps_the_problems,
    a_known_number_is_a_duplicate_and_stays_as_it_is,
    a_known_contact_is_brought_up_to_date,
    what_is_at_fault_is_found_among_what_came_again,
    a_contact_does_not_outgrow_its_bounds,
    problems_are_read_in_pages,
    every_text_is_kept_as_it_stands_in_the_file,
);

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
