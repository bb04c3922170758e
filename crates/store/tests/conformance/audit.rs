//! The audit trail: kept with what it tells of, chained, and every change to it found.

use domain::audit::verify::{Known, Verdict, What};
use domain::audit::{Action, Actor, ActorKind, Found, Link, NewEntry};
use domain::{ApiKeyId, ContactId, TenantId};
use ports::access::{AccessStore, NewApiKey};
use ports::audit::{AuditFilter, AuditStore, Sealed, acting};
use ports::broadcasts::BroadcastStore;
use ports::connections::ConnectionStore;
use ports::contacts::ContactStore;
use ports::imports::ImportStore;
use ports::lanes::Settlement;
use ports::messages::MessageStore;
use ports::operator::OperatorStore;
use ports::webhooks::Change;
use serde_json::{Value, json};
use store::SqlStore;

use crate::broadcasts::campaign::{Campaign, retry};
use crate::imports::new_import;
use crate::samples::{APP_SECRET, TOKEN, VERIFY_TOKEN, at_once, new_connection, run, walk};
use crate::scene::Scene;
use crate::support::{Bench, KEY, at};

mod broken;

on_each_engine!(
    an_action_and_its_entry_are_one_commit,
    an_action_that_failed_leaves_no_entry,
    whoever_acts_is_named_with_address_and_request,
    entries_stand_in_the_order_in_which_they_were_kept,
    sealers_at_once_seal_each_entry_once,
    what_was_sealed_cannot_be_changed_or_removed_by_a_statement,
    the_trail_is_found_by_action_actor_subject_and_time,
    a_tenant_sees_its_own_trail_alone,
    another_sealing_key_breaks_no_chain,
    a_chain_of_some_pages_is_verified_whole,
    a_batch_of_sends_is_one_entry_per_sender_that_names_each_message,
    a_stop_of_the_customer_is_the_customers_entry,
    no_secret_and_no_person_is_in_an_entry,
    a_chain_whose_head_was_removed_does_not_go_on,
    what_is_done_over_is_told,
    a_broadcast_names_the_range_of_its_messages_and_whom_it_tries_again,
);

pub(crate) const FRESH: [u8; 32] = [5; 32];

pub(crate) fn new_key(name: &str) -> NewApiKey {
    let mut hash = [0; 32];
    name.bytes().zip(&mut hash).for_each(|(byte, into)| *into = byte);
    NewApiKey {
        name: name.into(),
        prefix: "wxk_".into(),
        hash,
        scopes: vec![],
        expires_at: None,
        networks: Default::default(),
        at: at(1),
    }
}

impl Bench {
    /// Seals everything; answers the end of this tenant's chain.
    pub(crate) async fn seal(&self, tenant: TenantId) -> Known {
        let mut head = None;
        loop {
            let sealed = self.store.seal_audit(None, FRESH, at(50), 100).await.expect("sealed");
            if sealed.is_empty() {
                return head.expect("a chain");
            }
            for one in sealed {
                match one {
                    Sealed::Head(of, known) if of == tenant => head = Some(known),
                    Sealed::Head(..) => {}
                    Sealed::Stuck(_, why) => panic!("{why}"),
                }
            }
        }
    }

    /// All sealed entries, oldest first.
    pub(crate) async fn trail(&self, tenant: TenantId) -> Vec<Link> {
        read(self.store.audit_after(tenant, 0, 10_000).await.expect("read"))
    }

    pub(crate) async fn verdict(&self, tenant: TenantId) -> Verdict {
        self.store.verify_audit(tenant, None).await.expect("verified")
    }

    /// So many entries, sealed.
    pub(crate) async fn chain(&self, tenant: TenantId, entries: usize) -> Known {
        for number in 0..entries {
            self.store.create_api_key(tenant, new_key(&format!("{tenant} {number}"))).await.expect("made");
        }
        self.seal(tenant).await
    }
}

/// All of them can be read.
fn read(found: Vec<Found>) -> Vec<Link> {
    found.into_iter().map(|one| one.expect("an entry that can be read")).collect()
}

