//! New attempts: who gets one, when, and what becomes of the message before.

use domain::broadcasts::State;
use domain::messages::Status;
use domain::templates::Category;
use ports::broadcasts::{BroadcastStore, Counts, NotRetried, RecipientFilter, Retried, Retry};
use ports::lanes::Settlement;
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
    assert_eq!(again(1).await, Retried { retried: 1, reopened: true, ..Default::default() });
    assert_eq!(campaign.read().await.state, State::Sending, "it goes on");
    assert_eq!(again(10).await, Retried { retried: 1, ..Default::default() });
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
    let expected = Retried { retried: 3, waiting: 2, waiting_until, reopened: true, ..Default::default() };
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
    let expected = Retried { retried: 1, skipped: skipped(), ..Default::default() };
    assert_eq!(again(&[], true).await, expected, "all are not those in doubt");
    let expected = Retried { skipped: skipped(), ..Default::default() };
    assert_eq!(again(&[OutcomeUnknown, Rejected], false).await, expected, "named, and not accepted");
    assert_eq!(again(&[Rejected], true).await, Retried::default(), "accepted, and not named");
    let expected = Retried { retried: 1, ..Default::default() };
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
