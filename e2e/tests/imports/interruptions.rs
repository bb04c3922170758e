//! An import that is killed, and one that is cancelled.

use std::time::Duration;

use e2e::{Api, Database, Pair, Stack, eventually_within, on_each_engine};
use serde_json::json;

use crate::{counts, ended, import, large, text, total};

/// Of many the total is an estimate until they were counted behind the list.
fn comes_to(api: &Api, query: &str, expected: u32) {
    eventually_within(Duration::from_secs(60), "all are counted", || {
        (total(api, query) == u64::from(expected)).then_some(())
    });
}

#[test]
fn an_import_that_is_killed_goes_on_at_its_cursor() {
    on_each_engine(|database| {
        // More than are through before the call is answered, on a fast machine too.
        const ROWS: u32 = 150_000;
        let mut pair = Pair::start(database, 1);
        let api = pair.api(0);
        let answer = import(&api, "big.csv", &large(ROWS), &[("skip_duplicates", "false")]);
        let id = answer.body["data"]["import_id"].clone();
        let path = format!("/contacts/import/{id}");
        let mut seen = 0;
        let mut kills = 0;
        for part in [0_u32, 30_000, 75_000, 110_000] {
            let now = eventually_within(Duration::from_secs(120), "rows are written", || {
                let report = api.get(&path).expect(200);
                let processed = report["processed"].as_u64().expect("a number");
                (processed > u64::from(part) || report["state"] != "running").then_some(report)
            });
            if now["state"] != "running" {
                break;
            }
            let processed = now["processed"].as_u64().expect("a number");
            assert!(processed >= seen, "the cursor went back from {seen} to {processed}");
            seen = processed;
            pair.kill(0);
            kills += 1;
            pair.boot(0);
        }
        assert!(kills > 0, "it was over before it could be killed");
        let report = ended(&api, &json!({"import_id": id}));
        assert_eq!(
            (&report["state"], counts(&report)),
            (&json!("completed"), [u64::from(ROWS), u64::from(ROWS), 0, 0, 0])
        );
        comes_to(&api, "", ROWS);
        comes_to(&api, "&opted_in=true", ROWS);
        let ledger = api.get("/contacts/77/consent").expect(200);
        assert_eq!(ledger["total"], 1);
    });
}

#[test]
fn a_cancelled_import_ends_and_keeps_what_it_made() {
    let stack = Stack::start(Database::sqlite());
    let answer = import(&stack.api, "big.csv", &large(150_000), &[]);
    assert_eq!(answer.status, 202, "{:#}", answer.body);
    let id = answer.body["data"]["import_id"].clone();
    eventually_within(Duration::from_secs(60), "rows are written", || {
        let report = stack.api.get(&format!("/contacts/import/{id}")).expect(200);
        (report["imported"] != 0).then_some(())
    });
    let cancelled = stack.api.post(&format!("/contacts/import/{id}/cancel"), json!({})).expect(200);
    assert_eq!(cancelled["state"], "cancelled");
    let imported = cancelled["imported"].as_u64().expect("a number");
    assert!(imported > 0 && imported < 150_000, "{imported}");
    assert_eq!(total(&stack.api, ""), imported);
    let again = stack.api.post(&format!("/contacts/import/{id}/cancel"), json!({}));
    assert_eq!(again.refused(409, "INVALID_STATE")["details"]["current"], "cancelled");
    let events = text(&stack.api, &format!("/contacts/import/{id}/events"));
    assert!(events.starts_with("event: progress\ndata: {"), "{events}");
    let list = stack.api.get("/contacts/imports").expect(200);
    assert_eq!((&list["total"], &list["items"][0]["import_id"]), (&json!(1), &id));
}
