//! One test a case of the product owner's document, through HTTP against the real binary, bodies field for field.

use std::collections::HashSet;

use e2e::{Database, Pair, Stack, eventually};
use graph::signature::sign;
use serde_json::{Value, json};

fn stack() -> Stack {
    Stack::start(Database::sqlite())
}

/// Every member of the document's `details`, no more and no less than named.
#[track_caller]
fn has_members(details: &Value, members: &[&str]) {
    for member in members {
        assert!(details.get(member).is_some(), "{member} is missing in {details:#}");
    }
}

fn time(value: &Value) -> jiff::Timestamp {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    assert!(text.ends_with('Z'), "{text} is not in UTC with Z");
    text.parse().expect("RFC 3339")
}

fn three_params() -> Value {
    json!([{
        "type": "BODY",
        "text": "Dear {{1}}, your order {{2}} is on its way, follow it at {{3}} whenever you like.",
        "example": { "body_text": [["Ann", "A-1", "https://example.com/t"]] }
    }])
}

#[test]
fn case_1_contact_not_opted_in() {
    let stack = stack();
    stack.hello();
    let contact = stack.api.post("/contacts", json!({ "phone": "+15551230001" })).expect(201);
    let send = |body: Value| stack.api.post("/messages", body);
    let error = send(json!({ "contact_id": contact["id"], "template_name": "hello" }))
        .refused(400, "CONTACT_NOT_OPTED_IN");
    assert_eq!(error["message"], "Contact has not opted in to receive messages");
    assert_eq!(error["details"]["contact_id"], contact["id"]);
    assert_eq!(error["details"]["opted_in"], false);
    has_members(&error["details"], &["opted_out_at"]);
    send(json!({ "to": "+15551230001", "template_name": "hello" })).refused(400, "CONTACT_NOT_OPTED_IN");
    send(json!({ "to": "+15551230099", "template_name": "hello" })).refused(400, "CONTACT_NOT_OPTED_IN");
    send(json!({ "contact_id": contact["id"], "content": "Hi" })).refused(400, "CONTACT_NOT_OPTED_IN");

    // Who opted out is refused with the time of it.
    let out = stack.api.opted_in_contact("+15551230002");
    stack.api.post(&format!("/contacts/{out}/opt-out"), json!({})).expect(200);
    let error =
        send(json!({ "contact_id": out, "template_name": "hello" })).refused(400, "CONTACT_NOT_OPTED_IN");
    time(&error["details"]["opted_out_at"]);
    assert!(stack.sim.ledger().is_empty(), "something reached Meta");
}

#[test]
fn case_2_24_hour_window_expired() {
    let stack = stack();
    let phone = "+15551230003";
    stack.sim.writes(phone, "Hello?");
    let conversation = eventually("the conversation is there", || {
        stack.api.get("/conversations").expect(200)["items"].as_array()?.first().cloned()
    });
    let path = format!("/conversations/{}/messages", conversation["id"]);
    stack.api.post(&path, json!({ "content": "How can we help?" })).expect(201);
    assert_eq!(stack.sim.sent_to(phone).len(), 1);

    let closes = time(&conversation["window_expires_at"]);
    stack.sim.advance("25h");
    for answer in [
        stack.api.post(&path, json!({ "content": "Still there?" })),
        stack.api.post(
            "/messages",
            json!({ "contact_id": conversation["contact_id"], "content": "Still there?" }),
        ),
    ] {
        let error = answer.refused(400, "CONVERSATION_EXPIRED");
        assert_eq!(error["message"], "24-hour messaging window has expired");
        assert_eq!(error["details"]["conversation_id"], conversation["id"]);
        assert_eq!(time(&error["details"]["expired_at"]), closes);
        assert_eq!(error["details"]["solution"], "Use an approved template message");
    }
    assert_eq!(stack.sim.sent_to(phone).len(), 1, "a reply went out after the window");
}

