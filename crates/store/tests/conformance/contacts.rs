//! Contacts.

use std::collections::HashSet;

use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::{ContactId, InboxId, TenantId};
use ports::consent::ConsentStore;
use ports::contacts::{
    Contact, ContactFilter, ContactPatch, ContactStore, CreatedContact, NewContact, UpdatedContact,
};
use ports::conversations::ConversationStore;
use ports::lanes::LaneStore;
use ports::messages::{Addressee, MessageStore};
use ports::operator::OperatorStore;
use ports::webhooks::{Change, IdentityChange, Source};
use ports::{Page, Paging};
use serde_json::json;

use crate::samples::{at_once, by_page, identity, inbound, job, new_contact, phone, walk};
use crate::support::{Bench, at};

on_each_engine!(
    a_contact_is_kept_as_it_was_given,
    consent_given_at_the_start_is_in_the_ledger,
    a_taken_phone_number_or_bsuid_names_its_owner,
    of_a_hundred_who_make_the_same_contact_one_does,
    a_contact_is_found_by_phone_number_or_bsuid,
    a_search_finds_parts_of_name_and_phone_number_in_any_case,
    a_search_finds_the_same_before_and_after_the_index_was_filled,
    filters_hold_together,
    pages_by_number_and_by_cursor_give_the_same,
    a_walk_by_cursors_loses_and_doubles_nobody_while_contacts_are_made,
    a_cursor_of_no_list_of_ours_is_told_and_nothing_is_read,
    a_change_leaves_the_rest_as_it_is,
    a_change_to_a_taken_identity_names_its_owner,
    of_fifty_who_take_the_same_number_one_gets_it,
    a_deleted_contact_is_gone_and_its_ledger_stays,
    a_contact_that_does_not_exist_is_told,
    a_deleted_contact_takes_along_what_hangs_on_it,
    a_merged_contact_is_found_by_both_ids_with_both_ledgers,
    a_revealed_identity_joins_three_contacts,
    a_cleared_review_lets_the_contact_be_sent_to,
);

async fn list(bench: &Bench, tenant: TenantId, filter: ContactFilter) -> Page<Contact> {
    bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap()
}

async fn found(bench: &Bench, tenant: TenantId, search: &str) -> Vec<ContactId> {
    let filter = ContactFilter { search: Some(search.into()), ..ContactFilter::default() };
    list(bench, tenant, filter).await.items.iter().map(|contact| contact.id).collect()
}

fn fields(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn rich() -> NewContact {
    NewContact {
        identity: Identity { phone: Some(phone(1)), bsuid: Some("US.13491208655302741918".into()) },
        name: Some("Zoë \"Z\" O'Neill \u{1F980}\0".into()),
        language: Some("pt_BR".into()),
        time_zone: Some("America/Recife".into()),
        tags: vec!["vip".into(), "größe ✓".into(), "vip".into()],
        fields: fields(json!({ "city": "São Paulo", "note": "line\nbreak\0", "none": null })),
        opt_in: None,
    }
}

async fn a_contact_is_kept_as_it_was_given(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, rich()).await;
    assert_eq!(contact.identity, rich().identity);
    assert_eq!(contact.name.as_deref(), Some("Zoë \"Z\" O'Neill \u{1F980}"), "NUL cannot be kept");
    assert_eq!(contact.tags, ["vip", "größe ✓"]);
    assert_eq!(contact.fields, fields(json!({ "city": "São Paulo", "note": "line\nbreak" })));
    assert_eq!(contact.consent, Default::default());
    assert_eq!((contact.created_at, contact.updated_at, contact.review.clone()), (at(0), at(0), None));
    assert_eq!(bench.read_contact(tenant, contact.id).await, contact);
}

async fn consent_given_at_the_start_is_in_the_ledger(bench: Bench) {
    let tenant = bench.tenant().await;
    let evidence = json!({ "file": "list.csv", "row": 3 });
    let new = NewContact { opt_in: Some((ConsentSource::Import, evidence.clone())), ..new_contact(1) };
    let contact = bench.contact(tenant, new.clone()).await;
    assert!(contact.consent.opted_in);
    assert_eq!(contact.consent.opted_in_at, Some(at(0)));
    let again = bench.store.create_contact(tenant, new, at(1)).await.unwrap();
    assert_eq!(again, CreatedContact::Exists(contact.id));
    let ledger = bench.store.consent_records(tenant, contact.id, &Paging::default()).await.unwrap();
    assert_eq!(ledger.total, 1);
    let entry = &ledger.items[0];
    assert_eq!((entry.kind, entry.source, entry.at), (ConsentKind::OptIn, ConsentSource::Import, at(0)));
    assert_eq!(entry.evidence, evidence);
}

