//! A person is found and erased without a walk through everybody else's rows. Only what names a person somewhere within a
//! text is looked through, and that by pages of its key.

use domain::{ContactId, ConversationId};
use ports::Paging;
use ports::broadcasts::BroadcastStore;
use ports::contacts::ContactStore;
use ports::conversations::ConversationStore;
use ports::erasure::ErasureStore;
use ports::messages::AcceptJob;
use ports::webhooks::{AsideReason, Change, SetAside};
use sea_orm::ConnectionTrait;
use serde_json::json;
use store::SqlStore;

use super::{Engine, MANY, fill, listen};
use crate::broadcasts::campaign::{new_broadcast, row, whole};
use crate::samples::new_contact;
use crate::scene::{Scene, source};
use crate::support::{Bench, at};

on_each_engine!(a_person_is_erased_without_a_walk_through_everybody);

/// Tables that grow with use, and the names that they go by in the statements of an erasure.
const TABLES: [&str; 28] = [
    "messages",
    "m",
    "message_events",
    "contacts",
    "c",
    "conversations",
    "v",
    "notes",
    "n",
    "outbox",
    "o",
    "consent_records",
    "k",
    "recipients",
    "r",
    "media",
    "f",
    "inbox",
    "i",
    "inbox_queue",
    "q",
    "inbox_items",
    "import_rows",
    "broadcast_rows",
    "idempotency",
    "orphan_statuses",
    "erased_identities",
    "e",
];
/// How a page that is looked through goes by.
const PAGE: &str = "x";
const PERSON: u32 = 7;

async fn a_person_is_erased_without_a_walk_through_everybody(bench: Bench) {
    let scene = Scene::of(bench).await;
    fill(&scene).await;
    papers(&scene).await;
    let engine = Engine::of(&scene.bench).await;
    others(&engine).await;
    engine.gather_statistics().await;
    let heard = listen(&scene, async |store| erase(&scene, store).await).await;
    assert!(heard.len() > 40, "only {} statements were heard", heard.len());
    let mut walks = Vec::new();
    for statement in heard.values().filter(|statement| !is_of_few(statement)) {
        let plan = engine.plan(statement).await;
        walks.extend(
            walks_of(&engine, &plan).map(|step| format!("{step}\n    in {statement:.400}\n{plan:#?}")),
        );
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

/// What waits to be sent is looked through for a file that goes: by the reader, before the commit. Contacts that were merged
/// are found by a walk of their own, whose rows are called as another table is here.
fn is_of_few(statement: &str) -> bool {
    statement.contains("FROM outbox o CROSS JOIN messages m") || statement.contains("RECURSIVE family")
}

/// What was kept of others, written past the store.
async fn others(engine: &Engine) {
    for statement in [
        "INSERT INTO notes (tenant_id, conversation_id, id, author, text, created_at) \
         SELECT tenant_id, id, 1000000 + id, 'ana', 'x', 1 FROM conversations",
        "INSERT INTO consent_records (tenant_id, id, contact_id, kind, source, at, evidence) \
         SELECT tenant_id, 1000000 + id, id, 'opt_in', 'api', 1, '{}' FROM contacts",
        "INSERT INTO erased_identities (tenant_id, hash, erasure_id, contact_id, erased_at, marketing_stopped) \
         SELECT tenant_id, 'h' || id, 1000000 + id, 1000000 + id, 1, FALSE FROM contacts",
        "INSERT INTO recipients (tenant_id, broadcast_id, id, due_at, attempt) \
         SELECT c.tenant_id, b.id, c.id, 1, 1 FROM contacts c CROSS JOIN broadcasts b",
    ] {
        engine.database.execute_unprepared(statement).await.unwrap();
    }
}

/// Steps that read a table whole, or all rows of the tenant.
fn walks_of<'a>(engine: &'a Engine, plan: &'a [String]) -> impl Iterator<Item = &'a String> {
    let named = |index: usize| plan[..=index].iter().rev().find_map(|step| relation(step));
    plan.iter().enumerate().filter_map(move |(index, step)| {
        let is_big = |name: &str| name == PAGE || TABLES.contains(&name);
        let whole_tenant = if engine.postgres {
            let condition = step.trim().strip_prefix("Index Cond: ");
            condition
                .is_some_and(|condition| condition.contains("tenant_id = ") && !condition.contains(" AND "))
        } else {
            step.ends_with("(tenant_id=?)")
        };
        let walks = whole_tenant && named(index).is_some_and(is_big);
        (walks || engine.is_scan_of(&TABLES, step)).then_some(step)
    })
}

/// What a step reads.
fn relation(step: &str) -> Option<&str> {
    let step = step.trim();
    let behind = step.strip_prefix("SEARCH ").or_else(|| step.split(" on ").nth(1))?;
    behind.split(' ').next()
}

async fn papers(scene: &Scene) {
    let (store, tenant) = (scene.store(), scene.tenant);
    let list = store.create_broadcast(tenant, new_broadcast(true)).await.unwrap().id;
    let rows = (1..=i64::from(MANY)).map(|number| row(number, Some("+15550000002"))).collect();
    store.put_list(tenant, list, whole(rows)).await.unwrap();
    let aside = |number: u32| {
        Change::Aside(SetAside {
            source: ports::webhooks::Source { pointer: format!("/{number}"), ..source() },
            connection_id: None,
            field: "x".into(),
            reason: AsideReason::Unrecognised,
            why: String::new(),
            raw: json!(number),
            at: at(100),
        })
    };
    scene.project((0..MANY).map(aside).collect()).await;
    let picture = scene.picture("picture", 90).await.id;
    let content = json!({"type": "media", "kind": "image", "source": {"media_id": picture}});
    let content = serde_json::from_value(content).unwrap();
    let person = ContactId(i64::from(PERSON));
    scene.send(AcceptJob { content, at: at(100), ..scene.text(person) }).await;
    let conversation = ConversationId(i64::from(PERSON));
    store.add_note(tenant, conversation, "ana", "likes umbrellas", at(98)).await.unwrap().unwrap();
}

async fn erase(scene: &Scene, store: &SqlStore) {
    let tenant = scene.tenant;
    let person = ContactId(i64::from(PERSON));
    store.participations(tenant, person).await.unwrap();
    let begun = store.begin_erasure(tenant, person, at(1_000)).await.unwrap().expect("there");
    store.unfinished_erasures(9).await.unwrap();
    let (receipt, digest) = loop {
        let erasure = store.erase_batch(tenant, begun.id, 500, at(1_001)).await.unwrap().expect("there");
        if let Some(receipt) = erasure.receipt {
            break receipt;
        }
    };
    for what in ["contacts", "conversations", "messages", "media", "notes", "queued_messages"] {
        assert!(receipt.removed.contains_key(what), "{what}: {:?}", receipt.removed);
    }
    assert!(store.is_genuine(tenant, &receipt, &digest).await.unwrap());
    store.erasures(tenant, &Paging::default()).await.unwrap();
    store.create_contact(tenant, new_contact(PERSON), at(1_002)).await.unwrap();
}
