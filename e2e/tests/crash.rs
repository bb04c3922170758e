//! kill -9 at random moments under a stream of sends and webhooks, on both stores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use e2e::{Api, Database, Pair, eventually_within};
use graph::signature::sign;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const KILLS: usize = 30;
const CONTACTS: usize = 20;

/// What clients hold an acknowledgement for.
#[derive(Default)]
struct Acknowledged {
    sends: Mutex<BTreeSet<i64>>,
    inbound: Mutex<BTreeSet<String>>,
}

#[test]
fn thirty_kills_lose_nothing_and_send_nothing_twice_on_sqlite() {
    survive(Database::sqlite());
}

#[test]
fn thirty_kills_lose_nothing_and_send_nothing_twice_on_postgresql() {
    survive(Database::postgres());
}

fn survive(database: Database) {
    let mut pair = Pair::start(database, 1);
    pair.sim.template(json!({
        "name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": "Hello from us." }],
    }));
    pair.sim.faults(json!({ "latency_ms": 5, "latency_jitter_ms": 20, "webhook_duplicate_rate": 0.1 }));
    let api = pair.api(0);
    api.post("/templates/sync", json!({})).expect(200);
    let contacts: Vec<i64> =
        (0..CONTACTS).map(|n| api.opted_in_contact(&format!("+1555124{n:04}"))).collect();
    let numbers = numbers(&pair);

    let acknowledged = Acknowledged::default();
    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let (api, contacts, acknowledged, stop, sent) =
                (api.clone(), &contacts, &acknowledged, &stop, &sent);
            scope.spawn(move || send_all_the_time(&api, worker, contacts, acknowledged, stop, sent));
        }
        for worker in 0..2 {
            let (api, numbers, acknowledged, stop) = (api.clone(), &numbers, &acknowledged, &stop);
            let secret = pair.app_secret;
            scope.spawn(move || write_all_the_time(&api, secret, worker, numbers, acknowledged, stop));
        }
        let mut chance = StdRng::seed_from_u64(7);
        for kill in 0..KILLS {
            let before = sent.load(Ordering::SeqCst);
            eventually_within(Duration::from_secs(60), "sends go on", || {
                (sent.load(Ordering::SeqCst) >= before + 5).then_some(())
            });
            std::thread::sleep(Duration::from_millis(chance.random_range(0..250)));
            pair.kill(0);
            pair.boot(0);
            eprintln!("kill {kill}: {} sends acknowledged", sent.load(Ordering::SeqCst));
        }
        stop.store(true, Ordering::SeqCst);
    });
    judge(&pair, &api, &acknowledged);
}

struct Numbers {
    phone_number_id: Value,
    display: Value,
    waba: Value,
}

fn numbers(pair: &Pair) -> Numbers {
    let accounts = pair.sim.call("GET", "/state", None)["accounts"].clone();
    Numbers {
        phone_number_id: accounts["phones"][0]["id"].clone(),
        display: accounts["phones"][0]["display_phone_number"].clone(),
        waba: accounts["wabas"][0]["id"].clone(),
    }
}

