//! Quiet hours and caps that come to what is queued already.

use domain::broadcasts::schedule::{FrequencyCap, QuietHours, ThenQuiet};
use domain::broadcasts::{LeftOut, Step};
use domain::messages::Status;
use domain::templates::Category;
use ports::broadcasts::{BroadcastStore, Counts, Enqueued, RecipientFilter, RecipientState};
use ports::lanes::LaneStore;
use ports::tenants::{TenantSettings, TenantStore};

use super::campaign::{Campaign, due_now, everyone, new_broadcast, start_of};
use crate::samples::run;
use crate::support::{Bench, at};

on_each_engine!(
    what_stands_in_a_queue_when_the_quiet_hours_begin_waits_for_their_end,
    a_tenant_that_rather_leaves_out_has_it_left_out_of_the_queue,
    who_has_no_zone_is_where_the_tenant_is,
    no_hours_keep_utility_and_single_messages_back,
    what_was_queued_as_utility_meets_the_cap_when_it_goes_on_as_marketing,
);

/// The scene's clock begins at 08:00 UTC.
fn from_six_to_ten(then: ThenQuiet) -> QuietHours {
    QuietHours { from: "06:00".parse().unwrap(), to: "10:00".parse().unwrap(), then }
}

/// 10:00 UTC on that day.
const END: i64 = 2 * 3_600;

async fn settings(campaign: &Campaign, settings: TenantSettings) {
    campaign.scene.store().set_tenant_settings(campaign.scene.tenant, &settings).await.unwrap();
}

async fn hours(campaign: &Campaign, then: ThenQuiet, time_zone: Option<&str>) {
    let quiet_hours = Some(from_six_to_ten(then));
    let time_zone = time_zone.map(str::to_owned);
    settings(campaign, TenantSettings { quiet_hours, time_zone, ..TenantSettings::default() }).await;
}

async fn marketing(campaign: &Campaign) {
    let marketing = Category::Marketing;
    run(&campaign.scene.bench, &format!("UPDATE templates SET category = '{marketing}'")).await;
}

/// Contact 1 in London, 2 in Tokyo, 3 nowhere, the others in London; all of them queued.
async fn queued(bench: Bench, contacts: u32) -> Campaign {
    let campaign = Campaign::draft(bench, contacts).await;
    run(&campaign.scene.bench, "UPDATE contacts SET country = 'GB', time_zone = NULL").await;
    run(&campaign.scene.bench, "UPDATE contacts SET country = NULL, time_zone = 'Asia/Tokyo' WHERE id = 2")
        .await;
    run(&campaign.scene.bench, "UPDATE contacts SET country = NULL WHERE id = 3").await;
    marketing(&campaign).await;
    campaign.step(Step::Start).await;
    campaign.freeze_all().await;
    assert_eq!(campaign.feed(contacts).await.queued, contacts);
    campaign
}

async fn what_stands_in_a_queue_when_the_quiet_hours_begin_waits_for_their_end(bench: Bench) {
    let campaign = queued(bench, 5).await;
    let lease = campaign.scene.lane("node").await;
    campaign.step(Step::Pause).await;
    hours(&campaign, ThenQuiet::Wait, None).await;
    campaign.step(Step::Resume).await;
    let claim = campaign.scene.claim(&lease).await;
    let claimed: Vec<i64> = claim.claimed.iter().map(|one| one.contact_id.0).collect();
    assert_eq!((claimed, claim.passed_over), (vec![2], 4), "only Tokyo is awake");
    assert_eq!(campaign.counts().await, Counts { pending: 4, queued: 1, ..Counts::default() });
    campaign.check().await;
    let rows = campaign.recipients(RecipientFilter::default()).await;
    assert_eq!((rows[0].state, rows[0].due_at, rows[0].message_id), (RecipientState::Pending, at(END), None));
    assert_eq!(campaign.due(10).await, [], "nobody is due in the quiet hours");
    assert_eq!(campaign.scene.claim(&lease).await.claimed, []);
    // When they are over each gets a message of its own, once.
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let share = ports::broadcasts::Share { index: 0, of: 1 };
    let (id, number) = (campaign.id, campaign.scene.connection);
    let due = store.due_recipients(tenant, id, number, share, None, 10, at(END)).await.unwrap();
    assert_eq!(due.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 3, 4, 5]);
    let batch = campaign.batch(due.iter().map(|one| campaign.send(one.id)).collect());
    let batch = ports::broadcasts::EnqueueBatch { at: at(END), ..batch };
    assert_eq!(store.enqueue(batch).await.unwrap().queued, 4);
    let lease = store.take_lane(tenant, number, "node", at(END), at(END + 60)).await.unwrap().unwrap().lease;
    let claim = store.claim_due(&lease, 10, at(END + 1)).await.unwrap();
    assert_eq!((claim.claimed.len(), claim.passed_over), (4, 0));
    campaign.check().await;
}

