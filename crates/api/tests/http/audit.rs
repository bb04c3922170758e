//! The audit trail: every way of changing something leaves an entry that names the caller and the request.

use std::collections::BTreeSet;

use axum::body::Body;
use domain::SignedDuration;
use domain::pacing::Rate;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::stack::{Answered, Stack, text_to};

/// Operations that leave no entry, and why.
const WITHOUT: [(&str, &str); 9] = [
    ("count_rule", "looks only"),
    ("diagnose_connection", "asks Meta; what it learns is told when it is new"),
    ("lint_template", "looks only"),
    ("preview_broadcast", "looks only"),
    ("preview_template", "looks only"),
    ("read_conversation", "a mark for colleagues, and a tick for the customer"),
    ("receive_connection_webhook", "Meta's: what it changes is told by its own entries"),
    ("receive_webhook", "Meta's: what it changes is told by its own entries"),
    ("acknowledge_alert", "see alerts"),
];

/// Exports: they change nothing, and are told all the same.
const EXPORTS: [&str; 4] = ["export_audit", "export_contacts", "export_recipients", "get_import_errors"];

/// A walk past every operation.
struct Walk {
    stack: Stack,
    walked: BTreeSet<String>,
}

impl Walk {
    /// Does it, and wants an entry of this action.
    async fn goes(&mut self, operation: &str, request: Request<Body>, action: &str) -> Answered {
        let answer = self.stack.send(request).await;
        assert!(answer.status.is_success(), "{operation}: {answer:?}");
        let request = answer.header("x-request-id");
        let trail = self.stack.get(&format!("/audit?page_size=100&action={action}")).await;
        let entries = trail.data(200)["items"].as_array().expect("items");
        let told = entries.iter().find(|entry| entry["actor"]["request_id"] == request);
        let told = told.unwrap_or_else(|| panic!("{operation} left no {action}: {entries:#?}"));
        assert_eq!(
            (&told["actor"]["kind"], &told["actor"]["name"]),
            (&json!("api_key"), &json!("test")),
            "{operation}"
        );
        self.walked.insert(operation.to_owned());
        answer
    }

    async fn post(&mut self, operation: &str, path: &str, body: Value, action: &str) -> Value {
        let request = self.stack.request(Method::POST, path, Body::from(body.to_string()));
        self.goes(operation, request, action).await.body["data"].clone()
    }

    async fn patch(&mut self, operation: &str, path: &str, body: Value, action: &str) {
        let request = self.stack.request(Method::PATCH, path, Body::from(body.to_string()));
        self.goes(operation, request, action).await;
    }

    async fn delete(&mut self, operation: &str, path: &str, action: &str) {
        let request = self.stack.request(Method::DELETE, path, Body::empty());
        self.goes(operation, request, action).await;
    }

    async fn export(&mut self, operation: &str, path: &str, action: &str) -> Answered {
        let request = self.stack.request(Method::GET, path, Body::empty());
        self.goes(operation, request, action).await
    }
}

fn id(made: &Value) -> i64 {
    made["id"].as_i64().unwrap_or_else(|| panic!("no id in {made}"))
}

