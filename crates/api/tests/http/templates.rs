//! Templates.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::stack::Stack;

fn order() -> Value {
    json!({
        "name": "order_shipped", "language": "en_US", "category": "utility",
        "components": [{
            "type": "BODY",
            "text": "Hello {{1}}, your order {{2}} is on its way to you and will arrive soon.",
            "example": {"body_text": [["Pablo", "860"]]}
        }],
        "param_names": ["customer_name", "order_id"]
    })
}

#[tokio::test]
async fn a_template_goes_from_draft_to_meta_and_away() {
    let stack = Stack::start().await;
    let without = stack.post("/templates", order()).await;
    assert_eq!(without.code(), "CONNECTION_NOT_CONFIGURED");
    stack.link_number().await;
    let mut draft = order();
    draft["submit"] = json!(false);
    let made = stack.post("/templates", draft).await;
    let template = made.data(201);
    assert_eq!((&template["status"], &template["meta_id"]), (&json!("draft"), &Value::Null));
    assert_eq!(template["param_names"], json!(["customer_name", "order_id"]));
    let id = template["id"].as_i64().unwrap();
    let again = stack.post("/templates", order()).await;
    assert_eq!((again.code(), &again.details()["template_id"]), ("DUPLICATE_TEMPLATE", &json!(id)));
    let path = format!("/templates/{id}");
    let submitted = stack.post(&format!("{path}/submit"), json!({})).await;
    assert_eq!(
        (&submitted.data(200)["status"], &submitted.data(200)["warnings"]),
        (&json!("pending"), &json!([]))
    );
    let twice = stack.post(&format!("{path}/submit"), json!({})).await;
    assert_eq!((twice.code(), &twice.details()["current"]), ("INVALID_STATE", &json!("pending")));
    let list = stack.get("/templates?status=pending&search=order").await;
    assert_eq!(list.data(200)["total"], 1);
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.data(200)["deleted"], true);
    let synced = stack.post("/templates/sync", json!({})).await;
    assert_eq!(synced.data(200)["added"], 0);
}

#[tokio::test]
async fn a_linter_tells_what_meta_would_refuse() {
    let stack = Stack::start().await;
    let good = stack.post("/templates/lint", order()).await;
    assert_eq!(good.data(200)["ok"], true);
    let mut bad = order();
    bad["components"][0]["text"] = json!("{{1}} shipped {{2}}");
    let found = stack.post("/templates/lint", bad.clone()).await;
    assert_eq!(found.data(200)["ok"], false);
    let finding = &found.data(200)["findings"][0];
    assert!(finding["rule"].is_string() && finding["fix"].is_string() && finding["severity"] == "error");
    stack.link_number().await;
    let refused = stack.post("/templates", bad).await;
    assert!(refused.faults().iter().all(|pointer| pointer.starts_with("/components/0")), "{refused:?}");
}

#[tokio::test]
async fn a_preview_shows_samples_or_names_what_is_missing() {
    let stack = Stack::start().await;
    stack.link_number().await;
    let id = stack.post("/templates", order()).await.data(201)["id"].as_i64().unwrap();
    let path = format!("/templates/{id}/preview");
    let shown = stack.post(&path, json!({})).await;
    let body = shown.data(200)["body"].as_str().unwrap();
    assert!(body.starts_with("Hello Pablo, your order 860"), "{body}");
    let short = stack.post(&path, json!({"template_params": ["Ada"]})).await;
    assert_eq!(short.code(), "TEMPLATE_PARAMS_MISMATCH");
    let details = short.details();
    assert_eq!((&details["expected_params"], &details["provided_params"]), (&json!(2), &json!(1)));
    assert_eq!(details["param_names"], json!(["customer_name", "order_id"]));
    assert_eq!(stack.post("/templates/4711/preview", json!({})).await.code(), "TEMPLATE_NOT_FOUND");
}