async fn a_taken_phone_number_or_bsuid_names_its_owner(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let contact = bench.contact(tenant, rich()).await;
    for taken in [
        identity(1),
        Identity { phone: Some(phone(2)), bsuid: rich().identity.bsuid },
        Identity { phone: None, bsuid: rich().identity.bsuid },
    ] {
        let new = NewContact { identity: taken, ..NewContact::default() };
        let made = bench.store.create_contact(tenant, new, at(1)).await.unwrap();
        assert_eq!(made, CreatedContact::Exists(contact.id));
    }
    bench.contact(other, rich()).await;
    assert_eq!(list(&bench, tenant, ContactFilter::default()).await.total, 1);
}

async fn of_a_hundred_who_make_the_same_contact_one_does(bench: Bench) {
    let tenant = bench.tenant().await;
    let opt_in = Some((ConsentSource::Api, json!({})));
    let made = at_once(&bench.store, 100, |store, _| {
        let new = NewContact { opt_in: opt_in.clone(), ..new_contact(1) };
        async move { store.create_contact(tenant, new, at(0)).await.unwrap() }
    })
    .await;
    let mut ids = HashSet::new();
    let mut created = 0;
    for one in made {
        match one {
            CreatedContact::Created(contact) => {
                created += 1;
                ids.insert(contact.id);
            }
            CreatedContact::Exists(id) => {
                ids.insert(id);
            }
        }
    }
    assert_eq!((created, ids.len()), (1, 1));
    let id = ids.into_iter().next().unwrap();
    assert_eq!(bench.store.consent_records(tenant, id, &Paging::default()).await.unwrap().total, 1);
}

async fn a_contact_is_found_by_phone_number_or_bsuid(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, rich()).await;
    let by = async |identity| bench.store.contact_by_identity(tenant, &identity).await.unwrap();
    assert_eq!(by(identity(1)).await, Some(contact.clone()));
    assert_eq!(by(Identity { phone: None, bsuid: rich().identity.bsuid }).await, Some(contact.clone()));
    assert_eq!(by(Identity { phone: Some(phone(9)), bsuid: rich().identity.bsuid }).await, Some(contact));
    assert_eq!(by(identity(9)).await, None);
    assert_eq!(by(Identity::default()).await, None);
}

async fn a_search_finds_parts_of_name_and_phone_number_in_any_case(bench: Bench) {
    let tenant = bench.tenant().await;
    let named = |name: &str, number| NewContact { name: Some(name.into()), ..new_contact(number) };
    let one = bench.contact(tenant, named("Jürgen MÜLLER", 4_567_001)).await.id;
    let two = bench.contact(tenant, named("100%_Sure!", 4_567_002)).await.id;
    assert_eq!(found(&bench, tenant, "müller").await, [one]);
    assert_eq!(found(&bench, tenant, "  JÜRGEN mü ").await, [one]);
    assert_eq!(found(&bench, tenant, "4567").await, [two, one]);
    assert_eq!(found(&bench, tenant, "+1 (555) 456-7002").await, [two]);
    assert_eq!(found(&bench, tenant, "0%_s").await, [two]);
    assert_eq!(found(&bench, tenant, "sure!").await, [two]);
    assert_eq!(found(&bench, tenant, "%").await, [two]);
    assert_eq!(found(&bench, tenant, "_").await, [two]);
    assert_eq!(found(&bench, tenant, "nobody").await, []);
    assert_eq!(found(&bench, tenant, "").await, [two, one]);
    let patch = ContactPatch { name: Some(Some("Ægir".into())), ..ContactPatch::default() };
    bench.store.update_contact(tenant, one, patch, at(1)).await.unwrap();
    assert_eq!(found(&bench, tenant, "müller").await, []);
    assert_eq!(found(&bench, tenant, "ægir").await, [one]);
}

