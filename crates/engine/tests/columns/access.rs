use domain::access::Scope;
use domain::access::permissions::{Permission, Permissions};
use domain::{SignedDuration, TenantId};
use engine::access::{AccessError, Authentication, Client, CreateKey, LoginError, Proof};
use ports::access::{EventFilter, NOBODYS, SecurityEvent};
use secrecy::ExposeSecret;

use crate::house::{House, eventually, page};

fn wanted() -> CreateKey {
    CreateKey {
        name: "Shop system".into(),
        scopes: vec![Scope::Send, Scope::Read, Scope::Send],
        expires_at: None,
        networks: Vec::new(),
    }
}

#[tokio::test]
async fn a_key_opens_its_tenants_door_until_it_is_revoked() {
    let house = House::build().await;
    let access = &house.engine.access;
    let made = access.create_key(house.tenant, wanted(), Permissions::all()).await.unwrap();
    let secret = made.secret.expose_secret();
    assert!(secret.starts_with("wxk_") && secret.len() == 47 && secret.starts_with(&made.key.prefix));
    let Authentication::Known(known) = access.authenticate(secret, None, None).await.unwrap() else {
        panic!("the key is known");
    };
    assert_eq!((known.tenant_id, known.key_id()), (house.tenant, Some(made.key.id)));
    assert!(
        known.may(Permission::ContactsRead)
            && known.may(Permission::MessagesSend)
            && !known.may(Permission::KeysManage)
    );
    let other = format!("wxk_{}", "A".repeat(43));
    assert_eq!(access.authenticate(&other, None, None).await.unwrap(), Authentication::Unknown);
    let stranger = house.stranger().await;
    let refused = access.revoke_key(stranger, made.key.id).await;
    assert!(matches!(refused, Err(AccessError::NotFound)), "{refused:?}");
    access.revoke_key(house.tenant, made.key.id).await.unwrap();
    assert_eq!(access.authenticate(secret, None, None).await.unwrap(), Authentication::Revoked);
    assert!(access.keys(stranger).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let house = House::build().await;
    let access = &house.engine.access;
    let end = house.deps.clock.now() + SignedDuration::from_hours(1);
    let made = access
        .create_key(house.tenant, CreateKey { expires_at: Some(end), ..wanted() }, Permissions::all())
        .await
        .unwrap();
    let secret = made.secret.expose_secret();
    assert!(matches!(access.authenticate(secret, None, None).await.unwrap(), Authentication::Known(_)));
    house.advance(1);
    assert_eq!(access.authenticate(secret, None, None).await.unwrap(), Authentication::Expired);
    let past = access
        .create_key(house.tenant, CreateKey { expires_at: Some(end), ..wanted() }, Permissions::all())
        .await;
    assert!(matches!(past, Err(AccessError::Invalid(_))));
}

#[tokio::test]
async fn refused_keys_are_kept_as_security_events_and_alerted_once() {
    let house = House::build().await;
    let access = &house.engine.access;
    let _running = House::run(|stop| access.clone().run(stop));
    let wrong = format!("wxk_{}", "B".repeat(43));
    for _ in 0..3 {
        access.authenticate(&wrong, Some(house.tenant), "203.0.113.9".parse().ok()).await.unwrap();
        access.authenticate(&wrong, Some(TenantId(4711)), "203.0.113.9".parse().ok()).await.unwrap();
    }
    let event = eventually("the security event", || async {
        access
            .security_events(house.tenant, &EventFilter::default(), &page())
            .await
            .unwrap()
            .items
            .into_iter()
            .next()
    })
    .await;
    assert_eq!((event.kind.as_str(), event.reason.as_str()), ("api_key_refused", "unknown key"));
    assert_eq!(event.address.as_deref(), Some("203.0.113.9"));
    let three = || async { refusals(&house).await.pop().filter(|event| event.count == 3) };
    eventually("as many as there were", three).await;
    let alert = eventually("the alert", || async { house.alerts(Some(true)).await.pop() }).await;
    assert_eq!(alert.kind, "api_key_refused");
    access.authenticate(&wrong, Some(house.tenant), None).await.unwrap();
    eventually("the fourth time", || async {
        house.alerts(Some(true)).await.pop().filter(|alert| alert.count == 4)
    })
    .await;
    assert_eq!(house.alerts(None).await.len(), 1);
}

async fn refusals(house: &House) -> Vec<SecurityEvent> {
    let found = house.engine.access.security_events(house.tenant, &EventFilter::default(), &page()).await;
    found.unwrap().items
}

#[tokio::test]
async fn the_last_use_of_a_key_is_noted() {
    let house = House::build().await;
    let access = &house.engine.access;
    let _running = House::run(|stop| access.clone().run(stop));
    let made = access.create_key(house.tenant, wanted(), Permissions::all()).await.unwrap();
    access.authenticate(made.secret.expose_secret(), None, None).await.unwrap();
    eventually("the last use", || async { access.keys(house.tenant).await.unwrap().pop()?.last_used_at })
        .await;
}

#[tokio::test]
async fn a_login_with_an_address_that_nobody_has_is_an_event_of_the_only_tenant_with_a_count() {
    let house = House::build().await;
    let access = &house.engine.access;
    let _running = House::run(|stop| access.clone().run(stop));
    let client = Client { address: "203.0.113.9".parse().ok(), user_agent: None };
    let wrong = async |number: u32| {
        let proof = Proof { password: "a wrong password".into(), second: None };
        let refused = access.login(&format!("nobody{number}@example.com"), &proof, &client).await;
        assert!(matches!(refused, Err(LoginError::Refused)), "no answer tells that nobody has it");
    };
    for number in 0..5 {
        wrong(number).await;
    }
    let events = async || {
        let filter = EventFilter { kind: Some("login_failed".into()), ..EventFilter::default() };
        access.security_events(house.tenant, &filter, &page()).await.unwrap().items
    };
    let event =
        eventually("all five", || async { events().await.pop().filter(|event| event.count == 5) }).await;
    assert_eq!((events().await.len(), event.address.as_deref()), (1, Some("203.0.113.9")));
    assert!(!event.reason.contains("nobody0"), "one event for all addresses that were tried");
    house.stranger().await;
    wrong(6).await;
    let strays = || async {
        access.security_events(NOBODYS, &EventFilter::default(), &page()).await.unwrap().items.pop()
    };
    assert_eq!(eventually("the sixth", strays).await.count, 1);
    assert_eq!(events().await[0].count, 5, "of several tenants none is told");
}
