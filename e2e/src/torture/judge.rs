//! The judge, who believes the simulator's ledger alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{STILL, Torture};
use crate::{Api, Pair, eventually_within};

impl Torture {
    /// Of whom nobody will ever know whether Meta got it, at most: a kill loses the calls that were in flight and what was
    /// claimed for the next moment (three tenths of a second's worth, of which a throttle leaves less). A cut connection loses
    /// nobody, because Meta's statuses settle what it took.
    fn may_be_given_up(self) -> usize {
        let claimed_and_in_flight = self.per_second() * 4 / 10 + 8;
        self.kills * self.numbers * claimed_and_in_flight
    }
}

fn all(api: &Api, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}page_size=100{cursor}")).expect(200);
        rows.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

fn text<'v>(row: &'v Value, member: &str) -> &'v str {
    row[member].as_str().unwrap_or_default()
}

/// Recipients by state, once nobody is under way any more.
fn settled(pair: &Pair, api: &Api, path: &str) -> Vec<Value> {
    let ended = eventually_within(STILL * 5, "the broadcast is through", || {
        let now = api.get(path).expect(200);
        (now["status"] != "sending").then_some(now)
    });
    assert_eq!(ended["status"], "completed", "{ended:#}");
    // Meta's word settles what it took; the tenant's time then rules on what never left.
    let taken: BTreeSet<i64> = pair.sim.ledger().iter().map(message_of).collect();
    let in_doubt = || all(api, &format!("{path}/recipients?state=in_doubt&"));
    eventually_within(STILL, "what Meta took is settled", || {
        let open = in_doubt();
        open.iter().all(|row| !taken.contains(&row["message_id"].as_i64().unwrap_or(0))).then_some(())
    });
    eprintln!("{} taken by Meta, {} in doubt that never left", taken.len(), in_doubt().len());
    api.call("PATCH", "/settings", Some(&json!({ "in_doubt_after_seconds": 10 }))).expect(200);
    eventually_within(STILL, "the rest is ruled on", || in_doubt().is_empty().then_some(()));
    let mut rows = Vec::new();
    eventually_within(STILL, "every status of Meta has come", || {
        rows = all(api, &format!("{path}/recipients?"));
        let waiting = |row: &&Value| ["sent", "delivered"].contains(&text(row, "state"));
        (!rows.iter().any(|row| waiting(&row))).then_some(())
    });
    rows
}

fn message_of(entry: &Value) -> i64 {
    let data = entry["callback_data"].as_str().expect("our callback data");
    data.split('.').nth(2).and_then(|id| id.parse().ok()).expect("our message id")
}