fn actions(trail: &[Link]) -> Vec<&str> {
    trail.iter().map(|link| link.entry.action.as_str()).collect()
}

fn json_of(text: Option<&String>) -> Value {
    serde_json::from_str(text.expect("something")).expect("JSON")
}

async fn an_action_and_its_entry_are_one_commit(bench: Bench) {
    let tenant = bench.tenant().await;
    let key = bench.store.create_api_key(tenant, new_key("shop")).await.unwrap();
    bench.store.revoke_api_key(tenant, key.id, at(2)).await.unwrap();
    assert_eq!(bench.verdict(tenant).await.unsealed, 3);
    bench.seal(tenant).await;
    let trail = bench.trail(tenant).await;
    assert_eq!(actions(&trail), ["tenant_created", "api_key_created", "api_key_revoked"]);
    assert_eq!(trail[1].entry.subject, format!("api_key:{}", key.id));
    assert_eq!(json_of(trail[1].entry.after.as_ref())["name"], "shop");
    assert_eq!(trail[1].entry.actor, Actor::system());
    assert_eq!(trail.iter().map(|link| link.entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    let verdict = bench.verdict(tenant).await;
    assert!(verdict.is_valid(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.unsealed), (3, 0));
}

async fn an_action_that_failed_leaves_no_entry(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.connect(tenant, new_connection("one")).await;
    bench.seal(tenant).await;
    assert_eq!(bench.store.revoke_api_key(tenant, ApiKeyId(999), at(2)).await.unwrap(), None);
    bench.store.create_connection(tenant, new_connection("one")).await.unwrap();
    bench.store.delete_connection(tenant, domain::ConnectionId(999), at(2)).await.unwrap();
    bench.store.create_api_key(tenant, new_key("twice")).await.unwrap();
    assert!(bench.store.create_api_key(tenant, new_key("twice")).await.is_err());
    bench.seal(tenant).await;
    let trail = bench.trail(tenant).await;
    assert_eq!(actions(&trail), ["tenant_created", "connection_created", "api_key_created"]);
}

async fn whoever_acts_is_named_with_address_and_request(bench: Bench) {
    let tenant = bench.tenant().await;
    let actor = Actor::api_key(3, "shop\0").from_address(Some("10.1.2.3")).in_request(Some("r-1"));
    acting(actor, bench.store.create_api_key(tenant, new_key("shop"))).await.unwrap();
    bench.seal(tenant).await;
    let actor = bench.trail(tenant).await.pop().unwrap().entry.actor;
    assert_eq!((actor.kind, actor.id, actor.name.as_deref()), (ActorKind::ApiKey, Some(3), Some("shop")));
    assert_eq!((actor.address.as_deref(), actor.request_id.as_deref()), (Some("10.1.2.3"), Some("r-1")));
    assert!(bench.verdict(tenant).await.is_valid());
}

async fn entries_stand_in_the_order_in_which_they_were_kept(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.seal(tenant).await;
    for number in 0..300 {
        let entry = NewEntry::about(Action::ContactsExported, "n", number).at(at(number));
        bench.store.record_audit(tenant, vec![entry]).await.unwrap();
    }
    bench.seal(tenant).await;
    let trail = bench.trail(tenant).await;
    let subjects: Vec<String> = trail[1..].iter().map(|link| link.entry.subject.clone()).collect();
    assert_eq!(subjects, (0..300).map(|number| format!("n:{number}")).collect::<Vec<_>>());
    assert!(trail.windows(2).all(|pair| pair[1].prev == pair[0].hash));
}

async fn sealers_at_once_seal_each_entry_once(bench: Bench) {
    let tenant = bench.tenant().await;
    let other = bench.another_node().await;
    at_once(&bench.store, 40, |store, number| {
        let other = other.clone();
        async move {
            let store = if number % 2 == 0 { store } else { other };
            for entry in 0..5 {
                let entry = NewEntry::about(Action::ContactsExported, "n", u64::from(number) * 5 + entry);
                store.record_audit(tenant, vec![entry]).await.unwrap();
                store.seal_audit(Some(tenant), [number as u8; 32], at(9), 3).await.unwrap();
            }
        }
    })
    .await;
    let sealed = bench.store.seal_audit(None, FRESH, at(50), 1_000).await.unwrap();
    assert!(sealed.iter().all(|one| matches!(one, Sealed::Head(..))), "{sealed:?}");
    let verdict = bench.verdict(tenant).await;
    assert!(verdict.is_valid(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.unsealed), (201, 0));
    let mut subjects: Vec<String> =
        bench.trail(tenant).await.into_iter().map(|link| link.entry.subject).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 201);
}

async fn what_was_sealed_cannot_be_changed_or_removed_by_a_statement(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.chain(tenant, 3).await;
    for sql in [
        "UPDATE audit_entries SET subject = 'x' WHERE seq = 2",
        "DELETE FROM audit_entries WHERE seq = 2",
        "DELETE FROM audit_heads",
    ] {
        let refused = broken::try_run(&bench, sql).await.unwrap_err();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    assert!(bench.verdict(tenant).await.is_valid());
}

async fn the_trail_is_found_by_action_actor_subject_and_time(bench: Bench) {
    let tenant = bench.tenant().await;
    let keep = |actor: Actor, entry: NewEntry| {
        let store = bench.store.clone();
        async move { store.record_audit(tenant, vec![entry.by(actor)]).await.unwrap() }
    };
    let about = |action, contact: i64, second| NewEntry::about(action, "contact", contact).at(at(second));
    keep(Actor::api_key(1, "a"), about(Action::OptedIn, 7, 10)).await;
    keep(Actor::api_key(2, "b"), about(Action::OptedOut, 7, 20)).await;
    keep(Actor::customer(70), about(Action::OptedOut, 70, 30)).await;
    keep(Actor::command("key"), NewEntry::new(Action::SettingsChanged, "settings").at(at(40))).await;
    bench.seal(tenant).await;
    let store = &bench.store;
    let found = |filter: AuditFilter| async move {
        let filter = &filter;
        let page = |paging| async move { store.audit(tenant, filter, &paging).await.unwrap() };
        let all = walk(2, page).await;
        read(all).into_iter().map(|link| link.entry.seq).collect::<Vec<_>>()
    };
    let any = AuditFilter::default;
    assert_eq!(found(any()).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(AuditFilter { action: Some(Action::OptedOut), ..any() }).await, [4, 3]);
    assert_eq!(found(AuditFilter { actor: Some("api_key".into()), ..any() }).await, [3, 2]);
    assert_eq!(found(AuditFilter { actor: Some("api_key:2".into()), ..any() }).await, [3]);
    assert_eq!(found(AuditFilter { actor: Some("api_key:two".into()), ..any() }).await, Vec::<i64>::new());
    assert_eq!(found(AuditFilter { subject: Some("contact:7".into()), ..any() }).await, [3, 2]);
    assert_eq!(found(AuditFilter { subject: Some("contact".into()), ..any() }).await, [4, 3, 2]);
    assert_eq!(found(AuditFilter { subject: Some("settings".into()), ..any() }).await, [5]);
    let between = AuditFilter { since: Some(at(20)), until: Some(at(40)), ..any() };
    assert_eq!(found(between).await, [4, 3]);
}

async fn a_tenant_sees_its_own_trail_alone(bench: Bench) {
    let (owner, stranger) = (bench.tenant().await, bench.tenant().await);
    bench.chain(owner, 3).await;
    bench.chain(stranger, 1).await;
    let page = bench.store.audit(stranger, &AuditFilter::default(), &Default::default()).await.unwrap();
    assert_eq!(page.total, 2);
    assert!(read(page.items).iter().all(|link| link.entry.tenant_id == stranger));
    assert_eq!(bench.trail(stranger).await.len(), 2);
    assert_eq!((bench.verdict(owner).await.entries, bench.verdict(stranger).await.entries), (4, 2));
    assert!(bench.verdict(TenantId(999)).await.is_valid());
}

async fn another_sealing_key_breaks_no_chain(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.chain(tenant, 3).await;
    let rotating = bench.node_with_keys(vec![[8; 32], KEY]).await;
    rotating.rotate_secrets().await.unwrap();
    let rotated = bench.node_with_keys(vec![[8; 32]]).await;
    rotated.create_api_key(tenant, new_key("after")).await.unwrap();
    rotated.seal_audit(None, FRESH, at(60), 10).await.unwrap();
    let verdict = rotated.verify_audit(tenant, None).await.unwrap();
    assert!(verdict.is_valid() && verdict.entries == 5, "{verdict:?}");
    assert_eq!(bench.verdict(tenant).await.broken[0].what, What::NoKey);
}

async fn a_chain_of_some_pages_is_verified_whole(bench: Bench) {
    let tenant = bench.tenant().await;
    let entries = (0..4_999).map(|number| NewEntry::about(Action::ContactsExported, "n", number)).collect();
    bench.store.record_audit(tenant, entries).await.unwrap();
    let head = bench.seal(tenant).await;
    assert_eq!(head.seq, 5_000);
    let verdict = bench.store.verify_audit(tenant, Some(head.clone())).await.unwrap();
    assert!(verdict.is_valid() && verdict.entries == 5_000, "{verdict:?}");
    let other = Known { hash: vec![1; 32], ..head };
    let verdict = bench.store.verify_audit(tenant, Some(other)).await.unwrap();
    assert_eq!((verdict.broken[0].seq, verdict.broken[0].what), (5_000, What::RolledBack));
}

async fn a_batch_of_sends_is_one_entry_per_sender_that_names_each_message(bench: Bench) {
    let scene = Scene::of(bench).await;
    let mut contacts = Vec::new();
    for number in 1..=4 {
        contacts.push(scene.opted_in(number).await);
    }
    let before = scene.bench.seal(scene.tenant).await.seq;
    let of = |contact: ContactId, key: i64| ports::messages::AcceptJob {
        actor: Actor::api_key(key, "shop"),
        ..scene.job(contact)
    };
    let jobs = vec![of(contacts[0], 1), of(contacts[1], 2), of(contacts[2], 1), of(ContactId(999), 1)];
    let outcomes = scene.accept(jobs).await;
    scene.bench.seal(scene.tenant).await;
    let trail = read(scene.store().audit_after(scene.tenant, before, 10).await.unwrap());
    assert_eq!(actions(&trail), ["messages_sent", "messages_sent"]);
    assert_eq!(trail[0].entry.actor, Actor::api_key(1, "shop"));
    let sent: Vec<i64> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            ports::messages::AcceptOutcome::Accepted(accepted) => Some(accepted.message_id.0),
            _ => None,
        })
        .collect();
    let told = json_of(trail[0].entry.after.as_ref());
    let template = scene.template;
    assert_eq!(
        told["messages"],
        json!([
            { "id": sent[0], "contact": contacts[0], "kind": "template", "template": template },
            { "id": sent[2], "contact": contacts[2], "kind": "template", "template": template },
        ])
    );
    assert_eq!(trail[1].entry.subject, format!("message:{}", sent[1]));
}

