//! Lists of recipients.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use super::{draft, hello, patch, stage, until};
use crate::stack::{Answered, Stack};

const CSV: &str =
    "Mobile;Coupon\r\n+1 202 555 0121;=X1\r\n+1202;X2\r\n;X3\r\n+12025550122;X4\r\n+12025550121;X5\r\n";

async fn upload(stack: &Stack, path: &str, fields: &[(&str, &str)], csv: &str) -> Answered {
    let mut form = String::new();
    for (name, value) in fields {
        form.push_str(&format!(
            "--limit\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    form.push_str(&format!(
        "--limit\r\ncontent-disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\ncontent-type: text/csv\r\n\r\n{csv}\r\n--limit--\r\n"
    ));
    let mut request: Request<Body> = stack.request(Method::PUT, &format!("{path}/list"), Body::from(form));
    let content_type = "multipart/form-data; boundary=limit".parse().unwrap();
    request.headers_mut().insert("content-type", content_type);
    stack.send(request).await
}

#[tokio::test]
async fn rows_of_a_file_fill_the_template_and_bad_ones_are_reported_and_counted() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    stack.contact("+12025550122").await;
    let mut body = hello(json!({"list": true}));
    body["template_params"] = json!(["{{row.Coupon}}"]);
    let path = draft(&stack, body).await;
    let report = upload(&stack, &path, &[], CSV).await;
    let report = report.data(200);
    assert_eq!(
        (&report["rows"], &report["valid"], &report["invalid"], &report["list_rows"]),
        (&json!(5), &json!(3), &json!(2), &json!(5))
    );
    assert_eq!(report["columns"], json!(["Coupon"]));
    assert_eq!(
        report["error_details"],
        json!([
            {"row": 3, "phone": "+1202", "error": "Invalid phone format"},
            {"row": 4, "phone": "", "error": "Phone number required"},
        ])
    );
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    until(&stack, &path, "completed").await;
    let results = stack.get(&format!("{path}/results")).await;
    assert_eq!(
        results.data(200)["results"],
        json!({"total": 4, "sent": 2, "failed": 2,
            "failure_breakdown": {"not_on_whatsapp": 0, "invalid_number": 2, "rate_limited": 0}})
    );
    let sent: Vec<String> =
        stack.sim.ledger(0).iter().map(|entry| serde_json::to_string(&entry.body).unwrap()).collect();
    assert!(
        sent.iter().any(|body| body.contains("=X1")) && sent.iter().any(|body| body.contains("X4")),
        "{sent:?}"
    );
    let bad = stack.get(&format!("{path}/recipients?state=left_out&reason=invalid_number")).await;
    assert_eq!(bad.data(200)["total"], 2);
    assert!(bad.data(200)["items"][0]["row"].is_i64(), "{bad:?}");
    let over = upload(&stack, &path, &[], CSV).await;
    assert_eq!((over.code(), &over.details()["current"]), ("INVALID_STATE", &json!("completed")));
}

#[tokio::test]
async fn rows_of_a_request_take_the_place_of_the_list() {
    let stack = stage().await;
    let contact = stack.contact("+12025550121").await;
    let path = draft(&stack, hello(json!({"list": true}))).await;
    upload(&stack, &path, &[], CSV).await.data(200);
    let rows = json!({"recipients": [
        {"contact_id": contact, "columns": {"coupon": 7}}, {"phone": "0151 23456789"}, {"phone": "n/a"}],
        "default_country": "DE"});
    let put = stack.post(&format!("{path}/list"), rows).await;
    let put = put.data(200);
    assert_eq!((&put["rows"], &put["valid"], &put["list_rows"]), (&json!(3), &json!(2), &json!(3)));
    assert_eq!(put["columns"], json!(["coupon"]));
    assert_eq!(put["error_details"][0]["row"], 3);
    let unknown = stack.post("/broadcasts/preview", json!({"broadcast_id": 1})).await;
    assert_eq!((&unknown.data(200)["meant"], &unknown.data(200)["recipients"]), (&json!(3), &json!(1)));
}

#[tokio::test]
async fn a_short_list_comes_with_the_draft() {
    let stack = stage().await;
    let contact = stack.contact("+12025550121").await;
    let body = json!({"name": "Short", "template_name": "hello", "template_params": ["{{row.who|you}}"],
        "recipients": [{"contact_id": contact, "columns": {"who": "Ada"}}]});
    let made = stack.post("/broadcasts", body).await;
    assert_eq!(made.data(201)["audience"], json!({"list": true}));
    let path = format!("/broadcasts/{}", made.data(201)["id"]);
    let preview = stack.post("/broadcasts/preview", json!({"broadcast_id": made.data(201)["id"]})).await;
    assert_eq!(preview.data(200)["samples"][0]["rendered"]["body"], "Hello Ada, all is well.");
    let other = json!({"recipients": [{"contact_id": contact, "columns": {"who": "Bob"}}]});
    patch(&stack, &path, other).await.data(200);
    let preview = stack.post("/broadcasts/preview", json!({"broadcast_id": made.data(201)["id"]})).await;
    assert_eq!(preview.data(200)["samples"][0]["rendered"]["body"], "Hello Bob, all is well.");
}

