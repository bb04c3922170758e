//! What a preview of a broadcast says, and what becomes of the broadcast: through HTTP against the real binary.

use std::time::Duration;

use e2e::{Database, Stack, eventually_within};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// A marketing template with the contact's name.
fn stack() -> Stack {
    let stack = Stack::start(Database::sqlite());
    let body = json!([{ "type": "BODY", "text": "Hello {{1}}.", "example": { "body_text": [["Ann"]] } }]);
    stack.template_of("MARKETING", "offer", "APPROVED", body);
    stack
}

fn contact(stack: &Stack, phone: &str, more: Value) {
    let mut body = json!({ "phone": phone, "opted_in": true });
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    stack.api.post("/contacts", body).expect(201);
}

fn plan(schedule: Value) -> Value {
    json!({
        "name": "Offer", "template_name": "offer", "template_params": ["{{contact.name}}"],
        "audience": { "all": true }, "schedule": schedule,
    })
}

/// The time of the shared clock, as the first contact knows it, who came a moment ago.
fn now(stack: &Stack) -> jiff::Timestamp {
    let contacts = stack.api.get("/contacts").expect(200);
    contacts["items"][0]["created_at"].as_str().and_then(|text| text.parse().ok()).expect("a time")
}

/// Drafts and sends it; its id.
fn send(stack: &Stack, plan: &Value) -> i64 {
    let made = stack.api.post("/broadcasts", plan.clone()).expect(201);
    let id = made["id"].as_i64().or_else(|| made["broadcast_id"].as_i64()).expect("an id");
    let sent = stack.api.post(&format!("/broadcasts/{id}/send"), json!({}));
    assert!([200, 202].contains(&sent.status), "{:#}", sent.body);
    id
}

fn preview(stack: &Stack, plan: &Value) -> Value {
    let mut plan = plan.clone();
    plan.as_object_mut().expect("an object").remove("name");
    stack.api.post("/broadcasts/preview", plan).expect(200)
}

#[track_caller]
fn comes_to(stack: &Stack, id: i64, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually_within(MINUTE, what, || {
        let now = stack.api.get(&format!("/broadcasts/{id}/results")).expect(200);
        fits(&now).then_some(now)
    })
}

/// By reason, of a list of exclusions.
fn reasons(list: &Value) -> Vec<(String, i64)> {
    let list = list.as_array().cloned().unwrap_or_default();
    let mut list: Vec<_> = list
        .iter()
        .map(|one| {
            (one["reason"].as_str().unwrap_or_default().to_owned(), one["count"].as_i64().unwrap_or(0))
        })
        .collect();
    list.sort();
    list
}

#[test]
fn what_a_preview_counts_is_what_is_sent_and_what_is_left_out() {
    let stack = stack();
    for (index, name) in ["Ann", "Bob", "Cid\nLee", "Dan\tLee", "Eve     Lee", ""].into_iter().enumerate() {
        let more = if name.is_empty() { json!({}) } else { json!({ "name": name }) };
        contact(&stack, &format!("+1555127000{index}"), more);
    }
    contact(&stack, "+15551270010", json!({ "name": "Flo", "opted_in": false }));
    let foretold = preview(&stack, &plan(Value::Null));
    assert_eq!((&foretold["meant"], &foretold["recipients"]), (&json!(7), &json!(2)), "{foretold:#}");
    let expected = [("invalid_parameter", 3), ("missing_parameter", 1), ("no_consent", 1)];
    assert_eq!(reasons(&foretold["exclusions"]), expected.map(|(reason, count)| (reason.to_owned(), count)));
    let id = send(&stack, &plan(Value::Null));
    let through = comes_to(&stack, id, "everybody is through", |now| now["status"] == "completed");
    assert_eq!(through["results"]["sent"], 2, "{through:#}");
    assert_eq!(reasons(&through["left_out"]), reasons(&foretold["exclusions"]), "{through:#}");
    assert_eq!(stack.sim.ledger().len(), 2);
}

#[test]
fn a_local_time_that_has_passed_in_the_east_is_told_and_waits_there_for_the_next_day() {
    let stack = stack();
    for phone in ["+819012345678", "+447400123456", "+12125550123"] {
        contact(&stack, phone, json!({ "name": "Ann" }));
    }
    let now = jiff::tz::TimeZone::get("Europe/London").unwrap().to_datetime(now(&stack));
    let local = now.strftime("%Y-%m-%dT%H:%M").to_string();
    for (late, recipients, waiting) in
        [(json!("next_day"), 3, 2), (json!("now"), 3, 1), (json!("leave_out"), 2, 1)]
    {
        let foretold = preview(&stack, &plan(json!({ "local": local, "late": late })));
        assert_eq!(foretold["recipients"], recipients, "{foretold:#}");
        let told = &foretold["local_time"];
        assert_eq!((&told["passed"], &told["late"], &told["waiting"]), (&json!(1), &late, &json!(waiting)));
    }
    let id = send(&stack, &plan(json!({ "local": local })));
    comes_to(&stack, id, "London has it and the others wait", |now| {
        now["counts"]["sent"] == 1 && now["counts"]["pending"] == 2
    });
    assert_eq!(stack.sim.ledger().len(), 1);
    let id = send(&stack, &plan(json!({ "local": local, "late": "leave_out" })));
    let now = comes_to(&stack, id, "New York waits", |now| now["counts"]["pending"] == 1);
    assert_eq!(reasons(&now["left_out"]), [("time_passed".to_owned(), 1)], "{now:#}");
}

#[test]
fn each_turn_of_a_recurring_one_is_a_broadcast_of_its_own() {
    let stack = stack();
    contact(&stack, "+15551270000", json!({ "name": "Ann" }));
    let first = jiff::tz::TimeZone::UTC.to_datetime(now(&stack) + jiff::SignedDuration::from_secs(3));
    let first = first.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let id =
        send(&stack, &plan(json!({ "recurrence": { "every": "day", "first": first, "time_zone": "UTC" } })));
    let turns = eventually_within(MINUTE, "the first turn", || {
        let list = stack.api.get("/broadcasts").expect(200);
        let turns: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
        let turns: Vec<Value> = turns.into_iter().filter(|one| one["id"] != id).collect();
        turns.iter().any(|one| one["status"] == "completed").then_some(turns)
    });
    assert_eq!(turns.len(), 1, "{turns:#?}");
    assert_eq!(stack.api.get(&format!("/broadcasts/{id}")).expect(200)["status"], "scheduled");
    assert_eq!(stack.sim.ledger().len(), 1);
}