async fn index(bench: &Bench) -> u64 {
    let mut indexed = 0;
    loop {
        let done = bench.store.index_contacts(2).await.unwrap();
        indexed += done.contacts;
        if !done.more {
            return indexed;
        }
    }
}

async fn a_search_finds_the_same_before_and_after_the_index_was_filled(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let named = |name: &str, number| NewContact { name: Some(name.into()), ..new_contact(number) };
    let one = bench.contact(tenant, named("Jürgen MÜLLER", 4_567_001)).await.id;
    let two = bench.contact(tenant, named("100%_Sure! \"q\"", 4_567_002)).await.id;
    let three = bench.contact(tenant, named("Zoë", 4_567_003)).await.id;
    let stranger = bench.contact(other, named("Müller", 4_567_001)).await.id;
    let all_found = async || {
        assert_eq!(found(&bench, tenant, "müller").await, [one]);
        assert_eq!(found(&bench, other, "MÜLL").await, [stranger]);
        assert_eq!(found(&bench, tenant, "zoë").await, [three]);
        assert_eq!(found(&bench, tenant, "4567").await, [three, two, one]);
        assert_eq!(found(&bench, tenant, "+1 (555) 456-7002").await, [two]);
        assert_eq!(found(&bench, tenant, "0%_s").await, [two]);
        assert_eq!(found(&bench, tenant, "! \"Q\"").await, [two]);
        assert_eq!(found(&bench, tenant, "ül").await, [one], "too short for the index");
        assert_eq!(found(&bench, tenant, "müllzoë").await, [], "its parts are in two contacts");
    };
    all_found().await;
    assert_eq!(index(&bench).await, 4);
    all_found().await;
    assert_eq!(index(&bench).await, 0, "nothing changed");
    let patch = ContactPatch { name: Some(Some("Ægir".into())), ..ContactPatch::default() };
    bench.store.update_contact(tenant, one, patch, at(1)).await.unwrap();
    bench.store.delete_contact(tenant, three, at(2)).await.unwrap();
    for expected in [2, 0] {
        assert_eq!(found(&bench, tenant, "müller").await, []);
        assert_eq!(found(&bench, tenant, "zoë").await, []);
        assert_eq!(found(&bench, tenant, "ægir").await, [one]);
        assert_eq!(index(&bench).await, expected);
    }
}

async fn filters_hold_together(bench: Bench) {
    let tenant = bench.tenant().await;
    let tagged = |number, tags: &[&str], opted_in: bool| NewContact {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        opt_in: opted_in.then(|| (ConsentSource::Api, json!({}))),
        ..new_contact(number)
    };
    let one = bench.contact(tenant, tagged(1, &["a", "b"], true)).await.id;
    let two = bench.contact(tenant, tagged(2, &["b", "\"q\""], false)).await.id;
    let three = bench.contact(tenant, tagged(3, &[], true)).await.id;
    let ids = async |filter: ContactFilter| {
        let page = list(&bench, tenant, filter).await;
        assert_eq!(page.total, page.items.len() as u64);
        page.items.iter().map(|contact| contact.id).collect::<Vec<_>>()
    };
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let all = ContactFilter::default;
    assert_eq!(ids(all()).await, [three, two, one]);
    assert_eq!(ids(ContactFilter { tags: tags(&["b"]), ..all() }).await, [two, one]);
    assert_eq!(ids(ContactFilter { tags: tags(&["b", "a"]), ..all() }).await, [one]);
    assert_eq!(ids(ContactFilter { tags: tags(&["\"q\""]), ..all() }).await, [two]);
    assert_eq!(ids(ContactFilter { tags: tags(&["B"]), ..all() }).await, []);
    assert_eq!(ids(ContactFilter { opted_in: Some(true), ..all() }).await, [three, one]);
    assert_eq!(ids(ContactFilter { opted_in: Some(false), ..all() }).await, [two]);
    assert_eq!(ids(ContactFilter { opted_in: Some(true), tags: tags(&["b"]), ..all() }).await, [one]);
    assert_eq!(ids(ContactFilter { needs_review: Some(true), ..all() }).await, []);
    assert_eq!(ids(ContactFilter { needs_review: Some(false), ..all() }).await, [three, two, one]);
}