/// Judges a broadcast that everything was done to.
pub(super) fn judge(pair: &Pair, broadcast: i64, torture: Torture, absent: &BTreeMap<String, bool>) {
    let api = pair.api(0);
    let path = format!("/broadcasts/{broadcast}");
    let rows = settled(pair, &api, &path);
    let ledger = pair.sim.ledger();

    // Nobody twice, by our ids and by Meta's numbers.
    let mut by_message: BTreeMap<i64, usize> = BTreeMap::new();
    let mut by_number: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &ledger {
        *by_message.entry(message_of(entry)).or_default() += 1;
        *by_number.entry(text(entry, "to").trim_start_matches('+').to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = by_number.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "got it twice: {twice:?}");
    assert!(by_message.values().all(|count| *count == 1), "a message was accepted twice");

    // Nobody missing, each with an end that the ledger knows or that says why.
    let numbers: BTreeSet<&str> = rows.iter().map(|row| text(row, "phone")).collect();
    let all_of_them = (torture.recipients, torture.recipients);
    assert_eq!((rows.len(), numbers.len()), all_of_them, "somebody is missing, or twice in the list");
    let failures: BTreeMap<i64, bool> =
        ledger.iter().map(|entry| (message_of(entry), entry["failure"].is_number())).collect();
    let mut given_up = 0;
    for row in &rows {
        let message = row["message_id"].as_i64().unwrap_or(0);
        let ledger = failures.get(&message);
        match (text(row, "state"), text(row, "reason"), ledger, absent.get(text(row, "phone"))) {
            ("read", "", Some(false), None) | ("failed", "not_on_whatsapp", Some(true), Some(false)) => {}
            ("failed", "not_on_whatsapp", None, Some(true)) => {}
            ("failed", "outcome_unknown", None, _) => given_up += 1,
            (state, reason, known, absent) => {
                panic!(
                    "{state} {reason}, while the ledger says {known:?}, not on WhatsApp {absent:?}: {row:#}"
                )
            }
        }
    }
    eprintln!("{given_up} given up, {} may have been", torture.may_be_given_up());
    assert!(given_up <= torture.may_be_given_up(), "{given_up} were given up without Meta");
    let taken: BTreeSet<i64> = rows.iter().filter_map(|row| row["message_id"].as_i64()).collect();
    let strangers: Vec<_> = failures.keys().filter(|message| !taken.contains(message)).collect();
    assert!(strangers.is_empty(), "accepted, and in nobody's row: {strangers:?}");
    judge_counts(&api, &path, &rows);
    judge_lists(&api, &path, &rows);

    // A throttle costs no attempt, and nothing is tried again blindly.
    for row in all(&api, &format!("/messages?broadcast_id={broadcast}&")) {
        assert_eq!(row["attempts"], 1, "{row:#}");
    }
}

/// The counts of results, and those of the broadcast, are those of the rows.
fn judge_counts(api: &Api, path: &str, rows: &[Value]) {
    let in_state = |states: &[&str]| rows.iter().filter(|row| states.contains(&text(row, "state"))).count();
    let results = api.get(&format!("{path}/results")).expect(200);
    let counts = &results["counts"];
    assert_eq!(counts, &api.get(path).expect(200)["counts"]);
    for (name, states) in [
        ("pending", &["pending"][..]),
        ("queued", &["queued", "sending"]),
        ("sent", &["sent", "delivered", "read"]),
        ("delivered", &["delivered", "read"]),
        ("read", &["read"]),
        ("failed", &["failed"]),
        ("in_doubt", &["in_doubt"]),
        ("cancelled", &["cancelled"]),
        ("left_out", &["left_out"]),
    ] {
        assert_eq!(counts[name].as_u64(), Some(in_state(states) as u64), "{name}: {results:#}");
    }
    let numbers = &results["results"];
    assert_eq!(numbers["total"].as_u64(), Some(rows.len() as u64), "{numbers:#}");
    assert_eq!(numbers["sent"].as_u64(), Some(in_state(&["read"]) as u64), "{numbers:#}");
    assert_eq!(numbers["failed"].as_u64(), Some(in_state(&["failed"]) as u64), "{numbers:#}");
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| text(row, "state") == "failed") {
        *reasons.entry(text(row, "reason")).or_default() += 1;
    }
    for (reason, count) in numbers["failure_breakdown"].as_object().expect("a breakdown") {
        assert_eq!(count.as_u64(), Some(reasons.remove(&**reason).unwrap_or(0)), "{reason}: {numbers:#}");
    }
    assert!(reasons.is_empty(), "not in the breakdown: {reasons:?}");
    judge_hours(&results);
}

/// Hours add up to the whole, and nothing is taken away from an hour in which it did not happen.
fn judge_hours(results: &Value) {
    let hours = results["by_hour"].as_array().expect("hours");
    for name in ["sent", "delivered", "read", "replied", "failed", "opted_out"] {
        let cells: Vec<i64> = hours.iter().filter_map(|hour| hour[name].as_i64()).collect();
        assert_eq!(cells.len(), hours.len(), "{name}: {results:#}");
        assert!(cells.iter().all(|cell| *cell >= 0), "{name} is below 0: {results:#}");
        assert_eq!(Some(cells.iter().sum::<i64>()), results["counts"][name].as_i64(), "{name}: {results:#}");
    }
}

/// Lists by state and by reason have as many as there are rows of theirs.
fn judge_lists(api: &Api, path: &str, rows: &[Value]) {
    let states = [
        "pending",
        "queued",
        "sending",
        "sent",
        "delivered",
        "read",
        "failed",
        "in_doubt",
        "cancelled",
        "left_out",
    ];
    let total = |filter: &str| {
        api.get(&format!("{path}/recipients?page_size=1&{filter}")).expect(200)["total"].as_u64()
    };
    for state in states {
        let count = rows.iter().filter(|row| text(row, "state") == state).count() as u64;
        assert_eq!(total(&format!("state={state}")), Some(count), "state={state}");
    }
    for reason in ["not_on_whatsapp", "outcome_unknown", "rate_limited", "rejected"] {
        let is = |row: &&Value| text(row, "state") == "failed" && text(row, "reason") == reason;
        let count = rows.iter().filter(is).count() as u64;
        assert_eq!(total(&format!("state=failed&reason={reason}")), Some(count), "reason={reason}");
    }
}
