//! Throughput, pair limit, tiers, calls per hour.

use jiff::SignedDuration;
use serde_json::json;
use simulator::Faults;

use crate::support::{CUSTOMER, World, code, hello, until};

fn number(at: usize) -> String {
    format!("+4915112{at:06}")
}

#[tokio::test]
async fn the_throughput_holds_in_any_window() {
    let world = World::with(Faults { throughput_per_second: Some(5), ..Faults::default() }).await;
    world.put_hello();
    let mut accepted = Vec::new();
    for at in 0..60 {
        let (status, answer) = world.send(hello(&number(at))).await;
        match status {
            200 => accepted.push(world.clock.now()),
            _ => assert_eq!(code(&answer), 130429),
        }
        world.clock.advance(SignedDuration::from_millis(73));
    }
    assert!(accepted.len() >= 20, "{}", accepted.len());
    for window in accepted.windows(6) {
        assert!(window[5].duration_since(window[0]).as_millis() >= 1_000);
    }
}

#[tokio::test]
async fn eighty_a_minute_is_eighty_a_minute() {
    let world = World::start().await;
    world.put_hello();
    let faults = json!({"throughput_count": 80, "throughput_period_seconds": 60});
    assert_eq!(world.control("PUT", "faults", faults).await.0, 200);
    for at in 0..80 {
        assert_eq!(world.send(hello(&number(at))).await.0, 200);
    }
    let (status, answer) = world.send(hello(&number(80))).await;
    assert_eq!((status, code(&answer)), (400, 130429));
    assert_eq!(answer["error"]["message"], "(#130429) Rate limit hit");
    world.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(world.send(hello(&number(80))).await.0, 200);
}

#[tokio::test]
async fn the_standard_throughput_is_80_a_second() {
    let world = World::start().await;
    world.put_hello();
    for at in 0..80 {
        assert_eq!(world.send(hello(&number(at))).await.0, 200);
    }
    assert_eq!(code(&world.send(hello(&number(80))).await.1), 130429);
}

#[tokio::test]
async fn one_customer_gets_45_at_once_and_then_one_in_six_seconds() {
    let world = World::start().await;
    world.put_hello();
    for _ in 0..45 {
        assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
    }
    let (status, answer) = world.send(hello(CUSTOMER)).await;
    assert_eq!((status, code(&answer)), (400, 131056));
    assert_eq!(world.send(hello("+15557654321")).await.0, 200);
    world.clock.advance(SignedDuration::from_secs(6));
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
    assert_eq!(code(&world.send(hello(CUSTOMER)).await.1), 131056);
}

#[tokio::test]
async fn the_tier_counts_customers_outside_windows() {
    let world = World::with(Faults {
        tier: Some("TIER_250".into()),
        throughput_per_second: Some(0),
        ..Faults::default()
    })
    .await;
    world.put_hello();
    world.open_window(&number(999)).await;
    for at in 0..250 {
        assert_eq!(world.send(hello(&number(at))).await.0, 200);
    }
    assert_eq!(world.send(hello(&number(7))).await.0, 200, "a customer of today costs nothing");
    assert_eq!(world.send(hello(&number(999))).await.0, 200, "an open window costs nothing");
    let (status, answer) = world.send(hello(&number(251))).await;
    assert_eq!(status, 200);
    let wamid = answer["messages"][0]["id"].as_str().unwrap().to_owned();
    until("it fails", || world.receiver.statuses_of(&wamid) == ["failed"]).await;
    world.clock.advance(SignedDuration::from_hours(24));
    let wamid = world.send_hello(&number(252)).await;
    until("it is read", || world.receiver.statuses_of(&wamid).len() == 3).await;
}

#[tokio::test]
async fn calls_per_hour_have_their_own_codes() {
    let world = World::start().await;
    world.put_hello();
    for (fault, expected) in [("app_calls_per_hour", 4), ("waba_calls_per_hour", 80007)] {
        world.control("PUT", "faults", json!({ fault: 2 })).await;
        assert_eq!(world.send(hello(&number(1))).await.0, 200);
        assert_eq!(world.send(hello(&number(2))).await.0, 200);
        assert_eq!(code(&world.send(hello(&number(3))).await.1), expected);
        world.clock.advance(SignedDuration::from_hours(1));
        assert_eq!(world.send(hello(&number(4))).await.0, 200);
        world.clock.advance(SignedDuration::from_hours(1));
    }
    world.control("PUT", "faults", json!({"management_calls_per_hour": 1})).await;
    world.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(world.graph("GET", world.phone(), None).await.0, 200);
    assert_eq!(code(&world.graph("GET", world.phone(), None).await.1), 80008);
    assert_eq!(world.send(hello(&number(5))).await.0, 200, "sends are not management calls");
}

#[tokio::test]
async fn management_answers_tell_their_usage() {
    let world = World::with(Faults { management_calls_per_hour: 4, ..Faults::default() }).await;
    let answer =
        world.http.get(world.url(world.phone())).bearer_auth(&world.account.token).send().await.unwrap();
    let usage: serde_json::Value =
        serde_json::from_str(answer.headers()["x-app-usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage["call_count"], 25);
    assert!(answer.headers().contains_key("x-business-use-case-usage"));
}