#[test]
fn case_3_template_not_approved() {
    let stack = stack();
    let contact = stack.api.opted_in_contact("+15551230004");
    for status in ["PENDING", "REJECTED", "PAUSED", "DISABLED"] {
        let name = format!("promo_{}", status.to_lowercase());
        stack.sim.template(json!({
            "name": name, "language": "en_US", "category": "UTILITY", "status": status,
            "rejected_reason": if status == "REJECTED" { json!("ABUSIVE_CONTENT") } else { Value::Null },
            "components": [{ "type": "BODY", "text": format!("A {status} template.") }],
        }));
        let row = stack.synced(&name);
        let error = stack
            .api
            .post("/messages", json!({ "contact_id": contact, "template_name": name }))
            .refused(400, "TEMPLATE_NOT_APPROVED");
        assert_eq!(error["message"], format!("Template '{name}' is not approved for sending"));
        assert_eq!(error["details"]["template_id"], row["id"]);
        assert_eq!(error["details"]["template_name"], name);
        assert_eq!(error["details"]["status"], status.to_lowercase());
        if status == "REJECTED" {
            assert_eq!(error["details"]["rejection_reason"], "ABUSIVE_CONTENT");
        }
    }
    assert!(stack.sim.ledger().is_empty(), "something reached Meta");
}

#[test]
fn case_4_invalid_phone_number() {
    let stack = stack();
    let error =
        stack.api.post("/contacts", json!({ "phone": "555-1234" })).refused(400, "INVALID_PHONE_FORMAT");
    assert_eq!(error["message"], "Phone number must be in E.164 format");
    assert_eq!(
        error["details"],
        json!({
            "provided": "555-1234",
            "expected_format": "+15551234567",
            "example": "+1 followed by 10 digits"
        })
    );
    let bad = [
        "",
        " ",
        "+",
        "abc",
        "12",
        "555",
        "5551234",
        "(555) 123-4567",
        "+1555",
        "+1555123456",
        "+155512345678",
        "+0123456789",
        "+999123456789",
        "+44 12",
        "+44 20 79",
        "+49",
        "+4930",
        "+33 1 23",
        "+34 12345",
        "+39 1",
        "+55 11 123",
        "+52 1",
        "+91 12345",
        "+91 123456789012345",
        "+86 123",
        "+81 12",
        "+82 1",
        "+62 1",
        "+27 12",
        "+234 1",
        "+254 1",
        "+20 1",
        "+966 1",
        "+971 1",
        "+90 1",
        "+7 123",
        "+61 12",
        "+64 1",
        "+1-555-CALL-NOW",
        "++15551234567",
        "+1 555 123 4567 ext. 9",
        "tel:+1",
        "+15551234567,+15551234568",
        "00",
        "+1555123456789012345",
    ];
    assert!(bad.len() >= 40);
    for phone in bad {
        let error =
            stack.api.post("/contacts", json!({ "phone": phone })).refused(400, "INVALID_PHONE_FORMAT");
        assert_eq!(error["details"]["provided"], phone);
        has_members(&error["details"], &["expected_format", "example"]);
    }
    let good = [
        "+15551234567",
        "+1 (415) 555-2671",
        "+1.212.555.0100",
        "+44 20 7946 0958",
        "+44 7911 123456",
        "+49 30 901820",
        "+49 1512 3456789",
        "+33 1 42 68 53 00",
        "+33612345678",
        "+34 612 34 56 78",
        "+39 06 6982",
        "+39 347 1234567",
        "+351 912 345 678",
        "+31 6 12345678",
        "+32 470 12 34 56",
        "+41 44 668 18 00",
        "+43 664 1234567",
        "+45 20 12 34 56",
        "+46 70 123 45 67",
        "+47 406 12 345",
        "+48 512 345 678",
        "+55 11 91234-5678",
        "+52 55 1234 5678",
        "+54 9 11 1234 5678",
        "+56 9 8765 4321",
        "+57 300 1234567",
        "+51 912 345 678",
        "+91 98765 43210",
        "+92 301 2345678",
        "+880 1812 345678",
        "+62 812-3456-7890",
        "+60 12-345 6789",
        "+65 8123 4567",
        "+66 81 234 5678",
        "+84 91 234 56 78",
        "+63 917 123 4567",
        "+81 90-1234-5678",
        "+82 10-2000-0000",
        "+86 131 2345 6789",
        "+61 412 345 678",
        "+64 21 123 4567",
        "+27 71 123 4567",
        "+234 802 123 4567",
        "+254 712 123456",
        "+20 100 123 4567",
        "+966 51 234 5678",
        "+971 50 123 4567",
        "+90 501 234 56 78",
        "+7 912 345-67-89",
        "+380 50 123 4567",
    ];
    assert!(good.len() >= 40);
    for phone in good {
        let contact = stack.api.post("/contacts", json!({ "phone": phone })).expect(201);
        let kept = contact["phone"].as_str().unwrap_or_default();
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(kept, format!("+{digits}"));
    }
}

