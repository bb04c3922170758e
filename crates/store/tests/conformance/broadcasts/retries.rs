//! New attempts: who gets one, when, and what becomes of the message before.

use domain::MessageId;
use domain::broadcasts::{LeftOut, State, Step, StopCode};
use domain::messages::Status;
use domain::templates::Category;
use ports::broadcasts::{
    BroadcastMoved, BroadcastStore, Counts, EnqueueBatch, NotRetried, RecipientFilter, RecipientRow,
    RecipientState, Retried, Retry, Turn,
};
use ports::lanes::{Claimed, LaneStore, Lease, Settlement};
use ports::messages::{Failure, MessageStore};
use ports::operator::OperatorStore;

use super::campaign::{Campaign, retry};
use crate::scene::failure;
use crate::support::{Bench, at};

on_each_engine!(
    failed_ones_get_a_new_attempt_once,
    a_new_attempt_waits_for_the_time_that_meta_asks_for,
    who_may_have_got_it_gets_a_new_attempt_only_when_named_and_accepted,
    a_retry_goes_on_in_the_category_that_the_template_has_now,
    a_message_that_was_superseded_is_not_put_back,
    a_part_of_a_retry_comes_behind_the_one_before_it,
    a_retry_that_is_called_off_leaves_the_failures_as_they_were,
    a_new_attempt_that_waits_in_a_queue_falls_back_when_it_is_called_off,
    a_new_attempt_that_comes_back_to_a_cancelled_broadcast_falls_back,
    one_that_reached_nobody_has_failed_again_when_its_retry_is_called_off,
    who_never_had_a_message_is_called_off_though_others_fall_back,
    who_is_left_out_of_a_new_attempt_has_failed_still,
    a_new_attempt_that_leaves_its_number_names_the_failure_still,
    an_attempt_that_arrived_after_all_counts_when_the_new_one_is_called_off,
);

async fn failed_ones_get_a_new_attempt_once(bench: Bench) {
    let campaign = Campaign::frozen(bench, 4).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(4).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let failed =
        |code, meta| Settlement::Failed { why: failure(code, meta), flag: None, marketing_stop: false };
    campaign.settle(&lease, &claimed[0], failed("RECIPIENT_NOT_ON_WHATSAPP", 131_026)).await;
    campaign.settle(&lease, &claimed[1], failed("META_REJECTED", 131_049)).await;
    campaign.settle(&lease, &claimed[2], failed("META_REJECTED", 131_049)).await;
    let wamid = "w.4".to_owned();
    campaign.settle(&lease, &claimed[3], Settlement::Sent { wamid, held: false }).await;
    store.finish_broadcast(tenant, campaign.id, at(41)).await.unwrap().expect("done");
    use domain::broadcasts::reasons::FailedBy::{NotOnWhatsapp, RateLimited};
    let of = |by| RecipientFilter { failed_by: Some(by), ..Default::default() };
    assert_eq!(campaign.recipients(of(NotOnWhatsapp)).await.len(), 1);
    assert_eq!(campaign.recipients(of(RateLimited)).await.len(), 2);
    let again = async |limit| {
        let wanted = retry(&[RateLimited], limit, at(42));
        store.retry_recipients(tenant, campaign.id, &wanted).await.unwrap()
    };
    let last = |index: usize| Some(claimed[index].message_id);
    let expected = Retried { retried: 1, reopened: true, last: last(1), ..Default::default() };
    assert_eq!(again(1).await, expected);
    assert_eq!(campaign.read().await.state, State::Sending, "it goes on");
    assert_eq!(again(10).await, Retried { retried: 1, last: last(2), ..Default::default() });
    assert_eq!(again(10).await, Retried::default(), "nobody twice");
    campaign.check().await;
    assert_eq!(campaign.counts().await, Counts { pending: 2, sent: 1, failed: 1, ..Counts::default() });
    let share = ports::broadcasts::Share { index: 0, of: 1 };
    let due = store
        .due_recipients(tenant, campaign.id, campaign.scene.connection, share, None, 10, at(50))
        .await
        .unwrap();
    assert_eq!(campaign.enqueue(due.iter().map(|one| campaign.send(one.id)).collect()).await.queued, 2);
    campaign.deliver(&lease).await;
    let again: Vec<_> = campaign
        .recipients(RecipientFilter::default())
        .await
        .into_iter()
        .filter(|one| one.attempt == 2)
        .collect();
    assert_eq!(again.len(), 2);
    let message = campaign.scene.message(again[0].message_id.unwrap()).await;
    assert_eq!((message.retry_of, message.broadcast_id), (Some(claimed[1].message_id), Some(campaign.id)));
    campaign.check().await;
}

