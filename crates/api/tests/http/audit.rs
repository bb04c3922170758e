//! The audit trail: every way of changing something leaves an entry that names the caller and the request.

use std::collections::BTreeSet;

use axum::body::Body;
use domain::pacing::Rate;
use engine::alerts::{Condition, kinds};
use http::{Method, Request};
use ports::alerts::Severity;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

/// Operations that leave no entry, and why.
const WITHOUT: [(&str, &str); 12] = [
    ("cancel_import", "needs an import that runs: see the store's own cases"),
    ("count_rule", "looks only"),
    ("diagnose_connection", "asks Meta; what it learns is told when it is new"),
    ("lint_template", "looks only"),
    ("preview_broadcast", "looks only"),
    ("preview_template", "looks only"),
    ("read_conversation", "a mark for colleagues, and a tick for the customer"),
    ("retry_failed", "needs recipients that failed: see the store's own cases"),
    ("retry_message", "needs a message that failed: see the store's own cases"),
    ("review_contact", "needs a contact that Meta refused: see the store's own cases"),
    ("test_alert_channel", "changes nothing"),
    ("verify_erasure", "looks only"),
];

/// Exports: they change nothing, and are told all the same.
const EXPORTS: [&str; 7] = [
    "export_audit",
    "export_contacts",
    "export_person",
    "export_recipients",
    "export_security_events_csv",
    "export_security_events_jsonl",
    "get_import_errors",
];

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
    alerts(&mut walk).await;
    contacts(&mut walk).await;
    segments_and_settings(&mut walk).await;
    connections(&mut walk).await;
    templates(&mut walk).await;
    messages(&mut walk).await;
    broadcasts(&mut walk).await;
    trail(&mut walk).await;

    let document = api::openapi();
    let mut missing = BTreeSet::new();
    let paths = document["paths"].as_object().expect("paths");
    for (_, item) in paths.iter().filter(|(path, _)| path.contains("{tenant_id}")) {
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
    let path = format!("/api-keys/{}", id(&made));
    walk.patch("update_api_key", &path, json!({"name": "newer"}), "api_key_changed").await;
    walk.delete("revoke_api_key", &path, "api_key_revoked").await;
    let role = json!({"name": "Readers", "permissions": ["contacts_read"]});
    let role = walk.post("create_role", "/roles", role, "role_created").await;
    let role = format!("/roles/{}", id(&role));
    walk.patch("update_role", &role, json!({"name": "Lookers"}), "role_changed").await;
    walk.delete("delete_role", &role, "role_deleted").await;
    let member = json!({"email": "new@example.com", "role": "agent"});
    let made = walk.post("invite_member", "/members", member, "member_invited").await;
    let made = made.get("member").unwrap_or(&made);
    let path = format!("/members/{}", id(made));
    walk.post("repeat_invitation", &format!("{path}/invitation"), json!({}), "member_invited").await;
    walk.patch("update_member", &path, json!({"role": "marketer"}), "member_changed").await;
    walk.delete("remove_member", &path, "member_removed").await;
    let below = "/security-events/export";
    let action = "security_events_exported";
    walk.export("export_security_events_csv", &format!("{below}.csv"), action).await;
    walk.export("export_security_events_jsonl", &format!("{below}.jsonl"), action).await;
}

async fn alerts(walk: &mut Walk) {
    let channel = json!({"name": "Team", "kind": "webhook", "url": "https://example.com/hook"});
    let made = walk.post("create_alert_channel", "/alert-channels", channel, "alert_channel_created").await;
    let path = format!("/alert-channels/{}", id(made.get("channel").unwrap_or(&made)));
    walk.patch("update_alert_channel", &path, json!({"name": "All"}), "alert_channel_changed").await;
    walk.delete("delete_alert_channel", &path, "alert_channel_deleted").await;
    let rules = walk.stack.get("/alert-rules").await;
    let rule = format!("/alert-rules/{}", id(&rules.data(200)["items"][0]));
    walk.patch("update_alert_rule", &rule, json!({"enabled": false}), "alert_rule_changed").await;
    let condition = Condition {
        kind: kinds::TOKEN_EXPIRED,
        subject: "connection:1".to_owned(),
        severity: Severity::Critical,
        message: "The token is over".to_owned(),
        details: json!({}),
    };
    walk.stack.engine.alerts.raise(walk.stack.tenant, condition).await.expect("raised");
    let open = walk.stack.get("/alerts").await;
    let path = format!("/alerts/{}/acknowledge", id(&open.data(200)["items"][0]));
    walk.post("acknowledge_alert", &path, json!({}), "alert_acknowledged").await;
}

