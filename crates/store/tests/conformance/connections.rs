//! Connections and their secrets.

use domain::connections::ConnectionState;
use domain::messages::Status;
use domain::pacing::Rate;
use domain::{ConnectionId, TenantId};
use ports::StoreError;
use ports::connections::{
    Broken, Connection, ConnectionPatch, ConnectionStore, CreatedConnection, NewConnection,
};
use ports::lanes::{LaneStore, Settlement};
use ports::messages::{AcceptJob, MessageStore, Moved};
use ports::operator::OperatorStore;
use secrecy::ExposeSecret;

use crate::samples::{APP_SECRET, TOKEN, VERIFY_TOKEN, at_once, new_connection, texts};
use crate::scene::{Scene, failure};
use crate::support::{Bench, KEY, at};

on_each_engine!(
    the_first_connection_is_the_default_whatever_it_says,
    a_new_default_takes_it_from_the_old_one,
    there_is_one_default_when_fifty_take_it_at_once,
    a_number_is_linked_once_in_the_whole_store,
    of_fifty_who_link_the_same_number_one_does,
    a_change_leaves_the_rest_as_it_is,
    a_changed_secret_is_opened_and_the_others_stay,
    a_connection_that_does_not_exist_is_not_changed_and_takes_no_default,
    of_fifty_who_break_a_connection_one_moved_it,
    only_an_active_connection_breaks,
    the_oldest_other_becomes_the_default_when_it_is_deleted,
    a_connection_that_is_deleted_cancels_its_queue,
    every_change_moves_the_version_and_reading_does_not,
    secrets_are_nowhere_in_clear,
    a_rotated_store_opens_with_the_new_key_alone,
);

async fn defaults(bench: &Bench, tenant: TenantId) -> Vec<ConnectionId> {
    let all = bench.store.connections(tenant).await.unwrap();
    assert!(all.first().is_none_or(|first| first.is_default), "the default comes first");
    all.into_iter().filter(|one| one.is_default).map(|one| one.id).collect()
}

async fn change(bench: &Bench, connection: &Connection, patch: ConnectionPatch) -> Connection {
    bench
        .store
        .update_connection(connection.tenant_id, connection.id, patch, at(50))
        .await
        .unwrap()
        .expect("there")
}

async fn the_first_connection_is_the_default_whatever_it_says(bench: Bench) {
    let tenant = bench.tenant().await;
    let first = bench.connection(tenant).await;
    let second = bench.connection(tenant).await;
    assert!(first.is_default && !second.is_default);
    assert_eq!(first.state, ConnectionState::Active);
    assert_eq!(bench.store.connections(tenant).await.unwrap(), [first, second]);
}

async fn a_new_default_takes_it_from_the_old_one(bench: Bench) {
    let tenant = bench.tenant().await;
    let first = bench.connection(tenant).await;
    let second = bench.connect(tenant, NewConnection { is_default: true, ..new_connection("2") }).await;
    assert_eq!(defaults(&bench, tenant).await, [second.id]);
    let patch = ConnectionPatch { is_default: Some(true), ..ConnectionPatch::default() };
    assert!(change(&bench, &first, patch.clone()).await.is_default);
    assert_eq!(defaults(&bench, tenant).await, [first.id]);
    assert!(change(&bench, &first, patch).await.is_default);
    assert_eq!(defaults(&bench, tenant).await, [first.id]);
}

async fn there_is_one_default_when_fifty_take_it_at_once(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let others = bench.connection(other).await;
    let made = at_once(&bench.store, 50, |store, number| async move {
        let new = NewConnection { is_default: number % 2 == 0, ..new_connection(&format!("n{number}")) };
        store.create_connection(tenant, new).await.unwrap()
    })
    .await;
    assert!(made.iter().all(|made| matches!(made, CreatedConnection::Created(_))));
    assert_eq!(defaults(&bench, tenant).await.len(), 1);
    let ids: Vec<_> = bench.store.connections(tenant).await.unwrap().iter().map(|one| one.id).collect();
    at_once(&bench.store, 50, |store, number| {
        let id = ids[number as usize];
        async move {
            let patch = ConnectionPatch { is_default: Some(true), ..ConnectionPatch::default() };
            store.update_connection(tenant, id, patch, at(1)).await.unwrap().expect("there")
        }
    })
    .await;
    assert_eq!(defaults(&bench, tenant).await.len(), 1);
    assert_eq!(defaults(&bench, other).await, [others.id]);
}