async fn a_tenant_that_rather_leaves_out_has_it_left_out_of_the_queue(bench: Bench) {
    let campaign = queued(bench, 4).await;
    let lease = campaign.scene.lane("node").await;
    let before: Vec<_> = campaign.recipients(RecipientFilter::default()).await;
    hours(&campaign, ThenQuiet::LeaveOut, None).await;
    assert_eq!(campaign.scene.claim(&lease).await.claimed.len(), 1);
    assert_eq!(campaign.counts().await, Counts { queued: 1, left_out: 3, ..Counts::default() });
    campaign.check().await;
    let left_out = RecipientFilter { left_out: Some(LeftOut::QuietHours), ..RecipientFilter::default() };
    assert_eq!(campaign.recipients(left_out).await.len(), 3);
    // The message is there still, and says what became of it.
    let message = campaign.scene.message(before[0].message_id.unwrap()).await;
    assert_eq!(message.status, Status::Cancelled);
    assert_eq!(campaign.scene.life(message.id).await, ["queued", "cancelled"]);
    assert_eq!(campaign.scene.events(message.id).await[1].details["left_out"], "quiet_hours");
}

async fn who_has_no_zone_is_where_the_tenant_is(bench: Bench) {
    let campaign = queued(bench, 3).await;
    let lease = campaign.scene.lane("node").await;
    hours(&campaign, ThenQuiet::LeaveOut, Some("Asia/Tokyo")).await;
    let claimed: Vec<i64> =
        campaign.scene.claim(&lease).await.claimed.iter().map(|one| one.contact_id.0).collect();
    assert_eq!(claimed, [2, 3]);
    campaign.check().await;
}

async fn no_hours_keep_utility_and_single_messages_back(bench: Bench) {
    let campaign = queued(bench, 3).await;
    let lease = campaign.scene.lane("node").await;
    hours(&campaign, ThenQuiet::LeaveOut, None).await;
    campaign.scene.send(campaign.scene.job(domain::ContactId(1))).await;
    let utility = Category::Utility;
    let claim = campaign.scene.store().claim_due(&lease, 1, at(30)).await.unwrap();
    assert_eq!((claim.claimed.len(), claim.claimed[0].broadcast_id), (1, None));
    run(&campaign.scene.bench, &format!("UPDATE templates SET category = '{utility}'")).await;
    assert_eq!(campaign.scene.claim(&lease).await.claimed.len(), 3);
    campaign.check().await;
}

async fn what_was_queued_as_utility_meets_the_cap_when_it_goes_on_as_marketing(bench: Bench) {
    let campaign = Campaign::draft(bench, 5).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let known = store.broadcast(tenant, campaign.id).await.unwrap().unwrap();
    let utility = ports::broadcasts::Start { category: Some(Category::Utility), ..start_of(&known) };
    store.start_broadcast(tenant, campaign.id, utility).await.unwrap();
    campaign.freeze(&everyone(), &due_now(), 100).await;
    assert_eq!(campaign.feed(4).await, Enqueued { queued: 4, ..Enqueued::default() });
    // Two of them get marketing of another broadcast, which is on its way.
    let other = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap();
    let other = Campaign { id: other.id, scene: campaign.scene };
    other.step(Step::Start).await;
    other.freeze_all().await;
    other.feed(2).await;
    let campaign = Campaign { id: campaign.id, scene: other.scene };
    campaign.step(Step::Pause).await;
    marketing(&campaign).await;
    let frequency_cap = Some(FrequencyCap { messages: 1, days: 7 });
    settings(&campaign, TenantSettings { frequency_cap, ..TenantSettings::default() }).await;
    campaign.step(Step::Resume).await;
    assert_eq!(campaign.counts().await, Counts { pending: 1, queued: 2, left_out: 2, ..Counts::default() });
    let left_out = RecipientFilter { left_out: Some(LeftOut::FrequencyCap), ..RecipientFilter::default() };
    let left_out: Vec<i64> = campaign.recipients(left_out).await.iter().map(|one| one.id).collect();
    assert_eq!(left_out, [1, 2]);
    campaign.check().await;
    // Whoever had it asked once is not asked again.
    campaign.step(Step::Pause).await;
    campaign.step(Step::Resume).await;
    assert_eq!(campaign.counts().await.queued, 2);
    campaign.check().await;
}
