//! No hot statement reads a whole table, on either engine.

mod access;
mod broadcasts;
mod engine;
mod erasures;
mod imports;
mod verbs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::ContactId;
use domain::messages::Status;
use ports::contacts::{ContactFilter, ContactStore};
use ports::conversations::{ConversationFilter, ConversationStore};
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{AcceptJob, AcceptOutcome, MessageFilter, MessageStore};
use ports::operator::OperatorStore;
use ports::webhooks::{Change, Inbound, InboundMedia, RawWebhook, WebhookStore};
use store::{SqlStore, StoreConfig};

use crate::samples::identity;
use crate::scene::Scene;
use crate::support::{Bench, KEY, at};
use broadcasts::broadcasts;
use engine::Engine;
use imports::{imports, problems};
use verbs::{lane, reads, sends, upkeep, webhooks};

on_each_engine!(
    no_hot_statement_scans_a_table,
    what_a_set_names_is_found_before_there_are_statistics,
    what_is_rare_is_found_by_an_index_of_its_own,
);

/// Rows of each big table: enough for a planner to prefer its indexes.
const MANY: u32 = 10_000;

async fn no_hot_statement_scans_a_table(bench: Bench) {
    let scene = Scene::of(bench).await;
    fill(&scene).await;
    let engine = Engine::of(&scene.bench).await;
    engine.gather_statistics().await;
    let heard = exercise(&scene).await;
    // What the exercise made is known to the server soon, too.
    engine.gather_statistics().await;
    assert_no_scans(&engine, heard).await;
}

/// The server gathers them a minute after the first broadcast or import of a new installation began, and for a second tenant
/// when its rows are a tenth of all. Until then it believes that a tenant has few.
async fn what_a_set_names_is_found_before_there_are_statistics(bench: Bench) {
    let scene = Scene::of(bench).await;
    let engine = Engine::of(&scene.bench).await;
    engine.gathers_none_by_itself().await;
    fill(&scene).await;
    let heard = exercise(&scene).await;
    assert_no_scans(&engine, heard).await;
}

async fn assert_no_scans(engine: &Engine, heard: BTreeMap<String, String>) {
    assert!(heard.len() > 60, "only {} statements were heard", heard.len());
    let mut scans = Vec::new();
    for (shape, statement) in heard {
        // Any few rows of a tenant: here, where all rows are one tenant's, a scan finds them as soon as an index.
        if shape.ends_with("AS few") && !shape.contains("AND") {
            continue;
        }
        // The threads of a day: here, of all contacts.
        let is_of_a_day =
            |scan: &str| shape.contains("AS known CROSS JOIN") && scan.contains(" conversations y ");
        for scan in engine.scans(&statement).await.into_iter().filter(|scan| !is_of_a_day(scan)) {
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
    // A total that is not counted in time is reckoned from ids: that is asked of some runs only.
    let is_page = |statement: &str| {
        statement.contains("ORDER BY") && statement.contains(" LIMIT ") && !statement.contains("AS lowest")
    };
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

/// The statement without its values.
fn shape(statement: &str) -> String {
    let beside_texts = statement.split('\'').step_by(2);
    beside_texts.flat_map(str::chars).filter(|letter| !letter.is_ascii_digit()).collect()
}

/// What is said to the engine meanwhile, one statement of each shape.
async fn listen(scene: &Scene, work: impl AsyncFnOnce(&SqlStore)) -> BTreeMap<String, String> {
    let heard = Arc::new(Mutex::new(BTreeMap::new()));
    let ears = Arc::clone(&heard);
    let config = StoreConfig {
        watch: Some(Arc::new(move |statement: &str, _| {
            ears.lock().unwrap().insert(shape(statement), statement.to_owned());
        })),
        ..StoreConfig::new(scene.bench.url(), KEY)
    };
    let store = SqlStore::connect(config).await.unwrap();
    work(&store).await;
    drop(store);
    let heard = heard.lock().unwrap();
    heard.clone()
}
