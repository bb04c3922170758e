//! No hot statement reads a whole table, on either engine.

mod access;
mod erasures;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::recipe::Source;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{LeftOut, Step};
use domain::imports::ImportState;
use domain::imports::agreement::Agreement;
use domain::messages::Status;
use domain::{ContactId, ConversationId, MessageId};
use ports::access::AccessStore;
use ports::alerts::AlertStore;
use ports::broadcasts::{
    BroadcastStore, DueTimes, EnqueueBatch, RecipientFilter, RecipientState, Retry, Screen, Share, Turn,
};
use ports::contacts::{ContactFilter, ContactStore};
use ports::conversations::{ConversationFilter, ConversationStore};
use ports::health::HealthStore;
use ports::idempotency::{IdempotencyStore, KeptAnswer};
use ports::imports::{
    Applied, BadRow, GoodRow, ImportBatch, ImportStore, NewImport, OnDuplicate, ProblemKind, RowConsent,
};
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{AcceptJob, AcceptOutcome, Addressee, MessageFilter, MessageStore, ReplyTo};
use ports::operator::OperatorStore;
use ports::templates::TemplateStore;
use ports::webhooks::{
    AsideReason, Change, Inbound, InboundMedia, Projection, RawWebhook, SetAside, WebhookStore,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use store::{SqlStore, StoreConfig};

use crate::broadcasts::campaign::{begin, content, everyone, new_broadcast, retry, step};
use crate::samples::{identity, phone};
use crate::scene::{Scene, failure, source};
use crate::support::{Bench, KEY, at};

on_each_engine!(no_hot_statement_scans_a_table, what_is_rare_is_found_by_an_index_of_its_own);

/// Rows of each big table: enough for a planner to prefer its indexes.
const MANY: u32 = 10_000;

async fn no_hot_statement_scans_a_table(bench: Bench) {
    let scene = Scene::of(bench).await;
    fill(&scene).await;
    let engine = Engine::of(&scene.bench).await;
    engine.gather_statistics().await;
    let heard = exercise(&scene).await;
    assert!(heard.len() > 60, "only {} statements were heard", heard.len());
    let mut scans = Vec::new();
    for (shape, statement) in heard {
        for scan in engine.scans(&statement).await {
            scans.push(format!("{scan}\n    in {}", &shape[..shape.len().min(300)]));
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

async fn fill(scene: &Scene) {
    let file = |number: u32| InboundMedia {
        meta_id: number.to_string(),
        mime_type: "image/jpeg".into(),
        filename: None,
        sha256: None,
        expires_at: at(1_000_000),
    };
    let inbound = |number: u32| {
        let from = domain::contacts::Identity { bsuid: Some(format!("US.{number}")), ..identity(number) };
        let wamid = format!("wamid.in.{number}");
        Change::Inbound(Inbound { from, media: Some(file(number)), ..scene.inbound(number, &wamid) })
    };
    scene.project((1..=MANY).map(inbound).collect()).await;
    let job = |number: u32| AcceptJob {
        at: at(95),
        key: Some((format!("k{number}"), [1; 32])),
        ..scene.text(ContactId(number.into()))
    };
    let accepted = scene.accept((1..=MANY).map(job).collect()).await;
    assert!(accepted.iter().all(|one| matches!(one, AcceptOutcome::Accepted(_))));
    let lease = scene.lane("node").await;
    let claim = scene.store().claim_due(&lease, MANY / 2, at(96)).await.unwrap();
    let sent = |one: &ports::lanes::Claimed| Outcome {
        message_id: one.message_id,
        contact_id: one.contact_id,
        settlement: Settlement::Sent { wamid: format!("wamid.out.{}", one.message_id), held: false },
        at: at(97),
    };
    scene.store().record_outcomes(&lease, claim.claimed.iter().map(sent).collect()).await.unwrap();
    let raw = RawWebhook {
        tenant_id: scene.tenant,
        connection_id: None,
        body: bytes::Bytes::from_static(b"{}"),
        at: at(98),
    };
    scene.store().ingest((0..MANY).map(|_| raw.clone()).collect()).await.unwrap();
    while scene.store().index_contacts(MANY + 10).await.unwrap().more {}
    problems(scene).await;
    let orphan =
        |number: u32| Change::Status(scene.status(&format!("wamid.lost.{number}"), Status::Read, at(98)));
    scene.project((0..MANY).map(orphan).collect()).await;
}

/// Views of lists that want few of many rows, and what must lead to those.
async fn what_is_rare_is_found_by_an_index_of_its_own(bench: Bench) {
    let scene = Scene::of(bench).await;
    fill(&scene).await;
    let engine = Engine::of(&scene.bench).await;
    engine.gather_statistics().await;
    let tenant = scene.tenant;
    let paging = ports::Paging::default();
    let contacts = |filter: ContactFilter| {
        let paging = paging.clone();
        async move |store: &SqlStore| drop(store.contacts(tenant, &filter, &paging).await.unwrap())
    };
    let messages = |status| {
        let (paging, filter) = (paging.clone(), MessageFilter { status: Some(status), ..Default::default() });
        async move |store: &SqlStore| drop(store.messages(tenant, &filter, &paging).await.unwrap())
    };
    let by = |postgres, sqlite| if engine.postgres { postgres } else { sqlite };
    let search = by("contact_search_trigrams", "s VIRTUAL TABLE");
    let nobody = ContactFilter { search: Some("zzyzx".into()), ..Default::default() };
    let found = |statement: &str| statement.contains("\"contact_search\"");
    led_to(&scene, &engine, search, contacts(nobody), found).await;
    let flagged = ContactFilter { needs_review: Some(true), ..Default::default() };
    led(&scene, &engine, "contacts_review", contacts(flagged)).await;
    led(&scene, &engine, "messages_cancelled", messages(Status::Cancelled)).await;
    led(&scene, &engine, "messages_in_doubt_of", messages(Status::InDoubt)).await;
    let labelled = ConversationFilter { label: Some("legal".into()), ..Default::default() };
    let legal = async |store: &SqlStore| {
        drop(store.conversations(tenant, &labelled, &ports::Paging::default()).await.unwrap());
    };
    led(&scene, &engine, by("conversation_labels", "(tenant_id=? AND label=?)"), legal).await;
    let tags = vec!["vip".to_owned(), "berlin".to_owned()];
    let two = ContactFilter { tags, ..Default::default() };
    led(&scene, &engine, by("contact_tags", "(tenant_id=? AND tag=?)"), contacts(two)).await;
    // Hardly anybody of them agreed.
    let agreed = ContactFilter { opted_in: Some(true), ..Default::default() };
    led(&scene, &engine, "contacts_opted", contacts(agreed)).await;
    let number = ContactFilter { search: Some("+999".into()), ..Default::default() };
    let leads = |statement: &str| statement.contains("\"found\"");
    for index in ["contacts_phone", "contacts_named_with_plus"] {
        led_to(&scene, &engine, index, contacts(number.clone()), leads).await;
    }
    let failed =
        MessageFilter { contact_id: Some(ContactId(7)), status: Some(Status::Failed), ..Default::default() };
    let of_one = async |store: &SqlStore| drop(store.messages(tenant, &failed, &paging).await.unwrap());
    let sifts = |statement: &str| statement.contains("failed_at IS NOT NULL");
    led_to(&scene, &engine, "messages_failed_of", of_one, sifts).await;
}

/// The page is read by this index, and no big table is read whole.
async fn led(scene: &Scene, engine: &Engine, index: &str, view: impl AsyncFnOnce(&SqlStore)) {
    let is_page = |statement: &str| statement.contains("ORDER BY") && statement.contains(" LIMIT ");
    led_to(scene, engine, index, view, is_page).await;
}

/// The same of other statements than the page.
async fn led_to(
    scene: &Scene,
    engine: &Engine,
    index: &str,
    view: impl AsyncFnOnce(&SqlStore),
    is_meant: impl Fn(&str) -> bool,
) {
    let heard = listen(scene, view).await;
    let meant: Vec<&String> = heard.values().filter(|one| is_meant(one)).collect();
    assert!(!meant.is_empty(), "nothing of the kind was asked: {heard:?}");
    for page in meant {
        let plan = engine.plan(page).await;
        assert!(plan.iter().any(|step| step.contains(index)), "not by {index}: {plan:#?}\n{page}");
        let whole: Vec<_> = plan.iter().filter(|step| engine.is_scan(step)).collect();
        assert!(whole.is_empty(), "{whole:#?}\n{page}");
    }
}

/// Uses every hot verb on a store that is listened to. Answers one statement of each shape.
async fn exercise(scene: &Scene) -> BTreeMap<String, String> {
    listen(scene, async |store| {
        sends(scene, store).await;
        lane(scene, store).await;
        webhooks(scene, store).await;
        reads(scene, store).await;
        upkeep(scene, store).await;
        broadcasts(scene, store).await;
        imports(scene, store).await;
    })
    .await
}

/// What is said to the engine meanwhile, one statement of each shape.
async fn listen(scene: &Scene, work: impl AsyncFnOnce(&SqlStore)) -> BTreeMap<String, String> {
    let heard = Arc::new(Mutex::new(BTreeMap::new()));
    let ears = Arc::clone(&heard);
    let config = StoreConfig {
        watch: Some(Arc::new(move |statement: &str, _| {
            let shape: String =
                statement.chars().filter(|letter| !letter.is_ascii_digit()).take(160).collect();
            ears.lock().unwrap().insert(shape, statement.to_owned());
        })),
        ..StoreConfig::new(scene.bench.url(), KEY)
    };
    let store = SqlStore::connect(config).await.unwrap();
    work(&store).await;
    drop(store);
    let heard = heard.lock().unwrap();
    heard.clone()
}

async fn sends(scene: &Scene, store: &SqlStore) {
    let base = AcceptJob { at: at(99), ..scene.text(ContactId(7)) };
    let jobs = vec![
        AcceptJob { key: Some(("k7".into(), [1; 32])), ..base.clone() },
        AcceptJob { key: Some(("new".into(), [1; 32])), ..base.clone() },
        AcceptJob { to: Addressee::Phone(phone(8)), ..base.clone() },
        AcceptJob { to: Addressee::Bsuid("US.1".into()), ..base.clone() },
        AcceptJob { to: Addressee::Conversation(ConversationId(9)), ..base.clone() },
        AcceptJob { reply_to: Some(ReplyTo::Message(MessageId(7))), ..base },
    ];
    store.accept(jobs).await.unwrap();
    let answer = KeptAnswer { status: 201, body: b"{}".to_vec() };
    store.keep_send_answers(vec![(scene.tenant, "k7".into(), answer)]).await.unwrap();
    let last =
        scene.listed(MessageFilter { status: Some(Status::Queued), ..Default::default() }).await.remove(0).id;
    store.cancel_message(scene.tenant, last, at(99)).await.unwrap();
}

/// Nearly everybody is in a broadcast, and in another that is still to come.
async fn broadcasts(scene: &Scene, store: &SqlStore) {
    let (tenant, connection) = (scene.tenant, scene.connection);
    let screen = Screen {
        category: domain::templates::Category::Utility,
        needed: vec![Source::Phone],
        cap: Some(FrequencyCap { messages: 9, days: 9 }),
        at: at(99),
        ..everyone()
    };
    let due = DueTimes { zones: vec![("US".into(), at(99))], otherwise: at(98) };
    let started = async || {
        let id = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
        begin(store, tenant, id).await;
        while !store.freeze_page(tenant, id, &screen, &due, MANY / 2).await.unwrap().done {}
        id
    };
    let (id, other) = (started().await, started().await);
    let share = Share { index: 0, of: 1 };
    let cap = screen.cap;
    let recipients =
        store.due_recipients(tenant, id, connection, share, cap, MANY / 4, at(100)).await.unwrap();
    assert_eq!(recipients.len() as u32, MANY / 4);
    let turns = |recipients: &[ports::broadcasts::DueRecipient]| {
        let send = |one: &ports::broadcasts::DueRecipient| {
            (one.id, Turn::Send { content: content(), template_id: scene.template })
        };
        recipients.iter().map(send).collect::<Vec<_>>()
    };
    let batch = |turns| EnqueueBatch {
        tenant_id: tenant,
        broadcast_id: id,
        connection_id: connection,
        turns,
        cap,
        at: at(98),
    };
    store.enqueue(batch(turns(&recipients))).await.unwrap();
    let lease = store.take_lane(tenant, connection, "node", at(99), at(500)).await.unwrap().unwrap().lease;
    let mut claimed = Vec::new();
    while claimed.len() < 300 {
        let claim = store.claim_due(&lease, MANY, at(99)).await.unwrap().claimed;
        assert!(!claim.is_empty(), "messages of the broadcast are due");
        claimed.extend(claim.into_iter().filter(|one| one.broadcast_id == Some(id)));
    }
    let why = failure("META_REJECTED", 131_049);
    let outcome = |(index, one): (usize, &ports::lanes::Claimed)| Outcome {
        message_id: one.message_id,
        contact_id: one.contact_id,
        settlement: match index {
            0..3 => Settlement::Failed { why: why.clone(), flag: None, marketing_stop: false },
            3..6 => Settlement::InDoubt { why: why.clone() },
            6..9 => Settlement::Requeue { due_at: at(99), costs_attempt: false, why: why.clone() },
            _ => Settlement::Sent { wamid: format!("wamid.b.{}", one.message_id), held: false },
        },
        at: at(99),
    };
    store.record_outcomes(&lease, claimed.iter().enumerate().map(outcome).collect()).await.unwrap();
    let answer = scene.inbound(u32::try_from(claimed[200].contact_id.0).unwrap(), "wamid.in.answer");
    let changes = vec![
        Change::Status(scene.status(&format!("wamid.b.{}", claimed[250].message_id), Status::Read, at(100))),
        Change::Inbound(Inbound { at: at(100), ..answer }),
    ];
    store.project(Projection { tenant_id: tenant, done: Vec::new(), changes, at: at(101) }).await.unwrap();
    for wanted in [Step::Pause, Step::Resume] {
        store.move_broadcast(tenant, id, step(wanted)).await.unwrap();
    }
    let more = store.due_recipients(tenant, id, connection, share, None, 3, at(100)).await.unwrap();
    store.known_recipients(tenant, id, connection, share, None, 3, at(100)).await.unwrap();
    let mut mixed = turns(&more);
    mixed[0].1 = Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: None };
    mixed[1].1 = Turn::Wait { until: at(200) };
    store.enqueue(batch(mixed)).await.unwrap();
    store.waiting_of_broadcasts(tenant, connection, at(100)).await.unwrap();
    store.next_recipient_due(tenant, id).await.unwrap();
    store.initiated_since(tenant, &[connection], at(0)).await.unwrap();
    store.finish_broadcast(tenant, id, at(100)).await.unwrap();
    let wanted = retry(&[FailedBy::RateLimited, FailedBy::OutcomeUnknown], 2, at(100));
    store.retry_recipients(tenant, id, &wanted).await.unwrap();
    let wanted = Retry { accept_duplicate: true, limit: 1_000, ..wanted };
    store.retry_recipients(tenant, id, &wanted).await.unwrap();
    store.broadcast_results(tenant, id).await.unwrap();
    store.broadcasts(tenant, &Default::default(), &Default::default()).await.unwrap();
    store.live_broadcasts().await.unwrap();
    use RecipientState::{Failed, InDoubt, LeftOut as Out, Pending, Queued};
    for state in [None, Some(Failed), Some(InDoubt), Some(Out), Some(Pending), Some(Queued)] {
        let filter = RecipientFilter { state, ..Default::default() };
        store.recipients(tenant, id, &filter, &Default::default()).await.unwrap();
    }
    let by = RecipientFilter { failed_by: Some(FailedBy::RateLimited), ..Default::default() };
    store.recipients(tenant, id, &by, &Default::default()).await.unwrap();
    let replied = RecipientFilter { replied: Some(true), ..Default::default() };
    store.recipients(tenant, id, &replied, &Default::default()).await.unwrap();
    let of = MessageFilter { broadcast_id: Some(id), ..Default::default() };
    store.messages(tenant, &of, &Default::default()).await.unwrap();
    for id in [id, other] {
        store.move_broadcast(tenant, id, step(Step::Cancel)).await.unwrap();
    }
}

fn new_import() -> NewImport {
    NewImport {
        filename: None,
        plan: serde_json::json!({}),
        file: "1/abc".into(),
        size: 1,
        created_by: None,
        holder: "node".into(),
        held_until: at(1),
        at: at(0),
    }
}

fn bad(row: u64) -> BadRow {
    BadRow {
        row,
        phone: String::new(),
        error: "is no number".into(),
        is_duplicate: false,
        opt_out: None,
        cells: Vec::new(),
    }
}

fn says(says: Agreement) -> RowConsent {
    RowConsent { says, at: at(0), before: None, evidence: serde_json::json!({}) }
}

/// An import of nothing but bad rows.
async fn problems(scene: &Scene) {
    let import = scene.store().create_import(scene.tenant, new_import()).await.unwrap();
    let batch = ImportBatch {
        import: import.id,
        holder: "node".into(),
        held_until: at(600),
        from: 0,
        to: u64::from(MANY),
        bytes_read: 1,
        good: Vec::new(),
        bad: (1..=u64::from(MANY)).map(bad).collect(),
        on_duplicate: OnDuplicate::Skip,
        at: at(99),
    };
    let applied = scene.store().import_batch(scene.tenant, &batch).await.unwrap();
    assert!(matches!(applied, Applied::Applied(_)), "{applied:?}");
}

/// Rows of numbers that are known, of new ones, and of none.
async fn imports(scene: &Scene, store: &SqlStore) {
    let tenant = scene.tenant;
    let import = store.create_import(tenant, new_import()).await.unwrap();
    store.free_imports("other", at(50), 5).await.unwrap();
    store.take_import(tenant, import.id, "node", at(50), at(500)).await.unwrap();
    let good = |row: u64, number: u32| GoodRow {
        row,
        phone: phone(number),
        written: String::new(),
        country: None,
        name: Some("Ana".into()),
        language: None,
        time_zone: None,
        tags: vec!["fair".into()],
        fields: Default::default(),
        consent: Some(says(Agreement::Yes)),
        cells: Vec::new(),
    };
    let leaves = |row, number| GoodRow { consent: Some(says(Agreement::OptedOut)), ..good(row, number) };
    let mut from = 0;
    for on_duplicate in [OnDuplicate::Skip, OnDuplicate::Update] {
        let first = MANY * 2 + u32::try_from(from).unwrap();
        let batch = ImportBatch {
            import: import.id,
            holder: "node".into(),
            held_until: at(600),
            from,
            to: from + 5,
            bytes_read: 1,
            good: vec![good(from + 1, first), good(from + 2, 7), good(from + 3, 8), leaves(from + 4, 9)],
            bad: vec![BadRow { opt_out: Some((phone(10), says(Agreement::OptedOut))), ..bad(from + 5) }],
            on_duplicate,
            at: at(99),
        };
        let applied = store.import_batch(tenant, &batch).await.unwrap();
        assert!(matches!(applied, Applied::Applied(_)), "{applied:?}");
        from += 5;
    }
    store.import_problems(tenant, import.id, 1, 10).await.unwrap();
    store.import_problems_of(tenant, import.id, ProblemKind::Note, 10).await.unwrap();
    store.imports(tenant, &Default::default()).await.unwrap();
    store.files_of_imports().await.unwrap();
    store.release_import(tenant, import.id, "node").await.unwrap();
    store.take_import(tenant, import.id, "node", at(99), at(500)).await.unwrap();
    store.end_import(tenant, import.id, "node", ImportState::Completed, None, at(99)).await.unwrap();
    store.cancel_import(tenant, import.id, at(99)).await.unwrap();
}

async fn lane(scene: &Scene, store: &SqlStore) {
    let lease = store
        .take_lane(scene.tenant, scene.connection, "node", at(99), at(500))
        .await
        .unwrap()
        .unwrap()
        .lease;
    store.renew_lane(&lease, at(600), &serde_json::json!({})).await.unwrap();
    let claim = store.claim_due(&lease, 5, at(100)).await.unwrap();
    let why = failure("META_REJECTED", 131_000);
    let settlements = [
        Settlement::Sent { wamid: "wamid.lost.1".into(), held: false },
        Settlement::Requeue { due_at: at(101), costs_attempt: true, why: why.clone() },
        Settlement::DelayContact { due_at: at(101), why: why.clone() },
        Settlement::Failed { why: why.clone(), flag: Some(131_026), marketing_stop: true },
        Settlement::InDoubt { why },
    ];
    let outcomes = claim.claimed.iter().zip(settlements).map(|(one, settlement)| Outcome {
        message_id: one.message_id,
        contact_id: one.contact_id,
        settlement,
        at: at(100),
    });
    store.record_outcomes(&lease, outcomes.collect()).await.unwrap();
    let sending = store.claim_due(&lease, 1, at(100)).await.unwrap().claimed;
    assert_eq!(sending.len(), 1);
    store.take_lane(scene.tenant, scene.connection, "node", at(100), at(500)).await.unwrap();
    store.release_lane(&lease, &serde_json::json!({})).await.unwrap();
}

async fn webhooks(scene: &Scene, store: &SqlStore) {
    let raw = RawWebhook {
        tenant_id: scene.tenant,
        connection_id: None,
        body: bytes::Bytes::from_static(b"{}"),
        at: at(100),
    };
    store.ingest(vec![raw]).await.unwrap();
    let done =
        store.take_webhooks("node", 50, at(100), at(200)).await.unwrap().iter().map(|one| one.id).collect();
    let mut by_id = scene.status("wamid.other", Status::Sent, at(100));
    by_id.message_id = Some(MessageId(i64::from(MANY) + 9));
    let hidden = domain::contacts::Identity { phone: Some(phone(9)), bsuid: Some("US.9".into()) };
    let aside = SetAside {
        source: source(),
        connection_id: None,
        field: "x".into(),
        reason: AsideReason::Poison,
        why: String::new(),
        raw: serde_json::json!(1),
        at: at(100),
    };
    let changes = vec![
        Change::Status(scene.status(&format!("wamid.out.{}", MANY + 5), Status::Delivered, at(100))),
        Change::Status(by_id),
        Change::Status(scene.status("wamid.nobody", Status::Read, at(100))),
        Change::Inbound(scene.inbound(7, "wamid.in.new")),
        Change::Inbound(scene.inbound(MANY + 7, "wamid.in.stranger")),
        Change::Inbound(Inbound { from: hidden, ..scene.stop(9, "wamid.in.stop") }),
        Change::Aside(aside),
    ];
    store.project(Projection { tenant_id: scene.tenant, done, changes, at: at(101) }).await.unwrap();
}

async fn reads(scene: &Scene, store: &SqlStore) {
    let tenant = scene.tenant;
    store.message(tenant, MessageId(9)).await.unwrap();
    store.message_events(tenant, MessageId(i64::from(MANY) + 9)).await.unwrap();
    store.contact(tenant, ContactId(9)).await.unwrap();
    store.contact_by_identity(tenant, &identity(9)).await.unwrap();
    store.conversation(tenant, ConversationId(9)).await.unwrap();
    store.mark_conversation_read(tenant, ConversationId(9), at(101)).await.unwrap();
    store.template(tenant, scene.template).await.unwrap();
    store.templates_named(tenant, scene.connection, "order_shipped", Some("en_US")).await.unwrap();
    for filter in [
        MessageFilter { contact_id: Some(ContactId(9)), ..Default::default() },
        MessageFilter { conversation_id: Some(ConversationId(9)), ..Default::default() },
        MessageFilter { status: Some(Status::Failed), ..Default::default() },
        MessageFilter { status: Some(Status::InDoubt), ..Default::default() },
    ] {
        store.messages(tenant, &filter, &Default::default()).await.unwrap();
    }
}

async fn upkeep(scene: &Scene, store: &SqlStore) {
    store.api_key_by_hash(&[1; 32]).await.unwrap();
    store.health_counts(scene.tenant, at(0)).await.unwrap();
    store.depths(at(100)).await.unwrap();
    store.touch_api_keys(vec![(domain::ApiKeyId(1), at(1))]).await.unwrap();
    store.rule_on_doubts(at(90_000_000), 10).await.unwrap();
    store.take_pending_media(10, at(100), at(200)).await.unwrap();
    store.sweep(at(90_000_000), 10).await.unwrap();
    store.reserve_key(scene.tenant, "other", [1; 32], at(100)).await.unwrap();
    store
        .keep_answer(scene.tenant, "other", KeptAnswer { status: 200, body: vec![] }, at(100))
        .await
        .unwrap();
    store.index_contacts(10).await.unwrap();
    store.record_security_events(Vec::new()).await.unwrap();
    store.raise_alerts(Vec::new()).await.unwrap();
}

/// The engine itself, asked past the store.
struct Engine {
    database: DatabaseConnection,
    postgres: bool,
}

/// Tables that grow with use, and the names they go by in our statements. A SCAN of anything else (a set, a
/// subquery, one of few rows) is none.
const BIG: [&str; 30] = [
    "contact_search",
    "import_rows",
    "recipients",
    "r",
    "d",
    "w",
    "messages",
    "m",
    "contacts",
    "c",
    "asked",
    "conversations",
    "v",
    "outbox",
    "o",
    "message_events",
    "e",
    "inbox",
    "i",
    "inbox_queue",
    "q",
    "idempotency",
    "k",
    "orphan_statuses",
    "s",
    "consent_records",
    "media",
    "f",
    "inbox_items",
    "gone",
];

impl Engine {
    async fn of(bench: &Bench) -> Self {
        let postgres = bench.is_postgres();
        let url = if postgres {
            // As the store sets its own connections.
            format!("{}&options=-c%20random_page_cost=1.1%20-c%20jit=off", bench.url())
        } else {
            format!("sqlite://{}", bench.url())
        };
        Self { database: Database::connect(url).await.unwrap(), postgres }
    }

    /// PostgreSQL does so by itself, some time; SQLite plans with what the schema tells it. Vacuumed, so that plans do not
    /// hang on how far the server came by itself.
    async fn gather_statistics(&self) {
        if self.postgres {
            self.database.execute_unprepared("VACUUM (ANALYZE)").await.unwrap();
        }
    }

    async fn scans(&self, statement: &str) -> BTreeSet<String> {
        let walks = |step: &str| !is_list(statement) && walks_a_tenant(step);
        let steps = self.plan(statement).await.into_iter();
        steps.filter(|step| walks(step) || self.is_scan(step)).collect()
    }

    fn is_scan(&self, step: &str) -> bool {
        self.is_scan_of(&BIG, step)
    }

    /// Whether the step reads one of these tables whole.
    fn is_scan_of(&self, tables: &[&str], step: &str) -> bool {
        if self.postgres { is_seq_scan(tables, step) } else { is_full_scan(tables, step) }
    }

    async fn plan(&self, statement: &str) -> Vec<String> {
        // Bytes are shown without their type.
        let statement = statement.replace("substr('\\x", "substr(BYTEA '\\x");
        let verb = if self.postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let ask = Statement::from_string(self.database.get_database_backend(), format!("{verb} {statement}"));
        let rows = self.database.query_all_raw(ask).await.unwrap_or_else(|why| panic!("{why}: {statement}"));
        let column = if self.postgres { "QUERY PLAN" } else { "detail" };
        rows.iter().map(|row| row.try_get_by::<String, _>(column).unwrap()).collect()
    }
}

fn is_seq_scan(tables: &[&str], step: &str) -> bool {
    step.split("Seq Scan on ")
        .nth(1)
        .is_some_and(|rest| tables.contains(&rest.split(' ').next().unwrap_or_default()))
}

/// Walking an index in its order up to a LIMIT is how the oldest are found.
fn is_full_scan(tables: &[&str], step: &str) -> bool {
    let Some(rest) = step.trim().strip_prefix("SCAN ") else { return false };
    let table = rest.split(' ').next().unwrap_or_default();
    // What comes behind the colon is what the virtual table was asked for.
    let is_asked = rest.contains("VIRTUAL TABLE INDEX") && !rest.ends_with(':');
    tables.contains(&table) && !is_asked && !rest.contains("INDEX inbox_queue_oldest")
}

/// A page of a list, or its total, walks the tenant's index on purpose.
fn is_list(statement: &str) -> bool {
    statement.contains(" LIMIT ") || statement.contains("COUNT(*)")
}

/// An index of which only the tenant is used leaves the tenant's whole table to be read.
fn walks_a_tenant(step: &str) -> bool {
    let sqlite = step.strip_prefix("SEARCH ").is_some_and(|rest| {
        let table = rest.split(' ').next().unwrap_or_default();
        BIG.contains(&table) && rest.ends_with("(tenant_id=?)")
    });
    let condition = step.trim().strip_prefix("Index Cond: ");
    sqlite
        || condition
            .is_some_and(|condition| condition.contains("tenant_id = ") && !condition.contains(" AND "))
}

#[test]
fn a_scan_is_told_from_a_search() {
    assert!(is_full_scan(&BIG, "SCAN m"));
    assert!(is_full_scan(&BIG, "SCAN s VIRTUAL TABLE INDEX 0:"));
    assert!(!is_full_scan(&BIG, "SCAN s VIRTUAL TABLE INDEX 0:M1"));
    assert!(!is_full_scan(&BIG, "SCAN json_each VIRTUAL TABLE INDEX 1:"));
    assert!(!is_full_scan(&BIG, "SEARCH m USING PRIMARY KEY (tenant_id=? AND id=?)"));
    assert!(is_seq_scan(&BIG, "  ->  Seq Scan on messages m  (cost=0.00..1.00)"));
    assert!(!is_seq_scan(&BIG, "  ->  Index Scan using messages_pkey on messages m"));
    assert!(!is_seq_scan(&BIG, "  ->  Seq Scan on templates t  (cost=0.00..1.00)"));
    assert!(walks_a_tenant("SEARCH conversations USING PRIMARY KEY (tenant_id=?)"));
    assert!(!walks_a_tenant("SEARCH conversations USING PRIMARY KEY (tenant_id=? AND id=?)"));
    assert!(walks_a_tenant("        Index Cond: (tenant_id = 1)"));
    assert!(!walks_a_tenant("        Index Cond: ((tenant_id = 1) AND (id = r.id))"));
}