async fn pages_by_number_and_by_cursor_give_the_same(bench: Bench) {
    let tenant = bench.tenant().await;
    for number in 0..23 {
        bench.contact(tenant, new_contact(number)).await;
    }
    let filter = ContactFilter::default();
    let mut cursor = None;
    for (page, size) in [(1, 10), (2, 10), (3, 3)] {
        let by_number = bench.store.contacts(tenant, &filter, &by_page(page, 10)).await.unwrap();
        assert_eq!((by_number.total, by_number.items.len()), (23, size));
        if page > 1 {
            let paging = Paging { page: 1, page_size: 10, cursor };
            let by_cursor = bench.store.contacts(tenant, &filter, &paging).await.unwrap();
            assert_eq!(by_cursor.items, by_number.items);
            assert_eq!(by_cursor.total, 23);
        }
        assert_eq!(by_number.next_cursor.is_some(), page < 3);
        cursor = by_number.next_cursor;
    }
    let beyond = bench.store.contacts(tenant, &filter, &by_page(4, 10)).await.unwrap();
    assert_eq!((beyond.items.len(), beyond.total, beyond.next_cursor), (0, 23, None));
}

async fn a_walk_by_cursors_loses_and_doubles_nobody_while_contacts_are_made(bench: Bench) {
    let tenant = bench.tenant().await;
    let mut there = HashSet::new();
    for number in 0..60 {
        there.insert(bench.contact(tenant, new_contact(number)).await.id);
    }
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let store = bench.store.clone();
    let writer = tokio::spawn(async move {
        let mut number = 1_000;
        while !*stopped.borrow_and_update() {
            store.create_contact(tenant, new_contact(number), at(1)).await.unwrap();
            number += 1;
        }
        number - 1_000
    });
    let store = &bench.store;
    let filter = &ContactFilter::default();
    for _ in 0..5 {
        let seen =
            walk(7, |paging| async move { store.contacts(tenant, filter, &paging).await.unwrap() }).await;
        let ids: HashSet<_> = seen.iter().map(|contact| contact.id).collect();
        assert_eq!(ids.len(), seen.len(), "nobody twice");
        assert!(ids.is_superset(&there), "nobody lost");
    }
    stop.send(true).unwrap();
    assert!(writer.await.unwrap() > 0);
}

async fn a_cursor_of_no_list_of_ours_is_told_and_nothing_is_read(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.contact(tenant, new_contact(1)).await;
    for cursor in ["", "zzz", "W10", "' OR 1=1 --"] {
        let paging = Paging { cursor: Some(cursor.into()), ..Paging::default() };
        let page = bench.store.contacts(tenant, &ContactFilter::default(), &paging).await.unwrap();
        assert!(page.foreign_cursor && page.items.is_empty(), "{cursor}: {page:?}");
    }
}

async fn a_change_leaves_the_rest_as_it_is(bench: Bench) {
    let tenant = bench.tenant().await;
    let before = bench.contact(tenant, rich()).await;
    let update =
        async |patch| match bench.store.update_contact(tenant, before.id, patch, at(9)).await.unwrap() {
            UpdatedContact::Updated(contact) => contact,
            other => panic!("{other:?}"),
        };
    let patch = ContactPatch {
        fields: Some(fields(json!({ "city": null, "size": "XL" }))),
        language: Some(None),
        ..ContactPatch::default()
    };
    let after = update(patch).await;
    let expected = Contact {
        fields: fields(json!({ "note": "line\nbreak", "size": "XL" })),
        language: None,
        updated_at: at(9),
        ..before.clone()
    };
    assert_eq!(after, expected);
    let identity = Identity { phone: Some(phone(8)), bsuid: before.identity.bsuid.clone() };
    let patch = ContactPatch {
        identity: Some(identity.clone()),
        tags: Some(vec!["new".into()]),
        ..ContactPatch::default()
    };
    let expected = Contact { identity, tags: vec!["new".into()], ..expected };
    assert_eq!(update(patch).await, expected);
    assert_eq!(bench.read_contact(tenant, before.id).await, expected);
    assert_eq!(bench.store.contact_by_identity(tenant, &self::identity(1)).await.unwrap(), None);
}