/// Sends, and repeats under the same key until it is acknowledged, as a careful client does.
fn send_all_the_time(
    api: &Api,
    worker: usize,
    contacts: &[i64],
    acknowledged: &Acknowledged,
    stop: &AtomicBool,
    sent: &AtomicUsize,
) {
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        count += 1;
        let key = format!("crash-{worker}-{count}");
        let body = json!({ "contact_id": contacts[count % contacts.len()], "template_name": "hello" });
        let headers = [("Idempotency-Key", key.as_str()), ("Prefer", "respond-async")];
        loop {
            match api.try_call("POST", "/messages", Some(&body), &headers) {
                Some(answer) if answer.status < 300 => {
                    let id = answer.body["data"]["message_id"].as_i64().expect("a message id");
                    acknowledged.sends.lock().expect("a lock").insert(id);
                    sent.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Some(answer) if answer.status < 500 => panic!("{} {:#}", answer.status, answer.body),
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        // The number sends 80 a second: a little less is offered.
        std::thread::sleep(Duration::from_millis(40));
    }
}

/// Posts messages of customers, and repeats until 200, as Meta does.
fn write_all_the_time(
    api: &Api,
    secret: &str,
    worker: usize,
    numbers: &Numbers,
    acknowledged: &Acknowledged,
    stop: &AtomicBool,
) {
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        count += 1;
        let wamid = format!("wamid.CRASH.{worker}.{count}");
        let body = json!({
            "object": "whatsapp_business_account",
            "entry": [{ "id": numbers.waba, "changes": [{ "field": "messages", "value": {
                "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": numbers.display, "phone_number_id": numbers.phone_number_id },
                "messages": [{
                    "from": format!("1555125{:04}", count % 50), "id": wamid, "type": "text",
                    "timestamp": "1790000000", "text": { "body": format!("message {count}") },
                }],
            } }] }],
        })
        .to_string();
        let signature = sign(secret.as_bytes(), body.as_bytes());
        loop {
            match api.webhook("/webhooks/whatsapp", body.as_bytes(), Some(signature.as_bytes())) {
                Some(answer) if answer.status == 200 => break,
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        acknowledged.inbound.lock().expect("a lock").insert(wamid);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn all(api: &Api, filter: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("/messages?page_size=100&{filter}{cursor}")).expect(200);
        rows.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

fn judge(pair: &Pair, api: &Api, acknowledged: &Acknowledged) {
    let minute = Duration::from_secs(90);
    eventually_within(minute, "the queue is empty", || {
        let waiting =
            |status: &str| api.get(&format!("/messages?status={status}")).expect(200)["total"].as_i64();
        (waiting("queued") == Some(0) && waiting("sending") == Some(0)).then_some(())
    });
    // Whatever Meta accepted is settled by its statuses; the tenant's time then rules on the rest.
    let mut ledger: BTreeMap<i64, usize> = BTreeMap::new();
    for entry in pair.sim.ledger() {
        let data = entry["callback_data"].as_str().expect("our callback data");
        let message: i64 = data.split('.').nth(2).and_then(|id| id.parse().ok()).expect("our message id");
        *ledger.entry(message).or_default() += 1;
    }
    let twice: Vec<_> = ledger.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    eventually_within(minute, "what Meta accepted is settled", || {
        let doubtful = all(api, "direction=outbound&status=in_doubt");
        doubtful.iter().all(|row| !ledger.contains_key(&row["id"].as_i64().unwrap_or(0))).then_some(())
    });
    let in_doubt = all(api, "direction=outbound&status=in_doubt").len();
    eprintln!("{} accepted by Meta, {in_doubt} in doubt that never left", ledger.len());
    let settings = json!({ "in_doubt_after_seconds": 10 });
    api.call("PATCH", "/settings", Some(&settings)).expect(200);
    eventually_within(minute, "the rest is ruled on", || {
        all(api, "direction=outbound&status=in_doubt").is_empty().then_some(())
    });

    let sends = acknowledged.sends.lock().expect("a lock");
    let rows: BTreeMap<i64, Value> = all(api, "direction=outbound")
        .into_iter()
        .filter_map(|row| Some((row["id"].as_i64()?, row)))
        .collect();
    for id in sends.iter() {
        let row = rows.get(id).unwrap_or_else(|| panic!("acknowledged message {id} is lost"));
        let status = row["status"].as_str().unwrap_or_default();
        if ledger.contains_key(id) {
            assert!(["sent", "delivered", "read"].contains(&status), "{row:#}");
        } else {
            assert_eq!(
                (status, row["error"]["code"].as_str()),
                ("failed", Some("SEND_OUTCOME_UNKNOWN")),
                "{row:#}"
            );
        }
    }
    // No message without an acknowledgement was made twice under one key: every row is acknowledged.
    assert_eq!(rows.keys().copied().collect::<BTreeSet<_>>(), *sends);

    let inbound = acknowledged.inbound.lock().expect("a lock");
    eventually_within(minute, "every acknowledged webhook is applied", || {
        let total = api.get("/messages?direction=inbound").expect(200)["total"].as_u64();
        (total == Some(inbound.len() as u64)).then_some(())
    });
    let applied: Vec<String> = all(api, "direction=inbound")
        .iter()
        .filter_map(|row| Some(row["wamid"].as_str()?.to_owned()))
        .collect();
    assert_eq!(applied.len(), inbound.len(), "a webhook was applied twice");
    assert_eq!(applied.into_iter().collect::<BTreeSet<_>>(), *inbound);
}
