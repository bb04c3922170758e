//! Broadcasts on two nodes over one PostgreSQL: what one node did a moment ago holds for the other.

use std::time::Duration;

use e2e::{Api, Database, Pair, eventually, eventually_within};
use serde_json::{Value, json};

fn pair() -> Pair {
    let pair = Pair::start(Database::postgres(), 2);
    pair.sim.template(json!({
        "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": "Hello from us." }],
    }));
    let api = pair.api(0);
    api.post("/templates/sync", json!({})).expect(200);
    for index in 0..20 {
        api.opted_in_contact(&format!("+1555127{index:04}"));
    }
    pair
}

/// To everybody; its id.
#[track_caller]
fn send(api: &Api) -> i64 {
    let body = json!({ "name": "News", "template_name": "hello", "audience": { "all": true } });
    let made = api.post("/broadcasts", body).expect(201);
    let id = made["id"].as_i64().unwrap_or_else(|| panic!("no id in {made:#}"));
    api.post(&format!("/broadcasts/{id}/send"), json!({})).expect(202);
    id
}

#[track_caller]
fn becomes(api: &Api, id: i64, status: &str) -> Value {
    eventually_within(Duration::from_secs(30), &format!("the broadcast is {status}"), || {
        let now = api.get(&format!("/broadcasts/{id}")).expect(200);
        assert!(now["status"] == status || status == "paused" || now["status"] != "paused", "{now:#}");
        (now["status"] == status).then_some(now)
    })
}

fn new_token(pair: &Pair) -> String {
    let issued = pair.sim.call("POST", "/tokens/issue", Some(json!({})));
    let token = issued["token"].as_str().or_else(|| issued["access_token"].as_str());
    token.unwrap_or_else(|| panic!("no token in {issued:#}")).to_owned()
}

#[test]
fn a_broadcast_that_is_resumed_right_after_the_repair_of_its_number_goes_on() {
    let pair = pair();
    let (here, there) = (pair.api(0), pair.api(1));
    for round in 1..=3 {
        pair.sim.call("POST", "/tokens/expire", Some(json!({})));
        let id = send(&here);
        let stopped = becomes(&here, id, "paused");
        assert_eq!(stopped["reason"]["code"], "token_expired", "{stopped:#}");
        let token = new_token(&pair);
        let path = format!("/connections/{}/reconnect", pair.connection);
        here.post(&path, json!({ "access_token": token })).expect(200);
        // The node that did not repair it lets it go on as well.
        there.post(&format!("/broadcasts/{id}/resume"), json!({})).expect(200);
        let through = becomes(&here, id, "completed");
        assert_eq!(through["counts"]["sent"], 20, "{through:#}");
        eventually("everybody got it once", || (pair.sim.ledger().len() == 20 * round).then_some(()));
    }
}

#[test]
fn a_broadcast_from_a_number_that_was_linked_a_moment_ago_is_not_stopped() {
    let pair = pair();
    let api = pair.api(0);
    let accounts = pair.sim.call("GET", "/state", None)["accounts"].clone();
    let mut connection = pair.connection;
    for _ in 0..3 {
        api.call("DELETE", &format!("/connections/{connection}"), None).expect(200);
        let body = json!({
            "name": "Anew",
            "phone_number_id": accounts["phones"][0]["id"],
            "waba_id": accounts["wabas"][0]["id"],
            "app_id": accounts["apps"][0]["id"],
            "access_token": new_token(&pair),
            "app_secret": pair.app_secret,
            "verify_token": "pair-verify-token",
            "graph_url": pair.sim.url,
        });
        let made = api.post("/connections", body).expect(201);
        let made = made.get("connection").unwrap_or(&made);
        connection = made["id"].as_i64().unwrap_or_else(|| panic!("no id in {made:#}"));
        let id = send(&api);
        becomes(&api, id, "completed");
        let open = api.get("/alerts?page_size=100").expect(200);
        assert!(!open.to_string().contains("broadcast_stopped"), "{open:#}");
    }
}
