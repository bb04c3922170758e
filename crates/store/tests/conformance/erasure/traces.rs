//! A person who left traces everywhere, and where they are looked for.

use std::collections::BTreeMap;

use domain::ContactId;
use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::messages::Status;
use ports::Paging;
use ports::broadcasts::BroadcastStore;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactPatch, ContactStore};
use ports::conversations::ConversationStore;
use ports::erasure::ErasureStore;
use ports::idempotency::{IdempotencyStore, KeptAnswer};
use ports::imports::{BadRow, ImportBatch, ImportStore};
use ports::media::MediaStore;
use ports::messages::AcceptJob;
use ports::retention::RetentionStore;
use ports::webhooks::{
    AsideReason, Change, Inbound, InboundMedia, RawWebhook, SetAside, Source, WebhookStore,
};
use serde_json::json;
use store::SqlStore;

use super::{BSUID, NAME, NUMBER, USERNAME, batch, digits, finish, new_import, person};
use crate::backup::everything;
use crate::broadcasts::campaign::{new_broadcast, row, whole};
use crate::scene::{Scene, words};
use crate::support::{Bench, at};

on_each_engine!(
    nothing_of_an_erased_person_is_left_and_everything_of_the_others_is,
    an_erasure_that_was_killed_is_finished_by_another_node,
    a_deleted_contacts_files_are_left_over_too,
);

/// Whatever tells who the person is, or what was said.
const TRACES: [&str; 12] = [
    "15557654321",
    "7654321",
    "(555) 765",
    NAME,
    USERNAME,
    BSUID,
    "I lost my umbrella",
    "your umbrella is blue",
    "likes umbrellas",
    "umbrella-club",
    "umbrella.png",
    "MTU1NTc2NTQzMjE",
];

/// Where traces of the person are found.
async fn found(store: &SqlStore) -> Vec<&'static str> {
    let all = everything(store).await;
    let holds = |trace: &&str| all.windows(trace.len()).any(|part| part == trace.as_bytes());
    TRACES.into_iter().filter(holds).collect()
}

/// A person who left traces everywhere, and somebody else in the same places.
async fn fill(scene: &Scene) -> ContactId {
    let (store, tenant) = (scene.store(), scene.tenant);
    let picture = InboundMedia {
        meta_id: "m".into(),
        mime_type: "image/png".into(),
        filename: Some("umbrella.png".into()),
        sha256: None,
        expires_at: at(1_000),
    };
    let written = |from: Identity, wamid: &str, text: &str| Inbound {
        from,
        content: words(text),
        username: Some(USERNAME.into()),
        profile_name: Some(NAME.into()),
        ..scene.inbound(1, wamid)
    };
    let mine = written(person(), "wamid.mine", "I lost my umbrella");
    let content = json!({"type": "media", "kind": "image", "source": {"id": "m"}, "caption": "umbrella.png"});
    let with_picture = Inbound {
        media: Some(picture),
        content: serde_json::from_value(content).unwrap(),
        ..written(person(), "wamid.picture", "")
    };
    let theirs = scene.inbound(2, "wamid.theirs");
    let changes = vec![Change::Inbound(mine), Change::Inbound(with_picture), Change::Inbound(theirs)];
    let projected = scene.project(changes).await;
    let (_, contact, conversation) = projected.inbound[0];
    let path = format!("{tenant}/picture");
    store.set_media_fetched(tenant, projected.media[0], &path, 5, "00").await.unwrap();
    let patch = ContactPatch {
        tags: Some(vec!["umbrella-club".into()]),
        fields: Some(json!({"note": "likes umbrellas"}).as_object().unwrap().clone()),
        ..ContactPatch::default()
    };
    store.update_contact(tenant, contact, patch, at(91)).await.unwrap();
    let evidence = json!({"form": NAME, "phone": "+15557654321"});
    for (kind, second) in [(ConsentKind::OptIn, 95), (ConsentKind::OptOut, 97)] {
        let new = NewConsent {
            contact_id: contact,
            kind,
            source: ConsentSource::Console,
            at: at(second),
            evidence: evidence.clone(),
        };
        store.record_consent(tenant, new).await.unwrap().unwrap();
    }
    store.add_note(tenant, conversation, "ana", "likes umbrellas", at(98)).await.unwrap().unwrap();
    let again = Inbound { at: at(99), ..written(person(), "wamid.again", "I lost my umbrella") };
    scene.project(vec![Change::Inbound(again)]).await;
    for (to, text) in [(contact, "your umbrella is blue"), (projected.inbound[2].1, "hello you")] {
        scene.send(AcceptJob { content: words(text), at: at(120), ..scene.text(to) }).await;
    }
    papers(scene).await;
    contact
}

