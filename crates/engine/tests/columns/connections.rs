use std::sync::{Arc, Mutex};

use domain::SignedDuration;
use domain::connections::ConnectionState;
use domain::pacing::Rate;
use engine::connections::{Check, ConnectionError, CreateConnection, Finding, PatchConnection, Reconnect};
use ports::alerts::Severity;
use serde_json::json;
use simulator::AccountConfig;
use tokio::net::TcpListener;

use crate::house::{House, eventually};

fn pointers(error: ConnectionError) -> Vec<String> {
    match error {
        ConnectionError::Invalid(faults) => faults.0.into_iter().map(|fault| fault.pointer).collect(),
        other => panic!("{other:?}"),
    }
}

fn findings(checks: &[Check]) -> Vec<(&str, Finding)> {
    checks.iter().map(|check| (check.name, check.finding)).collect()
}

/// With a token that ends in so many hours.
async fn ending_in(hours: i64) -> House {
    House::with(|_, config| {
        config.accounts[0].token_expires_at = Some(config.clock.now() + SignedDuration::from_hours(hours));
    })
    .await
}

#[tokio::test]
async fn meta_tells_about_a_new_connection_at_once() {
    let house = House::build().await;
    let connection = house.linked().await;
    assert_eq!(connection.verified_name.as_deref(), Some("Simulated business"));
    assert_eq!(connection.app_id.as_deref(), Some("634974688087057"));
    assert_eq!(connection.business_id.as_deref(), Some("506914307656634"));
    assert_eq!((connection.state, connection.rate), (ConnectionState::Active, Rate::per_second(80)));
    assert!(connection.is_default && connection.display_phone_number.is_some());
    let again = house.engine.connections.create(house.tenant, house.link()).await;
    assert!(matches!(again, Err(ConnectionError::Exists(Some(id))) if id == connection.id), "{again:?}");
    let stranger = house.stranger().await;
    let elsewhere = house.engine.connections.create(stranger, house.link()).await;
    assert!(matches!(elsewhere, Err(ConnectionError::Exists(None))), "{elsewhere:?}");
    let foreign = house.engine.connections.get(stranger, connection.id).await;
    assert!(matches!(foreign, Err(ConnectionError::NotFound)));
}

