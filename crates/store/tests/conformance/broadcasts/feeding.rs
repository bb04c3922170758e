//! Recipients on their way into the queue.

use domain::ContactId;
use domain::broadcasts::{LeftOut, Step};
use domain::messages::{Priority, Status};
use ports::broadcasts::{BroadcastStore, Counts, Enqueued, RecipientFilter, RecipientState, Share, Turn};
use ports::connections::ConnectionStore;
use ports::contacts::ContactStore;
use ports::lanes::Settlement;
use ports::messages::{MessageFilter, MessageStore};

use super::campaign::{Campaign, retry};
use crate::scene::failure;
use crate::support::{Bench, at};

on_each_engine!(
    a_recipient_becomes_a_message_of_the_bulk_lane,
    some_are_left_out_and_some_wait,
    a_recipient_that_somebody_was_quicker_with_is_passed_over,
    shares_part_the_recipients,
    what_the_gate_asks_comes_with_the_recipient,
    nothing_is_queued_for_a_connection_that_is_gone,
    counts_follow_a_message_through_its_life,
    no_hour_has_less_than_nothing_when_messages_fail_hours_later,
    a_removed_connection_gives_its_part_to_the_others,
    a_removed_connection_cancels_what_belongs_to_no_broadcast_under_way,
);

async fn a_recipient_becomes_a_message_of_the_bulk_lane(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    assert_eq!(campaign.feed(2).await, Enqueued { queued: 2, ..Enqueued::default() });
    let filter = MessageFilter { broadcast_id: Some(campaign.id), ..Default::default() };
    let messages = campaign.scene.listed(filter).await;
    assert_eq!(messages.len(), 2);
    let message = &messages[1];
    assert_eq!((message.contact_id, message.status), (ContactId(1), Status::Queued));
    assert_eq!((message.priority, message.broadcast_id), (Priority::Bulk, Some(campaign.id)));
    assert_eq!((message.created_at, message.due_at), (at(11), Some(at(11))));
    let events = campaign.scene.events(message.id).await;
    assert_eq!((events.len(), events[0].status.as_str(), events[0].at), (1, "queued", at(11)));
    let rows = campaign.recipients(RecipientFilter::default()).await;
    assert_eq!(rows[0].message_id, Some(message.id));
    assert_eq!(rows[0].state, RecipientState::Queued);
    assert_eq!(rows[2].state, RecipientState::Pending);
    campaign.check().await;
}

async fn some_are_left_out_and_some_wait(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let leave = Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: Some("too long".into()) };
    let wait = Turn::Wait { until: at(60) };
    let done = campaign.enqueue(vec![(1, leave.clone()), (2, wait), campaign.send(3), (99, leave)]).await;
    assert_eq!(done, Enqueued { queued: 1, left_out: 1, waiting: 1, stopped: false });
    let expected = Counts { pending: 1, queued: 1, left_out: 1, ..Counts::default() };
    assert_eq!(campaign.counts().await, expected);
    let rows = campaign.recipients(RecipientFilter::default()).await;
    assert_eq!(
        (rows[0].left_out, rows[0].detail.as_deref()),
        (Some(LeftOut::InvalidParameter), Some("too long"))
    );
    assert_eq!(campaign.due(10).await, [], "it waits");
    let store = campaign.scene.store();
    let next = async || store.next_recipient_due(campaign.scene.tenant, campaign.id).await.unwrap();
    assert_eq!(next().await, Some(at(11)), "the message that waits");
    let lease = campaign.scene.lane("node").await;
    campaign.deliver(&lease).await;
    assert_eq!(next().await, Some(at(60)));
    campaign.check().await;
}

async fn a_recipient_that_somebody_was_quicker_with_is_passed_over(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    campaign.feed(1).await;
    let leave = Turn::LeaveOut { reason: LeftOut::InvalidParameter, detail: None };
    let wait = Turn::Wait { until: at(60) };
    let turns = vec![campaign.send(1), campaign.send(2), campaign.send(2)];
    assert_eq!(campaign.enqueue(turns).await, Enqueued { queued: 1, ..Enqueued::default() });
    assert_eq!(campaign.enqueue(vec![(1, leave), (2, wait)]).await, Enqueued::default());
    assert_eq!(campaign.counts().await.queued, 2);
    campaign.check().await;
}

async fn shares_part_the_recipients(bench: Bench) {
    let campaign = Campaign::frozen(bench, 10).await;
    let mut all = Vec::new();
    for index in 0..3 {
        let share = campaign.due_of(Share { index, of: 3 }, 100).await;
        assert!(share.iter().all(|one| one.id % 3 == index));
        all.extend(share.iter().map(|one| one.id));
    }
    all.sort_unstable();
    assert_eq!(all, (1..=10).collect::<Vec<i64>>());
}

