//! A broadcast that everything is done to: killed, paused, throttled, cut off; and the judge, who believes the
//! simulator's ledger alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::{Api, Database, Pair, eventually, eventually_within};

/// How hard.
#[derive(Debug, Clone, Copy)]
pub struct Torture {
    pub recipients: usize,
    pub kills: usize,
    pub pauses: usize,
    /// Of the moments, and of the simulator.
    pub seed: u64,
}

/// A share of what Meta is asked.
const THROTTLED: f64 = 0.02;
const CUT: f64 = 0.01;
const NOT_ON_WHATSAPP: f64 = 0.03;

/// The longest that nothing may happen, and that anything may take.
const STILL: Duration = Duration::from_secs(120);

enum Blow {
    Kill,
    Pause,
}

impl Torture {
    /// Does it all, then judges.
    ///
    /// # Panics
    /// When somebody got it twice, somebody is missing, or a count differs from the rows.
    pub fn run(self, database: Database) {
        eprintln!("{self:?} on {}", database.name());
        let mut pair = Pair::start_seeded(database, 1, self.seed);
        let broadcast = self.prepare(&pair);
        self.strike(&mut pair, broadcast);
        judge(&pair, broadcast, self.recipients);
    }

    fn prepare(self, pair: &Pair) -> i64 {
        pair.sim.template(json!({
            "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
            "components": [{ "type": "BODY", "text": "Hello from us." }],
        }));
        let api = pair.api(0);
        api.post("/templates/sync", json!({})).expect(200);
        // Long enough for every blow to hit it at work.
        let per_second = (self.recipients / (self.kills + self.pauses)).clamp(80, 1_000);
        let limit = json!({ "rate_limit": { "limit": per_second, "period_seconds": 1 } });
        api.call("PATCH", &format!("/connections/{}", pair.connection), Some(&limit)).expect(200);
        std::thread::scope(|scope| {
            for client in 0..4 {
                let api = api.clone();
                scope.spawn(move || {
                    for index in (client..self.recipients).step_by(4) {
                        let body = json!({ "phone": phone(index), "opted_in": true });
                        api.post("/contacts", body).expect(201);
                    }
                });
            }
        });
        pair.sim.faults(json!({
            "throughput_per_second": 0, "tier": "TIER_UNLIMITED", "ledger_bodies": false,
            "latency_ms": 5, "latency_jitter_ms": 20,
            "error_rate": THROTTLED, "error_code": 130_429, "cut_after_accept_rate": CUT,
            "not_on_whatsapp_rate": NOT_ON_WHATSAPP, "not_on_whatsapp_at": "either",
            "webhook_duplicate_rate": 0.1, "webhook_reorder": 0.2, "webhook_retry_cap_ms": 1_000,
        }));
        let body = json!({ "name": "Torture", "template_name": "hello", "audience": { "all": true } });
        let made = api.post("/broadcasts", body).expect(201);
        made["id"].as_i64().unwrap_or_else(|| panic!("no id in {made:#}"))
    }

    /// Blows at random places of the way, the first of them while the audience is being frozen.
    fn strike(self, pair: &mut Pair, broadcast: i64) {
        let mut chance = StdRng::seed_from_u64(self.seed);
        let most = self.recipients * 9 / 10;
        let mut blows: Vec<(usize, Blow)> = Vec::new();
        for kill in 0..self.kills {
            blows.push((if kill == 0 { 0 } else { chance.random_range(0..most) }, Blow::Kill));
        }
        for _ in 0..self.pauses {
            blows.push((chance.random_range(1..most), Blow::Pause));
        }
        blows.sort_by_key(|(at, _)| *at);
        let path = format!("/broadcasts/{broadcast}");
        let api = pair.api(0);
        let started = api.post(&format!("{path}/send"), json!({}));
        assert!(started.status < 300, "{:#}", started.body);
        for (at, blow) in blows {
            eventually_within(STILL, &format!("{at} of {} were sent", self.recipients), || {
                (accepted(pair) >= at).then_some(())
            });
            std::thread::sleep(Duration::from_millis(chance.random_range(0..60)));
            match blow {
                Blow::Kill => {
                    pair.kill(0);
                    eprintln!("killed after {}", accepted(pair));
                    pair.boot(0);
                }
                Blow::Pause => {
                    step(&api, &path, "pause", "paused");
                    eprintln!("paused after {}", accepted(pair));
                    std::thread::sleep(Duration::from_millis(chance.random_range(0..200)));
                    step(&api, &path, "resume", "sending");
                }
            }
        }
    }
}

fn phone(index: usize) -> String {
    format!("+49151{:08}", 31_000_000 + index)
}

fn accepted(pair: &Pair) -> usize {
    let state = pair.sim.call("GET", "/state", None);
    state["accepted"].as_u64().and_then(|count| usize::try_from(count).ok()).expect("the simulator counts")
}

/// Takes a step, whatever the broadcast's state is when the answer of the first try was lost; nothing after its end.
fn step(api: &Api, path: &str, name: &str, state: &str) {
    eventually(&format!("{name} is done"), || {
        let answer = api.try_call("POST", &format!("{path}/{name}"), Some(&json!({})), &[])?;
        let now = api.try_call("GET", path, None, &[])?;
        let status = now.body["data"]["status"].as_str()?.to_owned();
        (answer.status < 300 || status == state || status == "completed").then_some(())
    });
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

fn judge(pair: &Pair, broadcast: i64, count: usize) {
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
    assert_eq!((rows.len(), numbers.len()), (count, count), "somebody is missing, or twice in the list");
    let failures: BTreeMap<i64, bool> =
        ledger.iter().map(|entry| (message_of(entry), entry["failure"].is_number())).collect();
    for row in &rows {
        let message = row["message_id"].as_i64().unwrap_or(0);
        match (text(row, "state"), failures.get(&message)) {
            ("read", Some(false)) => {}
            ("failed", Some(true)) => assert_eq!(row["reason"], "not_on_whatsapp", "{row:#}"),
            ("failed", None) => {
                let reasons = ["not_on_whatsapp", "outcome_unknown"];
                assert!(reasons.contains(&text(row, "reason")), "failed without Meta: {row:#}");
            }
            (state, known) => panic!("{state}, while the ledger says {known:?}: {row:#}"),
        }
    }
    let taken: BTreeSet<i64> = rows.iter().filter_map(|row| row["message_id"].as_i64()).collect();
    let strangers: Vec<_> = failures.keys().filter(|message| !taken.contains(message)).collect();
    assert!(strangers.is_empty(), "accepted, and in nobody's row: {strangers:?}");
    judge_counts(&api, &path, &rows);

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
}