#[test]
fn case_5_whatsapp_rate_limit() {
    let stack = stack();
    stack.hello();
    let connection = format!("/connections/{}", stack.connection());
    stack
        .api
        .call("PATCH", &connection, Some(&json!({ "rate_limit": { "limit": 80, "period_seconds": 60 } })))
        .expect(200);
    // Meta allows two a minute here, so that the third is throttled whatever our own pace.
    stack.sim.faults(json!({ "throughput_count": 2, "throughput_period_seconds": 60 }));
    let contact = stack.api.opted_in_contact("+15551230005");
    let send = || stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" }));
    send().expect(201);
    send().expect(201);
    let answer = send();
    let retry_after = answer.headers.get("retry-after").cloned().expect("Retry-After");
    let error = answer.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(error["message"], "WhatsApp rate limit exceeded");
    let details = &error["details"];
    assert_eq!(details["limit"], 80);
    assert_eq!(details["period"], "1 minute");
    assert!(details["retry_after_seconds"].as_i64().is_some_and(|seconds| seconds >= 1), "{details:#}");
    assert_eq!(retry_after.to_str().ok(), Some(details["retry_after_seconds"].to_string().as_str()));
    assert!(details["messages_queued"].as_i64().is_some_and(|count| count >= 1), "{details:#}");
    assert_eq!(stack.sim.ledger().len(), 2);

    stack.sim.call("DELETE", "/faults", None);
    eventually("the queued message went out by itself", || (stack.sim.ledger().len() == 3).then_some(()));
    let sent = stack.api.get("/messages?direction=outbound").expect(200);
    eventually("all three were sent", || {
        let all = stack.api.get("/messages?direction=outbound").expect(200);
        let sent = all["items"].as_array()?.iter().all(|row| row["sent_at"].is_string());
        sent.then_some(())
    });
    assert_eq!(sent["total"], 3);
}

