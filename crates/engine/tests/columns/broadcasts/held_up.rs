//! What holds a lane up (Meta's throttle, a lower rate, calls that take long) keeps nothing of what it claimed: that goes
//! within a moment or back to the queue, so a reply is the next to go, and a node that dies leaves little in doubt.

use std::collections::HashMap;
use std::time::Duration;

use domain::{BroadcastId, MessageId, SignedDuration, Timestamp};
use serde_json::json;

use super::press::Press;
use crate::house::eventually;
use crate::post::message_of;

/// For how long a claimed message may wait for its turn (half a second), and more for a busy machine.
const A_MOMENT: SignedDuration = SignedDuration::from_millis(1_200);

/// Writes to a customer while a broadcast is held up, some times; answers how many of the broadcast's messages Meta took
/// between a reply's acceptance by us and by Meta, at most.
async fn most_before_a_reply(press: &Press, customer: domain::ContactId, times: usize) -> usize {
    let mut most = 0;
    for n in 0..times {
        // Customers write at any moment: in a pause, and between two.
        tokio::time::sleep(Duration::from_millis(330)).await;
        let sent = press.send(press.text(customer, &format!("reply {n}"))).await;
        let ours = Some(sent.message_id.to_string());
        let asked = press.message(sent.message_id).await.created_at;
        let ledger = eventually("the reply", || async {
            let mut ledger = press.sim.ledger(0);
            let place = ledger.iter().position(|entry| message_of(entry) == ours)?;
            ledger.truncate(place);
            Some(ledger)
        })
        .await;
        most = most.max(ledger.iter().filter(|entry| entry.at > asked).count());
    }
    most
}

/// The longest that a message of the broadcast that Meta took had been claimed before.
async fn longest_claimed(press: &Press, id: BroadcastId) -> SignedDuration {
    let taken: HashMap<String, Timestamp> =
        press.sim.ledger(0).iter().filter_map(|entry| Some((message_of(entry)?, entry.at))).collect();
    let mut longest = SignedDuration::ZERO;
    for row in press.rows(id).await {
        let Some(message) = row.message_id else { continue };
        let Some(at) = taken.get(&message.to_string()) else { continue };
        longest = longest.max(at.duration_since(claimed_at(press, message).await));
    }
    longest
}

/// When it was last claimed.
async fn claimed_at(press: &Press, message: MessageId) -> Timestamp {
    let events = press.engine.messages.events(press.tenant, message).await.unwrap().unwrap();
    events.iter().filter(|event| event.status == "sending").map(|event| event.at).max().unwrap()
}

async fn broadcast_with_a_customer(press: &Press, contacts: usize) -> (BroadcastId, domain::ContactId) {
    let customer = press.hears("+15551239999", "hello there").await;
    press.contacts(contacts).await;
    (press.start(press.plan()).await, customer)
}

/// Writes to the customer so often while the broadcast is held up, then calls it off: at most so many of it may have gone before a
/// reply, and nothing may have been claimed for longer than a moment.
async fn nothing_is_kept(
    press: &Press,
    (id, customer): (BroadcastId, domain::ContactId),
    replies: usize,
    most: usize,
) {
    let before = most_before_a_reply(press, customer, replies).await;
    press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
    press.stands_still().await;
    let longest = longest_claimed(press, id).await;
    assert!(longest <= A_MOMENT, "claimed for {longest:?}");
    assert!(before <= most, "{before} of the broadcast went before a reply, at most {most} may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_number_keeps_nothing_that_it_claimed_and_a_reply_goes_next() {
    let press = Press::at_rate(800).await;
    press.faults(json!({"throughput_per_second": 40})).await;
    let both = broadcast_with_a_customer(&press, 900).await;
    press.ledger(60).await;
    // A second's worth.
    nothing_is_kept(&press, both, 6, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_that_is_lowered_rules_over_what_was_claimed_before() {
    let press = Press::at_rate(800).await;
    let both = broadcast_with_a_customer(&press, 900).await;
    press.ledger(100).await;
    press.pace(10).await;
    // A second's worth.
    nothing_is_kept(&press, both, 2, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_calls_take_long_nothing_waits_for_them_in_the_lane() {
    let press = Press::with(80, |settings, _| settings.sends_in_flight = 4).await;
    press.faults(json!({"latency_ms": 1_500})).await;
    let both = broadcast_with_a_customer(&press, 60).await;
    press.ledger(4).await;
    // The four that are on their way, and at most as many that took the next places meanwhile.
    nothing_is_kept(&press, both, 2, 8).await;
}
