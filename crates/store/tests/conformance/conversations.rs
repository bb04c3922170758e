//! Conversations, notes, canned replies.

use std::collections::HashSet;

use domain::conversations::ConversationStatus;
use domain::{CannedReplyId, ConversationId, TenantId};
use ports::Paging;
use ports::conversations::{
    Conversation, ConversationFilter, ConversationPatch, ConversationStore, MarkedRead,
};

use crate::samples::{at_once, by_page, identity, inbound, walk};
use crate::support::{Bench, at};

on_each_engine!(
    a_conversation_shows_its_contact_and_its_last_message,
    conversations_are_listed_by_their_latest_message,
    a_walk_by_cursors_loses_and_doubles_none_while_new_ones_come,
    filters_hold_together,
    a_change_leaves_the_rest_as_it_is,
    marking_read_names_the_newest_message_once,
    of_fifty_who_mark_read_one_tells_meta,
    notes_are_read_oldest_first,
    a_shortcut_belongs_to_one_canned_reply,
    of_fifty_who_take_a_shortcut_one_gets_it,
    a_conversation_that_does_not_exist_is_told,
);

async fn read(bench: &Bench, tenant: TenantId, conversation: ConversationId) -> Conversation {
    bench.store.conversation(tenant, conversation).await.unwrap().expect("there")
}

async fn mark(bench: &Bench, tenant: TenantId, conversation: ConversationId) -> MarkedRead {
    bench.store.mark_conversation_read(tenant, conversation, at(99)).await.unwrap().expect("there")
}

async fn a_conversation_shows_its_contact_and_its_last_message(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let (contact, id) = bench.receive(tenant, inbound(connection, identity(1), "w1", 5)).await;
    bench.receive(tenant, inbound(connection, identity(1), "w2", 7)).await;
    let conversation = read(&bench, tenant, id).await;
    assert_eq!((conversation.contact_id, conversation.connection_id), (contact, connection));
    assert_eq!(conversation.contact_name.as_deref(), Some("Pat"));
    assert_eq!(conversation.contact_phone.as_deref(), Some("+15550000001"));
    assert_eq!(conversation.last_message_preview.as_deref(), Some("Hello from w2"));
    assert_eq!((conversation.last_message_at, conversation.last_inbound_at), (Some(at(7)), Some(at(7))));
    assert_eq!((conversation.unread, conversation.status), (2, ConversationStatus::Open));
    assert_eq!(conversation.window_expires_at, Some(at(7 + 24 * 3_600)));
}

async fn conversations_are_listed_by_their_latest_message(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let mut ids = Vec::new();
    for number in 0..12 {
        let message = inbound(connection, identity(number), &format!("w{number}"), i64::from(number / 3));
        ids.push(bench.receive(tenant, message).await.1);
    }
    bench.receive(tenant, inbound(connection, identity(4), "again", 100)).await;
    let store = &bench.store;
    let filter = &ConversationFilter::default();
    let all =
        walk(5, |paging| async move { store.conversations(tenant, filter, &paging).await.unwrap() }).await;
    let seen: Vec<_> = all.iter().map(|one| one.id).collect();
    let mut expected: Vec<_> = ids.iter().rev().copied().filter(|id| *id != ids[4]).collect();
    expected.insert(0, ids[4]);
    assert_eq!(seen, expected);
    let second = bench.store.conversations(tenant, filter, &by_page(2, 5)).await.unwrap();
    assert_eq!((second.items.as_slice(), second.total), (&all[5..10], 12));
}

async fn a_walk_by_cursors_loses_and_doubles_none_while_new_ones_come(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let mut there = HashSet::new();
    for number in 0..30 {
        let message = inbound(connection, identity(number), &format!("w{number}"), i64::from(number));
        there.insert(bench.receive(tenant, message).await.1);
    }
    let store = &bench.store;
    let filter = &ConversationFilter::default();
    let mut paging = by_page(1, 4);
    let mut seen = Vec::new();
    for number in 1_000.. {
        let page = store.conversations(tenant, filter, &paging).await.unwrap();
        seen.extend(page.items.iter().map(|one| one.id));
        let message = inbound(connection, identity(number), &format!("w{number}"), i64::from(number));
        bench.receive(tenant, message).await;
        match page.next_cursor {
            Some(cursor) => paging.cursor = Some(cursor),
            None => break,
        }
    }
    let ids: HashSet<_> = seen.iter().copied().collect();
    assert_eq!(ids.len(), seen.len(), "none twice");
    assert!(ids.is_superset(&there), "none lost");
}

