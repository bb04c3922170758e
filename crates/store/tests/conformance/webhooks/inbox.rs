//! The inbox itself: bodies as they came, what was set aside, and whose it is.

use std::collections::HashSet;

use domain::InboxId;
use domain::contacts::Identity;
use domain::messages::Status;
use ports::contacts::{ContactStore, NewContact};
use ports::messages::MessageFilter;
use ports::webhooks::{AsideReason, Change, Inbound, Projection, RawWebhook, SetAside, Source, WebhookStore};

use crate::samples::{at_once, new_contact};
use crate::scene::{Scene, source};
use crate::support::{Bench, at};

on_each_engine!(
    a_body_is_kept_byte_for_byte_and_taken_once,
    a_body_whose_taker_died_is_given_out_again,
    two_takers_never_get_the_same_body,
    a_body_is_done_with_its_changes,
    items_set_aside_are_kept_once_and_settled,
    a_failing_change_applies_nothing,
    a_tenant_sees_nothing_of_anothers_inbox,
);

fn raw(scene: &Scene, body: &'static [u8]) -> RawWebhook {
    RawWebhook {
        tenant_id: scene.tenant,
        connection_id: Some(scene.connection),
        body: bytes::Bytes::from_static(body),
        at: at(0),
    }
}

async fn a_body_is_kept_byte_for_byte_and_taken_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let bodies = [&b""[..], b"{\"a\":\"\xff\x00\"}", b"", b"{}"].map(|body| raw(&scene, body));
    let alone = scene.store().ingest(bodies[..1].to_vec()).await.unwrap();
    let together = scene.store().ingest(bodies[1..].to_vec()).await.unwrap();
    let ids = [alone, together].concat();
    assert_eq!(ids, [InboxId(1), InboxId(2), InboxId(3), InboxId(4)]);
    let first = scene.store().take_webhooks("node", 2, at(1), at(30)).await.unwrap();
    let second = scene.store().take_webhooks("node", 9, at(1), at(30)).await.unwrap();
    assert_eq!((first.len(), second.len()), (2, 2));
    let taken: Vec<_> = first.into_iter().chain(second).collect();
    for (pending, (id, body)) in taken.iter().zip(ids.iter().zip(&bodies)) {
        assert_eq!((pending.id, &pending.webhook), (*id, body));
    }
    assert_eq!(scene.store().take_webhooks("node", 9, at(1), at(30)).await.unwrap(), []);
}

async fn a_body_whose_taker_died_is_given_out_again(bench: Bench) {
    let scene = Scene::of(bench).await;
    let ids = scene.store().ingest(vec![raw(&scene, b"{}")]).await.unwrap();
    assert_eq!(scene.store().take_webhooks("a", 9, at(1), at(30)).await.unwrap().len(), 1);
    assert_eq!(scene.store().take_webhooks("b", 9, at(29), at(60)).await.unwrap(), []);
    assert_eq!(scene.store().take_webhooks("b", 9, at(30), at(60)).await.unwrap()[0].id, ids[0]);
}

