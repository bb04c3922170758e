//! What is kept for how long, and persons who are erased.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

async fn patch(stack: &Stack, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, "/retention", Body::from(body.to_string()))).await
}

#[tokio::test]
async fn periods_have_defaults_bounds_and_a_report() {
    let stack = Stack::start().await;
    let known = stack.get("/retention").await;
    let known = known.data(200);
    assert_eq!((&known["message_content_days"], &known["delivery_log_days"]), (&json!(90), &json!(365)));
    assert_eq!((&known["webhook_days"], &known["consent_records"]), (&json!(7), &json!("indefinite")));
    let changed = patch(&stack, json!({"message_content_days": 30, "consent_records": "indefinite"})).await;
    assert_eq!(changed.data(200)["message_content_days"], 30);
    assert_eq!(changed.data(200)["delivery_log_days"], 365);
    for shorter in [json!("365"), json!(365), json!(false)] {
        let refused = patch(&stack, json!({"consent_records": shorter})).await;
        assert_eq!(refused.faults(), ["/consent_records"]);
    }
    assert_eq!(patch(&stack, json!({"delivery_log_days": 29})).await.faults(), ["/delivery_log_days"]);
    assert_eq!(patch(&stack, json!({"days": 29})).await.faults(), ["/days"]);
    let report = stack.get("/retention/report").await;
    assert_eq!(report.data(200)["classes"], json!([]));
    assert!(report.data(200)["older_than"]["message_content"].is_string());
}

#[tokio::test]
async fn an_erased_person_leaves_a_receipt_that_proves_itself() {
    let stack = Stack::start().await;
    let id = stack.contact("+15551234567").await;
    let export = stack.get(&format!("/contacts/{id}/export")).await;
    assert_eq!((export.status.as_u16(), export.header("content-type")), (200, "application/zip"));
    let erased = stack.post(&format!("/contacts/{id}/erase"), json!({})).await;
    let erasure = erased.data(200).clone();
    assert_eq!((&erasure["state"], &erasure["contact_id"]), (&json!("done"), &json!(id)));
    assert_eq!(erasure["removed"]["contacts"], 1);
    assert_eq!(stack.get(&format!("/contacts/{id}")).await.code(), "CONTACT_NOT_FOUND");
    assert_eq!(stack.get(&format!("/contacts/{id}/export")).await.code(), "CONTACT_NOT_FOUND");
    let path = format!("/erasures/{}", erasure["erasure_id"]);
    assert_eq!(stack.get(&path).await.data(200), &erasure);
    assert_eq!(stack.get("/erasures").await.data(200)["items"], json!([erasure]));
    assert_eq!(stack.get("/erasures/4711").await.code(), "ERASURE_NOT_FOUND");
    assert_eq!(stack.post("/contacts/4711/erase", json!({})).await.code(), "CONTACT_NOT_FOUND");
    let genuine = async |receipt: &Value| {
        stack.post("/erasures/verify", receipt.clone()).await.data(200)["genuine"].clone()
    };
    assert_eq!(genuine(&erasure).await, true);
    let mut changed = erasure.clone();
    changed["removed"]["contacts"] = json!(2);
    assert_eq!(genuine(&changed).await, false);
    changed["removed"]["contacts"] = json!("many");
    assert_eq!(genuine(&changed).await, false);
    let claimed = json!({"phone": "+15551234567", "opted_in": true});
    let back = stack.post("/contacts", claimed).await;
    assert_eq!(back.data(201)["opted_in"], true, "the person had not said no");
}
