//! The hot verbs: what is sent, what a lane does, what comes in, what is read, and the upkeep.

use domain::messages::Status;
use domain::{ContactId, ConversationId, MessageId};
use ports::access::AccessStore;
use ports::alerts::AlertStore;
use ports::contacts::ContactStore;
use ports::conversations::ConversationStore;
use ports::health::HealthStore;
use ports::idempotency::{IdempotencyStore, KeptAnswer};
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{AcceptJob, Addressee, MessageFilter, MessageStore, ReplyTo};
use ports::operator::OperatorStore;
use ports::templates::TemplateStore;
use ports::webhooks::{AsideReason, Change, Inbound, Projection, RawWebhook, SetAside, WebhookStore};
use store::SqlStore;

use super::MANY;
use crate::samples::{identity, phone};
use crate::scene::{Scene, failure, source};
use crate::support::at;

pub(super) async fn sends(scene: &Scene, store: &SqlStore) {
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

pub(super) async fn lane(scene: &Scene, store: &SqlStore) {
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

pub(super) async fn webhooks(scene: &Scene, store: &SqlStore) {
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

pub(super) async fn reads(scene: &Scene, store: &SqlStore) {
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

pub(super) async fn upkeep(scene: &Scene, store: &SqlStore) {
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
