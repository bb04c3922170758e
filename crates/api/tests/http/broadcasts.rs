//! Broadcasts.

mod faults;
mod lists;
mod moves;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

/// A stack with a number and the approved template `hello` of one parameter.
async fn stage() -> Stack {
    let stack = Stack::start().await;
    stack.link_number().await;
    add_template(&stack, "hello", "APPROVED").await;
    stack
}

async fn add_template(stack: &Stack, name: &str, status: &str) {
    let template = json!({"name": name, "language": "en_US", "category": "UTILITY", "status": status,
        "components": [{"type": "BODY", "text": "Hello {{1}}, all is well.", "example": {"body_text": [["Ana"]]}}]});
    stack.sim.put_template(&template).expect("a template");
    stack.engine.templates.sync(stack.tenant, None).await.expect("synced");
}

fn hello(audience: Value) -> Value {
    json!({"name": "Hello", "template_name": "hello", "template_params": ["{{contact.name|friend}}"],
        "audience": audience})
}

/// Makes one; answers its path.
async fn draft(stack: &Stack, body: Value) -> String {
    let made = stack.post("/broadcasts", body).await;
    format!("/broadcasts/{}", made.data(201)["id"])
}

async fn patch(stack: &Stack, below: &str, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, below, Body::from(body.to_string()))).await
}

/// Waits until it stands so.
async fn until(stack: &Stack, path: &str, status: &str) -> Value {
    stack
        .until(status, || async {
            let now = stack.get(path).await;
            (now.data(200)["status"] == status).then(|| now.data(200).clone())
        })
        .await
}

#[tokio::test]
async fn a_broadcast_goes_from_draft_to_its_results() {
    let stack = stage().await;
    for number in 0..5 {
        stack.contact(&format!("+1202555012{number}")).await;
    }
    stack.post("/contacts", json!({"phone": "+12025550129"})).await.data(201);
    let made =
        stack.post_with("/broadcasts", hello(json!({"all": true})), &[("idempotency-key", "k1")]).await;
    assert_eq!((&made.data(201)["status"], &made.data(201)["counts"]["total"]), (&json!("draft"), &json!(0)));
    let again =
        stack.post_with("/broadcasts", hello(json!({"all": true})), &[("idempotency-key", "k1")]).await;
    assert_eq!(
        (&again.data(201)["id"], again.header("idempotency-replayed")),
        (&made.data(201)["id"], "true")
    );
    let path = format!("/broadcasts/{}", made.data(201)["id"]);

    let preview = stack.post("/broadcasts/preview", json!({"broadcast_id": made.data(201)["id"]})).await;
    let preview = preview.data(200);
    assert_eq!((&preview["meant"], &preview["recipients"]), (&json!(6), &json!(5)));
    assert_eq!(preview["exclusions"], json!([{"reason": "no_consent", "count": 1}]));
    assert_eq!(preview["samples"][0]["rendered"]["body"], "Hello friend, all is well.");
    assert_eq!((&preview["estimated_cost"], &preview["category"]), (&Value::Null, &json!("utility")));

    let sent = stack.post(&format!("{path}/send"), json!({})).await;
    assert_eq!(sent.data(202)["status"], "sending");
    let done = until(&stack, &path, "completed").await;
    assert_eq!((&done["progress"]["done"], &done["progress"]["total"]), (&json!(5), &json!(5)));
    assert!(done["finished_at"].is_string() && done["audience_frozen"] == true, "{done}");
    assert_eq!(stack.sim.ledger(0).len(), 5);

    let results = stack.get(&format!("{path}/results")).await;
    let results = results.data(200);
    assert_eq!((&results["broadcast_id"], &results["status"]), (&done["id"], &json!("completed")));
    assert_eq!(
        results["results"],
        json!({"total": 5, "sent": 5, "failed": 0,
            "failure_breakdown": {"not_on_whatsapp": 0, "invalid_number": 0, "rate_limited": 0}})
    );
    assert_eq!(results["left_out"], json!([{"reason": "no_consent", "count": 1}]));
    assert_eq!(results["by_hour"][0]["sent"], 5);

    let messages = stack.get(&format!("/messages?broadcast_id={}", done["id"])).await;
    assert_eq!(messages.data(200)["total"], 5);
    assert_eq!(messages.data(200)["items"][0]["broadcast_id"], done["id"]);
    assert_eq!(stack.get("/messages?broadcast_id=4711").await.data(200)["total"], 0);
    let list = stack.get("/broadcasts?status=completed&search=hell").await;
    assert_eq!(list.data(200)["items"], json!([done]));
    assert_eq!(stack.get("/broadcasts?status=draft").await.data(200)["total"], 0);
}

