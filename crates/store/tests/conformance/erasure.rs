//! Erasing persons: nothing of them is found anywhere, and their no holds.

mod files;

use std::collections::BTreeMap;

use domain::audit::Action;
use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::erasure::{Kept, Receipt};
use domain::imports::agreement::Agreement;
use domain::messages::Status;
use domain::{ContactId, ErasureId, SignedDuration, TenantId};
use ports::Paging;
use ports::broadcasts::{BroadcastStore, RecipientFilter};
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{Contact, ContactPatch, ContactStore, NewContact, UpdatedContact};
use ports::conversations::ConversationStore;
use ports::erasure::{Erasure, ErasureStore};
use ports::idempotency::{IdempotencyStore, KeptAnswer};
use ports::imports::{
    Applied, BadRow, GoodRow, ImportBatch, ImportStore, NewImport, OnDuplicate, ProblemKind, RowConsent,
};
use ports::media::MediaStore;
use ports::messages::{AcceptJob, MessageFilter, MessageStore};
use ports::operator::OperatorStore;
use ports::retention::RetentionStore;
use ports::webhooks::{
    AsideReason, Change, Inbound, InboundMedia, RawWebhook, SetAside, Source, WebhookStore,
};
use serde_json::json;
use store::SqlStore;

use crate::backup::everything;
use crate::broadcasts::campaign::{Campaign, new_broadcast, row, whole};
use crate::samples::{identity, new_contact, phone};
use crate::scene::{Scene, words};
use crate::support::{Bench, KEY, at};

on_each_engine!(
    nothing_of_an_erased_person_is_left_and_everything_of_the_others_is,
    an_erasure_that_was_killed_is_finished_by_another_node,
    erasing_again_answers_the_same_erasure,
    an_opt_out_holds_when_the_number_is_made_again,
    an_opt_out_holds_when_the_number_is_imported,
    an_opt_out_holds_when_the_person_writes_and_ends_with_a_real_opt_in,
    an_opt_out_holds_when_another_contact_gets_the_number,
    whoever_had_not_said_no_starts_anew,
    a_message_written_before_the_erasure_is_dropped_and_one_written_after_it_is_not,
    nothing_survives_a_message_that_races_with_the_erasure,
    a_receipt_is_genuine_and_a_changed_one_is_not,
    renewing_the_sealing_key_loses_no_opt_out_and_no_receipt,
    a_person_leaves_the_broadcasts_with_their_counts,
    a_deleted_contacts_files_are_left_over_too,
    an_erasure_is_its_tenants,
);

const NAME: &str = "Zebulon Quux";
const USERNAME: &str = "zebulonq";
const BSUID: &str = "US.77777778888";
const NUMBER: u32 = 7_654_321;

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

fn person() -> Identity {
    Identity { phone: Some(phone(NUMBER)), bsuid: Some(BSUID.into()) }
}

async fn finish(store: &SqlStore, tenant: TenantId, erasure: ErasureId) -> (Receipt, String) {
    loop {
        let erasure = store.erase_batch(tenant, erasure, 2, at(2_000)).await.unwrap().expect("there");
        if let Some(receipt) = erasure.receipt {
            return receipt;
        }
    }
}

async fn erase(store: &SqlStore, tenant: TenantId, contact: ContactId) -> Receipt {
    let begun = store.begin_erasure(tenant, contact, at(1_000)).await.unwrap().expect("there");
    finish(store, tenant, begun.id).await.0
}

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

