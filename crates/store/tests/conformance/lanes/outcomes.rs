//! Outcomes: what came of a call, recorded once, whatever was known before.

use domain::consent::{ConsentKind, ConsentSource};
use domain::messages::Status;
use domain::messages::gate::Refusal;
use ports::consent::{ConsentStore, NewConsent};
use ports::lanes::{LaneStore, Refused, Settlement};
use ports::messages::MessageStore;
use ports::webhooks::Change;

use crate::scene::{Scene, failure};
use crate::support::{Bench, at};

on_each_engine!(
    a_throttled_message_goes_back_at_no_cost,
    a_throttled_contact_waits_with_all_its_messages_and_others_go_on,
    a_message_that_was_never_sent_keeps_its_place,
    a_status_that_came_before_the_answer_is_not_undone,
    a_status_kept_for_an_unknown_wamid_is_applied_when_it_becomes_known,
    an_old_epoch_may_only_report_facts,
    somebody_not_on_whatsapp_is_flagged_and_left_alone,
    a_marketing_stop_told_by_an_error_goes_into_the_ledger,
    an_unreachable_contact_who_wrote_since_is_not_flagged,
);

async fn a_throttled_message_goes_back_at_no_cost(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let why = failure("RATE_LIMIT_EXCEEDED", 130_429);
    let free = Settlement::Requeue { due_at: at(60), costs_attempt: false, why: why.clone() };
    assert_eq!(scene.settle(&lease, &claimed, free).await, Status::Queued);
    let message = scene.message(claimed.message_id).await;
    assert_eq!((message.attempts, message.due_at), (0, Some(at(60))));
    let claim = scene.store().claim_due(&lease, 10, at(59)).await.unwrap();
    assert_eq!((claim.claimed.len(), claim.next_due), (0, Some(at(60))));
    let again = scene.store().claim_due(&lease, 10, at(60)).await.unwrap().claimed.remove(0);
    assert_eq!(again.attempt, 1);
    let dear = Settlement::Requeue { due_at: at(70), costs_attempt: true, why };
    scene.settle(&lease, &again, dear).await;
    assert_eq!(scene.store().claim_due(&lease, 10, at(70)).await.unwrap().claimed[0].attempt, 2);
}

async fn a_throttled_contact_waits_with_all_its_messages_and_others_go_on(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (ana, ben) = (scene.opted_in(1).await, scene.opted_in(2).await);
    let lease = scene.lane("node").await;
    let first = scene.sending(&lease, ana).await;
    scene.accept(vec![scene.job(ana), scene.job(ben)]).await;
    let delay = Settlement::DelayContact { due_at: at(60), why: failure("RATE_LIMIT_EXCEEDED", 131_056) };
    assert_eq!(scene.settle(&lease, &first, delay).await, Status::Queued);
    let claim = scene.claim(&lease).await;
    let claimed: Vec<_> = claim.claimed.iter().map(|one| one.contact_id).collect();
    assert_eq!((claimed, claim.next_due), (vec![ben], Some(at(60))));
    let mut later = scene.store().claim_due(&lease, 10, at(60)).await.unwrap().claimed;
    assert!(later.iter().all(|one| one.contact_id == ana && one.pair_throttles == 1));
    assert_eq!(later.len(), 2);
    scene.settle(&lease, &later.remove(0), Settlement::Sent { wamid: "wamid.1".into(), held: false }).await;
    scene.settle(&lease, &later.remove(0), Settlement::Unsent).await;
    let last = scene.store().claim_due(&lease, 10, at(61)).await.unwrap().claimed.remove(0);
    assert_eq!(last.pair_throttles, 0, "a message that went through ends the row");
}

async fn a_message_that_was_never_sent_keeps_its_place(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    assert_eq!(scene.settle(&lease, &claimed, Settlement::Unsent).await, Status::Queued);
    let message = scene.message(claimed.message_id).await;
    assert_eq!((message.attempts, message.due_at), (0, Some(at(10))));
}

async fn a_status_that_came_before_the_answer_is_not_undone(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let mut status = scene.status("wamid.1", Status::Delivered, at(35));
    status.message_id = Some(claimed.message_id);
    scene.project(vec![Change::Status(status)]).await;
    assert_eq!(scene.message(claimed.message_id).await.wamid.as_deref(), Some("wamid.1"));
    let lost = Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) };
    assert_eq!(scene.settle(&lease, &claimed, lost).await, Status::Delivered);
    let sent = Settlement::Sent { wamid: "wamid.1".into(), held: false };
    assert_eq!(scene.settle(&lease, &claimed, sent).await, Status::Delivered);
    let stats = scene.store().queue_stats(scene.tenant, scene.connection, at(50)).await.unwrap();
    assert_eq!(stats, Default::default());
}