async fn two_takers_never_get_the_same_body(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.store().ingest((0..100).map(|_| raw(&scene, b"{}")).collect()).await.unwrap();
    let taken = at_once(scene.store(), 10, |store, number| async move {
        store.take_webhooks(&format!("node {number}"), 10, at(1), at(30)).await.unwrap()
    })
    .await;
    let ids: Vec<_> = taken.iter().flatten().map(|one| one.id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    let rest = scene.store().take_webhooks("last", 100, at(1), at(30)).await.unwrap();
    assert_eq!(ids.len() + rest.len(), 100);
}

async fn a_body_is_done_with_its_changes(bench: Bench) {
    let scene = Scene::of(bench).await;
    let done = scene.store().ingest(vec![raw(&scene, b"{}"), raw(&scene, b"{}")]).await.unwrap();
    assert_eq!(scene.store().inbox_stats(scene.tenant).await.unwrap().pending, 2);
    let projection = Projection {
        tenant_id: scene.tenant,
        done: vec![done[0]],
        changes: vec![Change::Inbound(scene.inbound(1, "wamid.in"))],
        at: at(100),
    };
    scene.store().project(projection).await.unwrap();
    assert_eq!(scene.store().inbox_stats(scene.tenant).await.unwrap().pending, 1);
    let rest = scene.store().take_webhooks("node", 9, at(1), at(2)).await.unwrap();
    assert_eq!(rest[0].id, done[1]);
    let connection = scene.bench.read_connection(scene.tenant, scene.connection).await;
    assert_eq!(connection.last_webhook_at, Some(at(100)));
}

async fn items_set_aside_are_kept_once_and_settled(bench: Bench) {
    let scene = Scene::of(bench).await;
    let item = |pointer: &str, reason| {
        Change::Aside(SetAside {
            source: Source { inbox_id: InboxId(4), pointer: pointer.into() },
            connection_id: Some(scene.connection),
            field: "flows".into(),
            reason,
            why: "not known".into(),
            raw: serde_json::json!({ "b": 1, "a": "\0" }),
            at: at(95),
        })
    };
    for _ in 0..2 {
        scene.project(vec![item("/0", AsideReason::Unrecognised), item("/1", AsideReason::Poison)]).await;
    }
    let stats = scene.store().inbox_stats(scene.tenant).await.unwrap();
    assert_eq!((stats.unrecognised, stats.poison), (1, 1));
    let poison = scene.store().unresolved_aside(scene.tenant, AsideReason::Poison, 10).await.unwrap();
    let [(poison, connection)] = &poison[..] else { panic!("{poison:?}") };
    assert_eq!((poison.pointer.as_str(), *connection, poison.attempts), ("/1", Some(scene.connection), 1));
    scene.store().settle_aside(scene.tenant, poison.id, false, "again", at(96)).await.unwrap();
    scene.store().settle_aside(scene.tenant, poison.id, true, "applied", at(97)).await.unwrap();
    assert_eq!(scene.store().unresolved_aside(scene.tenant, AsideReason::Poison, 10).await.unwrap(), []);
    let listed = scene
        .store()
        .aside_items(scene.tenant, Some(AsideReason::Poison), &Default::default())
        .await
        .unwrap();
    assert_eq!((listed.items[0].attempts, listed.items[0].resolved_at), (3, Some(at(97))));
    assert_eq!(scene.store().aside_items(scene.tenant, None, &Default::default()).await.unwrap().total, 2);
}

async fn a_failing_change_applies_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    let nobody = Inbound { from: Identity::default(), ..scene.inbound(1, "wamid.2") };
    let changes = vec![Change::Inbound(scene.inbound(1, "wamid.1")), Change::Inbound(nobody)];
    let projection = Projection { tenant_id: scene.tenant, done: Vec::new(), changes, at: at(100) };
    let failed = scene.store().project(projection).await;
    assert!(matches!(failed, Err(ports::StoreError::Internal(_))), "{failed:?}");
    assert_eq!(scene.listed(MessageFilter::default()).await, []);
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 0);
}

async fn a_tenant_sees_nothing_of_anothers_inbox(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let id = scene.sent(&lease, contact, "wamid.1").await;
    scene.store().ingest(vec![raw(&scene, b"{}")]).await.unwrap();
    let aside = SetAside {
        source: source(),
        connection_id: None,
        field: "x".into(),
        reason: AsideReason::Poison,
        why: String::new(),
        raw: serde_json::json!(1),
        at: at(95),
    };
    scene.project(vec![Change::Aside(aside)]).await;
    let stranger = scene.bench.tenant().await;
    let store = scene.store();
    assert_eq!(store.inbox_stats(stranger).await.unwrap(), Default::default());
    assert_eq!(store.aside_items(stranger, None, &Default::default()).await.unwrap().total, 0);
    assert_eq!(store.unresolved_aside(stranger, AsideReason::Poison, 10).await.unwrap(), []);
    let mut theirs = scene.status("wamid.1", Status::Read, at(96));
    theirs.message_id = Some(id);
    let projection = Projection {
        tenant_id: stranger,
        done: vec![InboxId(1)],
        changes: vec![Change::Status(theirs)],
        at: at(100),
    };
    assert_eq!(store.project(projection).await.unwrap().moved, []);
    assert_eq!(scene.message(id).await.status, Status::Sent);
    assert_eq!(
        store.inbox_stats(scene.tenant).await.unwrap().pending,
        1,
        "only its tenant is done with a body"
    );
    let same_number = NewContact { ..new_contact(1) };
    scene.bench.contact(stranger, same_number).await;
}
