//! Contacts that turn out to be one person, or go.

use domain::ContactId;
use domain::broadcasts::{LeftOut, Step};
use domain::consent::ConsentSource;
use domain::contacts::Identity;
use domain::messages::Status;
use ports::broadcasts::{BroadcastStore, Counts, RecipientFilter, RecipientState};
use ports::contacts::{ContactStore, NewContact};
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{MessageStore, Moved};
use ports::webhooks::{Change, IdentityChange};
use serde_json::json;

use super::campaign::{Campaign, retry};
use crate::samples::identity;
use crate::scene::{failure, source};
use crate::support::{Bench, at};

on_each_engine!(
    a_recipient_that_was_joined_is_sent_to_under_its_new_contact,
    two_recipients_who_are_one_person_get_one_message,
    a_person_who_has_a_message_gets_no_second_after_joining,
    two_queued_ones_who_become_one_person_get_one_message,
    a_queued_one_is_taken_back_when_the_person_has_got_it_under_another_name,
    one_that_failed_keeps_nobody_elses_from_going,
    two_who_become_one_person_while_they_are_sent_to_are_not_sent_to_again,
    a_message_is_not_put_back_by_hand_when_the_person_has_another,
    a_removed_contact_leaves_every_broadcast_and_its_counts,
);

/// The contact with this number turns out to be the one with this user id.
pub(super) async fn join(campaign: &Campaign, number: u32, bsuid: &str) {
    let old = identity(number);
    let new = Identity { bsuid: Some(bsuid.into()), ..old.clone() };
    let change = IdentityChange { source: source(), old, new, at: at(9) };
    campaign.scene.project(vec![Change::Identity(change)]).await;
}

/// A frozen broadcast to contact 1, known by its number, and contact 2, known by its user id.
async fn two_names(bench: Bench) -> Campaign {
    let campaign = Campaign::started(bench, 1).await;
    let known = Identity { bsuid: Some("US.2".into()), ..Identity::default() };
    let opt_in = Some((ConsentSource::Api, json!({})));
    let new = NewContact { identity: known, opt_in, ..NewContact::default() };
    assert_eq!(campaign.scene.bench.contact(campaign.scene.tenant, new).await.id, ContactId(2));
    campaign.freeze_all().await;
    campaign
}

async fn a_recipient_that_was_joined_is_sent_to_under_its_new_contact(bench: Bench) {
    let campaign = two_names(bench).await;
    let due = campaign.due(10).await;
    join(&campaign, 1, "US.2").await;
    // The second has turned into the first.
    let done = campaign.enqueue(vec![campaign.send(due[1].id)]).await;
    assert_eq!(done.queued, 1);
    let rows = campaign.recipients(RecipientFilter::default()).await;
    assert_eq!(rows[1].contact_id, Some(ContactId(1)));
    let message = campaign.scene.message(rows[1].message_id.unwrap()).await;
    assert_eq!(message.contact_id, ContactId(1));
    campaign.check().await;
    assert_eq!(campaign.feed(10).await.left_out, 1, "and the first is sent nothing more");
    assert_eq!(campaign.counts().await, Counts { queued: 1, left_out: 1, ..Counts::default() });
    campaign.check().await;
}

async fn two_recipients_who_are_one_person_get_one_message(bench: Bench) {
    let campaign = two_names(bench).await;
    join(&campaign, 1, "US.2").await;
    let done = campaign.feed(10).await;
    assert_eq!((done.queued, done.left_out), (1, 1));
    campaign.check().await;
}

async fn a_person_who_has_a_message_gets_no_second_after_joining(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    campaign.enqueue(vec![campaign.send(2)]).await;
    campaign.deliver(&lease).await;
    join(&campaign, 1, "US.2").await;
    assert_eq!(campaign.feed(10).await.left_out, 1);
    let answer = campaign.scene.inbound(1, "in.1");
    campaign.scene.project(vec![Change::Inbound(answer)]).await;
    assert_eq!(campaign.counts().await, Counts { sent: 1, left_out: 1, replied: 1, ..Counts::default() });
    campaign.check().await;
}

/// The recipients' states, and why they were left out.
async fn states(campaign: &Campaign) -> Vec<(RecipientState, Option<LeftOut>)> {
    let rows = campaign.recipients(RecipientFilter::default()).await;
    rows.into_iter().map(|row| (row.state, row.left_out)).collect()
}