/// What is written down besides.
async fn papers(scene: &Scene) {
    let (store, tenant) = (scene.store(), scene.tenant);
    let value = |number: u32, text: &str| json!({"messages": [{"from": digits(number), "text": {"body": text}}], "contacts": [{"wa_id": digits(number)}]});
    let body = |value: serde_json::Value| RawWebhook {
        tenant_id: tenant,
        connection_id: None,
        body: json!({"entry": [{"changes": [{"value": value}]}]}).to_string().into(),
        at: at(100),
    };
    let mut both = value(NUMBER, "I lost my umbrella");
    for list in ["messages", "contacts"] {
        let other = value(2, "hello you")[list][0].clone();
        both[list].as_array_mut().unwrap().push(other);
    }
    let bodies = vec![body(value(NUMBER, "I lost my umbrella")), body(value(2, "hello you")), body(both)];
    let ids = store.ingest(bodies).await.unwrap();
    // The first was applied, the others wait.
    let done =
        ports::webhooks::Projection { tenant_id: tenant, done: vec![ids[0]], changes: vec![], at: at(101) };
    store.project(done).await.unwrap();
    let aside = |number: u32| SetAside {
        source: Source { inbox_id: ids[0], pointer: format!("/{number}") },
        connection_id: None,
        field: "messages".into(),
        reason: AsideReason::Unrecognised,
        why: "new".into(),
        raw: value(number, "x"),
        at: at(100),
    };
    scene.project(vec![Change::Aside(aside(NUMBER)), Change::Aside(aside(2))]).await;
    problems(scene).await;
    let list = store.create_broadcast(tenant, new_broadcast(true)).await.unwrap().id;
    let rows = vec![row(1, Some("+15557654321")), row(2, Some("+15550000002"))];
    store.put_list(tenant, list, whole(rows)).await.unwrap();
    for (key, text) in [("mine", NAME), ("theirs", "hello you")] {
        store.reserve_key(tenant, key, [1; 32], at(100)).await.unwrap();
        let answer = KeptAnswer { status: 201, body: json!({"name": text}).to_string().into_bytes() };
        store.keep_answer(tenant, key, answer, at(100)).await.unwrap();
    }
    // As Meta writes them: base64 around the number.
    scene.report("wamid.HBgLMTU1NTc2NTQzMjEVAgARGBI=", Status::Read, at(110)).await;
    scene.report("wamid.HBgLMTU1NTAwMDAwMDIVAgARGBI=", Status::Read, at(110)).await;
}

async fn problems(scene: &Scene) {
    let (store, tenant) = (scene.store(), scene.tenant);
    let import = store.create_import(tenant, new_import()).await.unwrap();
    let bad = |row: u64, phone: &str, name: &str| BadRow {
        row,
        phone: phone.into(),
        error: "no".into(),
        is_duplicate: false,
        opt_out: None,
        cells: vec![phone.into(), name.into()],
    };
    let bad = vec![bad(1, "+1 (555) 765-4321", NAME), bad(2, "+1 (555) 000-0002", "Somebody")];
    let batch = ImportBatch { bad, ..batch(import.id, Vec::new(), 2) };
    store.import_batch(tenant, &batch).await.unwrap();
}