async fn filters_hold_together(bench: Bench) {
    let tenant = bench.tenant().await;
    let (shop, desk) = (bench.connection(tenant).await.id, bench.connection(tenant).await.id);
    let (contact, one) = bench.receive(tenant, inbound(shop, identity(1), "w1", 1)).await;
    let (_, two) = bench.receive(tenant, inbound(desk, identity(1), "w2", 2)).await;
    let (_, three) = bench.receive(tenant, inbound(shop, identity(3), "w3", 3)).await;
    mark(&bench, tenant, three).await;
    let patch = ConversationPatch {
        status: Some(ConversationStatus::Closed),
        assignee: Some(Some("ana".into())),
        labels: Some(vec!["vip".into(), "größe".into()]),
    };
    bench.store.update_conversation(tenant, one, patch).await.unwrap();
    let ids = async |filter: ConversationFilter| {
        let page = bench.store.conversations(tenant, &filter, &Paging::default()).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let all = ConversationFilter::default;
    assert_eq!(ids(all()).await, [three, two, one]);
    assert_eq!(ids(ConversationFilter { contact_id: Some(contact), ..all() }).await, [two, one]);
    assert_eq!(ids(ConversationFilter { connection_id: Some(shop), ..all() }).await, [three, one]);
    assert_eq!(ids(ConversationFilter { status: Some(ConversationStatus::Closed), ..all() }).await, [one]);
    assert_eq!(ids(ConversationFilter { unread: Some(true), ..all() }).await, [two, one]);
    assert_eq!(ids(ConversationFilter { unread: Some(false), ..all() }).await, [three]);
    assert_eq!(ids(ConversationFilter { assignee: Some("ana".into()), ..all() }).await, [one]);
    assert_eq!(ids(ConversationFilter { label: Some("größe".into()), ..all() }).await, [one]);
    assert_eq!(ids(ConversationFilter { label: Some("vi".into()), ..all() }).await, []);
    let both = ConversationFilter { label: Some("vip".into()), connection_id: Some(desk), ..all() };
    assert_eq!(ids(both).await, []);
    let patch = ConversationPatch { labels: Some(vec!["new".into()]), ..ConversationPatch::default() };
    bench.store.update_conversation(tenant, one, patch).await.unwrap();
    assert_eq!(ids(ConversationFilter { label: Some("vip".into()), ..all() }).await, []);
    assert_eq!(ids(ConversationFilter { label: Some("new".into()), ..all() }).await, [one]);
}

async fn a_change_leaves_the_rest_as_it_is(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let (_, id) = bench.receive(tenant, inbound(connection, identity(1), "w1", 1)).await;
    let before = read(&bench, tenant, id).await;
    let update = async |patch| bench.store.update_conversation(tenant, id, patch).await.unwrap().unwrap();
    assert_eq!(update(ConversationPatch::default()).await, before);
    let patch = ConversationPatch { assignee: Some(Some("ana".into())), ..ConversationPatch::default() };
    let assigned = update(patch).await;
    assert_eq!(assigned, Conversation { assignee: Some("ana".into()), ..before.clone() });
    let patch = ConversationPatch { assignee: Some(None), ..ConversationPatch::default() };
    assert_eq!(update(patch).await, before);
    let patch = ConversationPatch {
        status: Some(ConversationStatus::Pending),
        labels: Some(vec!["a".into()]),
        ..ConversationPatch::default()
    };
    let expected = Conversation { status: ConversationStatus::Pending, labels: vec!["a".into()], ..before };
    assert_eq!(update(patch).await, expected);
    assert_eq!(read(&bench, tenant, id).await, expected);
}

async fn marking_read_names_the_newest_message_once(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let (_, id) = bench.receive(tenant, inbound(connection, identity(1), "w1", 1)).await;
    bench.receive(tenant, inbound(connection, identity(1), "w2", 2)).await;
    let first = mark(&bench, tenant, id).await;
    assert_eq!((first.newest_wamid.as_deref(), first.conversation.unread), (Some("w2"), 0));
    assert_eq!(mark(&bench, tenant, id).await.newest_wamid, None);
    bench.receive(tenant, inbound(connection, identity(1), "w3", 3)).await;
    assert_eq!(read(&bench, tenant, id).await.unread, 1);
    assert_eq!(mark(&bench, tenant, id).await.newest_wamid.as_deref(), Some("w3"));
    assert_eq!(read(&bench, tenant, id).await.unread, 0);
}

async fn of_fifty_who_mark_read_one_tells_meta(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let (_, id) = bench.receive(tenant, inbound(connection, identity(1), "w1", 1)).await;
    let marked = at_once(&bench.store, 50, |store, _| async move {
        store.mark_conversation_read(tenant, id, at(9)).await.unwrap().unwrap()
    })
    .await;
    assert_eq!(marked.iter().filter(|marked| marked.newest_wamid.is_some()).count(), 1);
}

async fn notes_are_read_oldest_first(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let (_, id) = bench.receive(tenant, inbound(connection, identity(1), "w1", 1)).await;
    let (_, other) = bench.receive(tenant, inbound(connection, identity(2), "w2", 1)).await;
    let add = async |text: &str, second| {
        bench.store.add_note(tenant, id, "ana", text, at(second)).await.unwrap().expect("a conversation")
    };
    let (first, second) = (add("Calls back\non Monday", 1).await, add("größe \u{1F980}", 2).await);
    assert_eq!((first.author.as_str(), first.text.as_str()), ("ana", "Calls back\non Monday"));
    assert_eq!((first.conversation_id, first.created_at), (id, at(1)));
    assert_eq!(bench.store.notes(tenant, id).await.unwrap(), [first, second]);
    assert!(bench.store.notes(tenant, other).await.unwrap().is_empty());
}

async fn a_shortcut_belongs_to_one_canned_reply(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let create = async |tenant, shortcut: &str| {
        bench.store.create_canned_reply(tenant, shortcut, "We open at nine.", at(1)).await.unwrap()
    };
    let hours = create(tenant, "hours").await.unwrap();
    assert_eq!(create(tenant, "hours").await, Err(hours.id));
    let address = create(tenant, "address").await.unwrap();
    assert_eq!(bench.store.canned_replies(tenant).await.unwrap(), [address, hours.clone()]);
    assert!(create(other, "hours").await.is_ok());
    assert!(bench.store.delete_canned_reply(tenant, hours.id).await.unwrap());
    assert!(!bench.store.delete_canned_reply(tenant, hours.id).await.unwrap());
    assert!(create(tenant, "hours").await.is_ok());
}

async fn of_fifty_who_take_a_shortcut_one_gets_it(bench: Bench) {
    let tenant = bench.tenant().await;
    let made = at_once(&bench.store, 50, |store, _| async move {
        store.create_canned_reply(tenant, "hours", "nine", at(1)).await.unwrap()
    })
    .await;
    let winner = made.iter().find_map(|made| made.as_ref().ok()).expect("one").id;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    assert!(made.iter().filter_map(|made| made.as_ref().err()).all(|id| *id == winner));
}

async fn a_conversation_that_does_not_exist_is_told(bench: Bench) {
    let tenant = bench.tenant().await;
    let nobody = ConversationId(9_999);
    assert_eq!(bench.store.conversation(tenant, nobody).await.unwrap(), None);
    let patch = ConversationPatch { assignee: Some(None), ..ConversationPatch::default() };
    assert_eq!(bench.store.update_conversation(tenant, nobody, patch).await.unwrap(), None);
    assert_eq!(bench.store.mark_conversation_read(tenant, nobody, at(1)).await.unwrap(), None);
    assert_eq!(bench.store.add_note(tenant, nobody, "ana", "text", at(1)).await.unwrap(), None);
    assert!(bench.store.notes(tenant, nobody).await.unwrap().is_empty());
    assert!(!bench.store.delete_canned_reply(tenant, CannedReplyId(9)).await.unwrap());
}
