//! Lists in which few of many are wanted: what leads to them misses nobody and shows nobody twice.

use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::messages::{Direction, Status};
use domain::{ContactId, InboxId};
use ports::Paging;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactFilter, ContactPatch, ContactStore, NewContact};
use ports::imports::GoodRow;
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{MessageFilter, MessageStore};
use ports::webhooks::{Change, IdentityChange, Source};

use crate::imports::{apply, batch, consenting, start, updating};
use crate::samples::{by_page, identity, new_contact, phone, walk};
use crate::scene::{Scene, failure};
use crate::support::{Bench, at};

on_each_engine!(
    a_number_is_found_by_its_beginning_and_in_names,
    who_is_part_of_another_contact_bears_no_tags,
    tags_are_found_together_whatever_is_asked_beside_them,
    who_bears_a_tag_is_found_by_what_they_agreed_to_last,
    messages_of_a_contact_are_sifted_by_every_filter,
    pages_of_what_was_sifted_fit_together,
    a_long_list_is_sifted_no_further_than_it_takes,
);

async fn found(bench: &Bench, tenant: domain::TenantId, search: &str) -> Vec<ContactId> {
    let filter = ContactFilter { search: Some(search.into()), ..ContactFilter::default() };
    let page = bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64, "{search}");
    page.items.iter().map(|contact| contact.id).collect()
}

async fn a_number_is_found_by_its_beginning_and_in_names(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let make = async |of, number: &str, name: &str| {
        let phone = domain::phone::PhoneNumber::from_e164(number).unwrap();
        let identity = Identity { phone: Some(phone), bsuid: None };
        bench.contact(of, NewContact { identity, name: Some(name.into()), ..NewContact::default() }).await.id
    };
    let one = make(tenant, "+4915110000001", "Ana").await;
    let two = make(tenant, "+4915110000002", "Ben").await;
    let longer = make(tenant, "+491511000", "Short").await;
    let named = make(tenant, "+15551234567", "call +4915110000001").await;
    let plus = make(tenant, "+15551234568", "A+B Ltd").await;
    make(other, "+4915110000001", "+49 of another").await;
    assert_eq!(found(&bench, tenant, "+4915110000").await, [named, two, one]);
    assert_eq!(found(&bench, tenant, "+49 151-1000 0001").await, [named, one]);
    assert_eq!(found(&bench, tenant, "+491511000").await, [named, longer, two, one]);
    assert_eq!(found(&bench, tenant, "+").await.len(), 5);
    assert_eq!(found(&bench, tenant, "a+b").await, [plus]);
    assert_eq!(found(&bench, tenant, "+b l").await, [plus]);
    assert_eq!(found(&bench, tenant, "+9").await, []);
    assert_eq!(found(&bench, tenant, "+%").await, []);
    assert_eq!(found(&bench, tenant, "4915110000001").await, [named, one], "without its plus, by the texts");
    let patch = ports::contacts::ContactPatch {
        identity: Some(Identity {
            phone: domain::phone::PhoneNumber::from_e164("+4915119999999"),
            bsuid: None,
        }),
        ..Default::default()
    };
    bench.store.update_contact(tenant, one, patch, at(1)).await.unwrap();
    assert_eq!(found(&bench, tenant, "+4915119").await, [one]);
    assert_eq!(found(&bench, tenant, "+4915110000001").await, [named]);
}

async fn who_is_part_of_another_contact_bears_no_tags(bench: Bench) {
    let tenant = bench.tenant().await;
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let one = bench.contact(tenant, NewContact { tags: tags(&["a"]), ..new_contact(1) }).await.id;
    let by_user_id = Identity { phone: None, bsuid: Some("US.1".into()) };
    let new = NewContact { identity: by_user_id, tags: tags(&["a", "b"]), ..NewContact::default() };
    bench.contact(tenant, new).await;
    let revealed = IdentityChange {
        source: Source { inbox_id: InboxId(1), pointer: "/0".into() },
        old: identity(1),
        new: Identity { phone: Some(phone(1)), bsuid: Some("US.1".into()) },
        at: at(5),
    };
    bench.apply(tenant, vec![Change::Identity(revealed)]).await;
    for wanted in [&["a"][..], &["b"], &["a", "b"]] {
        let filter = ContactFilter { tags: tags(wanted), ..ContactFilter::default() };
        let page = bench.store.contacts(tenant, &filter, &Paging::default()).await.unwrap();
        let ids: Vec<ContactId> = page.items.iter().map(|contact| contact.id).collect();
        assert_eq!((page.total, ids), (1, vec![one]), "{wanted:?}");
    }
}

