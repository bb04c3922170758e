//! The audit trail, by the real binary: what was done is in it, and what was done to it is found.

#![allow(clippy::unwrap_used, reason = "helpers of tests, though they are no test functions themselves")]

use std::path::Path;

use e2e::{Api, Database, Pair, eventually};
use serde_json::{Value, json};

const CUSTOMER: &str = "+12025550142";

/// The newest entry of this action.
fn entry(api: &Api, action: &str) -> Option<Value> {
    let trail = api.get(&format!("/audit?action={action}")).expect(200);
    trail["items"].as_array()?.first().cloned()
}

#[track_caller]
fn told(api: &Api, action: &str) -> Value {
    entry(api, action).unwrap_or_else(|| panic!("no entry of {action}"))
}

/// Bytes of a file, replaced by as many others; answers how often.
fn replace(file: &Path, from: &str, to: &str) -> usize {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(file).unwrap();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, at)| *at == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    for place in &places {
        bytes[*place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    std::fs::write(file, bytes).unwrap();
    places.len()
}

#[test]
fn what_was_done_is_told_and_what_was_done_to_the_trail_is_found() {
    let mut pair = Pair::start(Database::sqlite(), 1);
    let tenant = pair.tenant.to_string();
    let api = pair.api(0);

    // A key by a command, and one by a key.
    pair.command(&["key", "create", "--tenant", &tenant, "--name", "made by hand"]);
    let key = api.post("/api-keys", json!({ "name": "key-of-before", "scopes": ["read"] })).expect(201);
    let by_key = told(&api, "api_key_created");
    assert_eq!(by_key["subject"], format!("api_key:{}", key["id"]));
    assert_eq!(
        (&by_key["actor"]["kind"], &by_key["actor"]["address"]),
        (&json!("api_key"), &json!("127.0.0.1"))
    );
    let commands = api.get("/audit?actor=command&action=api_key_created").expect(200);
    assert_eq!(commands["items"][0]["after"]["name"], "made by hand");

    // Consent, a send, an export, and a STOP.
    let contact = api.opted_in_contact(CUSTOMER);
    assert_eq!(told(&api, "opted_in")["subject"], format!("contact:{contact}"));
    pair.sim.template(json!({
        "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": "Hello from us." }],
    }));
    api.post("/templates/sync", json!({})).expect(200);
    let sent = api.post("/messages", json!({ "contact_id": contact, "template_name": "hello" })).expect(201);
    let send = told(&api, "messages_sent");
    assert_eq!(send["subject"], format!("message:{}", sent["message_id"]));
    assert_eq!(send["after"]["messages"][0]["contact"], contact);
    assert_eq!(api.get("/contacts/export.csv").status, 200);
    assert_eq!(told(&api, "contacts_exported")["actor"]["kind"], "api_key");
    pair.sim.writes(CUSTOMER, "STOP");
    let stop = eventually("the STOP", || entry(&api, "opted_out"));
    assert_eq!(
        (&stop["actor"]["kind"], &stop["actor"]["id"], &stop["before"]["opted_in"]),
        (&json!("customer"), &json!(contact), &json!(true))
    );
    let verdict = api.get("/audit/verify").expect(200);
    assert_eq!((&verdict["valid"], &verdict["broken"]), (&json!(true), &json!([])), "{verdict:#}");

    // The command says the same, of a server at work and of one that stopped.
    let whole = pair.command(&["audit", "verify", "--tenant", &tenant]);
    assert!(whole.contains("The trail is whole"), "{whole}");
    let lines = pair.command(&["audit", "export", "--tenant", &tenant]);
    assert!(lines.lines().count() > 8 && !lines.contains(CUSTOMER.trim_start_matches('+')), "{lines}");
    assert!(pair.terminate(0));
    let whole = pair.command(&["audit", "verify", "--tenant", &tenant]);
    let end = whole.split_whitespace().last().unwrap().to_owned();
    pair.command(&["audit", "verify", "--tenant", &tenant, "--known", &end]);

    // Somebody with the file in hand.
    let database = Path::new(&pair.database.data()).join("waxwing.db");
    assert!(
        replace(&database, "key-of-before", "key-of-others") >= 2,
        "in the list of keys and in the trail"
    );
    let broken = pair.try_command(&["audit", "verify", "--tenant", &tenant]).unwrap_err();
    assert!(broken.contains("The trail is broken: 1 places") && broken.contains("changed"), "{broken}");
    replace(&database, "key-of-others", "key-of-before");
    pair.command(&["audit", "verify", "--tenant", &tenant, "--known", &end]);

    // The server itself says so, too.
    assert!(replace(&database, "made by hand", "made by hans") >= 2);
    pair.boot(0);
    let verdict = pair.api(0).get("/audit/verify").expect(200);
    assert_eq!((&verdict["valid"], &verdict["broken"][0]["what"]), (&json!(false), &json!("changed")));
}

#[test]
fn a_database_put_back_to_an_earlier_state_is_found() {
    let mut pair = Pair::start(Database::sqlite(), 1);
    let tenant = pair.tenant.to_string();
    assert!(pair.terminate(0));
    let data = pair.database.data();
    let (database, kept) = (Path::new(&data).join("waxwing.db"), Path::new(&data).join("earlier"));
    std::fs::copy(&database, &kept).unwrap();
    pair.boot(0);
    pair.api(0).opted_in_contact(CUSTOMER);
    assert!(pair.terminate(0));
    pair.command(&["audit", "verify", "--tenant", &tenant]);
    std::fs::copy(&kept, &database).unwrap();
    let broken = pair.try_command(&["audit", "verify", "--tenant", &tenant]).unwrap_err();
    assert!(broken.contains("rolled_back"), "{broken}");
}
