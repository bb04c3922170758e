//! Lists of contacts: JSON, or a form with a file.

use axum::body::Body;
use domain::access::Scope;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

const CSV: &str = "phone,name,tags\n+15551234567,Ann,vip\n+1555,Bob,\n+15551234567,Ann again,\n";

fn form(boundary: &str, options: &[(&str, &str)], file: &str) -> String {
    let mut body = String::new();
    for (name, value) in options {
        body.push_str(&format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\n\
         content-type: text/csv\r\n\r\n{file}\r\n--{boundary}--\r\n"
    ));
    body
}

fn upload(stack: &Stack, boundary: &str, options: &[(&str, &str)], file: &str) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(stack.path("/contacts/import"))
        .header("authorization", format!("Bearer {}", stack.key))
        .header("content-type", format!("multipart/form-data; boundary={boundary}"))
        .body(Body::from(form(boundary, options, file)))
        .unwrap()
}

async fn import(stack: &Stack, options: &[(&str, &str)], file: &str) -> Answered {
    stack.send(upload(stack, "limit", options, file)).await
}

async fn keyed(stack: &Stack, boundary: &str, file: &str) -> Answered {
    let mut request = upload(stack, boundary, &[], file);
    request.headers_mut().insert("idempotency-key", "k1".parse().unwrap());
    stack.send(request).await
}

#[tokio::test]
async fn a_file_is_answered_with_its_report_and_kept_in_the_list() {
    let stack = Stack::start().await;
    let report = import(&stack, &[("tags", "fair")], CSV).await;
    let report = report.data(200);
    let counts = |name: &str| report[name].as_i64().unwrap();
    assert_eq!(
        [counts("processed"), counts("imported"), counts("duplicates"), counts("errors")],
        [3, 1, 1, 1],
        "{report}"
    );
    assert_eq!(
        report["error_details"],
        json!([
            {"row": 3, "phone": "+1555", "error": "Invalid phone format"},
            {"row": 4, "phone": "+15551234567", "error": "Duplicate number"},
        ])
    );
    let list = stack.get("/contacts/imports").await;
    assert_eq!(
        (&list.data(200)["total"], &list.data(200)["items"][0]["import_id"]),
        (&json!(1), &report["import_id"])
    );
    let one = stack.get(&format!("/contacts/import/{}", report["import_id"])).await;
    assert_eq!(one.data(200)["error_details"], report["error_details"]);
    let errors = stack.get(&format!("/contacts/import/{}/errors.csv", report["import_id"])).await;
    assert_eq!(errors.status, StatusCode::OK);
    assert!(errors.text.lines().any(|line| line.contains("+1555,Bob")), "{}", errors.text);
    let found = stack.get("/contacts?tags=fair,vip").await;
    assert_eq!(found.data(200)["items"][0]["name"], "Ann");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let stack = Stack::start().await;
    let trial = import(&stack, &[("dry_run", "true")], CSV).await;
    let counts = ["processed", "imported", "duplicates", "errors"].map(|name| &trial.data(200)[name]);
    assert_eq!(counts, [&json!(3), &json!(1), &json!(1), &json!(1)], "{}", trial.text);
    assert_eq!(trial.data(200)["contacts"][0]["tags"], json!(["vip"]));
    assert_eq!(stack.get("/contacts").await.data(200)["total"], 0);
    assert_eq!(stack.get("/contacts/imports").await.data(200)["total"], 0);
}

#[tokio::test]
async fn a_tag_that_holds_a_comma_stays_one() {
    let stack = Stack::start().await;
    let body = json!({"contacts": [{"phone": "+15551234567", "tags": ["Rome, Italy", "vip"]}]});
    stack.post("/contacts/import", body).await.data(200);
    let found = stack.get("/contacts?search=5551234567").await;
    assert_eq!(found.data(200)["items"][0]["tags"], json!(["Rome, Italy", "vip"]));
    let file = "phone\n+15551234568\n";
    import(&stack, &[("tags", "[\"Paris, France\", \"new\"]")], file).await.data(200);
    let found = stack.get("/contacts?search=5551234568").await;
    assert_eq!(found.data(200)["items"][0]["tags"], json!(["Paris, France", "new"]));
    let broken = import(&stack, &[("tags", "[vip")], file).await;
    assert_eq!(broken.faults(), ["/tags"]);
}