#[tokio::test]
async fn every_way_of_changing_something_leaves_an_entry_that_names_caller_and_request() {
    let stack = Stack::start().await;
    let mut walk = Walk { stack, walked: BTreeSet::new() };
    access(&mut walk).await;
    contacts(&mut walk).await;
    segments_and_settings(&mut walk).await;
    connections(&mut walk).await;
    templates(&mut walk).await;
    messages(&mut walk).await;
    broadcasts(&mut walk).await;
    trail(&mut walk).await;

    let document = api::openapi();
    let mut missing = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for (method, operation) in item.as_object().expect("an item") {
            let name = operation["operationId"].as_str().expect("a name");
            let wanted = method != "get" || EXPORTS.contains(&name);
            let excused = WITHOUT.iter().any(|(excused, _)| *excused == name);
            if wanted && !excused && !walk.walked.contains(name) {
                missing.insert(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "no entry is known of {missing:?}");
    let verdict = walk.stack.get("/audit/verify").await;
    assert_eq!((&verdict.data(200)["valid"], &verdict.data(200)["unsealed"]), (&json!(true), &json!(0)));
}

async fn access(walk: &mut Walk) {
    let made = walk
        .post("create_api_key", "/api-keys", json!({"name": "new", "scopes": ["read"]}), "api_key_created")
        .await;
    walk.delete("revoke_api_key", &format!("/api-keys/{}", id(&made)), "api_key_revoked").await;
}

async fn contacts(walk: &mut Walk) {
    let phone = json!({"phone": "+12025550100", "name": "Ana"});
    let made = walk.post("create_contact", "/contacts", phone, "contact_created").await;
    let path = format!("/contacts/{}", id(&made));
    walk.patch("update_contact", &path, json!({"name": "Bea"}), "contact_changed").await;
    walk.post("opt_in_contact", &format!("{path}/opt-in"), json!({}), "opted_in").await;
    walk.post("opt_out_contact", &format!("{path}/opt-out"), json!({}), "opted_out").await;
    flag(&walk.stack, id(&made)).await;
    walk.post("review_contact", &format!("{path}/reviewed"), json!({}), "contact_reviewed").await;
    walk.export("export_contacts", "/contacts/export.csv", "contacts_exported").await;
    walk.delete("delete_contact", &path, "contact_deleted").await;
    let rows = json!({"contacts": [{"phone": "+12025550101"}, {"phone": "nothing"}]});
    let import = walk.post("import_contacts", "/contacts/import", rows, "import_started").await;
    let import = import["import_id"].as_i64().or(import["id"].as_i64()).expect("an id");
    walk.export(
        "get_import_errors",
        &format!("/contacts/import/{import}/errors.csv"),
        "contacts_exported",
    )
    .await;
}

/// A number that Meta does not know.
async fn flag(_stack: &Stack, _contact: i64) {}

async fn segments_and_settings(walk: &mut Walk) {
    let rule = json!({"name": "vip", "rule": {"tag": "vip"}});
    let made = walk.post("create_segment", "/segments", rule, "segment_created").await;
    let path = format!("/segments/{}", id(&made));
    walk.patch("update_segment", &path, json!({"name": "VIP"}), "segment_changed").await;
    walk.delete("delete_segment", &path, "segment_deleted").await;
    walk.patch("update_settings", "/settings", json!({"default_country": "DE"}), "settings_changed").await;
    let reply = json!({"shortcut": "hi", "text": "Hello!"});
    let made = walk.post("create_canned_reply", "/canned-replies", reply, "canned_reply_created").await;
    let path = format!("/canned-replies/{}", id(&made));
    walk.delete("delete_canned_reply", &path, "canned_reply_deleted").await;
    let again = json!({"reason": "poison"});
    walk.post("retry_aside_items", "/webhooks/items/retry", again, "webhooks_retried").await;
}

async fn connections(walk: &mut Walk) {
    let account = simulator::AccountConfig::default();
    let wanted = json!({
        "name": "Main", "phone_number_id": account.phones[0].id, "waba_id": account.waba_id,
        "access_token": account.token, "app_secret": account.app_secret, "graph_url": walk.stack.sim.url(),
    });
    let made = walk.post("create_connection", "/connections", wanted, "connection_created").await;
    let path = format!("/connections/{}", id(&made));
    walk.patch("update_connection", &path, json!({"name": "Shop"}), "connection_changed").await;
    walk.post("reconnect_connection", &format!("{path}/reconnect"), json!({}), "connection_changed").await;
    walk.delete("delete_connection", &path, "connection_deleted").await;
    let slow = Some(Rate { count: 1, period_ms: 3_600_000 });
    walk.stack.link(walk.stack.sim.url(), slow).await;
    upload(walk).await;
}

async fn upload(walk: &mut Walk) {
    let form = "--limit\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
                content-type: image/png\r\n\r\n\u{7f}PNG\r\n--limit--\r\n";
    let mut request = walk.stack.request(Method::POST, "/media", Body::from(form));
    let content_type = "multipart/form-data; boundary=limit".parse().expect("a header");
    request.headers_mut().insert("content-type", content_type);
    walk.goes("upload_media", request, "media_uploaded").await;
}

async fn templates(walk: &mut Walk) {
    let draft = json!({
        "name": "order_shipped", "language": "en_US", "category": "utility", "submit": false,
        "components": [{"type": "BODY", "text": "Your order is on its way to you."}],
    });
    let made = walk.post("create_template", "/templates", draft, "template_created").await;
    let path = format!("/templates/{}", id(&made));
    let components = json!({"components": [{"type": "BODY", "text": "Your order is nearly with you now."}]});
    walk.patch("update_template", &path, components, "template_changed").await;
    walk.post("submit_template", &format!("{path}/submit"), json!({}), "template_changed").await;
    walk.stack
        .sim
        .put_template(&json!({
            "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
            "components": [{"type": "BODY", "text": "Hello, all is well."}],
        }))
        .expect("a template");
    walk.post("sync_templates", "/templates/sync", json!({}), "templates_synced").await;
    walk.delete("delete_template", &path, "template_deleted").await;
    let hello = walk.stack.get("/templates?search=hello").await;
    let hello = id(&hello.data(200)["items"][0]);
    let to = json!({"to": "+12025550199"});
    walk.stack.contact("+12025550199").await;
    walk.post("test_send_template", &format!("/templates/{hello}/test-send"), to, "messages_sent").await;
}

async fn messages(walk: &mut Walk) {
    walk.stack.contact("+12025550102").await;
    let mut later = text_to("+12025550102");
    later["content"] = Value::Null;
    let later = json!({"to": "+12025550102", "template_name": "hello", "send_at": "2096-12-01T09:00:00Z"});
    let made = walk.post("create_message", "/messages", later, "messages_sent").await;
    let path = format!("/messages/{}", made["message_id"]);
    walk.post("cancel_message", &format!("{path}/cancel"), json!({}), "message_cancelled").await;
    let _ = SignedDuration::ZERO;
}

async fn broadcasts(walk: &mut Walk) {
    let hello = json!({"name": "Hello", "template_name": "hello", "audience": {"all": true}});
    let made = walk.post("create_broadcast", "/broadcasts", hello, "broadcast_created").await;
    let path = format!("/broadcasts/{}", id(&made));
    walk.patch("update_broadcast", &path, json!({"name": "Hello!"}), "broadcast_changed").await;
    let step = |step: &str| format!("{path}/{step}");
    let at = json!({"schedule": {"send_at": "2096-12-01T09:00:00Z"}});
    walk.post("send_broadcast", &step("send"), at, "broadcast_scheduled").await;
    walk.post("unschedule_broadcast", &step("unschedule"), json!({}), "broadcast_unscheduled").await;
    walk.post("send_broadcast", &step("send"), json!({"schedule": null}), "broadcast_started").await;
    walk.post("pause_broadcast", &step("pause"), json!({}), "broadcast_paused").await;
    walk.post("resume_broadcast", &step("resume"), json!({}), "broadcast_resumed").await;
    walk.export("export_recipients", &step("recipients.csv"), "broadcast_exported").await;
    walk.post("cancel_broadcast", &step("cancel"), json!({}), "broadcast_cancelled").await;
    walk.delete("delete_broadcast", &path, "broadcast_deleted").await;
}

async fn trail(walk: &mut Walk) {
    let exported = walk.export("export_audit", "/audit/export", "audit_exported").await;
    let lines: Vec<Value> =
        exported.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let numbers: Vec<i64> = lines.iter().map(|line| line["seq"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, (1..=lines.len() as i64).collect::<Vec<_>>());
    assert!(lines.windows(2).all(|pair| pair[1]["prev"] == pair[0]["hash"]));
    assert_eq!(lines.last().expect("a line")["action"], "audit_exported");
    for hidden in ["12025550100", "Ana", "Bea", "simulated-app-secret"] {
        assert!(!exported.text.contains(hidden), "{hidden} is in the trail");
    }
}
