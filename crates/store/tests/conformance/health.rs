//! What is counted for health.

use domain::health::{Sample, TemplateCounts};
use domain::{MessageId, Timestamp};
use ports::health::{Counted, HealthStore, QueueDepth};
use ports::lanes::{LaneStore, Settlement};
use ports::messages::AcceptJob;
use ports::operator::OperatorStore;
use ports::webhooks::{RawWebhook, WebhookStore};

use crate::samples::new_template;
use crate::scene::{Scene, failure};
use crate::support::{Bench, at};

on_each_engine!(
    health_counts_what_waits_failed_and_is_in_doubt_of_one_tenant,
    depths_count_what_is_due_over_all_tenants,
    a_migrated_store_misses_no_step,
);

async fn health_counts_what_waits_failed_and_is_in_doubt_of_one_tenant(bench: Bench) {
    let scene = Scene::of(bench).await;
    let stranger = scene.bench.tenant().await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    scene.sent(&lease, contact, "wamid.1").await;
    let why = failure("META_REJECTED", 131_000);
    let failed = scene.sending(&lease, contact).await;
    let settled = Settlement::Failed { why: why.clone(), flag: None, marketing_stop: false };
    scene.settle(&lease, &failed, settled).await;
    let doubtful = scene.sending(&lease, contact).await;
    scene.settle(&lease, &doubtful, Settlement::InDoubt { why }).await;
    scene.send(AcceptJob { at: at(50), ..scene.job(contact) }).await;
    scene.send(AcceptJob { send_at: Some(at(9_000)), ..scene.job(contact) }).await;
    scene.bench.template(scene.tenant, new_template("second")).await;

    let counts = scene.store().health_counts(scene.tenant, at(0)).await.unwrap();
    assert_eq!(counts.pending, Counted { count: 2, more: false });
    assert_eq!(counts.failed, Counted { count: 1, more: false });
    assert_eq!(counts.sample, Sample { outbound: 2, failed: 1 });
    assert_eq!(counts.in_doubt, Some((doubtful.message_id, at(40))));
    assert_eq!(counts.templates.approved + counts.templates.pending, 2);
    assert_eq!(counts.numbers.len(), 1);
    let number = &counts.numbers[0];
    assert_eq!(number.connection_id, scene.connection);
    assert_eq!(number.oldest_due_at, Some(at(50)), "what is scheduled later has its time");
    assert_eq!(number.held_until, Some(at(80)));
    let later = scene.store().health_counts(scene.tenant, at(41)).await.unwrap();
    assert_eq!((later.failed.count, later.sample), (0, Sample::default()));

    scene.store().release_lane(&lease, &serde_json::json!({ "factor": 0.5 })).await.unwrap();
    let given_back = scene.store().health_counts(scene.tenant, at(0)).await.unwrap().numbers.remove(0);
    assert_eq!(given_back.held_until, None);
    assert_eq!(given_back.pace, Some(serde_json::json!({ "factor": 0.5 })));

    let empty = scene.store().health_counts(stranger, at(0)).await.unwrap();
    assert_eq!(empty.templates, TemplateCounts::default());
    assert_eq!(
        (empty.pending.count, empty.failed.count, empty.in_doubt),
        (0, 0, None::<(MessageId, Timestamp)>)
    );
    assert!(empty.numbers.is_empty());
}

async fn depths_count_what_is_due_over_all_tenants(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    scene.sending(&lease, contact).await;
    for when in [50, 60] {
        scene.send(AcceptJob { at: at(when), ..scene.job(contact) }).await;
    }
    scene.send(AcceptJob { send_at: Some(at(9_000)), ..scene.job(contact) }).await;
    let raw = |second| RawWebhook {
        tenant_id: scene.tenant,
        connection_id: None,
        body: bytes::Bytes::from_static(b"{}"),
        at: at(second),
    };
    scene.store().ingest(vec![raw(70), raw(71)]).await.unwrap();

    let depths = scene.store().depths(at(100)).await.unwrap();
    let due: i64 = depths.queues.iter().map(|queue| queue.due).sum();
    assert_eq!(due, 2, "{depths:?}");
    let waiting: Vec<&QueueDepth> = depths.queues.iter().filter(|queue| queue.due > 0).collect();
    assert_eq!(waiting[0].oldest_due_at, Some(at(50)));
    assert_eq!(depths.sending, 1);
    assert_eq!((depths.inbox, depths.inbox_oldest_at), (2, Some(at(70))));
    assert_eq!((depths.broadcasts_sending, depths.in_doubt), (0, 0));
}

async fn a_migrated_store_misses_no_step(bench: Bench) {
    assert!(bench.store.missing_steps().await.unwrap().is_empty());
}