async fn what_the_gate_asks_comes_with_the_recipient(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    let inbound = ports::webhooks::Inbound { at: at(8), ..campaign.scene.inbound(2, "wamid.in") };
    campaign.scene.project(vec![ports::webhooks::Change::Inbound(inbound)]).await;
    let due = campaign.due(10).await;
    assert_eq!((due[0].gate.contact_id, due[0].gate.consent.opted_in), (ContactId(1), true));
    assert_eq!((due[0].gate.window_expires_at, due[0].known_today), (None, false));
    assert_eq!((due[1].gate.window_expires_at, due[1].known_today), (Some(at(8 + 86_400)), true));
    campaign.enqueue(vec![campaign.send(1), campaign.send(2)]).await;
    let numbers = [campaign.scene.connection];
    let initiated =
        campaign.scene.store().initiated_since(campaign.scene.tenant, &numbers, at(0)).await.unwrap();
    assert_eq!(initiated, 1, "inside a window Meta counts nobody");
}

async fn nothing_is_queued_for_a_connection_that_is_gone(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    let other = campaign.scene.bench.connection(campaign.scene.tenant).await.id;
    let store = campaign.scene.store();
    assert!(store.delete_connection(campaign.scene.tenant, other, at(10)).await.unwrap());
    let batch =
        ports::broadcasts::EnqueueBatch { connection_id: other, ..campaign.batch(vec![campaign.send(1)]) };
    assert!(store.enqueue(batch).await.unwrap().stopped);
    assert_eq!(campaign.counts().await.pending, 2);
}

async fn counts_follow_a_message_through_its_life(bench: Bench) {
    let campaign = Campaign::frozen(bench, 4).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(4).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    assert_eq!(campaign.counts().await.queued, 4, "being sent is on the way");
    campaign.settle(&lease, &claimed[0], Settlement::InDoubt { why: failure("x", 1) }).await;
    for one in &claimed[1..] {
        let wamid = format!("w.{}", one.contact_id);
        campaign.settle(&lease, one, Settlement::Sent { wamid, held: false }).await;
    }
    campaign.check().await;
    assert_eq!(campaign.counts().await, Counts { in_doubt: 1, sent: 3, ..Counts::default() });
    campaign.scene.report("w.2", Status::Read, at(60)).await;
    campaign.scene.report("w.2", Status::Delivered, at(59)).await;
    campaign.scene.report("w.3", Status::Delivered, at(60)).await;
    let projected = campaign.scene.report("w.4", Status::Failed, at(60)).await;
    assert_eq!(projected.broadcast_failures.len(), 1);
    let failed = &projected.broadcast_failures[0];
    assert_eq!((failed.broadcast_id, failed.code.as_str()), (campaign.id, "META_REJECTED"));
    assert_eq!(failed.meta_error_code, Some(131_000));
    let projected = campaign.scene.report("w.4", Status::Failed, at(61)).await;
    assert_eq!(projected.broadcast_failures, [], "told once");
    campaign.check().await;
    let expected = Counts { in_doubt: 1, sent: 2, delivered: 2, read: 1, failed: 1, ..Counts::default() };
    assert_eq!(campaign.counts().await, expected);
    campaign.scene.report("w.4", Status::Delivered, at(62)).await;
    let expected = Counts { in_doubt: 1, sent: 3, delivered: 3, read: 1, ..Counts::default() };
    assert_eq!(campaign.counts().await, expected, "it arrived after all");
    let doubt = ports::webhooks::StatusReport {
        message_id: Some(claimed[0].message_id),
        ..campaign.scene.status("w.1", Status::Sent, at(63))
    };
    campaign.scene.project(vec![ports::webhooks::Change::Status(doubt)]).await;
    assert_eq!(campaign.counts().await, Counts { sent: 4, delivered: 3, read: 1, ..Counts::default() });
    campaign.check().await;
    let results =
        campaign.scene.store().broadcast_results(campaign.scene.tenant, campaign.id).await.unwrap().unwrap();
    assert_eq!((results.counts, results.failed), (campaign.counts().await, Vec::new()));
    let by_hour: i64 = results.hours.iter().map(|(_, counts)| counts.sent).sum();
    assert_eq!(by_hour, 4);
    assert!(
        campaign.scene.store().delete_contact(campaign.scene.tenant, ContactId(2), at(70)).await.unwrap()
    );
    assert_eq!(campaign.counts().await, Counts { sent: 3, delivered: 2, ..Counts::default() });
    campaign.check().await;
}