async fn two_queued_ones_who_become_one_person_get_one_message(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    assert_eq!(campaign.feed(10).await.queued, 2);
    let second = campaign.recipients(RecipientFilter::default()).await[1].message_id.unwrap();
    join(&campaign, 1, "US.2").await;
    assert_eq!(campaign.counts().await, Counts { queued: 1, left_out: 1, ..Counts::default() });
    let expected = [(RecipientState::Queued, None), (RecipientState::LeftOut, Some(LeftOut::Duplicate))];
    assert_eq!(states(&campaign).await, expected);
    campaign.check().await;
    assert_eq!(campaign.scene.life(second).await, ["queued", "cancelled"]);
    assert_eq!(campaign.deliver(&lease).await.len(), 1);
    assert_eq!(campaign.feed(10).await, Default::default());
    assert_eq!(campaign.counts().await, Counts { sent: 1, left_out: 1, ..Counts::default() });
    campaign.check().await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    assert!(store.delete_contact(tenant, ContactId(1), at(50)).await.unwrap());
    assert_eq!(campaign.counts().await, Counts::default());
    campaign.check().await;
}

async fn a_queued_one_is_taken_back_when_the_person_has_got_it_under_another_name(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    campaign.enqueue(vec![campaign.send(2)]).await;
    campaign.deliver(&lease).await;
    campaign.enqueue(vec![campaign.send(1)]).await;
    campaign.step(Step::Pause).await;
    join(&campaign, 1, "US.2").await;
    campaign.step(Step::Resume).await;
    assert_eq!(campaign.scene.claim(&lease).await.claimed, []);
    assert_eq!(campaign.counts().await, Counts { sent: 1, left_out: 1, ..Counts::default() });
    campaign.check().await;
}

async fn one_that_failed_keeps_nobody_elses_from_going(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    campaign.enqueue(vec![campaign.send(2)]).await;
    let claimed = campaign.scene.claim(&lease).await.claimed.remove(0);
    let why = failure("META_REJECTED", 131_000);
    campaign.settle(&lease, &claimed, Settlement::Failed { why, flag: None, marketing_stop: false }).await;
    campaign.enqueue(vec![campaign.send(1)]).await;
    join(&campaign, 1, "US.2").await;
    assert_eq!(campaign.counts().await, Counts { queued: 1, failed: 1, ..Counts::default() });
    assert_eq!(campaign.deliver(&lease).await.len(), 1);
    campaign.check().await;
}

async fn two_who_become_one_person_while_they_are_sent_to_are_not_sent_to_again(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(10).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    join(&campaign, 1, "US.2").await;
    assert_eq!(campaign.counts().await.queued, 2, "what is being sent is on its way");
    campaign.check().await;
    let back = || {
        let why = failure("RATE_LIMIT_EXCEEDED", 130_429);
        Settlement::Requeue { due_at: at(25), costs_attempt: false, why }
    };
    // Both are throttled at once: one of them waits, the other goes no more.
    let outcomes = claimed.iter().map(|one| Outcome {
        message_id: one.message_id,
        contact_id: one.contact_id,
        settlement: back(),
        at: at(40),
    });
    campaign.scene.store().record_outcomes(&lease, outcomes.collect()).await.unwrap();
    let expected = [(RecipientState::Queued, None), (RecipientState::LeftOut, Some(LeftOut::Duplicate))];
    assert_eq!(states(&campaign).await, expected);
    campaign.check().await;
    assert_eq!(campaign.deliver(&lease).await.len(), 1);
    campaign.check().await;
}

async fn a_message_is_not_put_back_by_hand_when_the_person_has_another(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(10).await;
    let claimed = campaign.scene.claim(&lease).await.claimed;
    let why = failure("META_REJECTED", 131_000);
    let failed = Settlement::Failed { why, flag: None, marketing_stop: false };
    campaign.settle(&lease, &claimed[0], failed).await;
    let wamid = "w.2".to_owned();
    campaign.settle(&lease, &claimed[1], Settlement::Sent { wamid, held: false }).await;
    join(&campaign, 1, "US.2").await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let put_back = store.requeue_message(tenant, claimed[0].message_id, true, at(43)).await.unwrap();
    assert!(matches!(put_back, Moved::InvalidState(Status::Failed)), "{put_back:?}");
    // Nor by a new attempt.
    assert_eq!(store.retry_recipients(tenant, campaign.id, &retry(&[], 10, at(9))).await.unwrap().retried, 1);
    assert_eq!(campaign.feed(10).await.left_out, 1);
    assert_eq!(campaign.counts().await, Counts { sent: 1, left_out: 1, ..Counts::default() });
    campaign.check().await;
}

async fn a_removed_contact_leaves_every_broadcast_and_its_counts(bench: Bench) {
    let campaign = two_names(bench).await;
    let lease = campaign.scene.lane("node").await;
    campaign.enqueue(vec![campaign.send(2)]).await;
    campaign.deliver(&lease).await;
    join(&campaign, 1, "US.2").await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    assert!(store.delete_contact(tenant, ContactId(2), at(50)).await.unwrap());
    assert_eq!(campaign.counts().await, Counts::default());
    assert_eq!(campaign.recipients(RecipientFilter::default()).await, []);
    campaign.check().await;
    let late = campaign.scene.report("w.1", domain::messages::Status::Read, at(60)).await;
    assert_eq!(late.moved, []);
    campaign.check().await;
}