async fn a_stop_of_the_customer_is_the_customers_entry(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let before = scene.bench.seal(scene.tenant).await.seq;
    scene.project(vec![Change::Inbound(scene.stop(1, "wamid.stop"))]).await;
    scene.bench.seal(scene.tenant).await;
    let trail = read(scene.store().audit_after(scene.tenant, before, 10).await.unwrap());
    assert_eq!(actions(&trail), ["opted_out"]);
    assert_eq!(trail[0].entry.actor, Actor::customer(contact.0));
    assert_eq!(trail[0].entry.subject, format!("contact:{contact}"));
    assert_eq!(json_of(trail[0].entry.before.as_ref())["opted_in"], true);
    let after = json_of(trail[0].entry.after.as_ref());
    assert_eq!((&after["opted_in"], &after["source"]), (&json!(false), &json!("keyword")));
}

async fn no_secret_and_no_person_is_in_an_entry(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    scene.send(scene.text(contact)).await;
    let patch =
        ports::connections::ConnectionPatch { access_token: Some("EAAG-new".into()), ..Default::default() };
    scene.store().update_connection(scene.tenant, scene.connection, patch, at(5)).await.unwrap();
    scene.bench.seal(scene.tenant).await;
    let trail = format!("{:?}", scene.bench.trail(scene.tenant).await);
    for hidden in [TOKEN, APP_SECRET, VERIFY_TOKEN, "EAAG-new", "15550000001", "Ana", "hello"] {
        assert!(!trail.contains(hidden), "{hidden} is in {trail}");
    }
    assert!(trail.contains("access_token"), "that it was replaced is told");
}