async fn no_hour_has_less_than_nothing_when_messages_fail_hours_later(bench: Bench) {
    let campaign = Campaign::frozen(bench, 4).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(4).await;
    let (doubtful, sent) = {
        let mut claimed = campaign.scene.claim(&lease).await.claimed;
        (claimed.remove(0), claimed)
    };
    campaign.settle(&lease, &doubtful, Settlement::InDoubt { why: failure("x", 1) }).await;
    for one in &sent {
        let wamid = format!("w.{}", one.contact_id);
        campaign.settle(&lease, one, Settlement::Sent { wamid, held: false }).await;
    }
    campaign.scene.report("w.2", Status::Failed, at(7_300)).await;
    campaign.scene.report("w.3", Status::Failed, at(7_300)).await;
    campaign.scene.report("w.3", Status::Delivered, at(11_000)).await;
    let settled = ports::webhooks::StatusReport {
        message_id: Some(doubtful.message_id),
        ..campaign.scene.status("w.1", Status::Sent, at(11_000))
    };
    campaign.scene.project(vec![ports::webhooks::Change::Status(settled)]).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let again = store.retry_recipients(tenant, campaign.id, &retry(&[], 9, at(15_000))).await.unwrap();
    assert_eq!(again.retried, 1);
    let results = store.broadcast_results(tenant, campaign.id).await.unwrap().unwrap();
    for (hour, counts) in &results.hours {
        let Counts { sent, delivered, failed, in_doubt, .. } = *counts;
        assert!(sent >= 0 && delivered >= 0 && failed >= 0 && in_doubt >= 0, "{hour}: {counts:?}");
    }
    campaign.check().await;
}

async fn a_removed_connection_gives_its_part_to_the_others(bench: Bench) {
    let campaign = Campaign::frozen(bench, 4).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let other = campaign.scene.bench.connection(tenant).await.id;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    let sending = campaign.scene.claim(&lease).await.claimed.remove(0).message_id;
    campaign.feed(2).await;
    let waiting: Vec<_> =
        campaign.recipients(RecipientFilter::default()).await.iter().map(|row| row.message_id).collect();
    assert!(store.delete_connection(tenant, campaign.scene.connection, at(12)).await.unwrap());
    let left = Counts { pending: 3, in_doubt: 1, ..Counts::default() };
    assert_eq!(campaign.counts().await, left, "only what was being sent is in doubt");
    campaign.check().await;
    assert_eq!(campaign.scene.life(waiting[1].unwrap()).await, ["queued", "cancelled"]);
    assert_eq!(campaign.scene.message(sending).await.status, Status::InDoubt);
    // The other number takes them, and each message names the one that it stands for.
    let turns = campaign.due(10).await.iter().map(|one| campaign.send(one.id)).collect();
    let batch = ports::broadcasts::EnqueueBatch { connection_id: other, ..campaign.batch(turns) };
    assert_eq!(store.enqueue(batch).await.unwrap().queued, 3);
    let rows = campaign.recipients(RecipientFilter::default()).await;
    let anew = campaign.scene.message(rows[1].message_id.unwrap()).await;
    assert_eq!((anew.connection_id, anew.retry_of, rows[1].attempt), (other, waiting[1], 1));
    assert_eq!(campaign.scene.message(rows[3].message_id.unwrap()).await.retry_of, None);
    campaign.check().await;
    // While it is paused, as well.
    campaign.step(Step::Pause).await;
    assert!(store.delete_connection(tenant, other, at(13)).await.unwrap());
    assert_eq!(campaign.counts().await, left);
    campaign.check().await;
}

async fn a_removed_connection_cancels_what_belongs_to_no_broadcast_under_way(bench: Bench) {
    let campaign = Campaign::frozen(bench, 1).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    let claimed = campaign.scene.claim(&lease).await.claimed.remove(0);
    let why = failure("META_REJECTED", 131_000);
    campaign.settle(&lease, &claimed, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    store.finish_broadcast(tenant, campaign.id, at(41)).await.unwrap().expect("it is through");
    store.requeue_message(tenant, claimed.message_id, false, at(42)).await.unwrap();
    let own = campaign.scene.send(campaign.scene.job(ContactId(1))).await.message_id;
    assert!(store.delete_connection(tenant, campaign.scene.connection, at(43)).await.unwrap());
    for id in [claimed.message_id, own] {
        let last = campaign.scene.events(id).await.pop().expect("events");
        let why = (last.status.as_str(), last.details["reason"].as_str());
        assert_eq!(why, ("cancelled", Some("the connection was removed")));
    }
    assert_eq!(campaign.counts().await, Counts { cancelled: 1, ..Counts::default() });
    campaign.check().await;
}
