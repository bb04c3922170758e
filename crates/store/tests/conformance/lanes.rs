//! Leases, claims and outcomes.

use std::sync::{Arc, Mutex};

use domain::connections::ConnectionState;
use domain::consent::{ConsentKind, ConsentSource};
use domain::messages::gate::Refusal;
use domain::messages::{Priority, Status};
use ports::broadcasts::Counts;
use ports::connections::{Broken, ConnectionPatch, ConnectionStore};
use ports::consent::{ConsentStore, NewConsent};
use ports::lanes::{LaneStore, Refused, Settlement};
use ports::messages::{AcceptJob, MessageFilter, MessageStore};
use ports::templates::{TemplatePatch, TemplateStore};
use ports::webhooks::Change;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use store::{SqlStore, StoreConfig};

use crate::broadcasts::campaign::Campaign;
use crate::samples::at_once;
use crate::scene::{Scene, failure};
use crate::support::{Bench, at};

/// For what does not wait, and for who does to begin with it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

on_each_engine!(
    a_lane_has_one_holder_until_its_lease_runs_out,
    a_holder_that_was_restarted_goes_on_at_once,
    asking_for_a_lane_that_another_holds_writes_nothing,
    whom_a_template_that_may_not_be_sent_keeps_back_waits_for_another_message,
    of_a_hundred_who_want_the_lane_one_gets_it,
    a_lost_lease_renews_and_claims_nothing,
    a_renewal_does_not_wait_for_what_is_under_way_and_who_takes_the_lane_does,
    the_pace_goes_over_to_the_next_holder,
    an_expired_lease_leaves_its_messages_in_doubt,
    replies_go_before_transactional_and_bulk,
    two_claimers_never_get_the_same_message,
    nothing_is_claimed_from_a_connection_that_is_not_active,
    a_stop_that_was_committed_stops_the_claim,
    a_template_that_was_paused_since_fails_at_the_claim,
    the_attempt_is_committed_with_the_claim,
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

async fn a_lane_has_one_holder_until_its_lease_runs_out(bench: Bench) {
    let scene = Scene::of(bench).await;
    let take = |holder: &'static str, now| {
        scene.store().take_lane(scene.tenant, scene.connection, holder, at(now), at(now + 60))
    };
    let first = take("a", 0).await.unwrap().unwrap().lease;
    assert_eq!(take("b", 59).await.unwrap(), None);
    let second = take("b", 60).await.unwrap().unwrap().lease;
    assert_eq!(second.epoch, first.epoch + 1);
    scene.store().release_lane(&second, &serde_json::json!({})).await.unwrap();
    assert!(take("a", 61).await.unwrap().is_some(), "a lane given back is free");
    let nowhere = domain::ConnectionId(99);
    assert_eq!(scene.store().take_lane(scene.tenant, nowhere, "a", at(0), at(1)).await.unwrap(), None);
}

async fn a_holder_that_was_restarted_goes_on_at_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let before = scene.lane("node").await;
    let claimed = scene.sending(&before, contact).await;
    let taken = scene
        .store()
        .take_lane(scene.tenant, scene.connection, "node", at(31), at(90))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((taken.lease.epoch, taken.in_doubt), (before.epoch + 1, vec![claimed.message_id]));
}

async fn asking_for_a_lane_that_another_holds_writes_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.lane("node").await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let watch = move |statement: &str, _| ears.lock().unwrap().push(statement.to_owned());
    let config = StoreConfig {
        watch: Some(Arc::new(watch)),
        ..StoreConfig::new(scene.bench.url(), crate::support::KEY)
    };
    let store = SqlStore::connect(config).await.unwrap();
    let take =
        async |second| store.take_lane(scene.tenant, scene.connection, "other", at(second), at(200)).await;
    assert_eq!(take(30).await.unwrap(), None);
    let writes = |statement: &String| statement.contains("INSERT") || statement.contains("UPDATE");
    assert!(!heard.lock().unwrap().iter().any(writes), "{heard:?}");
    assert!(take(81).await.unwrap().is_some(), "the lease ran out");
}

