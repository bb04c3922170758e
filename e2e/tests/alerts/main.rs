//! Monitoring, through HTTP against the real binary.

mod channels;
mod live;
mod rates;

use e2e::Stack;
use serde_json::Value;

/// Every alert of this kind, open or over.
#[track_caller]
fn all(stack: &Stack, kind: &str) -> Vec<Value> {
    let list = stack.api.get("/alerts?page_size=100").expect(200);
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().filter(|alert| alert["kind"] == kind).collect()
}

/// The alert of this kind that is open.
#[track_caller]
fn open(stack: &Stack, kind: &str) -> Option<Value> {
    all(stack, kind).into_iter().find(|alert| alert["resolved_at"].is_null())
}

/// Changes a rule; answers it as it is now.
#[track_caller]
fn set_rule(stack: &Stack, kind: &str, change: Value) -> Value {
    let rules = stack.api.get("/alert-rules").expect(200);
    let rules = rules["items"].as_array().cloned().unwrap_or_default();
    let rule = rules.iter().find(|rule| rule["kind"] == kind).unwrap_or_else(|| panic!("no rule {kind}"));
    stack.api.call("PATCH", &format!("/alert-rules/{}", rule["id"]), Some(&change)).expect(200)
}