async fn a_new_attempt_waits_for_the_time_that_meta_asks_for(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(3).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    for (one, not_before) in claimed.iter().zip([Some(at(300)), Some(at(200)), None]) {
        let why = Failure { not_before, ..failure("META_REJECTED", 131_049) };
        campaign.settle(&lease, one, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    }
    store.finish_broadcast(tenant, campaign.id, at(41)).await.unwrap().expect("all failed");
    let retried = store.retry_recipients(tenant, campaign.id, &retry(&[], 10, at(42))).await.unwrap();
    let waiting_until = Some((at(200), at(300)));
    let last = Some(claimed[2].message_id);
    let expected =
        Retried { retried: 3, waiting: 2, last, waiting_until, reopened: true, ..Default::default() };
    assert_eq!(retried, expected);
    let due: Vec<_> =
        campaign.recipients(RecipientFilter::default()).await.iter().map(|row| row.due_at).collect();
    assert_eq!(due, [at(300), at(200), at(42)]);
    let share = ports::broadcasts::Share { index: 0, of: 1 };
    let due = async |now| {
        let connection = campaign.scene.connection;
        let due = store.due_recipients(tenant, campaign.id, connection, share, None, 10, now).await.unwrap();
        due.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(due(at(199)).await, [3], "the others wait by themselves");
    assert_eq!(due(at(300)).await, [3, 2, 1]);
    assert_eq!(store.finish_broadcast(tenant, campaign.id, at(43)).await.unwrap(), None);
    campaign.check().await;
}

async fn who_may_have_got_it_gets_a_new_attempt_only_when_named_and_accepted(bench: Bench) {
    use domain::broadcasts::reasons::FailedBy::{OutcomeUnknown, Rejected};
    let campaign = Campaign::frozen(bench, 2).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let why = failure("META_REJECTED", 131_000);
    let failed = Settlement::Failed { why, flag: None, marketing_stop: false };
    campaign.settle(&lease, &claimed[0], failed).await;
    campaign.settle(&lease, &claimed[1], Settlement::InDoubt { why: failure("x", 1) }).await;
    let ruled = store.rule_on_doubts(at(200_000), 10).await.unwrap();
    assert_eq!(ruled, [claimed[1].message_id]);
    let again = async |failed_by: &[_], accept_duplicate| {
        let wanted = Retry { accept_duplicate, ..retry(failed_by, 10, at(200_001)) };
        store.retry_recipients(tenant, campaign.id, &wanted).await.unwrap()
    };
    let skipped = || vec![(NotRetried::OutcomeUnknown, 1)];
    let last = Some(claimed[0].message_id);
    let expected = Retried { retried: 1, last, skipped: skipped(), ..Default::default() };
    assert_eq!(again(&[], true).await, expected, "all are not those in doubt");
    let expected = Retried { skipped: skipped(), ..Default::default() };
    assert_eq!(again(&[OutcomeUnknown, Rejected], false).await, expected, "named, and not accepted");
    assert_eq!(again(&[Rejected], true).await, Retried::default(), "accepted, and not named");
    let expected = Retried { retried: 1, last: Some(claimed[1].message_id), ..Default::default() };
    assert_eq!(again(&[OutcomeUnknown], true).await, expected);
    assert_eq!(campaign.counts().await, Counts { pending: 2, ..Counts::default() });
    campaign.check().await;
}

async fn a_retry_goes_on_in_the_category_that_the_template_has_now(bench: Bench) {
    let campaign = Campaign::frozen(bench, 1).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    let claimed = campaign.scene.claim(&lease).await.claimed.remove(0);
    let why = failure("META_REJECTED", 131_000);
    campaign.settle(&lease, &claimed, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    store.finish_broadcast(tenant, campaign.id, at(41)).await.unwrap().expect("it failed");
    assert_eq!(campaign.read().await.category, Some(Category::Marketing));
    let wanted = Retry { category: Some(Category::Utility), ..retry(&[], 10, at(42)) };
    assert!(store.retry_recipients(tenant, campaign.id, &wanted).await.unwrap().reopened);
    let now = campaign.read().await;
    assert_eq!((now.state, now.category, now.reason), (State::Sending, Some(Category::Utility), None));
}

async fn a_message_that_was_superseded_is_not_put_back(bench: Bench) {
    let campaign = Campaign::frozen(bench, 1).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    let claimed = campaign.scene.claim(&lease).await.claimed.remove(0);
    let failed =
        Settlement::Failed { why: failure("META_REJECTED", 131_049), flag: None, marketing_stop: false };
    campaign.settle(&lease, &claimed, failed).await;
    assert_eq!(
        store.retry_recipients(tenant, campaign.id, &retry(&[], 10, at(10))).await.unwrap().retried,
        1
    );
    let put_back = store.requeue_message(tenant, claimed.message_id, true, at(43)).await.unwrap();
    assert!(matches!(put_back, ports::messages::Moved::InvalidState(Status::Failed)), "{put_back:?}");
    // What is still heard of it moves no count.
    let id = Some(claimed.message_id);
    let late = ports::webhooks::StatusReport {
        message_id: id,
        ..campaign.scene.status("w.late", Status::Delivered, at(44))
    };
    campaign.scene.project(vec![ports::webhooks::Change::Status(late)]).await;
    assert_eq!(campaign.scene.message(claimed.message_id).await.status, Status::Delivered);
    campaign.check().await;
    assert_eq!(campaign.counts().await, Counts { pending: 1, ..Counts::default() });
}

fn fails() -> Settlement {
    Settlement::Failed { why: failure("META_REJECTED", 131_053), flag: None, marketing_stop: false }
}

/// Completed: the last of so many was sent, the others failed.
async fn completed(bench: Bench, contacts: u32) -> (Campaign, Lease, Vec<Claimed>) {
    let campaign = Campaign::frozen(bench, contacts).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(contacts).await;
    let mut claimed = campaign.scene.claim(&lease).await.claimed;
    let sent = claimed.pop().expect("the last one");
    for one in &claimed {
        campaign.settle(&lease, one, fails()).await;
    }
    let wamid = "w.sent".to_owned();
    campaign.settle(&lease, &sent, Settlement::Sent { wamid, held: false }).await;
    let ended = campaign.scene.store().finish_broadcast(campaign.scene.tenant, campaign.id, at(41)).await;
    assert_eq!(ended.unwrap().expect("it is through").state, State::Completed);
    (campaign, lease, claimed)
}

/// All that failed get a new attempt, due at once.
async fn again(campaign: &Campaign, failed: u32) {
    let wanted = retry(&[], 100, at(10));
    let retried = campaign.scene.store().retry_recipients(campaign.scene.tenant, campaign.id, &wanted).await;
    assert_eq!(retried.unwrap().retried, failed);
}

async fn rows(campaign: &Campaign) -> Vec<RecipientRow> {
    campaign.recipients(RecipientFilter::default()).await
}

/// How they stand, whose first messages these are: with what is the same however often somebody was given another attempt.
async fn have_failed(campaign: &Campaign, first: &[Claimed]) {
    campaign.check().await;
    for (row, first) in rows(campaign).await.iter().zip(first) {
        assert_eq!((row.state, row.message_id), (RecipientState::Failed, Some(first.message_id)));
        assert_eq!((row.attempt, row.retry_of, row.left_out), (1, None, None));
        assert_eq!(row.failure.as_ref().and_then(|why| why.meta_error_code), Some(131_053));
    }
    let failed = RecipientFilter { state: Some(RecipientState::Failed), ..Default::default() };
    assert_eq!(campaign.recipients(failed).await.len(), first.len());
}

async fn a_part_of_a_retry_comes_behind_the_one_before_it(bench: Bench) {
    let (campaign, _, claimed) = completed(bench, 4).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let mut done = Retried::default();
    let mut parts = 0;
    loop {
        let wanted = Retry { after: done.last, ..retry(&[], 2, at(10)) };
        let part = store.retry_recipients(tenant, campaign.id, &wanted).await.unwrap();
        let is_last = part.retried < 2;
        done.add(part);
        parts += 1;
        if is_last {
            break;
        }
        // Whoever falls back meanwhile has had the new attempt that was asked for.
        let left_out = Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: None };
        let turns = campaign.due(10).await.iter().map(|one| (one.id, left_out.clone())).collect();
        assert_eq!(campaign.enqueue(turns).await.left_out, 2);
    }
    assert_eq!((done.retried, parts, done.last), (3, 2, Some(claimed[2].message_id)));
    assert_eq!(campaign.counts().await, Counts { pending: 1, sent: 1, failed: 2, ..Counts::default() });
    campaign.check().await;
}

async fn a_retry_that_is_called_off_leaves_the_failures_as_they_were(bench: Bench) {
    let (campaign, _, claimed) = completed(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let before = store.broadcast_results(tenant, campaign.id).await.unwrap().unwrap();
    assert_eq!(before.counts, Counts { sent: 1, failed: 2, ..Counts::default() });
    let wanted = retry(&[], 100, at(7_300));
    assert_eq!(store.retry_recipients(tenant, campaign.id, &wanted).await.unwrap().retried, 2);
    let waiting: Vec<_> = rows(&campaign)
        .await
        .iter()
        .map(|row| (row.state, row.message_id, row.attempt, row.retry_of))
        .collect();
    let waits = |one: &Claimed| (RecipientState::Pending, None, 2, Some(one.message_id));
    assert_eq!(waiting[..2], [waits(&claimed[0]), waits(&claimed[1])], "the failure is to be found");
    let ended = campaign.step(Step::Cancel).await;
    assert_eq!((ended.state, ended.finished_at, ended.reason), (State::Completed, Some(at(6)), None));
    have_failed(&campaign, &claimed).await;
    let after = store.broadcast_results(tenant, campaign.id).await.unwrap().unwrap();
    assert_eq!((after.counts, &after.failed), (before.counts, &before.failed));
    let by_hour: Vec<_> = after.hours.iter().map(|(_, counts)| (counts.sent, counts.failed)).collect();
    assert_eq!(by_hour[0], (1, 2));
    assert!(by_hour[1..].iter().all(|counts| *counts == (0, 0)), "{by_hour:?}");
    // Nothing keeps them from another attempt, nor that from being called off.
    again(&campaign, 2).await;
    campaign.step(Step::Pause).await;
    assert_eq!(campaign.step(Step::Cancel).await.state, State::Completed);
    have_failed(&campaign, &claimed).await;
}

async fn a_new_attempt_that_waits_in_a_queue_falls_back_when_it_is_called_off(bench: Bench) {
    let (campaign, lease, claimed) = completed(bench, 4).await;
    again(&campaign, 3).await;
    campaign.feed(2).await;
    let queued: Vec<MessageId> =
        rows(&campaign).await.iter().take(2).filter_map(|row| row.message_id).collect();
    assert_eq!(campaign.counts().await, Counts { pending: 1, queued: 2, sent: 1, ..Counts::default() });
    assert_eq!(campaign.step(Step::Cancel).await.state, State::Completed);
    assert_eq!(campaign.counts().await, Counts { sent: 1, failed: 3, ..Counts::default() });
    have_failed(&campaign, &claimed).await;
    for (id, first) in queued.into_iter().zip(&claimed) {
        let message = campaign.scene.message(id).await;
        assert_eq!((message.status, message.retry_of), (Status::Cancelled, Some(first.message_id)));
        let last = campaign.scene.events(id).await.pop().expect("events");
        assert_eq!(last.details["reason"], "the broadcast was called off");
    }
    assert_eq!(campaign.scene.claim(&lease).await.claimed, []);
}

async fn a_new_attempt_that_comes_back_to_a_cancelled_broadcast_falls_back(bench: Bench) {
    let (campaign, lease, claimed) = completed(bench, 4).await;
    again(&campaign, 3).await;
    campaign.feed(2).await;
    let on_their_way = campaign.scene.claim(&lease).await.claimed;
    assert_eq!(on_their_way.len(), 2);
    assert_eq!(campaign.step(Step::Cancel).await.state, State::Cancelled, "two are being sent");
    assert_eq!(campaign.counts().await, Counts { queued: 2, sent: 1, failed: 1, ..Counts::default() });
    campaign.check().await;
    for one in &on_their_way {
        assert_eq!(campaign.settle(&lease, one, Settlement::Unsent).await, Status::Cancelled);
    }
    assert_eq!(campaign.counts().await, Counts { sent: 1, failed: 3, ..Counts::default() });
    have_failed(&campaign, &claimed).await;
    assert_eq!(campaign.scene.store().claim_due(&lease, 10, at(60)).await.unwrap().claimed, []);
}

async fn one_that_reached_nobody_has_failed_again_when_its_retry_is_called_off(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    for one in &claimed {
        campaign.settle(&lease, one, fails()).await;
    }
    store.finish_broadcast(tenant, campaign.id, at(41)).await.unwrap().expect("all failed");
    again(&campaign, 2).await;
    let ended = campaign.step(Step::Cancel).await;
    assert_eq!((ended.state, ended.reason.map(|why| why.code)), (State::Failed, Some(StopCode::AllFailed)));
    have_failed(&campaign, &claimed).await;
}

async fn who_never_had_a_message_is_called_off_though_others_fall_back(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    campaign.settle(&lease, &claimed[0], fails()).await;
    campaign.feed(1).await;
    again(&campaign, 1).await;
    assert_eq!(campaign.counts().await, Counts { pending: 2, queued: 1, ..Counts::default() });
    assert_eq!(campaign.step(Step::Cancel).await.state, State::Cancelled);
    assert_eq!(campaign.counts().await, Counts { failed: 1, cancelled: 2, ..Counts::default() });
    have_failed(&campaign, &claimed).await;
}

async fn who_is_left_out_of_a_new_attempt_has_failed_still(bench: Bench) {
    let (campaign, _, claimed) = completed(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    again(&campaign, 2).await;
    let ids: Vec<i64> = campaign.due(10).await.iter().map(|one| one.id).collect();
    let why = Some("coupon is empty".to_owned());
    let turns = vec![
        (ids[0], Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: why }),
        (ids[1], Turn::LeaveOut { reason: LeftOut::FrequencyCap, detail: None }),
    ];
    assert_eq!(campaign.enqueue(turns).await.left_out, 2);
    assert_eq!(campaign.counts().await, Counts { sent: 1, failed: 2, ..Counts::default() });
    have_failed(&campaign, &claimed).await;
    let told: Vec<_> = rows(&campaign).await.into_iter().filter_map(|row| row.detail).collect();
    assert_eq!(
        told,
        ["no new attempt: invalid_parameter (coupon is empty)", "no new attempt: frequency_cap"]
    );
    let ended = store.finish_broadcast(tenant, campaign.id, at(43)).await.unwrap().expect("it is through");
    assert_eq!(ended.state, State::Completed);
    again(&campaign, 2).await;
    assert!(
        rows(&campaign).await.iter().all(|row| row.detail.is_none()),
        "of another attempt nothing is known"
    );
}

async fn a_new_attempt_that_leaves_its_number_names_the_failure_still(bench: Bench) {
    let (campaign, _, claimed) = completed(bench, 2).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let other = campaign.scene.bench.connection(tenant).await.id;
    again(&campaign, 1).await;
    campaign.feed(1).await;
    campaign.step(Step::Pause).await;
    let changed = store.change_numbers(tenant, campaign.id, &[other], at(13)).await.unwrap();
    assert!(matches!(changed, BroadcastMoved::Done(_)));
    let waits = rows(&campaign).await.swap_remove(0);
    let failure = Some(claimed[0].message_id);
    assert_eq!((waits.state, waits.attempt, waits.retry_of), (RecipientState::Pending, 2, failure));
    campaign.step(Step::Resume).await;
    let turns = campaign.due(10).await.iter().map(|one| campaign.send(one.id)).collect();
    let batch = EnqueueBatch { connection_id: other, ..campaign.batch(turns) };
    assert_eq!(store.enqueue(batch).await.unwrap().queued, 1);
    assert_eq!(campaign.step(Step::Cancel).await.state, State::Completed);
    have_failed(&campaign, &claimed).await;
}

async fn an_attempt_that_arrived_after_all_counts_when_the_new_one_is_called_off(bench: Bench) {
    let (campaign, _, claimed) = completed(bench, 3).await;
    again(&campaign, 2).await;
    let late = ports::webhooks::StatusReport {
        message_id: Some(claimed[0].message_id),
        ..campaign.scene.status("w.late", Status::Delivered, at(44))
    };
    campaign.scene.project(vec![ports::webhooks::Change::Status(late)]).await;
    assert_eq!(campaign.step(Step::Cancel).await.state, State::Completed);
    assert_eq!(campaign.counts().await, Counts { sent: 2, delivered: 1, failed: 1, ..Counts::default() });
    campaign.check().await;
}
