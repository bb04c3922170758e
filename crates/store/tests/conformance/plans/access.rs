//! What stands on the way of every request (whose key, whose session, who is that), and the lists of the column.

use domain::access::throttle::Throttle;
use domain::{AccountId, ApiKeyId, MemberId, SessionId};
use ports::Paging;
use ports::access::accounts::{AccountStore, Guessed};
use ports::access::members::MemberStore;
use ports::access::{AccessStore, EventFilter, NewSecurityEvent};
use ports::operator::OperatorStore;
use sea_orm::ConnectionTrait;
use store::SqlStore;

use super::{Engine, MANY, listen};
use crate::scene::Scene;
use crate::support::{Bench, at};

on_each_engine!(whoever_comes_in_is_found_by_an_index_and_so_are_the_lists_of_access);

/// The tables of the column that grow, and the names that they go by in its statements.
const TABLES: [&str; 13] = [
    "api_keys",
    "k",
    "sessions",
    "s",
    "accounts",
    "a",
    "members",
    "m",
    "account_links",
    "l",
    "login_tries",
    "security_events",
    "e",
];

async fn whoever_comes_in_is_found_by_an_index_and_so_are_the_lists_of_access(bench: Bench) {
    let scene = Scene::of(bench).await;
    let engine = Engine::of(&scene.bench).await;
    fill(&scene, &engine).await;
    engine.gather_statistics().await;
    let heard = listen(&scene, async |store| {
        doors(&scene, store).await;
        accounts(store).await;
        lists(&scene, store).await;
    })
    .await;
    assert!(heard.len() > 20, "only {} statements were heard", heard.len());
    let mut scans = Vec::new();
    for (shape, statement) in heard {
        let plan = engine.plan(&statement).await;
        let whole = plan.into_iter().filter(|step| engine.is_scan_of(&TABLES, step));
        scans.extend(whole.map(|step| format!("{step}\n    in {shape}")));
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

/// Written past the store, by the thousand: a hundred tenants with as many members, keys and events each.
async fn fill(scene: &Scene, engine: &Engine) {
    let (tenant, many) = (scene.tenant.0, i64::from(MANY));
    let numbers = if engine.postgres {
        format!("generate_series(1, {many}) AS n(i)")
    } else {
        format!(
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) SELECT i FROM n) AS n"
        )
    };
    let hash =
        if engine.postgres { "decode(lpad(to_hex(n.i), 64, '0'), 'hex')" } else { "CAST(n.i AS BLOB)" };
    let word = "CAST(n.i AS TEXT)";
    for statement in [
        format!(
            "INSERT INTO accounts (id, email, totp_confirmed, totp_step, recovery_codes, created_at) \
             SELECT 1000 + n.i, {word} || '@example.com', FALSE, 0, '[]', 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO members (tenant_id, id, account_id, role, state, invited_at) \
             SELECT {tenant} + n.i % 100, 1000 + n.i, 1000 + n.i, 'agent', 'active', 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO sessions (account_id, id, hash, created_at, last_used_at, expires_at) \
             SELECT 1000 + n.i, 1000 + n.i, {word}, 0, 0, {} FROM {numbers}",
            at(1_000_000).as_microsecond()
        ),
        format!(
            "INSERT INTO account_links (hash, account_id, tenant_id, member_id, expires_at) \
             SELECT {word}, 1000 + n.i, {tenant} + n.i % 100, 1000 + n.i, 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO api_keys (tenant_id, id, name, prefix, hash, scopes, networks, created_at) \
             SELECT {tenant} + n.i % 100, 1000 + n.i, 'key', 'wxk_', {hash}, '[]', '[]', 0 FROM {numbers}"
        ),
        format!("INSERT INTO login_tries (subject, tries, last_at) SELECT {word}, 1, 0 FROM {numbers}"),
        format!(
            "INSERT INTO security_events (tenant_id, id, kind, reason, at, last_at, count) \
             SELECT {tenant} + n.i % 100, 1000 + n.i, 'login_failed', {word}, n.i, n.i, 1 FROM {numbers}"
        ),
    ] {
        engine
            .database
            .execute_unprepared(&statement)
            .await
            .unwrap_or_else(|why| panic!("{why}: {statement}"));
    }
}

/// Whose key, whose session; that it was used.
async fn doors(scene: &Scene, store: &SqlStore) {
    store.api_key_by_hash(&[1; 32]).await.unwrap();
    store.touch_api_keys(vec![(ApiKeyId(1_007), at(1))]).await.unwrap();
    store.session_by_hash(&[1; 32]).await.unwrap();
    store.touch_sessions(vec![(SessionId(1_007), at(1))]).await.unwrap();
    store.member(scene.tenant, MemberId(1_100)).await.unwrap();
    let event = NewSecurityEvent {
        tenant_id: scene.tenant,
        kind: "api_key_refused".into(),
        connection_id: None,
        address: None,
        reason: "unknown key".into(),
        at: at(5),
        count: 1,
    };
    store.record_security_events(vec![event.clone()]).await.unwrap();
    store.record_security_events(vec![event]).await.unwrap();
    store
        .update_api_key(
            scene.tenant,
            ApiKeyId(1_100),
            patch(),
            domain::access::permissions::Permissions::all(),
            at(5),
        )
        .await
        .unwrap();
    store.revoke_api_key(scene.tenant, ApiKeyId(1_100), at(5)).await.unwrap();
}

fn patch() -> ports::access::ApiKeyPatch {
    ports::access::ApiKeyPatch { name: Some("Shop".into()), ..Default::default() }
}

/// Coming in, and what is done to one's own account.
async fn accounts(store: &SqlStore) {
    let (ada, email) = (AccountId(1_007), "7@example.com".parse().unwrap());
    let guessed = [Guessed { subject: "7".into(), rule: Throttle::LOGIN_ACCOUNT }];
    store.admit_try(&guessed, at(1)).await.unwrap();
    store.forgive_try(&guessed, true).await.unwrap();
    store.account_by_email(&email).await.unwrap().expect("known");
    store.account(ada).await.unwrap().expect("known");
    store.enroll_totp(ada, &"SECRET".into()).await.unwrap();
    store.confirm_totp(ada, 5, &[[1; 32]]).await.unwrap();
    store.take_totp_step(ada, 6).await.unwrap();
    store.take_recovery_code(ada, &[1; 32]).await.unwrap();
    store.disable_totp(ada).await.unwrap();
    store.open_invitation(&[1; 32], at(1)).await.unwrap();
    store.open_reset(&[1; 32], at(1)).await.unwrap();
    store.change_password(ada, &"a".into(), &"b".into(), SessionId(1_007), at(1)).await.unwrap();
    store.sessions(ada, at(1)).await.unwrap();
    store.end_session(ada, SessionId(1_007)).await.unwrap();
    store.end_other_sessions(ada, None).await.unwrap();
}

async fn lists(scene: &Scene, store: &SqlStore) {
    let (tenant, paging) = (scene.tenant, Paging::default());
    assert!(store.api_keys(tenant).await.unwrap().len() >= 100);
    assert_eq!(store.members(tenant).await.unwrap().len(), 100);
    store.member_by_email(tenant, &"100@example.com".parse().unwrap()).await.unwrap().expect("known");
    store.roles(tenant).await.unwrap();
    for filter in [
        EventFilter::default(),
        EventFilter { kind: Some("login_failed".into()), since: Some(at(0)), ..EventFilter::default() },
        EventFilter { address: Some("203.0.113.9".into()), ..EventFilter::default() },
    ] {
        store.security_events(tenant, &filter, &paging).await.unwrap();
    }
}