#[tokio::test]
async fn recipients_are_listed_by_state_and_reason_and_come_as_csv() {
    let stack = stage().await;
    for number in 0..3 {
        stack.contact(&format!("+1202555012{number}")).await;
    }
    let odd = json!({"phone": "+12025550128", "name": "=HYPERLINK(\"x\")"});
    stack.post("/contacts", odd).await.data(201);
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    until(&stack, &path, "completed").await;

    let left_out = stack.get(&format!("{path}/recipients?state=left_out&reason=no_consent")).await;
    assert_eq!(left_out.data(200)["total"], 1);
    let only = &left_out.data(200)["items"][0];
    assert_eq!((&only["state"], &only["reason"]), (&json!("left_out"), &json!("no_consent")));
    let first = stack.get(&format!("{path}/recipients?page_size=3")).await;
    let cursor = first.data(200)["next_cursor"].as_str().expect("a cursor").to_owned();
    let rest = stack.get(&format!("{path}/recipients?page_size=3&cursor={cursor}")).await;
    assert_eq!(
        (&first.data(200)["total"], rest.data(200)["items"].as_array().unwrap().len()),
        (&json!(4), 1)
    );
    let ambiguous = stack.get(&format!("{path}/recipients?reason=no_consent")).await;
    assert_eq!(ambiguous.faults(), ["/reason"]);
    assert_eq!(stack.get(&format!("{path}/recipients?reason=because&stat=x")).await.faults(), ["/stat"]);
    assert_eq!(stack.get(&format!("{path}/recipients?cursor=x")).await.faults(), ["/cursor"]);

    let csv = stack.get(&format!("{path}/recipients.csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 5, "{}", csv.text);
    assert!(lines[0].starts_with("contact_id,phone,name,state,reason"));
    assert!(csv.text.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", csv.text);
}

#[tokio::test]
async fn events_tell_how_it_goes_until_its_end() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    let path = draft(&stack, hello(json!({"all": true}))).await;
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    // The answer ends by itself, with the broadcast.
    let events = stack.get(&format!("{path}/events")).await;
    assert_eq!(events.header("content-type"), "text/event-stream");
    let told: Vec<Value> = events
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert!(events.text.starts_with("event: progress\n"), "{}", events.text);
    assert_eq!(told.last().unwrap()["status"], "completed");
    assert_eq!(told.last().unwrap()["counts"]["sent"], 1);
}

#[tokio::test]
async fn a_broadcast_of_others_looks_like_one_that_does_not_exist() {
    let stack = stage().await;
    let path = draft(&stack, hello(json!({"list": true}))).await;
    let key = stack.other_key().await;
    let theirs = format!("/api/v1/tenant/{}/whatsapp", stack.other_tenant);
    let rows = json!({"recipients": []});
    for (method, below, body) in [
        (Method::GET, "", json!({})),
        (Method::PATCH, "", json!({"name": "x"})),
        (Method::DELETE, "", json!({})),
        (Method::POST, "/send", json!({})),
        (Method::POST, "/unschedule", json!({})),
        (Method::POST, "/pause", json!({})),
        (Method::POST, "/resume", json!({})),
        (Method::POST, "/cancel", json!({})),
        (Method::POST, "/retry-failed", json!({})),
        (Method::GET, "/results", json!({})),
        (Method::GET, "/recipients", json!({})),
        (Method::GET, "/recipients.csv", json!({})),
        (Method::GET, "/events", json!({})),
        (Method::PUT, "/list", rows.clone()),
        (Method::POST, "/list", rows),
    ] {
        let mut request = stack.request(method.clone(), "", Body::from(body.to_string()));
        *request.uri_mut() = format!("{theirs}{path}{below}").parse().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let answer = stack.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "BROADCAST_NOT_FOUND"), "{method} {below}");
    }
    let mut preview = stack.request(Method::POST, "", Body::from(json!({"broadcast_id": 1}).to_string()));
    *preview.uri_mut() = format!("{theirs}/broadcasts/preview").parse().unwrap();
    preview.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    assert_eq!(stack.send(preview).await.code(), "BROADCAST_NOT_FOUND");
    assert_eq!(stack.get(&path).await.data(200)["status"], "draft", "nothing came of it");
}
