//! Answers and opt-outs, and whose doing they are.

use domain::messages::Status;
use ports::broadcasts::{BroadcastStore, Counts, RecipientFilter};
use ports::webhooks::{Change, Inbound};

use super::campaign::{Campaign, new_broadcast};
use crate::support::{Bench, at};

on_each_engine!(
    the_first_answer_within_three_days_counts,
    a_stop_is_counted_once,
    an_answer_belongs_to_the_latest_broadcast,
    who_got_nothing_has_not_answered,
);

const HOUR: i64 = 3_600;

impl Campaign {
    async fn wrote(&self, number: u32, wamid: &str, second: i64) {
        let inbound = Inbound { at: at(second), ..self.scene.inbound(number, wamid) };
        self.scene.project(vec![Change::Inbound(inbound)]).await;
    }
}

async fn the_first_answer_within_three_days_counts(bench: Bench) {
    let campaign = Campaign::frozen(bench, 3).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(3).await;
    campaign.deliver(&lease).await;
    campaign.wrote(1, "in.1", 41).await;
    campaign.wrote(1, "in.2", 50).await;
    campaign.wrote(1, "in.2", 50).await;
    campaign.wrote(2, "in.3", 40 + 73 * HOUR).await;
    campaign.wrote(3, "in.4", 40 + 71 * HOUR).await;
    assert_eq!(campaign.counts().await, Counts { sent: 3, replied: 2, ..Counts::default() });
    let replied = RecipientFilter { replied: Some(true), ..Default::default() };
    let rows = campaign.recipients(replied).await;
    assert_eq!(rows.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(rows[0].replied_at, Some(at(41)));
    let silent = RecipientFilter { replied: Some(false), ..Default::default() };
    assert_eq!(campaign.recipients(silent).await.len(), 1);
    campaign.check().await;
}

async fn a_stop_is_counted_once(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(2).await;
    campaign.deliver(&lease).await;
    campaign.wrote(1, "in.1", 50).await;
    let both = vec![
        Change::Inbound(campaign.scene.stop(1, "in.2")),
        Change::Inbound(campaign.scene.stop(1, "in.3")),
        Change::Inbound(campaign.scene.stop(2, "in.4")),
    ];
    campaign.scene.project(both).await;
    campaign.scene.project(vec![Change::Inbound(campaign.scene.stop(2, "in.5"))]).await;
    assert_eq!(campaign.counts().await, Counts { sent: 2, replied: 2, opted_out: 2, ..Counts::default() });
    let rows = campaign.recipients(RecipientFilter::default()).await;
    assert_eq!((rows[0].replied_at, rows[0].opted_out_at), (Some(at(50)), Some(at(90))));
    campaign.check().await;
}

async fn an_answer_belongs_to_the_latest_broadcast(bench: Bench) {
    let mut campaign = Campaign::frozen(bench, 1).await;
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    campaign.deliver(&lease).await;
    let first = campaign.id;
    let store = campaign.scene.store();
    let second = store.create_broadcast(campaign.scene.tenant, new_broadcast(false)).await.unwrap().id;
    campaign.id = second;
    campaign.step(domain::broadcasts::Step::Start).await;
    campaign.freeze_all().await;
    campaign.feed(1).await;
    campaign.deliver(&lease).await;
    campaign.wrote(1, "in.1", 60).await;
    assert_eq!(campaign.counts().await.replied, 1);
    campaign.check().await;
    campaign.id = first;
    assert_eq!(campaign.counts().await.replied, 0);
    campaign.check().await;
}

async fn who_got_nothing_has_not_answered(bench: Bench) {
    let campaign = Campaign::frozen(bench, 2).await;
    campaign.feed(1).await;
    campaign.wrote(1, "in.1", 60).await;
    campaign.wrote(2, "in.2", 60).await;
    assert_eq!(campaign.counts().await, Counts { pending: 1, queued: 1, ..Counts::default() });
    let rows = campaign.recipients(RecipientFilter::default()).await;
    assert!(rows.iter().all(|one| one.replied_at.is_none()));
    assert_eq!(campaign.scene.message(rows[0].message_id.unwrap()).await.status, Status::Queued);
    campaign.check().await;
}
