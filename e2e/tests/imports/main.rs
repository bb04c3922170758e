//! Lists of contacts, through the real binary: case 11 of the product owner's document, and what may happen to a list.

mod command_line;
mod exports;
mod interruptions;
mod reports;
mod workbooks;

use std::io::Write as _;
use std::time::Duration;

use e2e::{Answer, Api, eventually_within};
use serde_json::Value;

/// Sends a file as a form; answers what the server said.
fn import(api: &Api, name: &str, bytes: &[u8], options: &[(&str, &str)]) -> Answer {
    let mut body = Vec::new();
    for (field, value) in options {
        body.extend_from_slice(
            format!("--limit\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    body.extend_from_slice(
        format!("--limit\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n")
            .as_bytes(),
    );
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--limit--\r\n");
    let url = format!("{}/api/v1/tenant/{}/whatsapp/contacts/import", api.url, api.tenant);
    let client =
        reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
    let answer = client
        .post(url)
        .bearer_auth(&api.key)
        .header("content-type", "multipart/form-data; boundary=limit")
        .body(body)
        .send()
        .expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().expect("a body");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Imports it to its end; answers the report.
fn imported(api: &Api, name: &str, bytes: &[u8], options: &[(&str, &str)]) -> Value {
    let answer = import(api, name, bytes, options);
    assert!(answer.status < 300, "{:#}", answer.body);
    ended(api, &answer.body["data"])
}

fn ended(api: &Api, report: &Value) -> Value {
    let path = format!("/contacts/import/{}", report["import_id"]);
    eventually_within(Duration::from_secs(120), "the import ends", || {
        let report = api.get(&path).expect(200);
        (report["state"] != "running").then_some(report)
    })
}

fn counts(report: &Value) -> [u64; 5] {
    ["processed", "imported", "updated", "duplicates", "errors"]
        .map(|name| report[name].as_u64().expect("a number"))
}

fn details(report: &Value) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let details = report["error_details"].as_array().expect("details");
    details
        .iter()
        .map(|detail| {
            (detail["row"].as_u64().expect("a row"), text(&detail["phone"]), text(&detail["error"]))
        })
        .collect()
}

fn total(api: &Api, query: &str) -> u64 {
    api.get(&format!("/contacts?page_size=1{query}")).expect(200)["total"].as_u64().expect("a total")
}

fn phone(number: u32) -> String {
    format!("+1555{number:07}")
}

fn text(api: &Api, path: &str) -> String {
    api.get(path).body.as_str().expect("a text").to_owned()
}

fn large(rows: u32) -> Vec<u8> {
    let mut list = b"phone,name,city,opted_in\n".to_vec();
    for row in 0..rows {
        writeln!(list, "{},Person {row},Rome,yes", phone(row + 1)).expect("memory");
    }
    list
}