async fn whom_a_template_that_may_not_be_sent_keeps_back_waits_for_another_message(bench: Bench) {
    use domain::templates::Status as Template;
    let campaign = Campaign::frozen(bench, 2).await;
    let (scene, lease) = (&campaign.scene, campaign.scene.lane("node").await);
    campaign.feed(2).await;
    let status = async |status| {
        let patch = TemplatePatch { status: Some(status), ..TemplatePatch::default() };
        scene.store().update_template(scene.tenant, scene.template, patch, at(30)).await.unwrap();
    };
    for unusable in [Template::Paused, Template::Disabled] {
        status(unusable).await;
        let claim = scene.claim(&lease).await;
        assert_eq!((claim.claimed.len(), claim.refused.len()), (0, 0));
        assert_eq!(campaign.counts().await, Counts { pending: 2, ..Counts::default() });
        campaign.check().await;
        status(Template::Approved).await;
        assert_eq!(scene.store().claim_due(&lease, 100, at(60)).await.unwrap().claimed, []);
        let turns = [1, 2].map(|id| campaign.send(id)).to_vec();
        assert_eq!(campaign.enqueue(turns).await.queued, 2);
    }
    let later = scene.store().claim_due(&lease, 100, at(60)).await.unwrap();
    assert_eq!(later.claimed.len(), 2, "nobody failed");
    assert!(later.claimed.iter().all(|one| one.attempt == 1), "and no attempt was spent");
    let filter = MessageFilter { broadcast_id: Some(campaign.id), ..Default::default() };
    let all = scene.listed(filter).await;
    assert_eq!(all.iter().filter(|message| message.status == Status::Cancelled).count(), 4);
    campaign.check().await;
}

async fn of_a_hundred_who_want_the_lane_one_gets_it(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (tenant, connection) = (scene.tenant, scene.connection);
    let taken = at_once(scene.store(), 100, |store, number| async move {
        store.take_lane(tenant, connection, &format!("node {number}"), at(0), at(60)).await.unwrap().is_some()
    })
    .await;
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
}

async fn a_lost_lease_renews_and_claims_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let old = scene.lane("a").await;
    let pace = serde_json::json!({});
    assert!(scene.store().renew_lane(&old, at(85), &pace).await.unwrap());
    scene.store().take_lane(scene.tenant, scene.connection, "b", at(85), at(200)).await.unwrap().unwrap();
    assert!(!scene.store().renew_lane(&old, at(300), &pace).await.unwrap());
    scene.send(scene.job(contact)).await;
    assert_eq!(scene.claim(&old).await.claimed, []);
    scene.store().release_lane(&old, &pace).await.unwrap();
    let other = scene.store().take_lane(scene.tenant, scene.connection, "c", at(90), at(95)).await.unwrap();
    assert_eq!(other, None, "a lost lease releases nothing");
}

async fn a_renewal_does_not_wait_for_what_is_under_way_and_who_takes_the_lane_does(bench: Bench) {
    // SQLite has one writer: nothing is under way beside it.
    if !bench.is_postgres() {
        return;
    }
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let message = scene.send(scene.job(contact)).await.message_id;
    // Somebody holds the contact, so that the claim stands still in its middle.
    let engine = sea_orm::Database::connect(scene.bench.url()).await.unwrap();
    let blocker = engine.begin().await.unwrap();
    blocker.execute_unprepared("SELECT id FROM contacts FOR UPDATE").await.unwrap();
    let store = Arc::new(scene.bench.another_node().await);
    let claiming = tokio::spawn({
        let (store, lease) = (Arc::clone(&store), lease.clone());
        async move { store.claim_due(&lease, 100, at(30)).await.unwrap() }
    });
    until_somebody_waits(&engine, 1).await;
    let pace = serde_json::json!({});
    let renewal = scene.store().renew_lane(&lease, at(85), &pace);
    assert!(tokio::time::timeout(PATIENCE, renewal).await.expect("it does not wait").unwrap());
    let (tenant, connection) = (scene.tenant, scene.connection);
    let taking =
        tokio::spawn(async move { store.take_lane(tenant, connection, "b", at(85), at(200)).await.unwrap() });
    until_somebody_waits(&engine, 2).await;
    assert!(!taking.is_finished());
    blocker.rollback().await.unwrap();
    assert_eq!(
        claiming.await.unwrap().claimed[0].message_id,
        message,
        "the lease was good when it was asked"
    );
    let taken = taking.await.unwrap().expect("the lease ran out");
    assert_eq!(taken.in_doubt, [message], "whoever takes the lane knows of all that was claimed before");
}

