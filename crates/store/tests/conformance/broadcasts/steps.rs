//! Steps: what they allow, and what they do to messages and recipients.

use domain::broadcasts::{LeftOut, State, Step, StopCode};
use domain::messages::Status;
use ports::alerts::AlertStore;
use ports::broadcasts::{
    BroadcastFilter, BroadcastMoved, BroadcastPatch, BroadcastStore, Counts, InQueue, Move, RecipientFilter,
    RecipientState,
};
use ports::lanes::{LaneStore, Settlement};
use ports::operator::OperatorStore;

use super::campaign::{Campaign, change_of, due_now, everyone, new_broadcast, plan, step};
use crate::scene::failure;
use crate::support::{Bench, at};

on_each_engine!(
    a_draft_is_made_changed_listed_and_removed,
    a_scheduled_one_is_live_until_it_goes_back,
    a_step_that_its_state_does_not_allow_changes_nothing,
    what_is_paused_is_not_claimed_until_it_is_resumed,
    a_message_that_comes_back_to_a_paused_broadcast_waits_with_it,
    cancelling_cancels_what_waits_and_leaves_the_rest_out,
    a_message_that_comes_back_to_a_cancelled_broadcast_is_cancelled,
    it_completes_when_nobody_waits_and_fails_when_everybody_failed,
    one_that_had_ended_fails_when_the_last_of_it_turns_out_to_have_failed,
    a_paused_one_gets_other_numbers_and_what_waited_goes_with_them,
    what_comes_back_to_a_number_that_was_dropped_leaves_it_when_the_broadcast_goes_on,
    one_that_was_removed_leaves_its_messages,
);