async fn contacts(walk: &mut Walk) {
    let phone = json!({"phone": "+12025550100", "name": "Ana"});
    let made = walk.post("create_contact", "/contacts", phone, "contact_created").await;
    let path = format!("/contacts/{}", id(&made));
    walk.patch("update_contact", &path, json!({"name": "Bea"}), "contact_changed").await;
    walk.post("opt_in_contact", &format!("{path}/opt-in"), json!({}), "opted_in").await;
    walk.post("opt_out_contact", &format!("{path}/opt-out"), json!({}), "opted_out").await;
    walk.export("export_contacts", "/contacts/export.csv", "contacts_exported").await;
    walk.export("export_person", &format!("{path}/export"), "person_exported").await;
    walk.post("erase_contact", &format!("{path}/erase"), json!({}), "person_erased").await;
    let other = walk.stack.contact("+12025550103").await;
    walk.delete("delete_contact", &format!("/contacts/{other}"), "contact_deleted").await;
    walk.patch("update_retention", "/retention", json!({"webhook_days": 3}), "retention_changed").await;
    let rows = json!({"contacts": [{"phone": "+12025550101"}, {"phone": "nothing"}]});
    let import = walk.post("import_contacts", "/contacts/import", rows, "import_started").await;
    let import = import["import_id"].as_i64().or(import["id"].as_i64()).expect("an id");
    walk.export("get_import_errors", &format!("/contacts/import/{import}/errors.csv"), "contacts_exported")
        .await;
}

async fn segments_and_settings(walk: &mut Walk) {
    let rule = json!({"name": "vip", "rule": {"all": []}});
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
        "access_token": account.token.clone(), "app_secret": account.app_secret, "graph_url": walk.stack.sim.url(),
    });
    let made = walk.post("create_connection", "/connections", wanted, "connection_created").await;
    let path = format!("/connections/{}", id(&made));
    walk.patch("update_connection", &path, json!({"name": "Shop"}), "connection_changed").await;
    let token = json!({"access_token": account.token});
    walk.post("reconnect_connection", &format!("{path}/reconnect"), token, "connection_changed").await;
    walk.delete("delete_connection", &path, "connection_deleted").await;
    let slow = Some(Rate { count: 1, period_ms: 60_000 });
    walk.stack.link(walk.stack.sim.url(), slow).await;
    upload(walk).await;
}

async fn upload(walk: &mut Walk) {
    let mut form = b"--limit\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
        content-type: image/png\r\n\r\n"
        .to_vec();
    form.extend_from_slice(b"\x89PNG\r\n\x1a\nnot much of a picture\r\n--limit--\r\n");
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
    let later = json!({"to": "+12025550102", "template_name": "hello", "send_at": "2096-12-01T09:00:00Z"});
    let made = walk.post("create_message", "/messages", later, "messages_sent").await;
    let path = format!("/messages/{}", made["message_id"]);
    walk.post("cancel_message", &format!("{path}/cancel"), json!({}), "message_cancelled").await;
    conversation(walk).await;
}

async fn conversation(walk: &mut Walk) {
    let list = walk.stack.get("/conversations").await;
    let id = id(&list.data(200)["items"][0]);
    let path = format!("/conversations/{id}");
    walk.patch("update_conversation", &path, json!({"labels": ["vip"]}), "conversation_changed").await;
    walk.post("create_note", &format!("{path}/notes"), json!({"text": "called back"}), "note_added").await;
    let reply = json!({"template_name": "hello", "send_at": "2096-12-01T09:00:00Z"});
    let answer = format!("{path}/messages");
    walk.post("create_conversation_message", &answer, reply, "messages_sent").await;
}

async fn broadcasts(walk: &mut Walk) {
    let hello = json!({"name": "Hello", "template_name": "hello", "audience": {"all": true}});
    let made = walk.post("create_broadcast", "/broadcasts", hello, "broadcast_created").await;
    let path = format!("/broadcasts/{}", id(&made));
    walk.patch("update_broadcast", &path, json!({"name": "Hello!"}), "broadcast_changed").await;
    let step = |step: &str| format!("{path}/{step}");
    let listed = json!({"name": "Listed", "template_name": "hello", "audience": {"list": true}});
    let listed = format!("/broadcasts/{}/list", id(walk.stack.post("/broadcasts", listed).await.data(201)));
    let rows = json!({"recipients": [{"phone": "+12025550102"}]});
    walk.post("post_broadcast_list", &listed, rows.clone(), "broadcast_list_uploaded").await;
    let request = walk.stack.request(Method::PUT, &listed, Body::from(rows.to_string()));
    walk.goes("put_broadcast_list", request, "broadcast_list_uploaded").await;
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
    // The server itself may have purged something meanwhile.
    let last = lines.iter().rfind(|line| line["action"] != "purged").expect("a line");
    assert_eq!(last["action"], "audit_exported");
    for hidden in ["12025550100", "Ana", "Bea", "simulated-app-secret"] {
        assert!(!exported.text.contains(hidden), "{hidden} is in the trail");
    }
}
