//! API keys and security events.

mod accounts;
pub(crate) mod members;

use std::collections::HashSet;

use domain::access::Scope;
use domain::access::permissions::Permissions;
use domain::addresses::Networks;
use domain::{ApiKeyId, ConnectionId, TenantId};
use ports::Paging;
use ports::access::{
    AccessStore, ApiKeyPatch, ChangedKey, EventFilter, NewApiKey, NewSecurityEvent, SecurityEvent,
};
use ports::operator::OperatorStore;

use crate::samples::{at_once, walk};
use crate::support::{Bench, at};

on_each_engine!(
    keys_are_listed_newest_first_with_their_scopes,
    revoking_twice_keeps_the_first_time,
    a_key_is_changed_by_whoever_may_do_as_much_and_not_once_it_is_revoked,
    an_event_that_happened_many_times_counts_as_many,
    a_key_hash_that_exists_is_a_defect,
    equal_events_within_a_minute_are_counted,
    an_event_after_more_than_a_minute_is_a_new_one,
    events_that_differ_are_kept_apart,
    equal_events_in_one_call_are_one_row,
    a_hundred_equal_events_at_once_are_one_row,
    events_are_listed_newest_first_to_the_end,
    events_are_found_by_kind_address_and_time,
);

fn new_key(seed: u8) -> NewApiKey {
    NewApiKey {
        name: format!("Key {seed}"),
        prefix: "wxw_abcd".into(),
        hash: [seed; 32],
        scopes: vec![Scope::Read, Scope::Manage],
        networks: ["10.0.0.0/8".parse().unwrap()].into_iter().collect(),
        expires_at: Some(at(3_600)),
        at: at(i64::from(seed)),
    }
}

async fn keys_are_listed_newest_first_with_their_scopes(bench: Bench) {
    let tenant = bench.tenant().await;
    let first = bench.store.create_api_key(tenant, new_key(1)).await.unwrap();
    let second =
        bench.store.create_api_key(tenant, NewApiKey { expires_at: None, ..new_key(2) }).await.unwrap();
    assert_eq!(
        (first.scopes.as_slice(), first.expires_at),
        (&[Scope::Read, Scope::Manage][..], Some(at(3_600)))
    );
    assert!(first.networks.contain("10.1.2.3".parse().unwrap()), "{:?}", first.networks);
    assert_eq!((first.created_at, first.revoked_at, first.last_used_at), (at(1), None, None));
    assert_eq!(second.expires_at, None);
    assert_eq!(bench.store.api_keys(tenant).await.unwrap(), [second, first]);
}

async fn revoking_twice_keeps_the_first_time(bench: Bench) {
    let tenant = bench.tenant().await;
    let key = bench.store.create_api_key(tenant, new_key(1)).await.unwrap();
    for second in [10, 20] {
        let revoked = bench.store.revoke_api_key(tenant, key.id, at(second)).await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(at(10)));
    }
    assert_eq!(bench.store.api_keys(tenant).await.unwrap()[0].revoked_at, Some(at(10)));
    assert_eq!(bench.store.revoke_api_key(tenant, ApiKeyId(999), at(1)).await.unwrap(), None);
}