async fn a_change_to_a_taken_identity_names_its_owner(bench: Bench) {
    let tenant = bench.tenant().await;
    let owner = bench.contact(tenant, rich()).await;
    let contact = bench.contact(tenant, new_contact(2)).await;
    let by_bsuid = Identity { phone: Some(phone(2)), bsuid: owner.identity.bsuid.clone() };
    for taken in [identity(1), by_bsuid] {
        let patch = ContactPatch {
            identity: Some(taken),
            name: Some(Some("Not kept".into())),
            ..ContactPatch::default()
        };
        let updated = bench.store.update_contact(tenant, contact.id, patch, at(1)).await.unwrap();
        assert_eq!(updated, UpdatedContact::Taken(owner.id));
    }
    assert_eq!(bench.read_contact(tenant, contact.id).await, contact);
}

async fn of_fifty_who_take_the_same_number_one_gets_it(bench: Bench) {
    let tenant = bench.tenant().await;
    let mut ids = Vec::new();
    for number in 0..50 {
        ids.push(bench.contact(tenant, new_contact(number)).await.id);
    }
    let updated = at_once(&bench.store, 50, |store, number| {
        let id = ids[number as usize];
        async move {
            let patch = ContactPatch { identity: Some(identity(777)), ..ContactPatch::default() };
            store.update_contact(tenant, id, patch, at(1)).await.unwrap()
        }
    })
    .await;
    let owner = bench.store.contact_by_identity(tenant, &identity(777)).await.unwrap().unwrap();
    for (id, one) in ids.iter().zip(updated) {
        match one {
            UpdatedContact::Updated(contact) => assert_eq!((contact.id, *id), (owner.id, owner.id)),
            other => assert_eq!(other, UpdatedContact::Taken(owner.id)),
        }
    }
}

async fn a_deleted_contact_is_gone_and_its_ledger_stays(bench: Bench) {
    let tenant = bench.tenant().await;
    let opt_in = Some((ConsentSource::Api, json!({ "form": "shop" })));
    let contact = bench.contact(tenant, NewContact { opt_in, ..new_contact(1) }).await;
    let stays = bench.contact(tenant, new_contact(2)).await;
    assert!(bench.store.delete_contact(tenant, contact.id, at(5)).await.unwrap());
    assert!(!bench.store.delete_contact(tenant, contact.id, at(6)).await.unwrap());
    assert_eq!(bench.store.contact(tenant, contact.id).await.unwrap(), None);
    assert_eq!(list(&bench, tenant, ContactFilter::default()).await.items, [stays]);
    let ledger = bench.store.consent_records(tenant, contact.id, &Paging::default()).await.unwrap();
    assert_eq!(ledger.total, 1);
    let again = bench.contact(tenant, new_contact(1)).await;
    assert_ne!(again.id, contact.id, "an id is never given twice");
    assert!(!again.consent.opted_in);
}

async fn a_contact_that_does_not_exist_is_told(bench: Bench) {
    let tenant = bench.tenant().await;
    let nobody = ContactId(9_999);
    assert_eq!(bench.store.contact(tenant, nobody).await.unwrap(), None);
    let updated = bench.store.update_contact(tenant, nobody, ContactPatch::default(), at(1)).await.unwrap();
    assert_eq!(updated, UpdatedContact::NotFound);
    assert_eq!(bench.store.clear_review(tenant, nobody, at(1)).await.unwrap(), None);
    assert!(!bench.store.delete_contact(tenant, nobody, at(1)).await.unwrap());
}

async fn a_deleted_contact_takes_along_what_hangs_on_it(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let (gone, thread) = bench.receive(tenant, inbound(connection, identity(1), "w1", 1)).await;
    let (stays, other_thread) = bench.receive(tenant, inbound(connection, identity(2), "w2", 1)).await;
    let message = bench.send(job(tenant, connection, Addressee::Contact(gone))).await;
    let other = bench.send(job(tenant, connection, Addressee::Contact(stays))).await;
    bench.store.add_note(tenant, thread, "ana", "note", at(2)).await.unwrap().unwrap();
    assert!(bench.store.delete_contact(tenant, gone, at(5)).await.unwrap());
    assert_eq!(bench.store.conversation(tenant, thread).await.unwrap(), None);
    assert!(bench.store.notes(tenant, thread).await.unwrap().is_empty());
    assert_eq!(bench.store.message(tenant, message).await.unwrap(), None);
    assert_eq!(bench.store.message_events(tenant, message).await.unwrap(), None);
    assert!(bench.store.conversation(tenant, other_thread).await.unwrap().is_some());
    let lane = bench.store.take_lane(tenant, connection, "node", at(20), at(80)).await.unwrap().unwrap();
    let claimed = bench.store.claim_due(&lane.lease, 10, at(30)).await.unwrap().claimed;
    assert_eq!(claimed.iter().map(|one| one.message_id).collect::<Vec<_>>(), [other]);
}