async fn nothing_of_an_erased_person_is_left_and_everything_of_the_others_is(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = fill(&scene).await;
    let store = scene.store();
    assert_eq!(found(store).await, TRACES);
    let tables_before = others(store).await;

    let begun = store.begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    assert_eq!((begun.contact_id, begun.at, begun.receipt.is_none()), (contact, at(1_000), true));
    assert_eq!(store.contact(scene.tenant, contact).await.unwrap(), None);
    assert_eq!(store.contact_by_identity(scene.tenant, &person()).await.unwrap(), None);
    let (receipt, _) = finish(store, scene.tenant, begun.id).await;

    assert_eq!(found(store).await, [""; 0]);
    assert_eq!(others(store).await, tables_before);
    let removed: BTreeMap<&str, i64> =
        receipt.removed.iter().map(|(what, rows)| (what.as_str(), *rows)).collect();
    for (what, rows) in [
        ("contacts", 1),
        ("conversations", 1),
        ("messages", 4),
        ("media", 1),
        ("notes", 1),
        ("queued_messages", 1),
        ("webhooks", 2),
        ("webhook_items", 1),
        ("import_rows", 1),
        ("list_rows", 1),
        ("kept_answers", 1),
        ("statuses", 1),
    ] {
        assert_eq!(removed.get(what), Some(&rows), "{what}: {removed:?}");
    }
    assert_eq!(store.leftover_files(9).await.unwrap(), [(scene.tenant, format!("{}/picture", scene.tenant))]);
    let ledger = store.consent_records(scene.tenant, contact, &Paging::default()).await.unwrap().items;
    let kinds: Vec<_> = ledger.iter().map(|record| (record.kind, record.source)).collect();
    let console = ConsentSource::Console;
    assert_eq!(kinds, [(ConsentKind::OptOut, console), (ConsentKind::OptIn, console)]);
    assert!(ledger[0].evidence["hmac_sha256"].is_string(), "{ledger:?}");
    let waiting = store.take_webhooks("node", 9, at(1_000), at(1_100)).await.unwrap();
    assert_eq!(waiting.len(), 2, "what came from others is still to be applied");
    assert!(waiting.iter().all(|body| body.webhook.body.windows(9).any(|part| part == b"hello you")));
}

/// How much of the other person is found.
async fn others(store: &SqlStore) -> usize {
    let all = everything(store).await;
    let count = |trace: &str| all.windows(trace.len()).filter(|part| *part == trace.as_bytes()).count();
    ["15550000002", "hello you", "wamid.theirs", "Somebody", "MTU1NTAwMDAwMDI"].into_iter().map(count).sum()
}

async fn an_erasure_that_was_killed_is_finished_by_another_node(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = fill(&scene).await;
    let begun = scene.store().begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    for _ in 0..3 {
        scene.store().erase_batch(scene.tenant, begun.id, 2, at(1_001)).await.unwrap();
    }
    let other = scene.bench.another_node().await;
    assert_eq!(other.unfinished_erasures(9).await.unwrap(), [(scene.tenant, begun.id)]);
    let (receipt, digest) = finish(&other, scene.tenant, begun.id).await;
    assert_eq!(receipt.removed["messages"], 4, "counted over both nodes");
    assert_eq!(found(&other).await, [""; 0]);
    assert_eq!(other.unfinished_erasures(9).await.unwrap(), []);
    assert!(other.is_genuine(scene.tenant, &receipt, &digest).await.unwrap());
}

async fn a_deleted_contacts_files_are_left_over_too(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = fill(&scene).await;
    let shared = scene.picture("shared", 1).await;
    assert!(scene.store().delete_contact(scene.tenant, contact, at(1_000)).await.unwrap());
    let left = scene.store().leftover_files(9).await.unwrap();
    assert_eq!(left, [(scene.tenant, format!("{}/picture", scene.tenant))]);
    assert_eq!(scene.store().media(scene.tenant, shared.id).await.unwrap(), Some(shared));
}