async fn a_chain_whose_head_was_removed_does_not_go_on(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.chain(tenant, 2).await;
    broken::unguard(&bench).await;
    run(&bench, "DELETE FROM audit_heads").await;
    bench.store.create_api_key(tenant, new_key("later")).await.unwrap();
    let sealed = stuck(&bench.store).await;
    assert_eq!(sealed, [Sealed::Stuck(tenant, "the head of the chain was removed".into())]);
    let verdict = bench.verdict(tenant).await;
    assert_eq!((verdict.broken[0].what, verdict.unsealed), (What::NoHead, 1));
}

async fn stuck(store: &SqlStore) -> Vec<Sealed> {
    store.seal_audit(None, FRESH, at(60), 10).await.unwrap()
}

async fn what_is_done_over_is_told(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let why = crate::scene::failure("META_REJECTED", 131_049);
    scene.settle(&lease, &claimed, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    let import = scene.store().create_import(scene.tenant, new_import()).await.unwrap().id;
    let flag = format!(
        "UPDATE contacts SET review_at = 1, review_code = 1, review_reason = 'x' WHERE id = {contact}"
    );
    run(&scene.bench, &flag).await;
    let before = scene.bench.seal(scene.tenant).await.seq;
    scene.store().requeue_message(scene.tenant, claimed.message_id, false, at(60)).await.unwrap();
    scene.store().clear_review(scene.tenant, contact, at(61)).await.unwrap();
    for second in [62, 63] {
        scene.store().cancel_import(scene.tenant, import, at(second)).await.unwrap();
    }
    scene.bench.seal(scene.tenant).await;
    let trail = read(scene.store().audit_after(scene.tenant, before, 10).await.unwrap());
    assert_eq!(actions(&trail), ["message_retried", "contact_reviewed", "import_cancelled"]);
}

async fn a_broadcast_names_the_range_of_its_messages_and_whom_it_tries_again(bench: Bench) {
    let campaign = Campaign::frozen(bench, 5).await;
    let (tenant, store) = (campaign.scene.tenant, campaign.scene.store());
    let before = campaign.scene.bench.seal(tenant).await.seq;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(10).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    for one in &claimed {
        let why = crate::scene::failure("META_REJECTED", 131_049);
        campaign.settle(&lease, one, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    }
    assert_eq!(
        store.retry_recipients(tenant, campaign.id, &retry(&[], 10, at(99))).await.unwrap().retried,
        5
    );
    campaign.scene.bench.seal(tenant).await;
    let trail = read(store.audit_after(tenant, before, 10).await.unwrap());
    assert_eq!(actions(&trail), ["messages_sent", "broadcast_retried"]);
    assert!(trail.iter().all(|link| link.entry.subject == format!("broadcast:{}", campaign.id)));
    let ids = || claimed.iter().map(|one| one.message_id.0);
    let told = json_of(trail[0].entry.after.as_ref());
    assert_eq!(told, json!({ "count": 5, "first": ids().min(), "last": ids().max() }));
}