#[tokio::test]
async fn a_token_or_number_that_meta_does_not_know_is_refused() {
    let house = House::build().await;
    let connections = &house.engine.connections;
    let token = CreateConnection { access_token: "EAAWRONG".to_owned().into(), ..house.link() };
    assert_eq!(pointers(connections.create(house.tenant, token).await.unwrap_err()), ["/access_token"]);
    let number = CreateConnection { phone_number_id: "999".into(), ..house.link() };
    assert_eq!(pointers(connections.create(house.tenant, number).await.unwrap_err()), ["/phone_number_id"]);
    assert!(connections.list(house.tenant).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_is_made_although_meta_cannot_be_reached() {
    let house = House::build().await;
    let nowhere =
        CreateConnection { graph_url: Some("http://127.0.0.1:1".into()), verify_token: None, ..house.link() };
    let made = house.engine.connections.create(house.tenant, nowhere).await.unwrap();
    assert_eq!(made.warnings.len(), 2, "{:?}", made.warnings);
    assert!(made.verify_token.is_some());
    assert_eq!(made.connection.state, ConnectionState::Active);
}

#[tokio::test]
async fn one_connection_is_the_default_and_a_disabled_one_is_switched_on_again() {
    let house = House::build().await;
    let connections = &house.engine.connections;
    let first = house.linked().await;
    let account: AccountConfig =
        serde_json::from_value(house.handle("POST", "/accounts", json!({})).await).unwrap();
    let second = CreateConnection {
        phone_number_id: account.phones[0].id.clone(),
        waba_id: account.waba_id,
        access_token: account.token.into(),
        is_default: false,
        ..house.link()
    };
    let second = connections.create(house.tenant, second).await.unwrap().connection;
    assert!(!second.is_default);
    let patch = PatchConnection { is_default: Some(true), ..PatchConnection::default() };
    connections.patch(house.tenant, second.id, patch).await.unwrap();
    let defaults: Vec<_> = connections
        .list(house.tenant)
        .await
        .unwrap()
        .into_iter()
        .map(|known| (known.id, known.is_default))
        .collect();
    assert_eq!(defaults, [(second.id, true), (first.id, false)]);
    let off = connections.disable(house.tenant, first.id).await.unwrap();
    assert_eq!(off.state, ConnectionState::Disabled);
    let on = connections.enable(house.tenant, first.id).await.unwrap();
    assert_eq!((on.state, on.state_reason), (ConnectionState::Active, None));
    connections.delete(house.tenant, second.id).await.unwrap();
    assert!(connections.get(house.tenant, first.id).await.unwrap().is_default);
}

#[tokio::test]
async fn a_diagnosis_subscribes_the_app_and_waits_for_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let house = House::with(|settings, _| settings.public_url = Some(format!("http://{address}/"))).await;
    let connection = house.linked().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(House::answer_handshakes(listener, asked.clone(), house.deps.clone(), house.tenant));
    let diagnosis = house.engine.connections.diagnose(house.tenant, connection.id).await.unwrap();
    let expected = [
        "token_valid",
        "token_expiry",
        "scopes",
        "number_state",
        "account_reachable",
        "app_subscribed",
        "webhook_handshake",
    ]
    .map(|name| (name, Finding::Passed));
    assert_eq!(findings(&diagnosis.checks), expected, "{:#?}", diagnosis.checks);
    assert!(diagnosis.healthy() && diagnosis.connection.handshake_at.is_some());
    assert_eq!(*asked.lock().unwrap(), [format!("/webhooks/whatsapp/{}", connection.id)]);
    let again = house.engine.connections.diagnose(house.tenant, connection.id).await.unwrap();
    assert!(again.healthy());
    assert_eq!(asked.lock().unwrap().len(), 1, "what works is left alone");
}

#[tokio::test]
async fn a_diagnosis_says_what_is_wrong_and_what_to_do() {
    let house = ending_in(30).await;
    let connection = house.linked().await;
    let number = connection.phone_number_id.clone();
    house.handle("PATCH", &format!("/accounts/{number}"), json!({"status": "RESTRICTED"})).await;
    let diagnosis = house.engine.connections.diagnose(house.tenant, connection.id).await.unwrap();
    let of = |name: &str| diagnosis.checks.iter().find(|check| check.name == name).unwrap();
    assert_eq!(of("token_valid").finding, Finding::Passed);
    assert_eq!(of("token_expiry").finding, Finding::Warning);
    assert_eq!(of("number_state").finding, Finding::Failed);
    assert_eq!(of("webhook_handshake").finding, Finding::Failed);
    for check in &diagnosis.checks {
        assert_eq!(check.finding == Finding::Passed, check.what_to_do.is_none(), "{check:?}");
    }
    house.handle("POST", "/tokens/expire", json!({})).await;
    let diagnosis = house.engine.connections.diagnose(house.tenant, connection.id).await.unwrap();
    assert_eq!(diagnosis.checks[0].finding, Finding::Failed);
    assert_eq!(diagnosis.connection.state, ConnectionState::Error);
    assert_eq!(house.alerts(Some(true)).await[0].kind, "token_expired");
}

#[tokio::test]
async fn a_token_is_warned_of_and_its_end_stops_the_connection_once() {
    let house = ending_in(24 * 10).await;
    let connection = house.linked().await;
    let _watch = House::run(|stop| house.engine.connections.clone().run(stop));
    let open = |kind: &'static str, severity: Severity| {
        let house = &house;
        async move {
            let alerts = house.alerts(Some(true)).await;
            alerts.into_iter().find(|alert| alert.kind == kind && alert.severity == severity)
        }
    };
    house.advance(24 * 4);
    let week = eventually("the warning a week ahead", || open("token_expiring", Severity::Warning)).await;
    assert_eq!(week.subject, format!("connection:{}", connection.id));
    house.advance(24 * 5 + 1);
    eventually("the warning a day ahead", || open("token_expiring", Severity::Critical)).await;
    house.advance(24);
    let over = eventually("the end", || open("token_expired", Severity::Critical)).await;
    assert_eq!(over.count, 1);
    let broken = house.engine.connections.get(house.tenant, connection.id).await.unwrap();
    assert_eq!(broken.state, ConnectionState::Error);
    let kinds: Vec<_> = house.alerts(None).await.into_iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "token_expired").count(), 1);
    let enabled = house.engine.connections.enable(house.tenant, connection.id).await;
    assert!(matches!(enabled, Err(ConnectionError::InvalidState { .. })));
}

#[tokio::test]
async fn a_revoked_token_is_noticed_and_a_new_one_reconnects() {
    let house = House::build().await;
    let connection = house.linked().await;
    let connections = &house.engine.connections;
    house.handle("POST", "/tokens/revoke", json!({})).await;
    let _watch = House::run(|stop| connections.clone().run(stop));
    eventually("the end of the token", || async {
        let now = connections.get(house.tenant, connection.id).await.unwrap();
        (now.state == ConnectionState::Error).then_some(())
    })
    .await;
    let alert = eventually("the alert", || async { house.alerts(Some(true)).await.pop() }).await;
    assert_eq!((alert.kind.as_str(), alert.count), ("token_expired", 1));
    let end = connections.get(house.tenant, connection.id).await.unwrap().token_expires_at;
    assert!(end.is_some_and(|end| end <= house.deps.clock.now()), "it ended when this was found out");
    let wrong = Reconnect { access_token: Some("EAAWRONG".to_owned().into()), app_secret: None };
    let refused = connections.reconnect(house.tenant, connection.id, wrong).await;
    assert!(matches!(refused, Err(ConnectionError::TokenRefused(_))), "{refused:?}");
    let same = connections.reconnect(house.tenant, connection.id, Reconnect::default()).await;
    assert!(matches!(same, Err(ConnectionError::TokenRefused(_))), "{same:?}");
    let issued = house.handle("POST", "/tokens/issue", json!({})).await;
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let new = Reconnect { access_token: Some(token.into()), app_secret: None };
    let done = connections.reconnect(house.tenant, connection.id, new).await.unwrap();
    assert_eq!((done.connection.state, done.warnings.len()), (ConnectionState::Active, 0));
    assert!(house.alerts(Some(true)).await.is_empty());
    assert_eq!(done.connection.token_expires_at, None);
}