/// Until so many wait for locks.
async fn until_somebody_waits(engine: &sea_orm::DatabaseConnection, many: i64) {
    let sql = "SELECT count(*) AS many FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async || {
        let ask = Statement::from_string(engine.get_database_backend(), sql);
        engine.query_one_raw(ask).await.unwrap().unwrap().try_get_by::<i64, _>("many").unwrap()
    };
    let all_wait = async {
        while waiting().await < many {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_wait).await.expect("they wait for locks");
}

async fn the_pace_goes_over_to_the_next_holder(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lease = scene.lane("a").await;
    let pace = serde_json::json!({ "slow": 4 });
    let kept = async || scene.store().kept_pace(scene.tenant, scene.connection).await.unwrap();
    assert!(scene.store().renew_lane(&lease, at(90), &pace).await.unwrap());
    assert_eq!(kept().await, Some(pace.clone()), "other nodes may look at it");
    scene.store().release_lane(&lease, &pace).await.unwrap();
    assert_eq!(kept().await, None, "nobody sends");
    let taken =
        scene.store().take_lane(scene.tenant, scene.connection, "b", at(30), at(60)).await.unwrap().unwrap();
    assert_eq!(taken.pace, Some(pace));
}

async fn an_expired_lease_leaves_its_messages_in_doubt(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let sending = scene.sending(&lease, contact).await.message_id;
    let waiting = scene.send(scene.job(contact)).await.message_id;
    let taken =
        scene.store().take_lane(scene.tenant, scene.connection, "b", at(80), at(140)).await.unwrap().unwrap();
    assert_eq!(taken.in_doubt, [sending]);
    assert_eq!(scene.message(sending).await.status, Status::InDoubt);
    assert_eq!(scene.life(sending).await, ["queued", "sending", "in_doubt"]);
    let claim = scene.store().claim_due(&taken.lease, 10, at(81)).await.unwrap();
    let claimed: Vec<_> = claim.claimed.iter().map(|one| one.message_id).collect();
    assert_eq!(claimed, [waiting], "what is in doubt is not sent again");
}

async fn replies_go_before_transactional_and_bulk(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let of = |priority, second| AcceptJob { priority: Some(priority), at: at(second), ..scene.job(contact) };
    let jobs = vec![
        of(Priority::Bulk, 1),
        of(Priority::Transactional, 3),
        of(Priority::Transactional, 2),
        of(Priority::Reply, 9),
        of(Priority::Bulk, 0),
    ];
    scene.accept(jobs).await;
    let lease = scene.lane("node").await;
    let mut order = Vec::new();
    for _ in 0..3 {
        let claim = scene.store().claim_due(&lease, 2, at(30)).await.unwrap();
        order.extend(claim.claimed.iter().map(|one| (one.priority, one.created_at)));
    }
    let expected = [
        (Priority::Reply, at(9)),
        (Priority::Transactional, at(2)),
        (Priority::Transactional, at(3)),
        (Priority::Bulk, at(0)),
        (Priority::Bulk, at(1)),
    ];
    assert_eq!(order, expected);
}