async fn a_merged_contact_is_found_by_both_ids_with_both_ledgers(bench: Bench) {
    let tenant = bench.tenant().await;
    let opt_in = || Some((ConsentSource::Api, json!({})));
    let by_user_id = Identity { phone: None, bsuid: Some("US.1".into()) };
    let one = bench.contact(tenant, NewContact { opt_in: opt_in(), ..new_contact(1) }).await.id;
    let new = NewContact { identity: by_user_id.clone(), opt_in: opt_in(), ..NewContact::default() };
    let two = bench.contact(tenant, new).await.id;
    let both = Identity { phone: Some(phone(1)), bsuid: by_user_id.bsuid };
    let revealed = IdentityChange {
        source: Source { inbox_id: InboxId(1), pointer: "/0".into() },
        old: identity(1),
        new: both.clone(),
        at: at(5),
    };
    bench.apply(tenant, vec![Change::Identity(revealed)]).await;
    let contact = bench.read_contact(tenant, one).await;
    assert_eq!(contact.identity, both);
    assert_eq!(bench.read_contact(tenant, two).await, contact);
    assert_eq!(list(&bench, tenant, ContactFilter::default()).await.items, std::slice::from_ref(&contact));
    let patch = ContactPatch { name: Some(Some("One person".into())), ..ContactPatch::default() };
    let updated = bench.store.update_contact(tenant, two, patch, at(6)).await.unwrap();
    assert!(matches!(updated, UpdatedContact::Updated(updated) if updated.id == contact.id));
    for id in [one, two] {
        assert_eq!(bench.store.consent_records(tenant, id, &Paging::default()).await.unwrap().total, 2);
    }
    assert!(bench.store.delete_contact(tenant, two, at(7)).await.unwrap());
    for id in [one, two] {
        assert_eq!(bench.store.contact(tenant, id).await.unwrap(), None);
    }
}

async fn a_revealed_identity_joins_three_contacts(bench: Bench) {
    let tenant = bench.tenant().await;
    let old = bench.contact(tenant, new_contact(1)).await.id;
    let number = bench.contact(tenant, new_contact(2)).await.id;
    let by_user_id = Identity { phone: None, bsuid: Some("US.1".into()) };
    let user = bench.contact(tenant, NewContact { identity: by_user_id, ..NewContact::default() }).await.id;
    let new = Identity { phone: Some(phone(2)), bsuid: Some("US.1".into()) };
    let moved = IdentityChange {
        source: Source { inbox_id: InboxId(1), pointer: "/0".into() },
        old: identity(1),
        new: new.clone(),
        at: at(5),
    };
    bench.apply(tenant, vec![Change::Identity(moved)]).await;
    let contact = bench.read_contact(tenant, old).await;
    assert_eq!(contact.identity, new);
    for id in [number, user] {
        assert_eq!(bench.read_contact(tenant, id).await, contact);
    }
}

async fn a_cleared_review_lets_the_contact_be_sent_to(bench: Bench) {
    let tenant = bench.tenant().await;
    let contact = bench.contact(tenant, new_contact(1)).await.id;
    let sql = format!(
        "UPDATE contacts SET review_reason = 'not on WhatsApp', review_code = 131026, review_at = 5000000 \
         WHERE id = {contact}"
    );
    crate::samples::run(&bench, &sql).await;
    let flagged = bench.read_contact(tenant, contact).await;
    assert_eq!(flagged.review.as_ref().map(|review| review.meta_error_code), Some(131_026));
    let filter = || ContactFilter { needs_review: Some(true), ..ContactFilter::default() };
    assert_eq!(list(&bench, tenant, filter()).await.items, [flagged]);
    for second in [9, 10] {
        let cleared = bench.store.clear_review(tenant, contact, at(second)).await.unwrap().unwrap();
        assert_eq!((cleared.review, cleared.updated_at), (None, at(9)));
    }
    assert_eq!(list(&bench, tenant, filter()).await.total, 0);
}