async fn a_number_is_linked_once_in_the_whole_store(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let first = bench.connect(tenant, new_connection("77")).await;
    let again = bench.store.create_connection(tenant, new_connection("77")).await.unwrap();
    assert!(matches!(again, CreatedConnection::Exists(Some(id)) if id == first.id));
    let stranger = NewConnection { is_default: true, ..new_connection("77") };
    let elsewhere = bench.store.create_connection(other, stranger).await.unwrap();
    assert!(matches!(elsewhere, CreatedConnection::Exists(None)));
    assert_eq!(defaults(&bench, tenant).await, [first.id]);
    assert!(bench.store.connections(other).await.unwrap().is_empty());
}

async fn of_fifty_who_link_the_same_number_one_does(bench: Bench) {
    let tenant = bench.tenant().await;
    let made = at_once(&bench.store, 50, |store, _| async move {
        store.create_connection(tenant, new_connection("77")).await.unwrap()
    })
    .await;
    assert_eq!(made.iter().filter(|made| matches!(made, CreatedConnection::Created(_))).count(), 1);
    assert_eq!(bench.store.connections(tenant).await.unwrap().len(), 1);
}

async fn a_change_leaves_the_rest_as_it_is(bench: Bench) {
    let tenant = bench.tenant().await;
    let before =
        bench.connect(tenant, NewConnection { token_expires_at: Some(at(9)), ..new_connection("1") }).await;
    let patch = ConnectionPatch {
        name: Some("Laden".into()),
        quality_rating: Some("GREEN".into()),
        rate: Some(Rate::per_minute(80)),
        token_expires_at: Some(None),
        handshake_at: Some(at(3)),
        state: Some((ConnectionState::Disabled, Some("closed for today".into()))),
        ..ConnectionPatch::default()
    };
    let after = change(&bench, &before, patch).await;
    let expected = Connection {
        name: "Laden".into(),
        quality_rating: Some("GREEN".into()),
        rate: Rate::per_minute(80),
        token_expires_at: None,
        handshake_at: Some(at(3)),
        state: ConnectionState::Disabled,
        state_reason: Some("closed for today".into()),
        updated_at: at(50),
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(change(&bench, &after, ConnectionPatch::default()).await, after);
    assert_eq!(bench.read_connection(tenant, after.id).await, after);
}

async fn a_changed_secret_is_opened_and_the_others_stay(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await;
    let patch = ConnectionPatch { access_token: Some("EAAG-new".into()), ..ConnectionPatch::default() };
    change(&bench, &connection, patch).await;
    let secrets = bench.store.connection_secrets(tenant, connection.id).await.unwrap().unwrap();
    assert_eq!(secrets.access_token.expose_secret(), "EAAG-new");
    assert_eq!(secrets.app_secret.expose_secret(), APP_SECRET);
    assert_eq!(secrets.verify_token.expose_secret(), VERIFY_TOKEN);
}

async fn a_connection_that_does_not_exist_is_not_changed_and_takes_no_default(bench: Bench) {
    let tenant = bench.tenant().await;
    let first = bench.connection(tenant).await;
    let nobody = ConnectionId(9_999);
    let patch = ConnectionPatch { is_default: Some(true), ..ConnectionPatch::default() };
    assert!(bench.store.update_connection(tenant, nobody, patch, at(1)).await.unwrap().is_none());
    assert_eq!(defaults(&bench, tenant).await, [first.id]);
    assert!(bench.store.connection(tenant, nobody).await.unwrap().is_none());
    assert!(bench.store.connection_secrets(tenant, nobody).await.unwrap().is_none());
    assert!(!bench.store.break_connection(tenant, nobody, &Broken::because("why"), at(1)).await.unwrap());
    assert!(!bench.store.delete_connection(tenant, nobody, at(1)).await.unwrap());
}

async fn of_fifty_who_break_a_connection_one_moved_it(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await;
    let moved = at_once(&bench.store, 50, |store, number| async move {
        store
            .break_connection(tenant, connection.id, &Broken::because(format!("reason {number}")), at(7))
            .await
            .unwrap()
    })
    .await;
    assert_eq!(moved.iter().filter(|moved| **moved).count(), 1);
    let winner = moved.iter().position(|moved| *moved).unwrap();
    let broken = bench.read_connection(tenant, connection.id).await;
    assert_eq!(broken.state, ConnectionState::Error);
    assert_eq!(broken.state_reason, Some(format!("reason {winner}")));
}

async fn only_an_active_connection_breaks(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await;
    let to = |state| ConnectionPatch { state: Some((state, None)), ..ConnectionPatch::default() };
    change(&bench, &connection, to(ConnectionState::Disabled)).await;
    assert!(
        !bench.store.break_connection(tenant, connection.id, &Broken::because("why"), at(1)).await.unwrap()
    );
    let disabled = bench.read_connection(tenant, connection.id).await;
    assert_eq!((disabled.state, disabled.state_reason), (ConnectionState::Disabled, None));
    change(&bench, &connection, to(ConnectionState::Active)).await;
    assert!(
        bench.store.break_connection(tenant, connection.id, &Broken::because("why"), at(2)).await.unwrap()
    );
}

async fn the_oldest_other_becomes_the_default_when_it_is_deleted(bench: Bench) {
    let tenant = bench.tenant().await;
    let (first, second, third) =
        (bench.connection(tenant).await, bench.connection(tenant).await, bench.connection(tenant).await);
    assert!(bench.store.delete_connection(tenant, first.id, at(1)).await.unwrap());
    assert!(!bench.store.delete_connection(tenant, first.id, at(1)).await.unwrap());
    assert_eq!(defaults(&bench, tenant).await, [second.id]);
    assert!(bench.store.delete_connection(tenant, third.id, at(1)).await.unwrap());
    assert_eq!(defaults(&bench, tenant).await, [second.id]);
    assert!(bench.store.delete_connection(tenant, second.id, at(1)).await.unwrap());
    assert!(bench.store.connections(tenant).await.unwrap().is_empty());
    assert!(bench.connect(tenant, new_connection(&first.phone_number_id)).await.is_default);
}

async fn every_change_moves_the_version_and_reading_does_not(bench: Bench) {
    let tenant = bench.tenant().await;
    let mut last = bench.store.connections_version().await.unwrap();
    let mut moved = async || {
        let now = bench.store.connections_version().await.unwrap();
        std::mem::replace(&mut last, now) < now
    };
    let connection = bench.connection(tenant).await;
    assert!(moved().await, "made");
    let patch = ConnectionPatch { app_secret: Some("new".into()), ..ConnectionPatch::default() };
    change(&bench, &connection, patch).await;
    assert!(moved().await, "changed");
    bench.store.create_connection(tenant, new_connection(&connection.phone_number_id)).await.unwrap();
    bench.store.connection_secrets(tenant, connection.id).await.unwrap();
    assert!(!moved().await, "read");
    bench.store.break_connection(tenant, connection.id, &Broken::because("why"), at(1)).await.unwrap();
    assert!(moved().await, "broken");
    bench.store.break_connection(tenant, connection.id, &Broken::because("why"), at(1)).await.unwrap();
    assert!(!moved().await, "broken already");
    bench.store.delete_connection(tenant, connection.id, at(1)).await.unwrap();
    assert!(moved().await, "removed");
}

async fn secrets_are_nowhere_in_clear(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await;
    let patch = ConnectionPatch { verify_token: Some(VERIFY_TOKEN.into()), ..ConnectionPatch::default() };
    change(&bench, &connection, patch).await;
    let everything = everything(&bench).await;
    let holds = |text: &str| everything.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&connection.graph_url), "what is no secret is found");
    for secret in [TOKEN, APP_SECRET, VERIFY_TOKEN] {
        assert!(!holds(secret) && !holds(&hex(secret)), "a secret lies in clear");
    }
}

