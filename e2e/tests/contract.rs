//! Rules of the contract that hold everywhere, seen from outside.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::{Api, Stack, eventually, on_each_engine};
use serde_json::{Value, json};

/// One request on a connection that is kept: head and body apart, as most clients send them. The head of the answer.
fn exchange(on: &mut TcpStream, api: &Api, method: &str, path: &str, body: &str) -> String {
    let head = format!(
        "{method} /api/v1/tenant/{}/whatsapp{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        api.tenant,
        api.key,
        body.len()
    );
    on.write_all(head.as_bytes()).expect("the connection takes a head");
    on.write_all(body.as_bytes()).expect("the connection takes a body");
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        on.read_exact(&mut byte).expect("the connection stays");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).expect("a head is text").to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length = length.and_then(|length| length.parse().ok()).expect("a length");
    let mut rest = vec![0; length];
    on.read_exact(&mut rest).expect("a body");
    head
}

#[test]
fn a_refused_request_leaves_its_connection_usable() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        let address = stack.api.url.trim_start_matches("http://");
        let mut kept = TcpStream::connect(address).expect("a connection");
        kept.set_nodelay(true).expect("no delay");
        kept.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let body = json!({ "name": "x".repeat(5_000) }).to_string();
        let foreign = Api::new(&stack.api.url, stack.api.tenant, "wxk_nobody");
        for _ in 0..25 {
            let answer = exchange(&mut kept, &stack.api, "PATCH", "/contacts/0", &body);
            assert!(answer.starts_with("http/1.1 400"), "{answer}");
            let answer = exchange(&mut kept, &foreign, "POST", "/contacts", &body);
            assert!(answer.starts_with("http/1.1 401"), "{answer}");
            let answer = exchange(&mut kept, &stack.api, "PUT", "/contacts", &body);
            assert!(answer.starts_with("http/1.1 405"), "{answer}");
            let answer = exchange(&mut kept, &stack.api, "POST", "/nothing/here", &body);
            assert!(answer.starts_with("http/1.1 404"), "{answer}");
        }
        let large = json!({ "name": "x".repeat(2_000_000) }).to_string();
        let answer = exchange(&mut kept, &stack.api, "POST", "/contacts", &large);
        assert!(answer.starts_with("http/1.1 413"), "{answer}");
        let answer = exchange(&mut kept, &stack.api, "GET", "/contacts", "");
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
    });
}

#[test]
fn every_list_is_paged_and_refuses_what_it_does_not_know() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        let contact = stack.api.opted_in_contact("+15551234567");
        stack.sim.writes("+15551234567", "hello");
        let thread = eventually("a conversation", || {
            stack.api.get("/conversations").expect(200)["items"].get(0).map(|row| row["id"].clone())
        });
        let notes = format!("/conversations/{thread}/notes");
        for (path, body) in [
            ("/canned-replies", json!({ "shortcut": "a", "text": "A" })),
            ("/canned-replies", json!({ "shortcut": "b", "text": "B" })),
            (notes.as_str(), json!({ "text": "A" })),
            (notes.as_str(), json!({ "text": "B" })),
        ] {
            stack.api.post(path, body).expect(201);
        }
        let lists = [
            "/contacts",
            "/messages",
            "/templates",
            "/conversations",
            "/connections",
            "/alerts",
            "/security-events",
            "/api-keys",
            "/canned-replies",
            &notes,
            &format!("/conversations/{thread}/messages"),
            &format!("/contacts/{contact}/consent"),
        ];
        for path in lists {
            for wrong in
                ["page=0", "page_size=0", "page_size=101", "page=x", "cursor=bm9uc2Vuc2U", "colour=red"]
            {
                let error = stack.api.get(&format!("{path}?{wrong}")).refused(400, "VALIDATION_FAILED");
                let name = wrong.split('=').next().unwrap_or_default();
                assert_eq!(error["details"]["faults"][0]["pointer"], format!("/{name}"), "{path}: {error:#}");
            }
            let first = stack.api.get(&format!("{path}?page_size=1")).expect(200);
            let total = first["total"].as_u64().expect("a total");
            assert_eq!((&first["page"], &first["page_size"]), (&json!(1), &json!(1)), "{path}");
            assert_eq!(first["items"].as_array().map(Vec::len), Some(total.min(1) as usize), "{path}");
            let behind = stack.api.get(&format!("{path}?page={}&page_size=1", total + 1)).expect(200);
            assert_eq!((&behind["items"], &behind["total"]), (&json!([]), &json!(total)), "{path}");
        }
        let second = stack.api.get("/canned-replies?page=2&page_size=1").expect(200);
        assert_eq!((&second["total"], second["items"].as_array().map(Vec::len)), (&json!(2), Some(1)));
    });
}

#[test]
fn what_no_database_can_keep_is_refused_and_never_changed_in_silence() {
    on_each_engine(|database| {
        let stack = Stack::start(database);
        stack.hello();
        let phone = "+15551234567";
        stack.api.opted_in_contact(phone);
        let nul = "a\0b";
        let cases: [(&str, Value, &str); 7] = [
            ("/contacts", json!({ "phone": "+12025550123", "name": nul }), "/name"),
            ("/contacts", json!({ "phone": "+12025550123", "fields": { "city": nul } }), "/fields/city"),
            ("/contacts", json!({ "phone": "+12025550123", "fields": { nul: "x" } }), "/fields"),
            ("/contacts", json!({ "phone": "+12025550123", "tags": ["x", nul] }), "/tags/1"),
            (
                "/contacts",
                json!({ "phone": "+12025550123", "opted_in": true, "opt_in_evidence": { "form": [nul] } }),
                "/opt_in_evidence/form/0",
            ),
            (
                "/messages",
                json!({ "to": phone, "template_name": "hello", "template_params": [nul] }),
                "/template_params/0",
            ),
            (
                "/messages",
                json!({ "to": phone, "contacts": [{ "name": { "formatted_name": nul } }] }),
                "/contacts/0/name/formatted_name",
            ),
        ];
        for (path, body, pointer) in cases {
            let error = stack.api.post(path, body).refused(400, "VALIDATION_FAILED");
            assert_eq!(error["details"]["faults"][0]["pointer"], pointer, "{error:#}");
        }
        assert_eq!(stack.api.get("/contacts?search=2025550123").expect(200)["total"], 0);
    });
}