#[test]
fn case_6_webhook_signature_invalid() {
    let stack = stack();
    let secret = stack.env["WAXWING_APP_SECRET"].as_bytes();
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let good = sign(secret, body);
    let hex = good.trim_start_matches("sha256=").to_owned();
    let wrong: [Option<Vec<u8>>; 14] = [
        None,
        Some(Vec::new()),
        Some(b"sha256=".to_vec()),
        Some(hex.clone().into_bytes()),
        Some(format!("sha1={}", &hex[..40]).into_bytes()),
        Some(format!("sha256={}", &hex[..63]).into_bytes()),
        Some(format!("sha256={hex}0").into_bytes()),
        Some(format!("sha256={}", "0".repeat(64)).into_bytes()),
        Some(format!("sha256={}", "z".repeat(64)).into_bytes()),
        Some(sign(b"another secret", body).into_bytes()),
        Some(sign(secret, b"another body").into_bytes()),
        Some(format!("sha256={}", "\u{e4}".repeat(32)).into_bytes()),
        Some(format!("sha256={}\u{e9}", &hex[..62]).into_bytes()),
        Some(format!("sha512={hex}").into_bytes()),
    ];
    let own = format!("/webhooks/whatsapp/{}", stack.connection());
    for path in ["/webhooks/whatsapp", &own] {
        for signature in &wrong {
            let answer = stack.api.webhook(path, body, signature.as_deref()).expect("an answer");
            answer.refused(401, "WEBHOOK_SIGNATURE_INVALID");
        }
        let answer = stack.api.webhook(path, body, Some(good.as_bytes())).expect("an answer");
        assert_eq!(answer.status, 200);
    }
    let events = stack.api.get("/security-events?page_size=100").expect(200);
    let kept: i64 =
        events["items"].as_array().expect("items").iter().filter_map(|event| event["count"].as_i64()).sum();
    assert_eq!(kept, 2 * wrong.len() as i64, "{events:#}");
    let alerts = stack.api.get("/alerts").expect(200);
    let of_signature: Vec<&Value> = alerts["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(|alert| alert["kind"] == "webhook_signature_invalid")
        .collect();
    // One for the common path, one for the connection's own: not one per request.
    assert_eq!(of_signature.len(), 2, "{alerts:#}");
    assert_eq!(of_signature.iter().filter_map(|alert| alert["count"].as_i64()).sum::<i64>(), kept);
}

#[test]
fn case_7_contact_not_on_whatsapp() {
    let stack = stack();
    stack.hello();
    for (phone, at) in [("+15551230006", "once"), ("+15551230007", "status")] {
        stack.sim.customer(phone, json!({ "on_whatsapp": false, "failure_at": at }));
        let contact = stack.api.opted_in_contact(phone);
        let answer = stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" }));
        if at == "once" {
            let error = answer.refused(400, "RECIPIENT_NOT_ON_WHATSAPP");
            assert_eq!(error["message"], "Phone number is not registered on WhatsApp");
            assert_eq!(error["details"]["phone"], phone);
            assert_eq!(error["details"]["meta_error_code"], 131_026);
        } else {
            answer.expect(201);
        }
        let message = eventually("the message failed", || {
            let list = stack.api.get(&format!("/messages?contact_id={contact}")).expect(200);
            list["items"].as_array()?.iter().find(|row| row["status"] == "failed").cloned()
        });
        assert_eq!(message["error"]["code"], "RECIPIENT_NOT_ON_WHATSAPP");
        assert_eq!(message["error"]["meta_error_code"], 131_026);
        let flagged = stack.api.get(&format!("/contacts/{contact}")).expect(200);
        assert_eq!(flagged["needs_review"], true);
        // Excluded from then on, without a call to Meta …
        let accepted = stack.sim.sent_to(phone).len();
        let error = stack
            .api
            .post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
            .refused(400, "RECIPIENT_NOT_ON_WHATSAPP");
        assert_eq!(error["details"]["phone"], phone);
        assert_eq!(stack.sim.sent_to(phone).len(), accepted);
        // … until somebody has looked at it.
        stack.sim.customer(phone, json!({ "on_whatsapp": true }));
        stack.api.post(&format!("/contacts/{contact}/reviewed"), json!({})).expect(200);
        stack.api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" })).expect(201);
    }
    let review = stack.api.get("/contacts?needs_review=true").expect(200);
    assert_eq!(review["total"], 0);
}

#[test]
fn case_9_template_variable_mismatch() {
    let stack = stack();
    let contact = stack.api.opted_in_contact("+15551230008");
    stack.sim.template(json!({
        "name": "order_shipped", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "parameter_format": "NAMED",
        "components": [{
            "type": "BODY",
            "text": "Dear {{customer_name}}, your order {{order_id}} left, follow it at {{tracking_url}} any time.",
            "example": { "body_text_named_params": [
                { "param_name": "customer_name", "example": "Ann" },
                { "param_name": "order_id", "example": "A-1" },
                { "param_name": "tracking_url", "example": "https://example.com/t" },
            ] }
        }],
    }));
    stack.synced("order_shipped");
    let send = |name: &str, params: Value| {
        stack.api.post(
            "/messages",
            json!({ "contact_id": contact, "template_name": name, "template_params": params }),
        )
    };
    let names = json!(["customer_name", "order_id", "tracking_url"]);
    let error = send("order_shipped", json!({ "customer_name": "Ann", "order_id": "A-1" }))
        .refused(400, "TEMPLATE_PARAMS_MISMATCH");
    assert_eq!(error["message"], "Template expects 3 parameters, but 2 were provided");
    assert_eq!(error["details"]["template_name"], "order_shipped");
    assert_eq!(error["details"]["expected_params"], 3);
    assert_eq!(error["details"]["provided_params"], 2);
    assert_eq!(error["details"]["param_names"], names);
    // Too many; wrong names; none.
    let four = json!({ "customer_name": "a", "order_id": "b", "tracking_url": "c", "extra": "d" });
    let error = send("order_shipped", four).refused(400, "TEMPLATE_PARAMS_MISMATCH");
    assert_eq!(error["details"]["provided_params"], 4);
    let error = send("order_shipped", json!({ "customer": "a", "order": "b", "url": "c" }))
        .refused(400, "TEMPLATE_PARAMS_MISMATCH");
    assert_eq!(
        (&error["details"]["expected_params"], &error["details"]["provided_params"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(error["details"]["param_names"], names);
    let error = send("order_shipped", Value::Null).refused(400, "TEMPLATE_PARAMS_MISMATCH");
    assert_eq!(error["details"]["provided_params"], 0);

    // A header and a button count as well.
    stack.template(
        "with_header",
        "APPROVED",
        json!([
            { "type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": { "header_text": ["A-1"] } },
            { "type": "BODY", "text": "It left for {{1}} today.", "example": { "body_text": [["Rome"]] } },
            { "type": "BUTTONS", "buttons": [
                { "type": "URL", "text": "Follow", "url": "https://example.com/{{1}}", "example": ["https://example.com/x"] }
            ] }
        ]),
    );
    let error = send("with_header", json!(["Rome"])).refused(400, "TEMPLATE_PARAMS_MISMATCH");
    assert_eq!(error["details"]["expected_params"], 3);
    assert_eq!(error["details"]["provided_params"], 1);
    assert_eq!(error["details"]["param_names"].as_array().map(Vec::len), Some(3));
    assert!(stack.sim.ledger().is_empty(), "something reached Meta");

    let full = json!({ "header": "A-1", "body": ["Rome"], "buttons": [{ "index": 0, "text": "x" }] });
    send("with_header", full).expect(201);
    send("order_shipped", json!({ "customer_name": "Ann", "order_id": "A-1", "tracking_url": "t" }))
        .expect(201);
    stack.template("positional", "APPROVED", three_params());
    send("positional", json!(["a", "b"])).refused(400, "TEMPLATE_PARAMS_MISMATCH");
    send("positional", json!(["a", "b", "c", "d"])).refused(400, "TEMPLATE_PARAMS_MISMATCH");
    send("positional", json!(["a", "b", "c"])).expect(201);
    assert_eq!(stack.sim.ledger().len(), 3);
}

fn opt_outs(api: &e2e::Api, contact: &Value) -> usize {
    let ledger = api.get(&format!("/contacts/{}/consent?page_size=100", contact["id"])).expect(200);
    ledger["items"].as_array().expect("items").iter().filter(|entry| entry["kind"] == "opt_out").count()
}

fn opted_out_contact(api: &e2e::Api, phone: &str) -> Value {
    let search = phone.trim_start_matches('+').to_owned();
    eventually("the contact is opted out", || {
        let list = api.get(&format!("/contacts?search={search}")).expect(200);
        list["items"].as_array()?.iter().find(|row| row["opted_out_at"].is_string()).cloned()
    })
}

#[test]
fn case_10_duplicate_opt_out() {
    let stack = stack();
    stack.hello();
    let phone = "+15551230010";
    stack.api.opted_in_contact(phone);
    stack.sim.writes(phone, "STOP");
    let contact = opted_out_contact(&stack.api, phone);
    eventually("the confirmation went out", || (stack.sim.sent_to(phone).len() == 1).then_some(()));
    stack.sim.writes(phone, " stop. ");
    eventually("the second STOP arrived", || {
        let list =
            stack.api.get(&format!("/messages?contact_id={}&direction=inbound", contact["id"])).expect(200);
        (list["total"] == 2).then_some(())
    });
    assert_eq!(opt_outs(&stack.api, &contact), 1);
    assert_eq!(stack.sim.sent_to(phone).len(), 1, "a second confirmation went out");
    let send = json!({ "contact_id": contact["id"], "template_name": "hello" });
    stack.api.post("/messages", send.clone()).refused(400, "CONTACT_NOT_OPTED_IN");
    let reply = json!({ "contact_id": contact["id"], "content": "But why?" });
    stack.api.post("/messages", reply.clone()).refused(400, "CONTACT_NOT_OPTED_IN");
    // Whoever writes again may be answered, but gets no template.
    stack.sim.writes(phone, "please don't stop my order");
    eventually("a reply is allowed", || {
        (stack.api.post("/messages", reply.clone()).status == 201).then_some(())
    });
    // START opts in again, with one confirmation.
    let before = stack.sim.sent_to(phone).len();
    stack.sim.writes(phone, "START");
    eventually("opted in again", || {
        let contact = stack.api.get(&format!("/contacts/{}", contact["id"])).expect(200);
        (contact["opted_in"] == true).then_some(())
    });
    eventually("the confirmation went out", || (stack.sim.sent_to(phone).len() == before + 1).then_some(()));
    stack.api.post("/messages", send).expect(201);
}

#[test]
fn case_10_fifty_stops_at_once_on_two_processes() {
    let pair = Pair::start(Database::postgres(), 2);
    let phone = "15551230011";
    let state = pair.sim.call("GET", "/state", None);
    let number = &state["accounts"]["phones"][0];
    let waba = &state["accounts"]["wabas"][0]["id"];
    let contact = pair.api(0).opted_in_contact(&format!("+{phone}"));
    let contact = pair.api(0).get(&format!("/contacts/{contact}")).expect(200);
    // Decisions count by their time: these are later than the opt-in.
    let at = time(&contact["opted_in_at"]).as_second() + 1;
    let bodies: Vec<Vec<u8>> = (0..50)
        .map(|index| {
            let message = json!({
                "from": phone, "id": format!("wamid.STOP{index}"), "type": "text",
                "timestamp": at.to_string(),
                "text": { "body": if index % 2 == 0 { "STOP" } else { "Stop!" } },
            });
            let value = json!({
                "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": number["display_phone_number"], "phone_number_id": number["id"] },
                "contacts": [{ "profile": { "name": "Ann" }, "wa_id": phone }],
                "messages": [message],
            });
            let body = json!({
                "object": "whatsapp_business_account",
                "entry": [{ "id": waba, "changes": [{ "field": "messages", "value": value }] }],
            });
            body.to_string().into_bytes()
        })
        .collect();
    std::thread::scope(|scope| {
        for (index, body) in bodies.iter().enumerate() {
            let api = pair.api(index % 2);
            let signature = sign(pair.app_secret.as_bytes(), body);
            scope.spawn(move || {
                let answer =
                    api.webhook("/webhooks/whatsapp", body, Some(signature.as_bytes())).expect("an answer");
                assert_eq!(answer.status, 200);
            });
        }
    });
    let api = pair.api(1);
    let contact = opted_out_contact(&api, phone);
    eventually("all fifty arrived", || {
        let list = api.get(&format!("/messages?contact_id={}&direction=inbound", contact["id"])).expect(200);
        (list["total"] == 50).then_some(())
    });
    let confirmations = || {
        let list = api.get(&format!("/messages?contact_id={}&direction=outbound", contact["id"])).expect(200);
        list["items"].as_array().cloned().unwrap_or_default()
    };
    eventually("the confirmation was tried", || {
        let all = confirmations();
        (!all.is_empty() && all.iter().all(|row| row["status"] != "queued" && row["status"] != "sending"))
            .then_some(())
    });
    assert_eq!(confirmations().len(), 1);
    assert_eq!(opt_outs(&api, &contact), 1);
    assert!(pair.sim.ledger().len() <= 1);
}

#[test]
fn case_12_access_token_expiration() {
    let stack = stack();
    stack.hello();
    let contacts: Vec<i64> =
        (0..5).map(|index| stack.api.opted_in_contact(&format!("+155512300{}", 20 + index))).collect();
    stack.sim.call("POST", "/tokens/expire", Some(json!({})));
    for contact in &contacts {
        let error = stack
            .api
            .post("/messages", json!({ "contact_id": contact, "template_name": "hello" }))
            .refused(401, "TOKEN_EXPIRED");
        assert_eq!(error["message"], "WhatsApp access token has expired");
        assert_eq!(error["details"]["action_required"], "Reconnect WhatsApp in Settings");
        has_members(&error["details"], &["expired_at"]);
    }
    let path = format!("/connections/{}", stack.connection());
    let connection = stack.api.get(&path).expect(200);
    assert_eq!(connection["state"], "error");
    let open = |kind: &str| -> Vec<Value> {
        let alerts = stack.api.get("/alerts?page_size=100").expect(200);
        let all = alerts["items"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|alert| alert["kind"] == kind && alert["resolved_at"].is_null()).collect()
    };
    assert_eq!(open("token_expired").len(), 1);
    let queued = stack.api.get("/messages?status=queued").expect(200);
    assert_eq!(queued["total"], 5, "the queue was not kept");
    assert!(stack.sim.ledger().is_empty());

    let issued = stack.sim.call("POST", "/tokens/issue", Some(json!({})));
    let token =
        issued["access_token"].as_str().or_else(|| issued["token"].as_str()).expect("a token").to_owned();
    stack.api.post(&format!("{path}/reconnect"), json!({ "access_token": token })).expect(200);
    eventually("the queue went out", || (stack.sim.ledger().len() == 5).then_some(()));
    let reached: HashSet<String> =
        stack.sim.ledger().iter().filter_map(|entry| Some(entry["to"].as_str()?.to_owned())).collect();
    assert_eq!(reached.len(), 5, "somebody got it twice");
    assert_eq!(stack.api.get(&path).expect(200)["state"], "active");
    eventually("the alert is resolved", || open("token_expired").is_empty().then_some(()));
}