async fn tags_are_found_together_whatever_is_asked_beside_them(bench: Bench) {
    let scene = Scene::of(bench).await;
    let mut expected = Vec::new();
    for number in 1..=30 {
        let mut tags = vec!["common".to_owned()];
        tags.extend((number % 3 == 0).then(|| "third".to_owned()));
        tags.extend((number % 5 == 0).then(|| "fifth".to_owned()));
        let opt_in = (number % 2 == 0).then(|| (domain::consent::ConsentSource::Api, serde_json::json!({})));
        let new = NewContact { tags, opt_in, ..new_contact(number) };
        expected.push((number, scene.bench.contact(scene.tenant, new).await.id));
    }
    let ids = |wanted: &dyn Fn(u32) -> bool| {
        let those = expected.iter().rev().filter(|(number, _)| wanted(*number));
        those.map(|(_, id)| *id).collect::<Vec<_>>()
    };
    let of = async |tags: &[&str], opted_in: Option<bool>| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let filter = ContactFilter { tags, opted_in, ..ContactFilter::default() };
        let page = scene.store().contacts(scene.tenant, &filter, &by_page(1, 50)).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64, "{filter:?}");
        assert!(!page.total_is_estimate && page.next_cursor.is_none(), "{filter:?}");
        page.items.iter().map(|contact| contact.id).collect::<Vec<_>>()
    };
    for order in [["third", "fifth", "common"], ["common", "third", "fifth"]] {
        assert_eq!(of(&order, None).await, ids(&|number| number % 15 == 0));
        assert_eq!(of(&order, Some(true)).await, ids(&|number| number % 30 == 0));
    }
    assert_eq!(of(&["third"], Some(false)).await, ids(&|number| number % 3 == 0 && number % 2 == 1));
    assert_eq!(of(&["third", "nobody"], None).await, []);
    assert_eq!(of(&["common"], None).await, ids(&|_| true));
    assert_eq!(of(&[], Some(false)).await, ids(&|number| number % 2 == 1));
}

async fn who_bears_a_tag_is_found_by_what_they_agreed_to_last(bench: Bench) {
    let (tenant, import) = start(&bench).await;
    let tagged = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let one = bench.contact(tenant, NewContact { tags: tagged(&["a", "b"]), ..new_contact(1) }).await.id;
    let other = bench.contact(tenant, NewContact { tags: tagged(&["a"]), ..new_contact(2) }).await.id;
    let of = async |tags: &[&str], opted_in: bool| {
        let filter =
            ContactFilter { tags: tagged(tags), opted_in: Some(opted_in), ..ContactFilter::default() };
        let page = bench.store.contacts(tenant, &filter, &by_page(1, 50)).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64, "{filter:?}");
        page.items.iter().map(|contact| contact.id).collect::<Vec<_>>()
    };
    let says = async |contact_id, kind, when| {
        let source = ConsentSource::Console;
        let said = NewConsent { contact_id, kind, source, at: at(when), evidence: serde_json::json!({}) };
        bench.store.record_consent(tenant, said).await.unwrap();
    };
    assert_eq!((of(&["a"], true).await, of(&["a"], false).await), (vec![], vec![other, one]));
    says(one, ConsentKind::OptIn, 10).await;
    assert_eq!((of(&["a"], true).await, of(&["a"], false).await), (vec![one], vec![other]));
    assert_eq!((of(&["a", "b"], true).await, of(&["a", "b"], false).await), (vec![one], vec![]));
    // Of those who agreed, another tag.
    let patch = ContactPatch { tags: Some(tagged(&["b", "c"])), ..ContactPatch::default() };
    bench.store.update_contact(tenant, one, patch, at(20)).await.unwrap();
    assert_eq!((of(&["c"], true).await, of(&["a"], true).await), (vec![one], vec![]));
    says(one, ConsentKind::OptOut, 30).await;
    assert_eq!((of(&["b", "c"], true).await, of(&["b", "c"], false).await), (vec![], vec![one]));
    // A list brings both at once.
    let row = GoodRow { tags: tagged(&["d"]), ..consenting(2, 2) };
    apply(&bench.store, tenant, updating(batch(&import, vec![row], vec![]))).await;
    for tag in ["a", "d"] {
        assert_eq!((of(&[tag], true).await, of(&[tag], false).await), (vec![other], vec![]), "{tag}");
    }
    bench.store.delete_contact(tenant, other, at(100)).await.unwrap();
    assert_eq!(of(&["d"], true).await, []);
}

