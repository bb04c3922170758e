//! A broadcast that everything is done to: killed, paused, throttled, cut off; and the judge, who believes the
//! simulator's ledger alone.

mod judge;

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
    /// Servers that share the work (more than one needs PostgreSQL): a kill hits one of them, and it stays dead until
    /// another sends from its number.
    pub nodes: usize,
    /// Numbers that it is sent from.
    pub numbers: usize,
    /// Of the moments, of the simulator, and of who is not on WhatsApp.
    pub seed: u64,
}

/// A share of what Meta is asked.
const THROTTLED: f64 = 0.02;
const CUT: f64 = 0.01;
/// Of the recipients.
const NOT_ON_WHATSAPP: f64 = 0.03;
/// For how long nothing may go out once a pause holds.
const QUIET: Duration = Duration::from_millis(300);

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
        let mut pair = Pair::start_seeded(database, self.nodes, self.seed);
        let mut connections = vec![pair.connection];
        connections.extend((1..self.numbers).map(|number| pair.another_number(number)));
        let absent = self.absent();
        let broadcast = self.prepare(&pair, &connections, &absent);
        self.strike(&mut pair, broadcast);
        judge::judge(&pair, broadcast, self, &absent);
    }

    /// What one number may send per second: so slow that every blow hits it at work, and that the others do not send
    /// everything in the 15 seconds until a lane is taken over.
    fn per_second(self) -> usize {
        let (after_a_kill, slowest) = if self.nodes > 1 { (15, 20) } else { (1, 80) };
        let seconds = (self.kills * after_a_kill + self.pauses).max(1);
        (self.recipients / seconds).clamp(slowest, 1_000) / self.numbers
    }

    /// Who is not on WhatsApp, and whether Meta says so at once.
    fn absent(self) -> BTreeMap<String, bool> {
        let mut chance = StdRng::seed_from_u64(self.seed ^ 0x6e6f_7768);
        let count = (self.recipients as f64 * NOT_ON_WHATSAPP).ceil() as usize;
        let mut absent = BTreeMap::new();
        while absent.len() < count {
            absent.insert(phone(chance.random_range(0..self.recipients)), chance.random_range(0..2) == 0);
        }
        absent
    }

    fn prepare(self, pair: &Pair, connections: &[i64], absent: &BTreeMap<String, bool>) -> i64 {
        pair.sim.template(json!({
            "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
            "components": [{ "type": "BODY", "text": "Hello from us." }],
        }));
        let api = pair.api(0);
        api.post("/templates/sync", json!({})).expect(200);
        let limit = json!({ "rate_limit": { "limit": self.per_second(), "period_seconds": 1 } });
        for connection in connections {
            api.call("PATCH", &format!("/connections/{connection}"), Some(&limit)).expect(200);
        }
        for (phone, at_once) in absent {
            let failure_at = if *at_once { "once" } else { "status" };
            pair.sim.customer(phone, json!({ "on_whatsapp": false, "failure_at": failure_at }));
        }
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
            "webhook_duplicate_rate": 0.1, "webhook_reorder": 0.2, "webhook_retry_cap_ms": 1_000,
        }));
        let body = json!({
            "name": "Torture", "template_name": "hello", "audience": { "all": true }, "connection_ids": connections,
        });
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
            // Whom a kill left in doubt is never sent to again: there may be fewer than that.
            let is_over = eventually_within(STILL, &format!("{at} of {} were sent", self.recipients), || {
                let over = api.get(&path).expect(200)["status"] == "completed";
                (over || accepted(pair) >= at).then_some(over)
            });
            if is_over {
                eprintln!("over after {}", accepted(pair));
                break;
            }
            std::thread::sleep(Duration::from_millis(chance.random_range(0..60)));
            match blow {
                Blow::Kill => {
                    let node = chance.random_range(0..self.nodes);
                    pair.kill(node);
                    let dead = accepted(pair);
                    eprintln!("node {node} killed after {dead}");
                    if self.nodes > 1 {
                        self.taken_over(pair, (node + 1) % self.nodes, dead, &path);
                    }
                    pair.boot(node);
                }
                Blow::Pause => {
                    let paused = step(&api, &path, "pause", "paused");
                    eprintln!("paused after {}", accepted(pair));
                    if paused {
                        holds(pair, &api, &path);
                    }
                    step(&api, &path, "resume", "sending");
                }
            }
        }
    }
}

impl Torture {
    /// Waits until every number sends again, whichever node had its lane; or nobody is left.
    fn taken_over(self, pair: &Pair, survivor: usize, dead: usize, path: &str) {
        let api = pair.api(survivor);
        eventually_within(STILL, "the other node takes over", || {
            let since = pair.sim.call("GET", &format!("/ledger?after={dead}"), None);
            let from = |entry: &Value| entry["phone_number_id"].as_str().map(str::to_owned);
            let sends: BTreeSet<String> = since.as_array()?.iter().filter_map(from).collect();
            let over = api.get(path).expect(200)["status"] == "completed";
            (sends.len() == self.numbers || over).then_some(())
        });
    }
}

/// A pause holds: once what was on its way has come through, nothing goes out any more.
fn holds(pair: &Pair, api: &Api, path: &str) {
    let quiet = eventually_within(STILL, "nothing is being sent any more", || {
        let sending = api.get(&format!("{path}/recipients?state=sending&page_size=1")).expect(200);
        (sending["total"] == 0).then(|| accepted(pair))
    });
    std::thread::sleep(QUIET);
    assert_eq!(accepted(pair), quiet, "it went on while it was paused");
}

fn phone(index: usize) -> String {
    format!("+49151{:08}", 31_000_000 + index)
}

fn accepted(pair: &Pair) -> usize {
    let state = pair.sim.call("GET", "/state", None);
    state["accepted"].as_u64().and_then(|count| usize::try_from(count).ok()).expect("the simulator counts")
}

/// Takes a step, whatever the broadcast's state is when the answer of the first try was lost; nothing after its end.
/// Answers whether the broadcast is in this state now.
fn step(api: &Api, path: &str, name: &str, state: &str) -> bool {
    eventually(&format!("{name} is done"), || {
        let answer = api.try_call("POST", &format!("{path}/{name}"), Some(&json!({})), &[])?;
        let now = api.try_call("GET", path, None, &[])?;
        let status = now.body["data"]["status"].as_str()?.to_owned();
        (answer.status < 300 || status == state || status == "completed").then(|| status == state)
    })
}
