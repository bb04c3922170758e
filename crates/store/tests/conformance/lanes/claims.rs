//! Claims: what is due, in its order, asked once more whether it may go.

use domain::connections::ConnectionState;
use domain::messages::gate::Refusal;
use domain::messages::{Priority, Status};
use ports::broadcasts::Counts;
use ports::connections::{Broken, ConnectionPatch, ConnectionStore};
use ports::lanes::{LaneStore, Refused};
use ports::messages::{AcceptJob, MessageFilter};
use ports::templates::{TemplatePatch, TemplateStore};
use ports::webhooks::Change;

use crate::broadcasts::campaign::Campaign;
use crate::samples::at_once;
use crate::scene::Scene;
use crate::support::{Bench, at};

on_each_engine!(
    whom_a_template_that_may_not_be_sent_keeps_back_waits_for_another_message,
    replies_go_before_transactional_and_bulk,
    two_claimers_never_get_the_same_message,
    nothing_is_claimed_from_a_connection_that_is_not_active,
    a_stop_that_was_committed_stops_the_claim,
    a_template_that_was_paused_since_fails_at_the_claim,
    the_attempt_is_committed_with_the_claim,
);

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