/// Of 40 messages out, twenty sent, ten failed, ten waiting; and three in.
async fn busy(scene: &Scene) -> ContactId {
    let contact = scene.opted_in(1).await;
    let other = scene.opted_in(2).await;
    scene.accept((0..80).map(|n| scene.job(if n % 2 == 0 { contact } else { other })).collect()).await;
    let lease = scene.lane("node").await;
    let claimed = scene.store().claim_due(&lease, 60, at(30)).await.unwrap().claimed;
    let outcome = |(place, one): (usize, &ports::lanes::Claimed)| Outcome {
        message_id: one.message_id,
        contact_id: one.contact_id,
        settlement: if place % 6 < 4 {
            Settlement::Sent { wamid: format!("wamid.{}", one.message_id), held: false }
        } else {
            let why = failure("META_REJECTED", 131_009);
            Settlement::Failed { why, flag: None, marketing_stop: false }
        },
        at: at(31),
    };
    let outcomes = claimed.iter().enumerate().map(outcome).collect();
    scene.store().record_outcomes(&lease, outcomes).await.unwrap();
    let inbound = (1..=3).map(|n| Change::Inbound(scene.inbound(1, &format!("wamid.in.{n}")))).collect();
    scene.project(inbound).await;
    contact
}

async fn messages_of_a_contact_are_sifted_by_every_filter(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = busy(&scene).await;
    let whole = MessageFilter { contact_id: Some(contact), ..MessageFilter::default() };
    let all = scene.store().messages(scene.tenant, &whole, &by_page(1, 100)).await.unwrap().items;
    assert_eq!(all.len(), 43);
    let mut seen = 0;
    for status in [Status::Queued, Status::Sent, Status::Failed, Status::Received, Status::Read] {
        for filter in [
            MessageFilter { status: Some(status), ..whole.clone() },
            MessageFilter { status: Some(status), direction: Some(Direction::Outbound), ..whole.clone() },
            MessageFilter { status: Some(status), since: Some(at(0)), ..whole.clone() },
        ] {
            let page = scene.store().messages(scene.tenant, &filter, &by_page(1, 100)).await.unwrap();
            let wanted = |one: &&ports::messages::Message| {
                one.status == status && filter.direction.is_none_or(|direction| one.direction == direction)
            };
            let expected: Vec<_> = all.iter().filter(wanted).cloned().collect();
            assert_eq!(page.items, expected, "{filter:?}");
            assert_eq!(page.total, expected.len() as u64, "{filter:?}");
            seen += expected.len();
        }
    }
    assert!(seen > 80, "{seen}");
}

async fn pages_of_what_was_sifted_fit_together(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = busy(&scene).await;
    let sent =
        MessageFilter { contact_id: Some(contact), status: Some(Status::Sent), ..MessageFilter::default() };
    let (store, tenant) = (scene.store(), scene.tenant);
    let whole = store.messages(tenant, &sent, &by_page(1, 100)).await.unwrap();
    assert!(whole.items.len() > 7 && whole.next_cursor.is_none(), "{whole:?}");
    let filter = &sent;
    let walked =
        walk(3, |paging| async move { store.messages(tenant, filter, &paging).await.unwrap() }).await;
    assert_eq!(walked, whole.items);
    for page in 1.. {
        let part = store.messages(tenant, &sent, &by_page(page, 3)).await.unwrap();
        let from = (page as usize - 1) * 3;
        let expected: Vec<_> = whole.items.iter().skip(from).take(3).cloned().collect();
        assert_eq!((part.items, part.total), (expected.clone(), whole.total));
        assert_eq!(part.next_cursor.is_some(), whole.items.len() > from + 3, "page {page}");
        if expected.is_empty() {
            break;
        }
    }
}

async fn a_long_list_is_sifted_no_further_than_it_takes(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    scene.accept((0..1_500).map(|_| scene.job(contact)).collect()).await;
    let queued =
        MessageFilter { contact_id: Some(contact), status: Some(Status::Queued), ..MessageFilter::default() };
    let page = scene.store().messages(scene.tenant, &queued, &by_page(1, 20)).await.unwrap();
    assert!(page.total >= 1_001, "{}", page.total);
    assert_eq!(page.items.len(), 20);
    let paging = Paging { cursor: page.next_cursor.clone(), ..Paging::default() };
    let next = scene.store().messages(scene.tenant, &queued, &paging).await.unwrap();
    assert!(next.items[0].id < page.items[19].id);
}