async fn a_key_is_changed_by_whoever_may_do_as_much_and_not_once_it_is_revoked(bench: Bench) {
    let (tenant, other, store) = (bench.tenant().await, bench.tenant().await, &bench.store);
    let made = store.create_api_key(tenant, new_key(1)).await.unwrap();
    let all = Permissions::all();
    let patch = ApiKeyPatch {
        name: Some("Shop".into()),
        scopes: Some(vec![Scope::Read]),
        networks: Some(Networks::default()),
        expires_at: Some(None),
    };
    let change =
        |tenant, patch: &ApiKeyPatch, by| store.update_api_key(tenant, made.id, patch.clone(), by, at(9));
    assert_eq!(change(other, &patch, all).await.unwrap(), ChangedKey::NotFound);
    let reads = Permissions::of_scopes(&[Scope::Read]);
    let beyond = change(tenant, &ApiKeyPatch::default(), reads).await.unwrap();
    assert!(
        matches!(beyond, ChangedKey::Beyond(_)),
        "it may manage, whoever only reads does not touch it: {beyond:?}"
    );
    assert_eq!(store.api_keys(tenant).await.unwrap(), std::slice::from_ref(&made));
    let ChangedKey::Changed(changed) = change(tenant, &patch, all).await.unwrap() else { panic!("changed") };
    assert_eq!((changed.name.as_str(), changed.scopes.as_slice()), ("Shop", &[Scope::Read][..]));
    assert_eq!(
        (changed.networks.is_empty(), changed.expires_at, &changed.prefix),
        (true, None, &made.prefix)
    );
    assert_eq!(store.api_key_by_hash(&[1; 32]).await.unwrap(), Some(changed.clone()), "the key is the same");
    assert_eq!(change(tenant, &patch, all).await.unwrap(), ChangedKey::Changed(changed), "again");
    let more = ApiKeyPatch { scopes: Some(vec![Scope::Send]), ..ApiKeyPatch::default() };
    assert!(matches!(change(tenant, &more, reads).await.unwrap(), ChangedKey::Beyond(_)));
    store.revoke_api_key(tenant, made.id, at(10)).await.unwrap();
    assert_eq!(change(tenant, &more, all).await.unwrap(), ChangedKey::Revoked);
    bench.seal(tenant).await;
    let trail = bench.trail(tenant).await;
    let told: Vec<_> = trail.iter().filter(|link| link.entry.action == "api_key_changed").collect();
    assert_eq!(told.len(), 1, "a repeat tells nothing");
    let before: serde_json::Value = serde_json::from_str(told[0].entry.before.as_ref().unwrap()).unwrap();
    let after: serde_json::Value = serde_json::from_str(told[0].entry.after.as_ref().unwrap()).unwrap();
    assert_eq!((&before["name"], &after["name"]), (&"Key 1".into(), &"Shop".into()));
    assert_eq!((&before["networks"][0], &after["expires_at"]), (&"10.0.0.0/8".into(), &().into()));
    assert_eq!(after.get("prefix"), None, "what stays is not told");
}

async fn an_event_that_happened_many_times_counts_as_many(bench: Bench) {
    let tenant = bench.tenant().await;
    for second in [0, 30] {
        let many = NewSecurityEvent { count: 500, ..event(tenant, second) };
        bench.store.record_security_events(vec![many, event(tenant, second)]).await.unwrap();
    }
    let events = kept(&bench, tenant).await;
    assert_eq!((events.len(), events[0].count), (1, 1_002));
}

async fn a_key_hash_that_exists_is_a_defect(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.store.create_api_key(tenant, new_key(1)).await.unwrap();
    let again = bench.store.create_api_key(tenant, new_key(1)).await;
    assert!(matches!(again, Err(ports::StoreError::Internal(_))), "{again:?}");
    assert_eq!(bench.store.api_keys(tenant).await.unwrap().len(), 1);
}

fn event(tenant: TenantId, second: i64) -> NewSecurityEvent {
    NewSecurityEvent {
        tenant_id: tenant,
        kind: "webhook_signature_invalid".into(),
        connection_id: None,
        address: Some("203.0.113.9".into()),
        reason: "wrong signature".into(),
        at: at(second),
        count: 1,
    }
}

async fn kept(bench: &Bench, tenant: TenantId) -> Vec<SecurityEvent> {
    bench.store.security_events(tenant, &EventFilter::default(), &Paging::default()).await.unwrap().items
}

async fn equal_events_within_a_minute_are_counted(bench: Bench) {
    let tenant = bench.tenant().await;
    for second in [0, 30, 80] {
        bench.store.record_security_events(vec![event(tenant, second)]).await.unwrap();
    }
    let events = kept(&bench, tenant).await;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].at, events[0].last_at, events[0].count), (at(0), at(80), 3));
    assert_eq!(events[0].address.as_deref(), Some("203.0.113.9"));
}

