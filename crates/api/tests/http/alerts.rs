//! Alerts, their rules and channels; figures; live events.

use std::time::Duration;

use axum::body::Body;
use engine::alerts::Condition;
use futures::StreamExt;
use http::Method;
use ports::alerts::Severity;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::stack::{Answered, Stack};

async fn patch(stack: &Stack, below: &str, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, below, Body::from(body.to_string()))).await
}

async fn raise(stack: &Stack) {
    let condition = Condition {
        kind: "broadcast_stopped",
        subject: "broadcast:1".into(),
        severity: Severity::Critical,
        message: "It stopped".into(),
        details: json!({}),
    };
    stack.engine.alerts.raise(stack.tenant, condition).await.unwrap();
}

#[tokio::test]
async fn an_alert_is_read_with_its_history_and_who_saw_it() {
    let stack = Stack::start().await;
    raise(&stack).await;
    let list = stack.get("/alerts?open=true").await;
    let id = list.data(200)["items"][0]["id"].as_i64().unwrap();
    let path = format!("/alerts/{id}");
    let seen = stack.post(&format!("{path}/acknowledge"), json!({})).await;
    let key = stack.get("/api-keys").await.data(200)["items"][0]["id"].clone();
    let by = json!({ "kind": "api_key", "id": key, "name": "test" });
    assert_eq!(seen.data(200)["acknowledged_by"], by, "{seen:?}");
    stack.engine.alerts.resolve(stack.tenant, "broadcast_stopped", "broadcast:1").await.unwrap();
    let alert = stack.get(&path).await;
    let history: Vec<&Value> =
        alert.data(200)["history"].as_array().unwrap().iter().map(|step| &step["happened"]).collect();
    assert_eq!(history, ["opened", "acknowledged", "resolved"]);
    let steps = &alert.data(200)["history"];
    assert_eq!([&steps[0]["by"], &steps[1]["by"], &steps[2]["by"]], [&Value::Null, &by, &Value::Null]);
    assert_eq!(stack.get("/alerts/999").await.code(), "ALERT_NOT_FOUND");
}

#[tokio::test]
async fn the_rules_are_those_of_the_monitoring_table_until_they_are_changed() {
    let stack = Stack::start().await;
    let list = stack.get("/alert-rules").await;
    let rules = list.data(200)["items"].as_array().unwrap();
    let thresholds: Vec<(&str, f64)> = rules
        .iter()
        .take(5)
        .map(|rule| (rule["kind"].as_str().unwrap(), rule["threshold"].as_f64().unwrap()))
        .collect();
    assert_eq!(
        thresholds,
        [
            ("delivery_rate_low", 0.9),
            ("read_rate_low", 0.5),
            ("opt_out_rate_high", 0.05),
            ("api_error_rate_high", 0.02),
            ("template_rejection_rate_high", 0.2),
        ]
    );
    let changed = patch(&stack, "/alert-rules/1", json!({ "threshold": 0.8, "enabled": false })).await;
    assert_eq!(changed.data(200)["threshold"], 0.8);
    assert!(changed.data(200)["updated_at"].is_string());
    let faulty = patch(&stack, "/alert-rules/1", json!({ "threshold": 2, "minimum": 0 })).await;
    assert_eq!(faulty.faults(), ["/threshold", "/minimum"]);
    assert_eq!(stack.get("/alert-rules").await.data(200)["items"][0]["threshold"], 0.8);
    assert_eq!(patch(&stack, "/alert-rules/99", json!({})).await.code(), "ALERT_RULE_NOT_FOUND");
}

#[tokio::test]
async fn a_channel_lives_from_post_to_delete_and_shows_its_secret_once() {
    let stack = Stack::start().await;
    let wanted = json!({ "name": "Ops", "kind": "webhook", "url": "https://example.com/hook?token=t" });
    let made = stack.post("/alert-channels", wanted).await;
    let made = made.data(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(
        (&made["target"], &made["min_severity"]),
        (&json!("https://example.com/hook"), &json!("warning"))
    );
    let path = format!("/alert-channels/{}", made["id"]);
    let read = stack.get(&path).await;
    assert!(!read.text.contains(secret) && !read.text.contains("token=t"), "{read:?}");
    let changed =
        patch(&stack, &path, json!({ "min_severity": "critical", "kinds": ["token_expired"] })).await;
    assert_eq!(changed.data(200)["kinds"], json!(["token_expired"]));
    let faulty = patch(&stack, &path, json!({ "to": ["a@example.com"], "kinds": ["x"] })).await;
    assert_eq!(faulty.faults(), ["/to", "/kinds/0"]);
    let missing = stack.post("/alert-channels", json!({ "name": "x", "kind": "slack" })).await;
    assert_eq!(missing.faults(), ["/url"]);
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.data(200)["deleted"], true);
    assert_eq!(stack.get(&path).await.code(), "ALERT_CHANNEL_NOT_FOUND");
    assert_eq!(stack.post(&format!("{path}/test"), json!({})).await.code(), "ALERT_CHANNEL_NOT_FOUND");
}