fn digits(number: u32) -> String {
    format!("1555{number:07}")
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

fn new_import() -> NewImport {
    NewImport {
        filename: Some("list.csv".into()),
        plan: json!({}),
        file: "1/abc".into(),
        size: 1,
        created_by: None,
        holder: "node".into(),
        held_until: at(200),
        at: at(100),
    }
}

fn batch(import: domain::ImportId, good: Vec<GoodRow>, to: u64) -> ImportBatch {
    ImportBatch {
        import,
        holder: "node".into(),
        held_until: at(3_000),
        from: 0,
        to,
        bytes_read: 1,
        good,
        bad: Vec::new(),
        on_duplicate: OnDuplicate::Skip,
        at: at(1_500),
    }
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

async fn erasing_again_answers_the_same_erasure(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    let first = scene.store().begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    finish(scene.store(), scene.tenant, first.id).await;
    let again = scene.store().begin_erasure(scene.tenant, contact, at(1_100)).await.unwrap().expect("there");
    assert_eq!((again.id, again.at), (first.id, at(1_000)));
    assert!(again.receipt.is_some());
    assert_eq!(scene.store().erasure(scene.tenant, first.id).await.unwrap(), Some(again.clone()));
    assert_eq!(scene.store().erasures(scene.tenant, &Paging::default()).await.unwrap().items, [again]);
    let nobody = scene.store().begin_erasure(scene.tenant, ContactId(9_999), at(1_100)).await.unwrap();
    assert_eq!(nobody, None);
}

/// A person who opted out and was erased.
async fn erased_after_no(scene: &Scene) {
    let new = NewContact {
        identity: person(),
        opt_in: Some((ConsentSource::Api, json!({}))),
        ..new_contact(NUMBER)
    };
    let contact = scene.bench.contact(scene.tenant, new).await;
    let out = NewConsent {
        contact_id: contact.id,
        kind: ConsentKind::OptOut,
        source: ConsentSource::Keyword,
        at: at(500),
        evidence: json!({"text": "STOP"}),
    };
    scene.store().record_consent(scene.tenant, out).await.unwrap().unwrap();
    erase(scene.store(), scene.tenant, contact.id).await;
}

async fn assert_out(scene: &Scene, contact: &Contact) {
    assert!(contact.consent.explicitly_out(), "{:?}", contact.consent);
    assert_eq!(contact.consent.opted_out_at, Some(at(500)));
    let read = scene.bench.read_contact(scene.tenant, contact.id).await;
    assert_eq!(read.consent, contact.consent);
    let ledger =
        scene.store().consent_records(scene.tenant, contact.id, &Paging::default()).await.unwrap().items;
    let entries: Vec<_> = ledger.iter().map(|record| (record.kind, record.source, record.at)).collect();
    assert_eq!(entries, [(ConsentKind::OptOut, ConsentSource::Keyword, at(500))]);
    assert!(ledger[0].evidence["kept_from_erasure"].is_i64());
}

async fn an_opt_out_holds_when_the_number_is_made_again(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let claimed = NewContact { opt_in: Some((ConsentSource::Api, json!({}))), ..new_contact(NUMBER) };
    let by_number = scene.bench.contact(scene.tenant, claimed).await;
    assert_out(&scene, &by_number).await;
    let by_user_id = Identity { phone: None, bsuid: Some(BSUID.into()) };
    let by_user_id = NewContact { identity: by_user_id, ..NewContact::default() };
    let by_user_id = scene.bench.contact(scene.tenant, by_user_id).await;
    assert_out(&scene, &by_user_id).await;
    let somebody = scene.bench.contact(scene.tenant, new_contact(3)).await;
    assert_eq!(somebody.consent, Default::default());
    let real = NewConsent {
        contact_id: by_number.id,
        kind: ConsentKind::OptIn,
        source: ConsentSource::Api,
        at: at(2_500),
        evidence: json!({}),
    };
    let outcome = scene.store().record_consent(scene.tenant, real).await.unwrap().unwrap();
    assert!(outcome.changed && outcome.contact.consent.opted_in, "an opt-in of its own lifts it");
}

async fn an_opt_out_holds_when_the_number_is_imported(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let import = scene.store().create_import(scene.tenant, new_import()).await.unwrap();
    let good = |row: u64, number: u32| GoodRow {
        row,
        phone: phone(number),
        written: phone(number).to_string(),
        country: None,
        name: None,
        language: None,
        time_zone: None,
        tags: Vec::new(),
        fields: Default::default(),
        consent: Some(RowConsent {
            says: Agreement::Yes,
            at: at(1_400),
            before: None,
            evidence: json!({"row": row}),
        }),
        cells: Vec::new(),
    };
    let batch = batch(import.id, vec![good(1, 3), good(2, NUMBER), good(3, 4)], 3);
    let applied = scene.store().import_batch(scene.tenant, &batch).await.unwrap();
    let Applied::Applied(import) = applied else { panic!("not applied: {applied:?}") };
    assert_eq!((import.counts.imported, import.consent_refused, import.opted_out), (3, 1, 0));
    let by = async |number| {
        scene.store().contact_by_identity(scene.tenant, &identity(number)).await.unwrap().expect("there")
    };
    assert_out(&scene, &by(NUMBER).await).await;
    for number in [3, 4] {
        let contact = by(number).await;
        assert!(contact.consent.opted_in);
        let ledger =
            scene.store().consent_records(scene.tenant, contact.id, &Paging::default()).await.unwrap();
        assert_eq!(ledger.total, 1);
    }
    scene.bench.seal(scene.tenant).await;
    let trail = scene.bench.trail(scene.tenant).await;
    let told =
        trail.iter().find(|link| link.entry.action == Action::ContactsImported.as_str()).expect("told");
    let after: serde_json::Value = serde_json::from_str(told.entry.after.as_ref().unwrap()).unwrap();
    let ids = json!([by(3).await.id, by(4).await.id]);
    assert_eq!((&after["opted_in"], &after["opted_out"]), (&ids, &json!([])));
    let notes =
        scene.store().import_problems_of(scene.tenant, import.id, ProblemKind::Note, 9).await.unwrap();
    assert_eq!(notes.iter().map(|note| note.row).collect::<Vec<_>>(), [2]);
}

async fn an_opt_out_holds_when_the_person_writes_and_ends_with_a_real_opt_in(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let writes = Inbound { at: at(1_600), from: person(), ..scene.inbound(NUMBER, "w.back") };
    let projected = scene.project(vec![Change::Inbound(writes)]).await;
    let contact = scene.bench.read_contact(scene.tenant, projected.inbound[0].1).await;
    assert!(contact.consent.wrote_after_opt_out, "an answer is wanted");
    assert_out(&scene, &contact).await;
    let start = Inbound {
        at: at(1_700),
        content: words("START"),
        word: Some(domain::consent::words::Word::OptIn),
        ..scene.inbound(NUMBER, "w.start")
    };
    scene.project(vec![Change::Inbound(start)]).await;
    assert!(scene.bench.read_contact(scene.tenant, contact.id).await.consent.opted_in);
}

async fn an_opt_out_holds_when_another_contact_gets_the_number(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let other = scene.bench.contact(scene.tenant, new_contact(3)).await;
    let patch = ContactPatch { identity: Some(identity(NUMBER)), ..ContactPatch::default() };
    let changed = scene.store().update_contact(scene.tenant, other.id, patch, at(1_600)).await.unwrap();
    let UpdatedContact::Updated(changed) = changed else { panic!("{changed:?}") };
    assert_out(&scene, &changed).await;
}

async fn whoever_had_not_said_no_starts_anew(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    let receipt = erase(scene.store(), scene.tenant, contact).await;
    assert!(receipt.kept.iter().any(|kept| kept.what.contains("no opt-out")), "{receipt:?}");
    let back = scene.bench.contact(scene.tenant, new_contact(NUMBER)).await;
    assert_eq!(back.consent, Default::default(), "not opted in any more");
    let again = scene.store().delete_contact(scene.tenant, back.id, at(1_100)).await.unwrap();
    assert!(again);
    let claimed = NewContact { opt_in: Some((ConsentSource::Api, json!({}))), ..new_contact(NUMBER) };
    assert!(scene.bench.contact(scene.tenant, claimed).await.consent.opted_in);
}

async fn a_message_written_before_the_erasure_is_dropped_and_one_written_after_it_is_not(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    erase(scene.store(), scene.tenant, contact).await;
    let late = Inbound { at: at(999), ..scene.inbound(NUMBER, "w.late") };
    let other = Inbound { at: at(999), ..scene.inbound(3, "w.other") };
    let projected = scene.project(vec![Change::Inbound(late), Change::Inbound(other)]).await;
    assert_eq!(projected.inbound.len(), 1, "the other's");
    assert_eq!(scene.store().contact_by_identity(scene.tenant, &identity(NUMBER)).await.unwrap(), None);
    let new = Inbound { at: at(1_001), ..scene.inbound(NUMBER, "w.new") };
    assert_eq!(scene.project(vec![Change::Inbound(new)]).await.inbound.len(), 1);
    let back =
        scene.store().contact_by_identity(scene.tenant, &identity(NUMBER)).await.unwrap().expect("there");
    assert_ne!(back.id, contact);
}

async fn nothing_survives_a_message_that_races_with_the_erasure(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    for round in 0..20u32 {
        let number = NUMBER + round;
        let contact = scene.opted_in(number).await;
        let text = format!("secret of round {round}");
        let message = Inbound {
            content: words(&text),
            profile_name: Some(format!("Racer {round}")),
            ..scene.inbound(number, &format!("w.{round}"))
        };
        let (_, begun) = tokio::join!(
            scene.project_on(&other, vec![Change::Inbound(message)]),
            scene.store().begin_erasure(scene.tenant, contact, at(1_000))
        );
        finish(scene.store(), scene.tenant, begun.unwrap().expect("there").id).await;
        let all = everything(scene.store()).await;
        for trace in [text.as_str(), &format!("Racer {round}"), &digits(number)] {
            assert!(!all.windows(trace.len()).any(|part| part == trace.as_bytes()), "round {round}: {trace}");
        }
    }
}

async fn a_receipt_is_genuine_and_a_changed_one_is_not(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    let begun: Erasure =
        scene.store().begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    let (receipt, digest) = finish(scene.store(), scene.tenant, begun.id).await;
    let genuine = async |tenant, receipt: &Receipt, digest: &str| {
        scene.store().is_genuine(tenant, receipt, digest).await.unwrap()
    };
    assert!(genuine(scene.tenant, &receipt, &digest).await);
    let later = receipt.at + SignedDuration::from_secs(1);
    let mut more = receipt.removed.clone();
    more.insert("messages".into(), 1_000);
    let less: Vec<Kept> = receipt.kept[1..].to_vec();
    for changed in [
        Receipt { contact_id: ContactId(contact.0 + 1), ..receipt.clone() },
        Receipt { at: later, ..receipt.clone() },
        Receipt { removed: more, ..receipt.clone() },
        Receipt { kept: less, ..receipt.clone() },
    ] {
        assert!(!genuine(scene.tenant, &changed, &digest).await, "{changed:?}");
    }
    let mut other = digest.clone();
    other.replace_range(0..1, if digest.starts_with('0') { "1" } else { "0" });
    assert!(!genuine(scene.tenant, &receipt, &other).await);
    assert!(!genuine(scene.tenant, &receipt, "").await);
    let stranger = scene.bench.tenant().await;
    let theirs = Receipt { tenant_id: stranger, ..receipt.clone() };
    assert!(!genuine(stranger, &theirs, &digest).await);
}

async fn renewing_the_sealing_key_loses_no_opt_out_and_no_receipt(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let erasure = scene.store().erasures(scene.tenant, &Paging::default()).await.unwrap().items.remove(0);
    let (receipt, digest) = erasure.receipt.expect("finished");
    let rotating = scene.bench.node_with_keys(vec![[9; 32], KEY]).await;
    assert_eq!(
        rotating.rotate_secrets().await.unwrap(),
        4,
        "three of the connection, and the key of the hashes"
    );
    assert_eq!(rotating.rotate_secrets().await.unwrap(), 0);
    let new_only = scene.bench.node_with_keys(vec![[9; 32]]).await;
    assert!(new_only.is_genuine(scene.tenant, &receipt, &digest).await.unwrap());
    let made = new_only.create_contact(scene.tenant, new_contact(NUMBER), at(1_500)).await.unwrap();
    let ports::contacts::CreatedContact::Created(contact) = made else { panic!("{made:?}") };
    assert!(contact.consent.explicitly_out());
}

async fn a_person_leaves_the_broadcasts_with_their_counts(bench: Bench) {
    let campaign = Campaign::frozen(bench, 4).await;
    let scene = &campaign.scene;
    let lease = scene.lane("a").await;
    campaign.feed(2).await;
    campaign.deliver(&lease).await;
    let all = campaign.recipients(RecipientFilter::default()).await;
    let contact = |index: usize| all[index].contact_id.expect("a contact");
    // One was sent to, one is still to come.
    for (who, left) in [(contact(0), 3), (contact(3), 2)] {
        let begun = scene.store().begin_erasure(scene.tenant, who, at(1_000)).await.unwrap().expect("there");
        campaign.check().await;
        scene.report("w.1", Status::Read, at(1_100)).await;
        campaign.check().await;
        finish(scene.store(), scene.tenant, begun.id).await;
        campaign.check().await;
        assert_eq!(campaign.recipients(RecipientFilter::default()).await.len(), left);
    }
    assert_eq!(scene.store().participations(scene.tenant, contact(1)).await.unwrap().len(), 1);
    assert_eq!(scene.store().participations(scene.tenant, contact(0)).await.unwrap(), []);
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

async fn an_erasure_is_its_tenants(bench: Bench) {
    let scene = Scene::of(bench).await;
    let stranger = scene.bench.tenant().await;
    let same = scene.bench.contact(stranger, new_contact(NUMBER)).await;
    erased_after_no(&scene).await;
    let erasure = scene.store().erasures(scene.tenant, &Paging::default()).await.unwrap().items.remove(0);
    let (store, id) = (scene.store(), erasure.id);
    assert_eq!(store.begin_erasure(stranger, erasure.contact_id, at(1_000)).await.unwrap(), None);
    assert_eq!(store.erasure(stranger, id).await.unwrap(), None);
    assert_eq!(store.erase_batch(stranger, id, 9, at(1_000)).await.unwrap(), None);
    assert_eq!(store.erasures(stranger, &Paging::default()).await.unwrap().total, 0);
    assert_eq!(store.contact(stranger, same.id).await.unwrap(), Some(same.clone()));
    assert!(store.delete_contact(stranger, same.id, at(1_000)).await.unwrap());
    let back = scene.bench.contact(stranger, new_contact(NUMBER)).await;
    assert_eq!(back.consent, Default::default(), "what one tenant was told is not told to another");
    let messages = store.messages(stranger, &MessageFilter::default(), &Paging::default()).await.unwrap();
    assert_eq!(messages.total, 0);
}
