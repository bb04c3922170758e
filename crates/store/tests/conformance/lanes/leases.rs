//! Leases: who holds a lane, until when, and what the next holder finds.

use std::sync::{Arc, Mutex};

use domain::messages::Status;
use ports::lanes::LaneStore;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use store::{SqlStore, StoreConfig};

use crate::samples::at_once;
use crate::scene::Scene;
use crate::support::{Bench, at};

/// For what does not wait, and for who does to begin with it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

on_each_engine!(
    a_lane_has_one_holder_until_its_lease_runs_out,
    a_holder_that_was_restarted_goes_on_at_once,
    asking_for_a_lane_that_another_holds_writes_nothing,
    of_a_hundred_who_want_the_lane_one_gets_it,
    a_lost_lease_renews_and_claims_nothing,
    a_renewal_does_not_wait_for_what_is_under_way_and_who_takes_the_lane_does,
    the_pace_goes_over_to_the_next_holder,
    an_expired_lease_leaves_its_messages_in_doubt,
);

async fn a_lane_has_one_holder_until_its_lease_runs_out(bench: Bench) {
    let scene = Scene::of(bench).await;
    let take = |holder: &'static str, now| {
        scene.store().take_lane(scene.tenant, scene.connection, holder, at(now), at(now + 60))
    };
    let first = take("a", 0).await.unwrap().unwrap().lease;
    assert_eq!(take("b", 59).await.unwrap(), None);
    let second = take("b", 60).await.unwrap().unwrap().lease;
    assert_eq!(second.epoch, first.epoch + 1);
    scene.store().release_lane(&second, &serde_json::json!({})).await.unwrap();
    assert!(take("a", 61).await.unwrap().is_some(), "a lane given back is free");
    let nowhere = domain::ConnectionId(99);
    assert_eq!(scene.store().take_lane(scene.tenant, nowhere, "a", at(0), at(1)).await.unwrap(), None);
}

async fn a_holder_that_was_restarted_goes_on_at_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let before = scene.lane("node").await;
    let claimed = scene.sending(&before, contact).await;
    let taken = scene
        .store()
        .take_lane(scene.tenant, scene.connection, "node", at(31), at(90))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((taken.lease.epoch, taken.in_doubt), (before.epoch + 1, vec![claimed.message_id]));
}

async fn asking_for_a_lane_that_another_holds_writes_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.lane("node").await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let watch = move |statement: &str, _| ears.lock().unwrap().push(statement.to_owned());
    let config = StoreConfig {
        watch: Some(Arc::new(watch)),
        ..StoreConfig::new(scene.bench.url(), crate::support::KEY)
    };
    let store = SqlStore::connect(config).await.unwrap();
    let take =
        async |second| store.take_lane(scene.tenant, scene.connection, "other", at(second), at(200)).await;
    assert_eq!(take(30).await.unwrap(), None);
    let writes = |statement: &String| statement.contains("INSERT") || statement.contains("UPDATE");
    assert!(!heard.lock().unwrap().iter().any(writes), "{heard:?}");
    assert!(take(81).await.unwrap().is_some(), "the lease ran out");
}

async fn of_a_hundred_who_want_the_lane_one_gets_it(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (tenant, connection) = (scene.tenant, scene.connection);
    let taken = at_once(scene.store(), 100, |store, number| async move {
        store.take_lane(tenant, connection, &format!("node {number}"), at(0), at(60)).await.unwrap().is_some()
    })
    .await;
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
}

async fn a_lost_lease_renews_and_claims_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let old = scene.lane("a").await;
    let pace = serde_json::json!({});
    assert!(scene.store().renew_lane(&old, at(85), &pace).await.unwrap());
    scene.store().take_lane(scene.tenant, scene.connection, "b", at(85), at(200)).await.unwrap().unwrap();
    assert!(!scene.store().renew_lane(&old, at(300), &pace).await.unwrap());
    scene.send(scene.job(contact)).await;
    assert_eq!(scene.claim(&old).await.claimed, []);
    scene.store().release_lane(&old, &pace).await.unwrap();
    let other = scene.store().take_lane(scene.tenant, scene.connection, "c", at(90), at(95)).await.unwrap();
    assert_eq!(other, None, "a lost lease releases nothing");
}

