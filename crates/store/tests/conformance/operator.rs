//! What crosses tenants.

use domain::messages::Status;
use domain::{InboxId, SignedDuration};
use futures::StreamExt;
use ports::access::{AccessStore, NewApiKey};
use ports::connections::ConnectionStore;
use ports::lanes::Settlement;
use ports::messages::{AcceptJob, AcceptOutcome, MessageStore};
use ports::operator::{OperatorStore, Wake};
use ports::tenants::{InDoubtRuling, TenantSettings, TenantStore};
use ports::webhooks::{Projection, RawWebhook, WebhookStore};
use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;

use crate::samples::{TOKEN, new_connection};
use crate::scene::{Scene, failure};
use crate::support::{Bench, KEY, at};

on_each_engine!(
    doubts_are_ruled_on_when_their_time_has_come,
    a_tenant_who_wants_to_wait_is_not_ruled_on,
    keys_and_bodies_are_forgotten_in_time,
    secrets_are_sealed_anew_with_the_first_key,
    without_the_key_nothing_is_opened,
    keys_remember_their_last_use_and_only_forward,
    all_tenants_and_connections_are_listed,
    this_node_hears_of_what_is_new,
    what_has_doubled_is_counted_anew,
);

async fn doubtful(scene: &Scene) -> domain::MessageId {
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("node").await;
    let claimed = scene.sending(&lease, contact).await;
    scene.settle(&lease, &claimed, Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) }).await;
    claimed.message_id
}

async fn doubts_are_ruled_on_when_their_time_has_come(bench: Bench) {
    let scene = Scene::of(bench).await;
    let id = doubtful(&scene).await;
    let day = 24 * 3600;
    assert_eq!(scene.store().rule_on_doubts(at(39 + day), 10).await.unwrap(), []);
    assert_eq!(scene.store().rule_on_doubts(at(40 + day), 10).await.unwrap(), [id]);
    let message = scene.message(id).await;
    assert_eq!(
        (message.status, message.failure.unwrap().code),
        (Status::Failed, "SEND_OUTCOME_UNKNOWN".to_owned())
    );
    assert_eq!(scene.store().rule_on_doubts(at(40 + day), 10).await.unwrap(), []);
    let mut late = scene.status("wamid.1", Status::Delivered, at(50));
    late.message_id = Some(id);
    scene.project(vec![ports::webhooks::Change::Status(late)]).await;
    assert_eq!(scene.message(id).await.status, Status::Delivered, "news from Meta outrank a ruling");
}

async fn a_tenant_who_wants_to_wait_is_not_ruled_on(bench: Bench) {
    let scene = Scene::of(bench).await;
    let settings = TenantSettings { in_doubt_ruling: InDoubtRuling::Wait, ..TenantSettings::default() };
    scene.store().set_tenant_settings(scene.tenant, &settings).await.unwrap();
    let id = doubtful(&scene).await;
    assert_eq!(scene.store().rule_on_doubts(at(100 * 24 * 3600), 10).await.unwrap(), []);
    assert_eq!(scene.message(id).await.status, Status::InDoubt);
}

async fn keys_and_bodies_are_forgotten_in_time(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let job = AcceptJob { key: Some(("k".into(), [1; 32])), ..scene.job(contact) };
    scene.send(job.clone()).await;
    let raw =
        RawWebhook { tenant_id: scene.tenant, connection_id: None, body: bytes::Bytes::new(), at: at(0) };
    scene.store().ingest(vec![raw.clone(), raw]).await.unwrap();
    scene.report("wamid.unknown", Status::Read, at(95)).await;
    let projection =
        Projection { tenant_id: scene.tenant, done: vec![InboxId(1)], changes: vec![], at: at(1) };
    scene.store().project(projection).await.unwrap();
    let after = |hours: i64| at(0) + SignedDuration::from_hours(hours);
    assert_eq!(scene.store().sweep(after(23), 100).await.unwrap(), 0);
    assert!(matches!(scene.accept(vec![job]).await[0], AcceptOutcome::Replayed { .. }));
    assert_eq!(scene.store().sweep(after(25), 100).await.unwrap(), 1, "the key");
    assert_eq!(scene.store().sweep(after(7 * 24), 100).await.unwrap(), 1, "the body that was projected");
    assert_eq!(
        scene.store().take_webhooks("node", 9, at(1), at(2)).await.unwrap().len(),
        1,
        "the other waits"
    );
    assert_eq!(scene.store().sweep(after(31 * 24), 100).await.unwrap(), 1, "the status");
}

async fn secrets_are_sealed_anew_with_the_first_key(bench: Bench) {
    let scene = Scene::of(bench).await;
    let rotating = scene.bench.node_with_keys(vec![[9; 32], KEY]).await;
    assert_eq!(rotating.rotate_secrets().await.unwrap(), 3);
    assert_eq!(rotating.rotate_secrets().await.unwrap(), 0);
    let new_only = scene.bench.node_with_keys(vec![[9; 32]]).await;
    let secrets = new_only.connection_secrets(scene.tenant, scene.connection).await.unwrap().unwrap();
    assert_eq!(secrets.access_token.expose_secret(), TOKEN);
    assert!(scene.store().connection_secrets(scene.tenant, scene.connection).await.is_err());
}