async fn a_draft_is_made_changed_listed_and_removed(bench: Bench) {
    let campaign = Campaign::draft(bench, 0).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let made = campaign.read().await;
    assert_eq!((made.state, made.plan.clone(), made.counts), (State::Draft, plan(false), Counts::default()));
    let patch = BroadcastPatch { name: Some("Winter\0".into()), plan: Some(plan(true)) };
    let BroadcastMoved::Done(changed) =
        store.update_broadcast(tenant, campaign.id, change_of(&made, patch)).await.unwrap()
    else {
        panic!("a draft can be changed")
    };
    assert_eq!((changed.name.as_str(), changed.plan, changed.updated_at), ("Winter", plan(true), at(2)));
    let other = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
    let list = async |filter| {
        let page = store.broadcasts(tenant, &filter, &Default::default()).await.unwrap();
        page.items.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(list(BroadcastFilter::default()).await, [other, campaign.id], "newest first");
    let search = BroadcastFilter { search: Some("WINT".into()), ..Default::default() };
    assert_eq!(list(search).await, [campaign.id]);
    let sending = BroadcastFilter { state: Some(State::Sending), ..Default::default() };
    assert_eq!(list(sending).await, []);
    assert!(matches!(store.delete_broadcast(tenant, other).await.unwrap(), BroadcastMoved::Done(_)));
    assert_eq!(store.delete_broadcast(tenant, other).await.unwrap(), BroadcastMoved::NotFound);
    assert_eq!(store.broadcast(tenant, other).await.unwrap(), None);
    assert_eq!(store.broadcast_results(tenant, other).await.unwrap(), None);
}

async fn a_scheduled_one_is_live_until_it_goes_back(bench: Bench) {
    let campaign = Campaign::draft(bench, 0).await;
    let live = async || {
        let all = campaign.scene.store().live_broadcasts().await.unwrap();
        all.into_iter().find(|one| one.id == campaign.id).map(|one| (one.state, one.starts_at))
    };
    assert_eq!(live().await, None);
    let schedule = Move { starts_at: Some(at(99)), ..step(Step::Schedule) };
    campaign.scene.store().move_broadcast(campaign.scene.tenant, campaign.id, schedule).await.unwrap();
    assert_eq!(live().await, Some((State::Scheduled, Some(at(99)))));
    let back = campaign.step(Step::Unschedule).await;
    assert_eq!((back.state, back.starts_at, back.reason), (State::Draft, None, None));
    assert_eq!(live().await, None);
    let started = campaign.step(Step::Start).await;
    assert_eq!((started.started_at, started.category.is_some()), (Some(at(6)), true));
    assert_eq!(live().await, Some((State::Sending, None)));
}

async fn a_step_that_its_state_does_not_allow_changes_nothing(bench: Bench) {
    let campaign = Campaign::draft(bench, 0).await;
    let before = campaign.read().await;
    for wanted in [Step::Pause, Step::Resume, Step::Complete, Step::Reopen, Step::Unschedule] {
        assert_eq!(campaign.try_step(wanted).await, BroadcastMoved::InvalidState(State::Draft), "{wanted:?}");
    }
    assert_eq!(campaign.read().await, before);
    let store = campaign.scene.store();
    let unsettled = store.move_broadcast(campaign.scene.tenant, campaign.id, step(Step::Start)).await;
    assert!(unsettled.is_err(), "nothing starts without being told whom it means");
    let nobody = domain::BroadcastId(999);
    let moved = campaign.scene.store().move_broadcast(campaign.scene.tenant, nobody, step(Step::Start)).await;
    assert_eq!(moved.unwrap(), BroadcastMoved::NotFound);
    campaign.step(Step::Start).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let refused = store.delete_broadcast(tenant, campaign.id).await.unwrap();
    assert_eq!(refused, BroadcastMoved::InvalidState(State::Sending));
    let change = change_of(&campaign.read().await, BroadcastPatch::default());
    let refused = store.update_broadcast(tenant, campaign.id, change).await.unwrap();
    assert_eq!(refused, BroadcastMoved::InvalidState(State::Sending));
}

async fn what_is_paused_is_not_claimed_until_it_is_resumed(bench: Bench) {
    let campaign = Campaign::frozen(bench, 6).await;
    let lease = campaign.scene.lane("node").await;
    assert_eq!(campaign.feed(4).await.queued, 4);
    let own = campaign.scene.send(campaign.scene.job(domain::ContactId(1))).await.message_id;
    let (store, tenant, connection) =
        (campaign.scene.store(), campaign.scene.tenant, campaign.scene.connection);
    let queue = |waiting, due| InQueue { broadcast: campaign.id, waiting, due };
    assert_eq!(store.waiting_of_broadcasts(tenant, connection, at(11)).await.unwrap(), [queue(4, 4)]);
    assert_eq!(store.waiting_of_broadcasts(tenant, connection, at(10)).await.unwrap(), [queue(4, 0)]);
    let paused = campaign.step(Step::Pause).await;
    assert_eq!(paused.reason.as_ref().map(|why| why.code), Some(StopCode::ByUser));
    assert_eq!(store.waiting_of_broadcasts(tenant, connection, at(99)).await.unwrap(), []);
    let stats = store.queue_stats(tenant, connection, at(30)).await.unwrap();
    assert_eq!((stats.queued, stats.sending), (1, 0), "what is held is not queued");
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let claimed: Vec<_> = claimed.iter().map(|one| (one.message_id, one.broadcast_id)).collect();
    assert_eq!(claimed, [(own, None)], "other messages go on");
    assert!(campaign.feed(2).await.stopped);
    assert_eq!(campaign.counts().await.queued, 4);
    let resumed = Move { at: at(25), ..step(Step::Resume) };
    let BroadcastMoved::Done(resumed) = store.move_broadcast(tenant, campaign.id, resumed).await.unwrap()
    else {
        panic!("it can be resumed")
    };
    assert_eq!((resumed.state, resumed.reason), (State::Sending, None));
    let claim = store.claim_due(&lease, 100, at(24)).await.unwrap();
    assert_eq!((claim.claimed.len(), claim.next_due), (0, Some(at(25))), "due when it was resumed");
    let claimed = campaign.scene.claim(&lease).await.claimed;
    assert!(claimed.iter().all(|one| one.broadcast_id == Some(campaign.id)));
    assert_eq!(claimed.len(), 4);
    campaign.check().await;
}

async fn a_message_that_comes_back_to_a_paused_broadcast_waits_with_it(bench: Bench) {
    let campaign = Campaign::frozen(bench, 1).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    campaign.step(Step::Pause).await;
    let why = failure("RATE_LIMIT_EXCEEDED", 130_429);
    let back = Settlement::Requeue { due_at: at(40), costs_attempt: false, why };
    assert_eq!(campaign.settle(&lease, &claimed[0], back).await, Status::Queued);
    let claim = campaign.scene.store().claim_due(&lease, 10, at(60)).await.unwrap();
    assert_eq!((claim.claimed.len(), claim.next_due), (0, None));
    campaign.step(Step::Resume).await;
    assert_eq!(campaign.scene.store().claim_due(&lease, 10, at(60)).await.unwrap().claimed.len(), 1);
    campaign.check().await;
}

async fn cancelling_cancels_what_waits_and_leaves_the_rest_out(bench: Bench) {
    let campaign = Campaign::frozen(bench, 9).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    campaign.deliver(&lease).await;
    campaign.feed(1).await;
    let sending = campaign.scene.claim(&lease).await.claimed.remove(0);
    campaign.feed(3).await;
    let cancelled = campaign.step(Step::Cancel).await;
    assert_eq!(cancelled.finished_at, Some(at(6)));
    let expected = Counts { sent: 2, queued: 1, cancelled: 6, ..Counts::default() };
    assert_eq!(cancelled.counts, expected, "what is being sent finishes");
    campaign.check().await;
    let state = |state| RecipientFilter { state: Some(state), ..Default::default() };
    let off = campaign.recipients(state(RecipientState::Cancelled)).await;
    assert_eq!(off.len(), 6);
    let before: Vec<_> = off.iter().filter(|one| one.message_id.is_none()).collect();
    assert_eq!(before.len(), 3);
    assert!(before.iter().all(|one| one.left_out == Some(LeftOut::Cancelled)));
    let with = off.iter().find_map(|one| one.message_id).unwrap();
    assert_eq!(campaign.scene.life(with).await, ["queued", "cancelled"]);
    assert_eq!(campaign.recipients(state(RecipientState::Pending)).await, []);
    let left_out = RecipientFilter { left_out: Some(LeftOut::Cancelled), ..Default::default() };
    assert_eq!(campaign.recipients(left_out).await.len(), 3);
    assert_eq!(campaign.due(10).await.len(), 3, "read only");
    assert!(campaign.feed(10).await.stopped);
    assert_eq!(campaign.scene.claim(&lease).await.claimed, []);
    let wamid = "w.last".to_owned();
    campaign.settle(&lease, &sending, Settlement::Sent { wamid, held: false }).await;
    assert_eq!(campaign.counts().await, Counts { sent: 3, cancelled: 6, ..Counts::default() });
    campaign.check().await;
}

async fn a_message_that_comes_back_to_a_cancelled_broadcast_is_cancelled(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    campaign.step(Step::Cancel).await;
    let why = failure("RATE_LIMIT_EXCEEDED", 130_429);
    let back = Settlement::DelayContact { due_at: at(40), why };
    assert_eq!(campaign.settle(&lease, &claimed[0], back).await, Status::Cancelled);
    assert_eq!(campaign.settle(&lease, &claimed[1], Settlement::Unsent).await, Status::Cancelled);
    assert_eq!(campaign.scene.store().claim_due(&lease, 10, at(60)).await.unwrap().claimed, []);
    assert_eq!(campaign.counts().await.cancelled, 2);
    campaign.check().await;
}

async fn it_completes_when_nobody_waits_and_fails_when_everybody_failed(bench: Bench) {
    let mut campaign = Campaign::started(bench, 2).await;
    let finish = async |campaign: &Campaign| {
        let ended = campaign.scene.store().finish_broadcast(campaign.scene.tenant, campaign.id, at(50)).await;
        ended.unwrap().map(|ended| ended.state)
    };
    assert_eq!(finish(&campaign).await, None, "not frozen");
    campaign.freeze_all().await;
    assert_eq!(finish(&campaign).await, None, "two are pending");
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    assert_eq!(finish(&campaign).await, None, "two are queued");
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let failed =
        || Settlement::Failed { why: failure("META_REJECTED", 131_000), flag: None, marketing_stop: false };
    campaign.settle(&lease, &claimed[0], failed()).await;
    campaign.settle(&lease, &claimed[1], Settlement::InDoubt { why: failure("x", 1) }).await;
    assert_eq!(finish(&campaign).await, Some(State::Completed), "a doubt is settled by and by");
    assert_eq!(finish(&campaign).await, None, "only once");
    campaign.check().await;

    campaign.id = campaign
        .scene
        .store()
        .create_broadcast(campaign.scene.tenant, new_broadcast(false))
        .await
        .unwrap()
        .id;
    campaign.step(Step::Start).await;
    campaign.freeze_all().await;
    campaign.feed(2).await;
    for claimed in campaign.scene.claim(&lease).await.claimed {
        campaign.settle(&lease, &claimed, failed()).await;
    }
    assert_eq!(finish(&campaign).await, Some(State::Failed));
    let reason = campaign.read().await.reason.unwrap();
    assert_eq!(reason.code, StopCode::AllFailed);
}

async fn one_that_had_ended_fails_when_the_last_of_it_turns_out_to_have_failed(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(3).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let failed = Settlement::Failed { why: failure("x", 131_000), flag: None, marketing_stop: false };
    campaign.settle(&lease, &claimed[0], failed).await;
    campaign.settle(&lease, &claimed[1], Settlement::InDoubt { why: failure("x", 1) }).await;
    let wamid = "w.late".to_owned();
    campaign.settle(&lease, &claimed[2], Settlement::Sent { wamid, held: false }).await;
    let ended = store.finish_broadcast(tenant, campaign.id, at(50)).await.unwrap().unwrap();
    assert_eq!(ended.state, State::Completed);
    campaign.scene.report("w.late", Status::Failed, at(60)).await;
    assert_eq!(campaign.read().await.state, State::Completed, "one is in doubt");
    let doubt = ports::webhooks::StatusReport {
        message_id: Some(claimed[1].message_id),
        ..campaign.scene.status("w.doubt", Status::Failed, at(61))
    };
    campaign.scene.project(vec![ports::webhooks::Change::Status(doubt)]).await;
    let failed = campaign.read().await;
    assert_eq!((failed.state, failed.finished_at), (State::Failed, Some(at(50))));
    let reason = failed.reason.unwrap();
    assert_eq!((reason.code, reason.at), (StopCode::AllFailed, at(61)));
    let open = store.open_alerts(tenant, &["broadcast_stopped"]).await.unwrap();
    let [alert] = &open[..] else { panic!("{open:?}") };
    assert_eq!(
        (alert.details["failed"].as_i64(), alert.details["status"].as_str()),
        (Some(3), Some("failed"))
    );
    campaign.check().await;
}

async fn a_paused_one_gets_other_numbers_and_what_waited_goes_with_them(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let other = campaign.scene.bench.connection(tenant).await.id;
    campaign.feed(2).await;
    let change = async |at| store.change_numbers(tenant, campaign.id, &[other], at).await.unwrap();
    assert_eq!(change(at(12)).await, BroadcastMoved::InvalidState(State::Sending));
    campaign.step(Step::Pause).await;
    let BroadcastMoved::Done(changed) = change(at(13)).await else { panic!("it is paused") };
    let plan = domain::broadcasts::Plan { connections: vec![other], ..plan(false) };
    assert_eq!((changed.plan, changed.state, changed.updated_at), (plan, State::Paused, at(13)));
    assert_eq!(changed.counts, Counts { pending: 3, ..Counts::default() });
    campaign.check().await;
    // What waits on a number that stays is left where it is.
    campaign.step(Step::Resume).await;
    let turns = campaign.due(10).await.iter().map(|one| campaign.send(one.id)).collect();
    let batch = ports::broadcasts::EnqueueBatch { connection_id: other, ..campaign.batch(turns) };
    assert_eq!(store.enqueue(batch).await.unwrap().queued, 3);
    campaign.step(Step::Pause).await;
    assert!(matches!(change(at(14)).await, BroadcastMoved::Done(_)));
    assert_eq!(campaign.counts().await, Counts { queued: 3, ..Counts::default() });
    campaign.check().await;
}

async fn what_comes_back_to_a_number_that_was_dropped_leaves_it_when_the_broadcast_goes_on(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let other = campaign.scene.bench.connection(tenant).await.id;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    let on_their_way = campaign.scene.claim(&lease).await.claimed;
    assert!(!on_their_way.is_empty());
    campaign.step(Step::Pause).await;
    let changed = store.change_numbers(tenant, campaign.id, &[other], at(13)).await.unwrap();
    assert!(matches!(changed, BroadcastMoved::Done(_)));
    for one in &on_their_way {
        assert_eq!(campaign.scene.settle(&lease, one, Settlement::Unsent).await, Status::Queued);
    }
    campaign.check().await;
    campaign.step(Step::Resume).await;
    assert_eq!(campaign.counts().await, Counts { pending: 3, ..Counts::default() });
    assert_eq!(campaign.scene.claim(&lease).await.claimed, []);
    campaign.check().await;
}

async fn one_that_was_removed_leaves_its_messages(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    let sent = campaign.deliver(&lease).await;
    campaign.step(Step::Cancel).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    assert!(matches!(store.delete_broadcast(tenant, campaign.id).await.unwrap(), BroadcastMoved::Done(_)));
    // A page at a time, so that one with a million recipients is gone at once, and a crash leaves nothing behind.
    let mut pages = 0;
    while store.sweep(at(90), 2).await.unwrap() > 0 {
        pages += 1;
    }
    assert_eq!(pages, 3, "three recipients by twos, and that it is over");
    let tables = ["recipients", "broadcast_rows", "broadcast_lists", "broadcast_counts", "broadcasts"];
    for table in tables.into_iter().chain(["broadcasts_removed"]) {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS text FROM {table}");
        assert_eq!(crate::samples::texts(&campaign.scene.bench, &sql).await, ["0"], "{table}");
    }
    let wamid = format!("w.{}", sent[0].message_id);
    campaign.scene.report(&wamid, Status::Read, at(90)).await;
    let message = campaign.scene.message(sent[0].message_id).await;
    assert_eq!((message.status, message.broadcast_id), (Status::Read, Some(campaign.id)));
    let sql = "SELECT CAST(COUNT(*) AS TEXT) AS text FROM broadcast_counts";
    assert_eq!(crate::samples::texts(&campaign.scene.bench, sql).await, ["0"], "nothing is counted any more");
    assert_eq!(campaign.freeze(&everyone(), &due_now(), 5).await, Default::default());
}