#[tokio::test]
async fn a_list_without_rows_is_refused_and_the_old_one_stays() {
    let stack = stage().await;
    let mut body = hello(json!({"list": true}));
    body["template_params"] = json!(["{{row.Coupon}}"]);
    body["send_at"] = json!("2096-12-01T09:00:00Z");
    stack.contact("+12025550121").await;
    let path = draft(&stack, body).await;
    upload(&stack, &path, &[], CSV).await.data(200);
    let refused = upload(&stack, &path, &[], "Mobile;Coupon\r\n").await;
    assert_eq!(refused.faults(), ["/file"]);
    assert_eq!(refused.details()["faults"][0]["problem"], "the list has no rows");
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    assert_eq!(upload(&stack, &path, &[], "Mobile;Coupon\r\n").await.faults(), ["/file"]);
    let other = upload(&stack, &path, &[], "Mobile;Code\r\n+12025550121;X1\r\n").await;
    assert_eq!(other.faults(), ["/file"], "it is scheduled, and needs its column");
    let nothing = json!({"recipients": []});
    assert_eq!(stack.post(&format!("{path}/list"), nothing.clone()).await.faults(), ["/recipients"]);
    assert_eq!(patch(&stack, &path, nothing).await.faults(), ["/recipients"]);
    let other = json!({"recipients": [{"phone": "+12025550121", "columns": {"Code": "X1"}}]});
    assert_eq!(patch(&stack, &path, other).await.faults(), ["/template_params/0"]);
    let preview = stack.post("/broadcasts/preview", json!({"broadcast_id": 1})).await;
    assert_eq!((&preview.data(200)["meant"], &preview.data(200)["recipients"]), (&json!(5), &json!(1)));
    let new = json!({"recipients": [{"phone": "+12025550121", "columns": {"Coupon": "X1"}}]});
    assert_eq!(patch(&stack, &path, new).await.data(200)["status"], "scheduled");
}

#[tokio::test]
async fn a_parameter_that_names_no_column_is_refused_when_it_would_leave_everybody_out() {
    let stack = stage().await;
    stack.contact("+12025550121").await;
    let mut body = hello(json!({"list": true}));
    body["template_params"] = json!(["{{row.zeit}}"]);
    let path = draft(&stack, body).await;
    upload(&stack, &path, &[], CSV).await.data(200);
    let refused = stack.post(&format!("{path}/send"), json!({})).await;
    assert_eq!(refused.faults(), ["/template_params/0"]);
    assert_eq!(
        refused.details()["faults"][0]["problem"],
        "{{row.zeit}} is empty for everybody: the list has no such column; it has Coupon"
    );
    assert_eq!(stack.get(&path).await.data(200)["status"], "draft");
    let nobody = draft(
        &stack,
        json!({"name": "n", "template_name": "hello", "template_params": ["{{row.a}}"],
        "audience": {"all": true}}),
    )
    .await;
    let refused = stack.post(&format!("{nobody}/send"), json!({})).await;
    assert_eq!(refused.faults(), ["/template_params/0"]);
    patch(&stack, &path, json!({"template_params": ["{{row.zeit|soon}}"]})).await.data(200);
    stack.post(&format!("{path}/send"), json!({})).await.data(202);
    assert_eq!(until(&stack, &path, "completed").await["counts"]["sent"], 1);
}

#[tokio::test]
async fn a_list_is_refused_where_it_has_no_place_and_when_it_cannot_be_read() {
    let stack = stage().await;
    let everybody = draft(&stack, hello(json!({"all": true}))).await;
    assert_eq!(upload(&stack, &everybody, &[], CSV).await.faults(), ["/audience"]);
    let path = draft(&stack, hello(json!({"list": true}))).await;
    assert_eq!(upload(&stack, &path, &[], "").await.faults(), ["/file"]);
    assert_eq!(upload(&stack, &path, &[], "a,b\nx,y\n").await.faults(), ["/phone_column"]);
    assert_eq!(upload(&stack, &path, &[("phone_column", "c")], CSV).await.faults(), ["/phone_column"]);
    assert_eq!(upload(&stack, &path, &[("default_country", "XX")], CSV).await.faults(), ["/default_country"]);
    assert_eq!(upload(&stack, &path, &[("colour", "red")], CSV).await.faults(), ["/colour"]);
    let mut request = stack.request(Method::PUT, &format!("{path}/list"), Body::from(CSV));
    request.headers_mut().insert("content-type", "text/csv".parse().unwrap());
    assert_eq!(stack.send(request).await.code(), "UNSUPPORTED_MEDIA_TYPE");
    let empty = stack.request(Method::PUT, &format!("{path}/list"), Body::from("{}"));
    assert_eq!(stack.send(empty).await.faults(), ["/recipients"]);
}