/// Before and after of the newest entry of this action, which names the caller.
async fn told(stack: &Stack, action: &str) -> (Value, Value) {
    let trail = stack.get(&format!("/audit?action={action}")).await;
    let entry = trail.data(200)["items"][0].clone();
    assert_eq!((&entry["actor"]["kind"], &entry["actor"]["name"]), (&json!("api_key"), &json!("test")));
    (entry["before"].clone(), entry["after"].clone())
}

#[tokio::test]
async fn a_changed_rule_is_told_with_what_it_was_the_first_time_too() {
    let stack = Stack::start().await;
    patch(&stack, "/alert-rules/1", json!({ "threshold": 0.8, "enabled": false })).await.data(200);
    let expected =
        (json!({ "threshold": 0.9, "enabled": true }), json!({ "threshold": 0.8, "enabled": false }));
    assert_eq!(told(&stack, "alert_rule_changed").await, expected);
    patch(&stack, "/alert-rules/1", json!({ "threshold": 0.7 })).await.data(200);
    let expected = (json!({ "threshold": 0.8 }), json!({ "threshold": 0.7 }));
    assert_eq!(told(&stack, "alert_rule_changed").await, expected);
}

#[tokio::test]
async fn changes_of_channels_are_told_without_where_they_lead() {
    let stack = Stack::start().await;
    let mut secrets = Vec::new();
    for (wanted, other) in [
        (
            json!({ "name": "Chat", "kind": "slack", "url": "https://hooks.example.com/services/T0/B0/OLDKEY" }),
            json!({ "url": "https://hooks.example.com/services/T0/B0/NEWKEY" }),
        ),
        (
            json!({ "name": "Hook", "kind": "webhook", "url": "https://example.com/hook?token=OLDTOKEN" }),
            json!({ "url": "https://example.com/hook?token=NEWTOKEN" }),
        ),
        (
            json!({ "name": "Mail", "kind": "email", "to": ["old.person@example.com"] }),
            json!({ "to": ["new.person@example.com"] }),
        ),
    ] {
        let made = stack.post("/alert-channels", wanted.clone()).await;
        let made = made.data(201);
        secrets.extend(made["secret"].as_str().map(str::to_owned));
        let described = json!({
            "name": wanted["name"], "kind": wanted["kind"], "min_severity": "warning", "kinds": [], "enabled": true,
        });
        assert_eq!(told(&stack, "alert_channel_created").await, (Value::Null, described.clone()));
        let path = format!("/alert-channels/{}", made["id"]);
        patch(&stack, &path, json!({ "name": "Other", "enabled": false })).await.data(200);
        let expected = (
            json!({ "name": wanted["name"], "enabled": true }),
            json!({ "name": "Other", "enabled": false }),
        );
        assert_eq!(told(&stack, "alert_channel_changed").await, expected);
        patch(&stack, &path, other).await.data(200);
        let (_, after) = told(&stack, "alert_channel_changed").await;
        assert_eq!(
            after,
            json!({ "address_changed": true }),
            "that it leads elsewhere now is told, not where"
        );
        stack.send(stack.request(Method::DELETE, &path, Body::empty())).await.data(200);
        let (before, after) = told(&stack, "alert_channel_deleted").await;
        assert_eq!(
            (&before["name"], &before["kind"], after),
            (&json!("Other"), &wanted["kind"], Value::Null)
        );
    }
    assert_eq!(secrets.len(), 1);
    let trail = stack.get("/audit?page_size=100").await.text;
    for secret in
        ["OLDKEY", "NEWKEY", "OLDTOKEN", "NEWTOKEN", "old.person", "new.person", secrets[0].as_str()]
    {
        assert!(!trail.contains(secret), "{secret} is in the trail");
    }
}

#[tokio::test]
async fn an_overview_of_nothing_has_no_rates_and_every_day() {
    let stack = Stack::start().await;
    let overview = stack.get("/analytics/overview?from=2026-11-01&to=2026-11-03").await;
    let overview = overview.data(200);
    assert_eq!(overview["days"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&overview["days"][0]["date"], &overview["totals"]["sent"]),
        (&json!("2026-11-01"), &json!(0))
    );
    assert_eq!(overview["rates"]["delivery_rate"], Value::Null);
    for wrong in ["from=2026-11-04&to=2026-11-03", "from=yesterday", "from=2020-01-01&to=2026-01-01"] {
        assert_eq!(stack.get(&format!("/analytics/overview?{wrong}")).await.faults(), ["/from"], "{wrong}");
    }
}

#[tokio::test]
async fn live_events_tell_of_alerts_as_they_happen() {
    let stack = Stack::start().await;
    raise(&stack).await;
    let request = stack.request(Method::GET, "/events", Body::empty());
    let response = stack.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    stack.engine.alerts.resolve(stack.tenant, "broadcast_stopped", "broadcast:1").await.unwrap();
    let hear = async {
        let mut heard = String::new();
        while !heard.contains("\n\n") {
            heard.push_str(&String::from_utf8_lossy(&body.next().await.unwrap().unwrap()));
        }
        heard
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), hear).await.unwrap();
    assert!(heard.contains("event: alert"), "{heard}");
    assert!(heard.contains("\"happened\":\"resolved\""), "what was there before is not news: {heard}");
    assert!(!heard.contains("\"happened\":\"opened\""), "{heard}");
}