async fn a_renewal_does_not_wait_for_what_is_under_way_and_who_takes_the_lane_does(bench: Bench) {
    // SQLite has one writer: nothing is under way beside it.
    if !bench.is_postgres() {
        return;
    }
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let message = scene.send(scene.job(contact)).await.message_id;
    // Somebody holds the contact, so that the claim stands still in its middle.
    let engine = sea_orm::Database::connect(scene.bench.url()).await.unwrap();
    let blocker = engine.begin().await.unwrap();
    blocker.execute_unprepared("SELECT id FROM contacts FOR UPDATE").await.unwrap();
    let store = Arc::new(scene.bench.another_node().await);
    let claiming = tokio::spawn({
        let (store, lease) = (Arc::clone(&store), lease.clone());
        async move { store.claim_due(&lease, 100, at(30)).await.unwrap() }
    });
    until_somebody_waits(&engine, 1).await;
    let pace = serde_json::json!({});
    let renewal = scene.store().renew_lane(&lease, at(85), &pace);
    assert!(tokio::time::timeout(PATIENCE, renewal).await.expect("it does not wait").unwrap());
    let (tenant, connection) = (scene.tenant, scene.connection);
    let taking =
        tokio::spawn(async move { store.take_lane(tenant, connection, "b", at(85), at(200)).await.unwrap() });
    until_somebody_waits(&engine, 2).await;
    assert!(!taking.is_finished());
    blocker.rollback().await.unwrap();
    assert_eq!(
        claiming.await.unwrap().claimed[0].message_id,
        message,
        "the lease was good when it was asked"
    );
    let taken = taking.await.unwrap().expect("the lease ran out");
    assert_eq!(taken.in_doubt, [message], "whoever takes the lane knows of all that was claimed before");
}

/// Until so many wait for locks.
async fn until_somebody_waits(engine: &sea_orm::DatabaseConnection, many: i64) {
    let sql = "SELECT count(*) AS many FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async || {
        let ask = Statement::from_string(engine.get_database_backend(), sql);
        engine.query_one_raw(ask).await.unwrap().unwrap().try_get_by::<i64, _>("many").unwrap()
    };
    let all_wait = async {
        while waiting().await < many {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_wait).await.expect("they wait for locks");
}

async fn the_pace_goes_over_to_the_next_holder(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lease = scene.lane("a").await;
    let pace = serde_json::json!({ "slow": 4 });
    let kept = async || scene.store().kept_pace(scene.tenant, scene.connection).await.unwrap();
    assert!(scene.store().renew_lane(&lease, at(90), &pace).await.unwrap());
    assert_eq!(kept().await, Some(pace.clone()), "other nodes may look at it");
    scene.store().release_lane(&lease, &pace).await.unwrap();
    assert_eq!(kept().await, None, "nobody sends");
    let taken =
        scene.store().take_lane(scene.tenant, scene.connection, "b", at(30), at(60)).await.unwrap().unwrap();
    assert_eq!(taken.pace, Some(pace));
}

async fn an_expired_lease_leaves_its_messages_in_doubt(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(1).await;
    let lease = scene.lane("a").await;
    let sending = scene.sending(&lease, contact).await.message_id;
    let waiting = scene.send(scene.job(contact)).await.message_id;
    let taken =
        scene.store().take_lane(scene.tenant, scene.connection, "b", at(80), at(140)).await.unwrap().unwrap();
    assert_eq!(taken.in_doubt, [sending]);
    assert_eq!(scene.message(sending).await.status, Status::InDoubt);
    assert_eq!(scene.life(sending).await, ["queued", "sending", "in_doubt"]);
    let claim = scene.store().claim_due(&taken.lease, 10, at(81)).await.unwrap();
    let claimed: Vec<_> = claim.claimed.iter().map(|one| one.message_id).collect();
    assert_eq!(claimed, [waiting], "what is in doubt is not sent again");
}