async fn without_the_key_nothing_is_opened(bench: Bench) {
    let scene = Scene::of(bench).await;
    let wrong = scene.bench.node_with_keys(vec![[9; 32]]).await;
    assert!(wrong.all_connections().await.is_err());
    assert!(wrong.connection(scene.tenant, scene.connection).await.unwrap().is_some());
}

async fn keys_remember_their_last_use_and_only_forward(bench: Bench) {
    let tenant = bench.tenant().await;
    let new = NewApiKey {
        name: "k".into(),
        prefix: "wx_".into(),
        hash: [3; 32],
        scopes: domain::access::Scope::ALL.to_vec(),
        networks: Default::default(),
        expires_at: None,
        at: at(0),
    };
    let key = bench.store.create_api_key(tenant, new).await.unwrap();
    assert_eq!(bench.store.api_key_by_hash(&[4; 32]).await.unwrap(), None);
    bench.store.touch_api_keys(vec![(key.id, at(5)), (key.id, at(9)), (key.id, at(7))]).await.unwrap();
    bench.store.touch_api_keys(vec![(key.id, at(8))]).await.unwrap();
    let found = bench.store.api_key_by_hash(&[3; 32]).await.unwrap().unwrap();
    assert_eq!((found.tenant_id, found.last_used_at), (tenant, Some(at(9))));
}

async fn all_tenants_and_connections_are_listed(bench: Bench) {
    let (one, two) = (bench.tenant().await, bench.tenant().await);
    let tenants: Vec<_> = bench.store.tenants().await.unwrap().into_iter().map(|tenant| tenant.id).collect();
    assert_eq!(tenants, [one, two]);
    let before = bench.store.connections_version().await.unwrap();
    bench.connect(two, new_connection("2")).await;
    bench.connect(one, new_connection("1")).await;
    assert!(bench.store.connections_version().await.unwrap() > before);
    let all = bench.store.all_connections().await.unwrap();
    let owners: Vec<_> = all.iter().map(|(connection, _)| connection.tenant_id).collect();
    assert_eq!(owners, [one, two]);
    assert_eq!(all[0].1.access_token.expose_secret(), TOKEN);
}

async fn this_node_hears_of_what_is_new(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let mut wakes = scene.store().wakes();
    scene.send(scene.job(contact)).await;
    assert_eq!(wakes.next().await, Some(Wake::Lane(scene.connection)));
    let raw =
        RawWebhook { tenant_id: scene.tenant, connection_id: None, body: bytes::Bytes::new(), at: at(0) };
    scene.store().ingest(vec![raw]).await.unwrap();
    assert_eq!(wakes.next().await, Some(Wake::Inbox));
    // An unknown number of a tenant's own wakes may follow; nothing is lost in between.
    assert_eq!(
        scene.store().message(scene.tenant, domain::MessageId(1)).await.unwrap().unwrap().status,
        Status::Queued
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_node_hears_of_what_is_new_on_postgres() {
    let scene = Scene::of(Bench::postgres().await).await;
    let contact = scene.opted_in(1).await;
    let other = scene.bench.another_node().await;
    let mut wakes = other.wakes();
    // The other node starts to listen in the background: what was told before that is lost, as it may be.
    loop {
        scene.send(scene.job(contact)).await;
        let heard = tokio::time::timeout(std::time::Duration::from_millis(50), wakes.next()).await;
        if let Ok(wake) = heard {
            assert_eq!(wake, Some(Wake::Lane(scene.connection)));
            break;
        }
    }
}

async fn what_has_doubled_is_counted_anew(bench: Bench) {
    let scene = Scene::of(bench).await;
    let store = scene.store();
    if !scene.bench.is_postgres() {
        assert_eq!(store.gather_statistics().await.unwrap(), 0, "its planner is told what to assume");
        return;
    }
    let engine = sea_orm::Database::connect(scene.bench.url()).await.unwrap();
    let ask = async |sql: &str| {
        let statement = sea_orm::Statement::from_string(engine.get_database_backend(), sql);
        engine.query_one_raw(statement).await.unwrap().unwrap().try_get_by::<i64, _>("n").unwrap()
    };
    // Nobody else counts.
    engine.execute_unprepared("ALTER TABLE contacts SET (autovacuum_enabled = off)").await.unwrap();
    let fill = async |from: i64, to: i64| {
        let rows = format!(
            "INSERT INTO contacts (tenant_id, id, phone, tags, fields, search, opted_in, marketing_stopped, \
             wrote_after_opt_out, created_at, updated_at) SELECT 1, n, '+1555' || n, '[]', '{{}}', '', FALSE, FALSE, FALSE, \
             0, 0 FROM generate_series({from}, {to}) AS n"
        );
        engine.execute_unprepared(&rows).await.unwrap();
        let there = "SELECT n_live_tup AS n FROM pg_stat_user_tables WHERE relname = 'contacts'";
        while ask(there).await < to - 1_000_000 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let known = "SELECT CAST(reltuples AS BIGINT) AS n FROM pg_class WHERE relname = 'contacts'";
    fill(1_000_001, 1_002_000).await;
    assert!(store.gather_statistics().await.unwrap() >= 1);
    assert_eq!(ask(known).await, 2_000);
    fill(1_002_001, 1_003_500).await;
    store.gather_statistics().await.unwrap();
    assert_eq!(ask(known).await, 2_000, "a little more changes no plan");
    fill(1_003_501, 1_004_500).await;
    store.gather_statistics().await.unwrap();
    assert_eq!(ask(known).await, 4_500);
}