async fn a_status_kept_for_an_unknown_wamid_is_applied_when_it_becomes_known(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    for (status, second) in [(Status::Read, 37), (Status::Delivered, 36), (Status::Read, 37)] {
        scene.report("wamid.1", status, at(second)).await;
    }
    let inbox = |scene: &Scene| {
        let (store, tenant) = (scene.store().clone(), scene.tenant);
        async move { ports::webhooks::WebhookStore::inbox_stats(&store, tenant).await.unwrap().orphan_statuses }
    };
    assert_eq!(inbox(&scene).await, 2);
    let sent = Settlement::Sent { wamid: "wamid.1".into(), held: false };
    assert_eq!(scene.settle(&lease, &claimed, sent).await, Status::Read);
    let message = scene.message(claimed.message_id).await;
    assert_eq!((message.delivered_at, message.read_at), (Some(at(36)), Some(at(37))));
    assert_eq!(inbox(&scene).await, 0);
}

async fn an_old_epoch_may_only_report_facts(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let old = scene.lane("a").await;
    let (one, two) = (scene.sending(&old, contact).await, scene.sending(&old, contact).await);
    scene.store().take_lane(scene.tenant, scene.connection, "b", at(80), at(140)).await.unwrap().unwrap();
    let failed = Settlement::Failed { why: failure("META_REJECTED", 1), flag: None, marketing_stop: false };
    assert_eq!(scene.settle(&old, &one, failed).await, Status::InDoubt);
    let sent = Settlement::Sent { wamid: "wamid.2".into(), held: false };
    assert_eq!(scene.settle(&old, &two, sent).await, Status::Sent);
    assert_eq!(scene.message(two.message_id).await.wamid.as_deref(), Some("wamid.2"));
}

async fn somebody_not_on_whatsapp_is_flagged_and_left_alone(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    let queued = scene.send(scene.job(contact)).await.message_id;
    let why = failure("RECIPIENT_NOT_ON_WHATSAPP", 131_026);
    scene
        .settle(&lease, &claimed, Settlement::Failed { why, flag: Some(131_026), marketing_stop: false })
        .await;
    let review = scene.bench.read_contact(scene.tenant, contact).await.review.unwrap();
    assert_eq!(review.meta_error_code, 131_026);
    let claim = scene.claim(&lease).await;
    assert!(
        matches!(&claim.refused[..], [Refused { message_id, refusal: Refusal::Unreachable { .. }, .. }] if *message_id == queued)
    );
    scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    assert_eq!(
        scene.bench.read_contact(scene.tenant, contact).await.review,
        None,
        "writing in clears the flag"
    );
}

async fn a_marketing_stop_told_by_an_error_goes_into_the_ledger(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    for _ in 0..2 {
        let claimed = scene.sending(&lease, contact).await;
        let why = failure("CONTACT_NOT_OPTED_IN", 131_050);
        scene.settle(&lease, &claimed, Settlement::Failed { why, flag: None, marketing_stop: true }).await;
    }
    assert!(scene.bench.read_contact(scene.tenant, contact).await.consent.marketing_stopped);
    let ledger = scene.store().consent_records(scene.tenant, contact, &Default::default()).await.unwrap();
    let stops: Vec<_> = ledger.items.iter().filter(|one| one.kind == ConsentKind::MarketingStop).collect();
    assert_eq!(stops.len(), 1);
    assert_eq!(stops[0].source, ConsentSource::MetaPreference);
}

async fn an_unreachable_contact_who_wrote_since_is_not_flagged(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.in"))]).await;
    let why = failure("RECIPIENT_NOT_ON_WHATSAPP", 131_026);
    scene
        .settle(&lease, &claimed, Settlement::Failed { why, flag: Some(131_026), marketing_stop: false })
        .await;
    let contact = scene.bench.read_contact(scene.tenant, contact).await;
    assert_eq!(contact.review, None);
    let consent = NewConsent {
        contact_id: contact.id,
        kind: ConsentKind::OptOut,
        source: ConsentSource::Api,
        at: at(200),
        evidence: serde_json::json!({}),
    };
    assert!(scene.store().record_consent(scene.tenant, consent).await.unwrap().unwrap().changed);
    assert_eq!(
        scene.store().messages(scene.tenant, &Default::default(), &Default::default()).await.unwrap().total,
        2
    );
}
