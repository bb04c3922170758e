//! The customer-service window.

use jiff::SignedDuration;
use serde_json::json;
use simulator::Faults;

use crate::support::{CUSTOMER, World, code, until};

#[tokio::test]
async fn free_form_outside_the_window_is_accepted_and_then_fails() {
    let world = World::start().await;
    let (status, answer) = world.send_text(CUSTOMER, "hi").await;
    assert_eq!(status, 200);
    let wamid = answer["messages"][0]["id"].as_str().unwrap().to_owned();
    until("it fails", || world.receiver.statuses_of(&wamid) == ["failed"]).await;
    let failed = &world.receiver.statuses()[0];
    assert_eq!(failed["errors"][0]["code"], 131047);
    assert_eq!(failed["errors"][0]["title"], "Re-engagement message");
}

#[tokio::test]
async fn a_closed_window_can_be_refused_at_once() {
    let world = World::with(Faults { window_error_at: "once".into(), ..Faults::default() }).await;
    let (status, answer) = world.send_text(CUSTOMER, "hi").await;
    assert_eq!((status, code(&answer)), (400, 131047));
    assert!(world.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn the_window_closes_24_hours_after_the_last_word() {
    let world = World::with(Faults { window_error_at: "once".into(), ..Faults::default() }).await;
    world.open_window(CUSTOMER).await;
    world.clock.advance(SignedDuration::from_secs(24 * 3_600 - 1));
    assert_eq!(world.send_text(CUSTOMER, "in time").await.0, 200);
    world.clock.advance(SignedDuration::from_secs(1));
    let (status, answer) = world.send_text(CUSTOMER, "too late").await;
    assert_eq!((status, code(&answer)), (400, 131047));
    world.send_hello(CUSTOMER).await;
}

#[tokio::test]
async fn another_customers_word_opens_nothing() {
    let world = World::with(Faults { window_error_at: "once".into(), ..Faults::default() }).await;
    world.open_window("+15557654321").await;
    assert_eq!(code(&world.send_text(CUSTOMER, "hi").await.1), 131047);
}

#[tokio::test]
async fn the_clock_moves_through_its_handle() {
    let world = World::start().await;
    let before = world.clock.now();
    for (given, seconds) in [(json!("25h"), 90_000), (json!("1d 30m"), 88_200), (json!(90), 90)] {
        let from = world.clock.now();
        let (status, _) = world.control("POST", "clock", json!({ "advance": given })).await;
        assert_eq!(status, 200);
        assert_eq!(world.clock.now().duration_since(from).as_secs(), seconds, "{given}");
    }
    assert!(world.clock.now() > before);
    assert_eq!(world.control("POST", "clock", json!({"advance": "a while"})).await.0, 400);
}
