//! Injected faults on the API's side.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::Faults;

use crate::support::{CUSTOMER, World, code, hello, until};

#[tokio::test]
async fn a_cut_after_acceptance_leaves_a_ledger_line_and_no_answer() {
    let world = World::with(Faults { cut_after_accept_rate: 1.0, ..Faults::default() }).await;
    world.put_hello();
    let url = world.url(&format!("{}/messages", world.phone()));
    let mut body = hello(CUSTOMER);
    body["messaging_product"] = "whatsapp".into();
    body["biz_opaque_callback_data"] = "out-1".into();
    let outcome = world.http.post(url).bearer_auth(&world.account.token).json(&body).send().await;
    assert!(outcome.is_err(), "{outcome:?}");
    let ledger = world.sim.ledger(0);
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].callback_data.as_deref(), Some("out-1"));
    until("its statuses come", || world.receiver.statuses_of(&ledger[0].wamid).len() == 3).await;
}

#[tokio::test]
async fn a_cut_before_acceptance_leaves_nothing() {
    let world = World::with(Faults { cut_before_accept_rate: 1.0, ..Faults::default() }).await;
    world.put_hello();
    let url = world.url(&format!("{}/messages", world.phone()));
    assert!(
        world.http.post(url).bearer_auth(&world.account.token).json(&hello(CUSTOMER)).send().await.is_err()
    );
    assert!(world.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn errors_come_at_the_given_rate_with_metas_status() {
    let world = World::start().await;
    world.put_hello();
    for (given, expected, http) in
        [(131000, 131000, 500), (130429, 130429, 400), (2, 2, 503), (190, 190, 401), (368, 368, 403)]
    {
        world.control("PUT", "faults", json!({"error_rate": 1, "error_code": given})).await;
        let (status, answer) = world.send(hello(CUSTOMER)).await;
        assert_eq!((status, code(&answer)), (http, expected));
    }
    world.control("PUT", "faults", json!({"error_rate": 0.5, "error_code": 131016})).await;
    let mut failed = 0;
    for at in 0..60 {
        failed += usize::from(world.send(hello(&format!("+4915112{at:06}"))).await.0 != 200);
    }
    assert!((10..50).contains(&failed), "{failed}");
}

#[tokio::test]
async fn latency_delays_the_answer() {
    let world = World::with(Faults { latency_ms: 150, ..Faults::default() }).await;
    world.put_hello();
    let started = now();
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn faults_end_and_unknown_ones_are_refused() {
    let world = World::start().await;
    let (_, before) = world.control("GET", "faults", Value::Null).await;
    assert_eq!(world.control("PUT", "faults", json!({"error_rate": 1, "latency_ms": 3})).await.0, 200);
    let (_, merged) = world.control("PATCH", "faults", json!({"latency_ms": 4})).await;
    assert_eq!((merged["error_rate"].as_f64(), merged["latency_ms"].as_i64()), (Some(1.0), Some(4)));
    let (status, answer) = world.control("PUT", "faults", json!({"latncy_ms": 4})).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("latncy_ms"));
    assert_eq!(world.control("PUT", "faults", json!({"error_rate": 2})).await.0, 400);
    assert_eq!(world.control("PUT", "faults", json!({"sent_ms": u64::MAX})).await.0, 400);
    assert_eq!(world.control("PUT", "customers/+15551234567", json!({"slow_ms": u64::MAX})).await.0, 400);
    let (_, after) = world.control("DELETE", "faults", Value::Null).await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn every_fault_of_the_contract_is_known() {
    let world = World::start().await;
    let all = json!({"latency_ms": 1, "error_rate": 0.0, "error_code": 131000, "cut_after_accept_rate": 0.0,
        "webhook_duplicate_rate": 0.1, "webhook_reorder": true, "webhook_loss_rate": 0.0,
        "throughput_per_second": 80, "pair_limit": {"burst": 5, "period_seconds": 6}});
    assert_eq!(world.control("PUT", "faults", all).await.0, 200);
    for pair_limit in [json!(true), json!(false), json!(10)] {
        assert_eq!(world.control("PUT", "faults", json!({ "pair_limit": pair_limit })).await.0, 200);
    }
}

#[tokio::test]
async fn statuses_and_bodies_can_be_switched_off() {
    let world = World::with(Faults { statuses: false, ledger_bodies: false, ..Faults::default() }).await;
    world.send_hello(CUSTOMER).await;
    world.settle().await;
    assert!(world.receiver.arrived().is_empty());
    assert!(world.sim.ledger(0)[0].body.is_none());
}

#[tokio::test]
async fn a_reset_forgets_all_but_the_accounts() {
    let world = World::with(Faults { sent_ms: 60_000, ..Faults::default() }).await;
    world.send_hello(CUSTOMER).await;
    world.open_window(CUSTOMER).await;
    world.control("PUT", "faults", json!({"error_rate": 1})).await;
    assert_eq!(world.control("POST", "reset", Value::Null).await.0, 200);
    world.settle().await;
    assert!(world.sim.ledger(0).is_empty());
    assert_eq!(world.sim.faults().error_rate, 0.0);
    assert_eq!(code(&world.send(hello(CUSTOMER)).await.1), 132001, "the template is forgotten");
    let wamid = world.send_hello(CUSTOMER).await;
    assert_eq!(world.sim.ledger(0)[0].wamid, wamid);
}

#[tokio::test]
async fn the_ledger_is_read_in_pages() {
    let world = World::start().await;
    for _ in 0..5 {
        world.send_hello(CUSTOMER).await;
    }
    let (_, page) = world.control("GET", "ledger?after=1&limit=2", Value::Null).await;
    let seqs: Vec<i64> = page.as_array().unwrap().iter().map(|line| line["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, [2, 3]);
    for key in ["seq", "at", "phone_number_id", "to", "type", "template", "wamid", "callback_data", "body"] {
        assert!(page[0].get(key).is_some(), "{key}");
    }
    assert_eq!(page[0]["body"]["template"]["name"], "hello");
}

#[tokio::test]
async fn who_is_not_on_whatsapp_stays_so_and_the_seed_says_who() {
    let faults =
        Faults { not_on_whatsapp_rate: 0.2, not_on_whatsapp_at: "either".into(), ..Faults::default() };
    let refused = async |world: &World| {
        let mut refused = Vec::new();
        for at in 0..60 {
            let (status, answer) = world.send(hello(&format!("+4915112{at:06}"))).await;
            if status != 200 {
                assert_eq!(code(&answer), 131026);
                refused.push(at);
            }
        }
        refused
    };
    let world = World::with(faults.clone().without_limits()).await;
    world.put_hello();
    let first = refused(&world).await;
    assert!((1..20).contains(&first.len()), "{first:?}");
    assert_eq!(refused(&world).await, first);
    world.settle().await;
    let failed = || world.sim.ledger(0).iter().filter(|line| line.failure == Some(131026)).count();
    until("the others are told later", || failed() > 0).await;
    assert_eq!(failed() % 2, 0, "one who was told so once is told so again");
    let again = World::with(faults.without_limits()).await;
    again.put_hello();
    assert_eq!(refused(&again).await, first);
}

#[tokio::test]
async fn the_ledger_tells_microseconds() {
    let world = World::start().await;
    world.clock.advance(jiff::SignedDuration::from_micros(123_457));
    let at = world.clock.now().as_microsecond();
    world.send_hello(CUSTOMER).await;
    assert!(world.sim.ledger(0)[0].at.as_microsecond() >= at);
    assert_eq!(world.sim.ledger(0)[0].at.as_nanosecond() % 1_000, 0);
}