async fn an_event_after_more_than_a_minute_is_a_new_one(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.store.record_security_events(vec![event(tenant, 0)]).await.unwrap();
    bench.store.record_security_events(vec![event(tenant, 61)]).await.unwrap();
    bench.store.record_security_events(vec![event(tenant, 62)]).await.unwrap();
    let counts: Vec<_> = kept(&bench, tenant).await.iter().map(|event| (event.at, event.count)).collect();
    assert_eq!(counts, [(at(61), 2), (at(0), 1)]);
}

async fn events_that_differ_are_kept_apart(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let base = event(tenant, 0);
    let events = vec![
        base.clone(),
        NewSecurityEvent { tenant_id: other, ..base.clone() },
        NewSecurityEvent { kind: "api_key_refused".into(), ..base.clone() },
        NewSecurityEvent { connection_id: Some(ConnectionId(3)), ..base.clone() },
        NewSecurityEvent { address: None, ..base.clone() },
        NewSecurityEvent { reason: "no signature".into(), ..base },
    ];
    for _ in 0..2 {
        bench.store.record_security_events(events.clone()).await.unwrap();
    }
    let events = kept(&bench, tenant).await;
    assert_eq!(events.len(), 5);
    assert!(events.iter().all(|event| event.count == 2 && event.tenant_id == tenant), "{events:?}");
    assert_eq!(kept(&bench, other).await.len(), 1);
}

async fn equal_events_in_one_call_are_one_row(bench: Bench) {
    let tenant = bench.tenant().await;
    let events = [0, 10, 20, 500, 510].map(|second| event(tenant, second)).to_vec();
    bench.store.record_security_events(events).await.unwrap();
    let counts: Vec<_> = kept(&bench, tenant).await.iter().map(|event| (event.at, event.count)).collect();
    assert_eq!(counts, [(at(500), 2), (at(0), 3)]);
    bench.store.record_security_events(Vec::new()).await.unwrap();
}

async fn a_hundred_equal_events_at_once_are_one_row(bench: Bench) {
    let tenant = bench.tenant().await;
    at_once(&bench.store, 100, |store, _| async move {
        store.record_security_events(vec![event(tenant, 5)]).await.unwrap();
    })
    .await;
    let events = kept(&bench, tenant).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].count, 100);
}

async fn events_are_listed_newest_first_to_the_end(bench: Bench) {
    let tenant = bench.tenant().await;
    let events = (0..25).map(|number| event(tenant, number * 100)).collect();
    bench.store.record_security_events(events).await.unwrap();
    let store = &bench.store;
    let all = walk(10, |paging| async move {
        store.security_events(tenant, &EventFilter::default(), &paging).await.unwrap()
    })
    .await;
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted_by_key(|event| std::cmp::Reverse(event.at)));
    assert_eq!(all.iter().map(|event| event.id).collect::<HashSet<_>>().len(), 25);
}

async fn events_are_found_by_kind_address_and_time(bench: Bench) {
    let tenant = bench.tenant().await;
    let other = NewSecurityEvent {
        kind: "login_failed".into(),
        address: Some("192.0.2.1".into()),
        ..event(tenant, 200)
    };
    bench.store.record_security_events(vec![event(tenant, 0), event(tenant, 40), other]).await.unwrap();
    let found = |filter: EventFilter| {
        let store = bench.store.clone();
        async move {
            let page = store.security_events(tenant, &filter, &Paging::default()).await.unwrap();
            page.items.into_iter().map(|event| event.kind).collect::<Vec<_>>()
        }
    };
    let any = EventFilter::default();
    let kind = EventFilter { kind: Some("login_failed".into()), ..any.clone() };
    assert_eq!(found(kind).await, ["login_failed"]);
    let address = EventFilter { address: Some("203.0.113.9".into()), ..any.clone() };
    assert_eq!(found(address).await, ["webhook_signature_invalid"]);
    assert_eq!(found(EventFilter { since: Some(at(40)), ..any.clone() }).await.len(), 2, "last seen then");
    assert_eq!(found(EventFilter { since: Some(at(41)), ..any.clone() }).await, ["login_failed"]);
    assert_eq!(found(EventFilter { until: Some(at(200)), ..any }).await, ["webhook_signature_invalid"]);
}