async fn two_claimers_never_get_the_same_message(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    scene.accept((0..200).map(|_| scene.job(contact)).collect()).await;
    let lease = scene.lane("node").await;
    let claims = at_once(scene.store(), 20, |store, _| {
        let lease = lease.clone();
        async move { store.claim_due(&lease, 10, at(30)).await.unwrap().claimed }
    })
    .await;
    let mut ids: Vec<i64> = claims.iter().flatten().map(|one| one.message_id.0).collect();
    let claimed = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), claimed, "claimed twice");
    let mut rest = 0;
    loop {
        let more = scene.store().claim_due(&lease, 50, at(30)).await.unwrap().claimed.len();
        rest += more;
        if more == 0 {
            break;
        }
    }
    assert_eq!(claimed + rest, 200, "none is left behind");
}

async fn nothing_is_claimed_from_a_connection_that_is_not_active(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let id = scene.send(scene.job(contact)).await.message_id;
    let lease = scene.lane("node").await;
    let broken = scene
        .store()
        .break_connection(scene.tenant, scene.connection, &Broken::because("token expired"), at(25))
        .await;
    assert!(broken.unwrap());
    assert_eq!(scene.claim(&lease).await.claimed, []);
    assert_eq!(scene.message(id).await.status, Status::Queued);
    let patch = ConnectionPatch { state: Some((ConnectionState::Active, None)), ..Default::default() };
    scene.store().update_connection(scene.tenant, scene.connection, patch, at(26)).await.unwrap();
    assert_eq!(scene.claim(&lease).await.claimed.len(), 1);
}

async fn a_stop_that_was_committed_stops_the_claim(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let id = scene.send(scene.job(contact)).await.message_id;
    let lease = scene.lane("node").await;
    scene.project(vec![Change::Inbound(scene.stop(1, "wamid.stop"))]).await;
    let claim = scene.store().claim_due(&lease, 10, at(101)).await.unwrap();
    assert!(
        matches!(&claim.refused[..], [Refused { message_id, refusal: Refusal::NotOptedIn { .. }, .. }] if *message_id == id)
    );
    let failed = scene.message(id).await;
    assert_eq!(
        (failed.status, failed.failure.unwrap().code),
        (Status::Failed, "CONTACT_NOT_OPTED_IN".to_owned())
    );
    assert_eq!(claim.claimed.len(), 1, "the confirmation passes");
    assert_eq!(claim.claimed[0].priority, Priority::Reply);
    assert_eq!(scene.life(id).await, ["queued", "failed"]);
}

async fn a_template_that_was_paused_since_fails_at_the_claim(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let id = scene.send(scene.job(contact)).await.message_id;
    let patch = TemplatePatch { status: Some(domain::templates::Status::Paused), ..Default::default() };
    scene.store().update_template(scene.tenant, scene.template, patch, at(20)).await.unwrap();
    let lease = scene.lane("node").await;
    let claim = scene.claim(&lease).await;
    assert!(
        matches!(&claim.refused[..], [Refused { message_id, refusal: Refusal::TemplateNotApproved { .. }, .. }] if *message_id == id)
    );
    assert_eq!(scene.message(id).await.failure.unwrap().code, "TEMPLATE_NOT_APPROVED");
}

async fn the_attempt_is_committed_with_the_claim(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    assert_eq!((claimed.attempt, claimed.contact_id), (1, contact));
    assert_eq!(claimed.identity, crate::samples::identity(1));
    assert_eq!(claimed.template.unwrap().id, scene.template);
    let message = scene.message(claimed.message_id).await;
    assert_eq!((message.status, message.attempts, message.due_at), (Status::Sending, 1, None));
    let stats = scene.store().queue_stats(scene.tenant, scene.connection, at(30)).await.unwrap();
    assert_eq!((stats.queued, stats.sending), (0, 1));
}

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