/// All that the engine keeps of connections: the file of SQLite with its log, the rows of PostgreSQL as text.
async fn everything(bench: &Bench) -> Vec<u8> {
    if bench.is_postgres() {
        return texts(bench, "SELECT c::text AS text FROM connections c").await.concat().into_bytes();
    }
    let mut bytes = std::fs::read(bench.url()).unwrap();
    bytes.extend(std::fs::read(format!("{}-wal", bench.url())).unwrap_or_default());
    bytes
}

/// As PostgreSQL writes bytes into text.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn a_rotated_store_opens_with_the_new_key_alone(bench: Bench) {
    let new_key = [9; 32];
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await;
    let other = bench.tenant().await;
    bench.connection(other).await;
    let rotating = bench.node_with_keys(vec![new_key, KEY]).await;
    let sealed_anew = rotating.rotate_secrets().await.unwrap();
    assert!(sealed_anew > 0);
    assert_eq!(rotating.rotate_secrets().await.unwrap(), 0);
    let with_new = bench.node_with_keys(vec![new_key]).await;
    let secrets = with_new.connection_secrets(tenant, connection.id).await.unwrap().unwrap();
    assert_eq!(secrets.access_token.expose_secret(), TOKEN);
    assert_eq!(secrets.app_secret.expose_secret(), APP_SECRET);
    assert_eq!(with_new.all_connections().await.unwrap().len(), 2);
    let with_old = bench.store.connection_secrets(tenant, connection.id).await;
    assert!(matches!(with_old, Err(StoreError::Internal(_))));
}

