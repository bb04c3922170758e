//! How fast it goes, and who goes first.

use std::time::Duration;

use domain::broadcasts::{Plan, State};
use engine::broadcasts::WaitingFor;
use engine::messages::SendOutcome;
use serde_json::json;

use super::press::{Press, SECOND};
use crate::house::eventually;
use crate::lanes::{bare_rate, most_within, times};
use crate::post::message_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_80_per_second_the_rate_is_used_up_and_never_passed_and_a_reply_overtakes() {
    let press = Press::at_rate(80).await;
    let customer = press.hears("+15551239999", "hello there").await;
    press.contacts(640).await;
    let bare = tokio::spawn(bare_rate(press.clock.clone()));
    let id = press.start(press.plan()).await;
    press.ledger(160).await;
    let began = tokio::time::Instant::now();
    let mut reply = press.text(customer, "welcome");
    reply.wait = Duration::from_secs(10);
    let sent = press.send(reply).await;
    assert!(matches!(sent.outcome, SendOutcome::Sent { .. }), "{:?}", sent.outcome);
    let took = began.elapsed();
    press.becomes(id, State::Completed).await;
    let ledger = press.sim.ledger(0);
    let ours = Some(sent.message_id.to_string());
    let place = ledger.iter().position(|entry| message_of(entry) == ours).unwrap();
    assert!(took < Duration::from_secs(1), "the reply took {took:?}");
    assert!(place < 160 + 100, "{place} went before the reply");
    let times = times(&ledger);
    // What is left to the way from our clock to Meta's is more here than in the lane's own test: Meta's statuses of a
    // whole broadcast are taken in beside it.
    assert!(most_within(&times, 950) <= 80, "{} in a second", most_within(&times, 950));
    let rate = |part: &[i64]| (part.len() - 1) as f64 * 1_000.0 / (part[part.len() - 1] - part[0]) as f64;
    let best = times.windows(160).map(rate).fold(0.0, f64::max);
    // Where a bare pacer beside it was woken too late to use its rate, the machine is too busy to judge a lane by.
    let bare = bare.await.unwrap();
    assert!(best >= 0.98 * 80.0 || bare < 0.98 * 80.0, "{best} per second; a bare pacer {bare}");
    // The customer, who wrote in and never opted in, got the answer alone.
    assert_eq!(times.len(), 641);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_lower_than_we_believe_slows_it_down_loses_nobody_and_spends_no_attempts() {
    let press = Press::at_rate(80).await;
    press.faults(json!({"throughput_per_second": 10})).await;
    let phones = press.contacts(60).await;
    let id = press.start(press.plan()).await;
    let report = eventually("the throttle", || async {
        Some(press.results(id).await).filter(|report| report.motion.rate_limit.is_some())
    })
    .await;
    let throttle = report.motion.rate_limit.unwrap();
    assert_eq!((throttle.limit, throttle.period.as_str()), (80, "1 second"));
    assert!(throttle.retry_after_seconds >= 1 && throttle.messages_queued > 0, "{throttle:?}");
    assert_eq!(report.motion.waiting_for.map(|waiting| waiting.what), Some(WaitingFor::RateLimit));
    // A node that does not hold the lane tells the same, from the next renewal of the lease on.
    let other = press.another_node("other").await;
    eventually("the throttle on another node", || async {
        let report = other.broadcasts.results(press.tenant, id).await.unwrap();
        report.motion.rate_limit.filter(|throttle| throttle.limit == 80)
    })
    .await;
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    press.each_phone_once(&phones);
    for row in press.rows(id).await {
        let message = press.message(row.message_id.unwrap()).await;
        assert_eq!((message.attempts, message.failure), (1, None));
    }
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_broadcasts_on_one_number_share_it_fairly() {
    let press = Press::at_rate(80).await;
    press.contacts(500).await;
    let spanish = json!({
        "name": "other", "components": [{"type": "BODY", "text": "Once more, all of you."}],
    });
    press.sim.put_template(&spanish).unwrap();
    press.engine.templates.sync(press.tenant, None).await.unwrap();
    let mut other = press.plan();
    other.template.name = "other".into();
    other.params = json!([]);
    let first = press.start(press.plan()).await;
    let second = press.start(other).await;
    // The first had the number for itself for a moment.
    let ledger = press.ledger(640).await;
    let of =
        |name: &str| ledger[320..640].iter().filter(|entry| entry.template.as_deref() == Some(name)).count();
    let (note, other) = (of("note"), of("other"));
    assert!(note.abs_diff(other) <= 90, "{note} and {other}");
    for id in [first, second] {
        press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_slow_number_a_second_broadcast_begins_soon_after_it_was_started() {
    let press = Press::at_rate(10).await;
    press.contacts(200).await;
    press
        .sim
        .put_template(&json!({"name": "other", "components": [{"type": "BODY", "text": "Once more."}]}))
        .unwrap();
    press.engine.templates.sync(press.tenant, None).await.unwrap();
    let mut other = press.plan();
    other.template.name = "other".into();
    other.params = json!([]);
    let first = press.start(press.plan()).await;
    press.ledger(5).await;
    let second = press.start(other).await;
    let before = press.sim.ledger(0).len();
    let place = eventually("the second", || async {
        press.sim.ledger(0).iter().position(|entry| entry.template.as_deref() == Some("other"))
    })
    .await;
    // Two seconds' worth were queued, and some more are made before anybody knows of the second.
    assert!(
        place <= before + 35,
        "{place} of the first went before it, {before} had gone when it was started"
    );
    for id in [first, second] {
        press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_the_account_that_one_number_met_pauses_its_sibling() {
    let (press, second) = Press::with_two_numbers(40).await;
    press.contacts(30).await;
    press.faults(json!({"error_rate": 1.0, "error_code": 80_007, "error_on": "messages"})).await;
    let from = |connection| Plan { connections: vec![connection], ..press.plan() };
    let pause_of = async |id| {
        eventually("the pause", || async {
            let waiting = press.results(id).await.motion.waiting_for?;
            let left = waiting.until?.duration_since(press.deps.clock.now());
            (left.as_secs() > 20).then_some(waiting.what)
        })
        .await
    };
    let first = press.start(from(press.connection.id)).await;
    assert_eq!(pause_of(first).await, WaitingFor::RateLimit);
    press.handle("DELETE", "/faults", json!({})).await;
    let other = press.start(from(second)).await;
    assert_eq!(pause_of(other).await, WaitingFor::RateLimit);
    assert_eq!(press.sim.ledger(0).len(), 0);
    for id in [first, other] {
        press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_a_sibling_on_another_node_have_to_meet_it() {
    let (press, second, (other, _runs)) = Press::with_a_number_on_another_node(40).await;
    press.contacts(30).await;
    press.faults(json!({"error_rate": 1.0, "error_code": 80_007, "error_on": "messages"})).await;
    let from = |connection| Plan { connections: vec![connection], ..press.plan() };
    let first = press.start(from(press.connection.id)).await;
    eventually("the limit", || async { press.results(first).await.motion.waiting_for }).await;
    press.handle("DELETE", "/faults", json!({})).await;
    let sibling = press.start(from(second)).await;
    eventually("the pause of the sibling", || async {
        let waiting = other.broadcasts.results(press.tenant, sibling).await.unwrap().motion.waiting_for?;
        let left = waiting.until?.duration_since(press.deps.clock.now());
        (waiting.what == WaitingFor::RateLimit && left.as_secs() > 20).then_some(())
    })
    .await;
    assert_eq!(press.sim.ledger(0).len(), 0);
    for id in [first, sibling] {
        press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_whom_meta_holds_back_are_in_nobodys_way() {
    let press = Press::at_rate(20).await;
    let slow = press.contacts(60).await;
    for phone in &slow {
        press.sim.set_customer(phone, json!({"failure": 131_056, "failure_at": "once"})).unwrap();
    }
    for n in 0..20 {
        press.contact(&format!("+155530000{n:02}")).await;
    }
    let id = press.start(press.plan()).await;
    press.counts(id, |counts| counts.sent == 20 && counts.queued == 60).await;
    let waiting =
        eventually("what it waits for", || async { press.results(id).await.motion.waiting_for }).await;
    assert_eq!(waiting.what, WaitingFor::DueTime);
    press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_numbers_work_on_one_broadcast_and_nobody_hears_from_both() {
    let (press, second) = Press::with_two_numbers(80).await;
    let phones = press.contacts(400).await;
    let plan = Plan { connections: vec![press.connection.id, second], ..press.plan() };
    let began = tokio::time::Instant::now();
    let id = press.start(plan).await;
    press.becomes(id, State::Completed).await;
    let took = began.elapsed();
    press.each_phone_once(&phones);
    let ledger = press.sim.ledger(0);
    let by_second = ledger.iter().filter(|entry| entry.phone_number_id == SECOND).count();
    assert!((100..=300).contains(&by_second), "{by_second} of 400 in {took:?}");
}
