//! Contacts that turn out to be one person, or go.

use domain::ContactId;
use domain::consent::ConsentSource;
use domain::contacts::Identity;
use ports::broadcasts::{Counts, RecipientFilter};
use ports::contacts::{ContactStore, NewContact};
use ports::webhooks::{Change, IdentityChange};
use serde_json::json;

use super::campaign::Campaign;
use crate::samples::identity;
use crate::scene::source;
use crate::support::{Bench, at};

on_each_engine!(
    a_recipient_that_was_joined_is_sent_to_under_its_new_contact,
    two_recipients_who_are_one_person_get_one_message,
    a_person_who_has_a_message_gets_no_second_after_joining,
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