async fn a_connection_that_is_deleted_cancels_its_queue(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (first, second) = (scene.opted_in(1).await, scene.opted_in(2).await);
    let lease = scene.lane("node").await;
    let flying = scene.sending(&lease, first).await;
    let refused = scene.sending(&lease, second).await;
    let why = failure("META_REJECTED", 131_053);
    let failed = Settlement::Failed { why, flag: None, marketing_stop: false };
    scene.settle(&lease, &refused, failed).await;
    let queued = scene.send(scene.job(second)).await.message_id;
    let later = AcceptJob { send_at: Some(at(5_000)), ..scene.job(second) };
    let scheduled = scene.send(later).await.message_id;
    let other = scene.bench.connection(scene.tenant).await.id;
    let elsewhere = scene.send(AcceptJob { connection_id: other, ..scene.job(first) }).await.message_id;
    assert!(scene.store().delete_connection(scene.tenant, scene.connection, at(50)).await.unwrap());
    assert_eq!(scene.message(queued).await.status, Status::Cancelled);
    assert_eq!(scene.message(scheduled).await.status, Status::Cancelled);
    assert_eq!(scene.life(queued).await, ["queued", "cancelled"]);
    assert_eq!(scene.message(flying.message_id).await.status, Status::InDoubt);
    assert_eq!(scene.message(elsewhere).await.status, Status::Queued);
    let stats = scene.store().queue_stats(scene.tenant, scene.connection, at(60)).await.unwrap();
    assert_eq!((stats.queued, stats.scheduled, stats.sending), (0, 0, 0));
    // The answer to a call that was open is a fact all the same; and nothing can be queued there any more.
    let settlement = Settlement::Sent { wamid: "wamid.late".into(), held: false };
    assert_eq!(scene.settle(&lease, &flying, settlement).await, Status::Sent);
    let again = scene.store().requeue_message(scene.tenant, refused.message_id, false, at(70)).await.unwrap();
    assert_eq!(again, Moved::InvalidState(Status::Failed));
}
