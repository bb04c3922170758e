//! What is wrong with a plan, all at once.

use serde_json::json;

use super::{add_template, draft, hello, patch, stage};
use crate::stack::Stack;

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once_and_unknown_members_are_named() {
    let stack = stage().await;
    let body = json!({"name": " ", "template_name": "hello", "audience": {"tag": ["vip"]}, "colour": "red",
        "connection_id": 0, "breaker": {"window": -1}});
    let mut faults = stack.post("/broadcasts", body).await.faults().join(" ");
    for pointer in ["/name", "/audience/tag", "/colour", "/connection_id", "/breaker/window"] {
        assert!(faults.contains(pointer), "{pointer} in {faults}");
        faults = faults.replacen(pointer, "", 1);
    }
    assert_eq!(faults.trim(), "");
    let body = json!({"name": "n", "template_name": "hello", "template_params": ["{{name}}"],
        "audience": {"rule": {"field": "nme", "op": "is", "value": "x"}}, "schedule": {},
        "send_at": "2026-12-01T09:00:00Z"});
    assert_eq!(
        stack.post("/broadcasts", body).await.faults(),
        ["/send_at", "/template_params/0", "/audience/rule/field"]
    );
    assert_eq!(stack.post("/broadcasts", json!({})).await.faults(), ["/name", "/template_name"]);
    let none = json!({"name": "n", "template_name": "hello"});
    assert_eq!(stack.post("/broadcasts", none).await.faults(), ["/audience"]);
}

#[tokio::test]
async fn what_a_plan_names_must_be_there() {
    let stack = stage().await;
    let with = |more: serde_json::Value| {
        let mut body = hello(json!({"all": true}));
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let unknown = stack.post("/broadcasts", with(json!({"template_name": "nobody"}))).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "TEMPLATE_NOT_FOUND"));
    assert_eq!(unknown.details()["template_name"], "nobody");
    let other = stack.post("/broadcasts", with(json!({"template_language": "fr"}))).await;
    assert_eq!(
        (other.code(), &other.details()["available_languages"]),
        ("TEMPLATE_NOT_FOUND", &json!(["en_US"]))
    );
    let many = stack.post("/broadcasts", with(json!({"template_params": ["a", "b"]}))).await;
    assert_eq!((many.status.as_u16(), many.code()), (400, "TEMPLATE_PARAMS_MISMATCH"));
    assert_eq!(
        (&many.details()["expected_params"], &many.details()["provided_params"]),
        (&json!(1), &json!(2))
    );
    let segment = stack.post("/broadcasts", with(json!({"audience": {"segment_id": 4711}}))).await;
    assert_eq!((segment.code(), &segment.details()["id"]), ("SEGMENT_NOT_FOUND", &json!(4711)));
    let connection = stack.post("/broadcasts", with(json!({"connection_id": 4711}))).await;
    assert_eq!((connection.code(), &connection.details()["id"]), ("CONNECTION_NOT_FOUND", &json!(4711)));
    let contact = with(json!({"recipients": [{"contact_id": 4711}, {}, {"phone": "+12025550121",
        "columns": {"a": []}}]}));
    assert_eq!(
        stack.post("/broadcasts", contact).await.faults(),
        ["/audience/all"],
        "everybody and a list do not go together"
    );
    let contact = json!({"name": "n", "template_name": "hello", "template_params": ["x"], "recipients": [
        {"contact_id": 4711}, {}, {"phone": "+12025550121", "columns": {"a": []}}]});
    assert_eq!(
        stack.post("/broadcasts", contact).await.faults(),
        ["/recipients/0/contact_id", "/recipients/1", "/recipients/2/columns/a"]
    );
}

#[tokio::test]
async fn a_template_that_is_not_approved_is_refused_when_it_is_sent() {
    let stack = stage().await;
    add_template(&stack, "waiting", "PENDING").await;
    let mut body = hello(json!({"all": true}));
    body["template_name"] = json!("waiting");
    let path = draft(&stack, body).await;
    let refused = stack.post(&format!("{path}/send"), json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "TEMPLATE_NOT_APPROVED"));
    assert_eq!(
        (&refused.details()["template_name"], &refused.details()["status"]),
        (&json!("waiting"), &json!("pending"))
    );
    assert_eq!(stack.get(&path).await.data(200)["status"], "draft");
}

#[tokio::test]
async fn without_a_number_nothing_is_sent() {
    let stack = Stack::start().await;
    let made = stack.post("/broadcasts", hello(json!({"all": true}))).await;
    assert!(["CONNECTION_NOT_CONFIGURED", "TEMPLATE_NOT_FOUND"].contains(&made.code()), "{made:?}");
}

#[tokio::test]
async fn a_change_is_checked_like_a_draft() {
    let stack = stage().await;
    let path = draft(&stack, hello(json!({"tags": ["vip"]}))).await;
    let changed = patch(&stack, &path, json!({"name": "Other", "audience": {"opted_in": true}})).await;
    let changed = changed.data(200);
    assert_eq!((&changed["name"], &changed["audience"]), (&json!("Other"), &json!({"opted_in": true})));
    assert_eq!(changed["template_params"], json!(["{{contact.name|friend}}"]));
    let params = patch(&stack, &path, json!({"template_params": []})).await;
    assert_eq!(params.code(), "TEMPLATE_PARAMS_MISMATCH");
    assert_eq!(patch(&stack, &path, json!({"audience": {}})).await.faults(), ["/audience"]);
    assert_eq!(patch(&stack, "/broadcasts/4711", json!({"name": "x"})).await.code(), "BROADCAST_NOT_FOUND");
    let list = stack
        .post("/broadcasts/preview", json!({"template_name": "hello", "audience": {"list": true}}))
        .await;
    assert_eq!(list.faults(), ["/audience/list"]);
}

#[tokio::test]
async fn rule_and_filters_are_counted_together_and_what_is_kept_is_read_back() {
    let stack = stage().await;
    let flag = json!({"field": "opted_in", "op": "is", "value": true});
    let deep = (0..8).fold(flag.clone(), |rule, _| json!({"not": rule}));
    let path = draft(&stack, hello(json!({"rule": deep, "opted_in": true}))).await;
    stack.get(&path).await.data(200);
    let rule = |count: usize| json!({"all": vec![flag.clone(); count]});
    draft(&stack, hello(json!({"rule": rule(99), "opted_in": true}))).await;
    let over = hello(json!({"rule": rule(100), "opted_in": true}));
    assert_eq!(stack.post("/broadcasts", over).await.faults(), ["/audience/rule"]);
    let segment = stack.post("/segments", json!({"name": "large", "rule": rule(100)})).await;
    let segment = segment.data(201)["id"].clone();
    let path = draft(&stack, hello(json!({"segment_id": segment, "tags": ["vip"]}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    super::until(&stack, &path, "completed").await;
}

#[tokio::test]
async fn a_list_without_rows_is_not_sent_to() {
    let stack = stage().await;
    let path = draft(&stack, hello(json!({"list": true}))).await;
    let refused = stack.post(&format!("{path}/send"), json!({})).await;
    assert_eq!(refused.faults(), ["/audience/list"]);
    assert_eq!(stack.get(&path).await.data(200)["status"], "draft");
}