#[tokio::test]
async fn what_is_no_list_is_told_with_its_place() {
    let stack = Stack::start().await;
    let faults =
        async |options: &[(&str, &str)], file: &str| import(&stack, options, file).await.faults().join(" ");
    assert_eq!(faults(&[], "").await, "/file");
    assert_eq!(faults(&[("dry_run", "perhaps")], CSV).await, "/dry_run");
    assert_eq!(faults(&[("mapping", "{")], CSV).await, "/mapping");
    assert_eq!(stack.post("/contacts/import", json!({"people": []})).await.faults(), [""]);
    let sheet = json!({"contacts": [], "sheet": "1"});
    assert_eq!(stack.post("/contacts/import", sheet).await.faults(), ["/sheet"]);
    let text = stack.request(Method::POST, "/contacts/import", Body::from("phone"));
    let (mut parts, body) = text.into_parts();
    parts.headers.insert("content-type", "text/csv".parse().unwrap());
    let answer = stack.send(Request::from_parts(parts, body)).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", answer.text);
}

#[tokio::test]
async fn an_import_that_is_over_or_not_there_is_not_cancelled() {
    let stack = Stack::start().await;
    let id = import(&stack, &[], CSV).await.data(200)["import_id"].clone();
    let over = stack.post(&format!("/contacts/import/{id}/cancel"), Value::Null).await;
    assert_eq!((over.status, over.code()), (StatusCode::CONFLICT, "INVALID_STATE"));
    for path in ["/contacts/import/4711", "/contacts/import/4711/errors.csv", "/contacts/import/4711/events"]
    {
        let missing = stack.get(path).await;
        assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "IMPORT_NOT_FOUND"), "{path}");
    }
    let key = stack.other_key().await;
    let mut request = stack.request(Method::GET, &format!("/contacts/import/{id}"), Body::empty());
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    assert!(!stack.send(request).await.status.is_success(), "of another tenant");
    let reader = stack.key_with(&[Scope::Read]).await;
    let mut request = upload(&stack, "limit", &[], CSV);
    request.headers_mut().insert("authorization", format!("Bearer {reader}").parse().unwrap());
    assert_eq!(stack.send(request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_events_of_one_that_is_over_tell_it_and_end() {
    let stack = Stack::start().await;
    let id = import(&stack, &[], CSV).await.data(200)["import_id"].clone();
    let events = stack.get(&format!("/contacts/import/{id}/events")).await;
    assert_eq!(events.text.matches("event: progress").count(), 1, "{}", events.text);
    assert!(events.text.contains("\"state\":\"completed\""), "{}", events.text);
}

#[tokio::test]
async fn a_repeated_upload_is_known_by_its_bytes_and_not_by_its_length() {
    let stack = Stack::start().await;
    let first = keyed(&stack, "one", "phone\n+15551234567\n").await;
    first.data(200);
    let again = keyed(&stack, "another", "phone\n+15551234567\n").await;
    assert_eq!(again.header("idempotency-replayed"), "true", "the client made up another boundary");
    assert_eq!(again.text, first.text);
    let other = keyed(&stack, "one", "phone\n+15551234568\n").await;
    assert_eq!((other.status, other.code()), (StatusCode::CONFLICT, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(stack.get("/contacts").await.data(200)["total"], 1);
    let list = |phone: &str| json!({"contacts": [{"phone": phone}]});
    let send = async |phone: &str| {
        stack.post_with("/contacts/import", list(phone), &[("idempotency-key", "k2")]).await
    };
    send("+15551234560").await.data(200);
    assert_eq!(send("+15551234560").await.header("idempotency-replayed"), "true");
    assert_eq!(send("+15551234561").await.code(), "IDEMPOTENCY_KEY_REUSED");
}
