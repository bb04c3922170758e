//! What waits too long: a queue that stands still, and messages in doubt.

use std::time::Duration;

use domain::SignedDuration;
use domain::alerts::rules::RuleKind;
use domain::messages::Status;
use gateway_meta::Patience;
use serde_json::json;

use super::{open, opens, resolves};
use crate::post::Post;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_stands_still_is_told_once_and_so_is_its_end() {
    let mut post = Post::open().await;
    let kind = RuleKind::QueueDelayed.as_str();
    let node = post.deps.clone();
    post.stop().await;
    let to = post.contact("+15554000600").await;
    let id = post.send(post.note(to)).await.message_id;
    post.clock.advance(SignedDuration::from_mins(15));
    assert_eq!(open(&post, kind).await, None, "a quarter of an hour is not too long");
    post.clock.advance(SignedDuration::from_mins(6));
    let alert = opens(&post, kind).await;
    assert_eq!(alert.subject, format!("connection:{}", post.connection.id));
    assert_eq!((&alert.details["minutes"], &alert.details["threshold"]), (&json!(21), &json!(15.0)));
    post.advance(2);
    let still = open(&post, kind).await.expect("it waits still");
    assert_eq!((still.id, still.count), (alert.id, 1));
    assert_eq!(post.alerts(None).await.iter().filter(|alert| alert.kind == kind).count(), 1);
    post.replace_node(node).await;
    post.becomes(id, Status::Read).await;
    resolves(&post, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_long_in_doubt_is_told_once_and_so_is_its_end() {
    let patience = Patience { answer: Duration::from_millis(300), ..Patience::default() };
    let post = Post::with(patience, |_, _| {}).await;
    let kind = RuleKind::InDoubtWaiting.as_str();
    post.faults(json!({ "hang_rate": 1.0, "statuses": false })).await;
    let to = post.contact("+15554000700").await;
    let id = post.send(post.note(to)).await.message_id;
    post.becomes(id, Status::InDoubt).await;
    assert_eq!(open(&post, kind).await, None, "its status may come yet");
    post.advance(2);
    let alert = opens(&post, kind).await;
    assert_eq!((&alert.details["count"], &alert.details["threshold"]), (&json!(1), &json!(0.0)));
    post.advance(2);
    let still = open(&post, kind).await.expect("it is in doubt still");
    assert_eq!((still.id, still.count), (alert.id, 1));
    let entry = post.sim.ledger(0).remove(0);
    let status = json!({"statuses": [{
        "id": entry.wamid, "status": "delivered", "recipient_id": "15554000700",
        "timestamp": post.deps.clock.now().as_second().to_string(),
        "biz_opaque_callback_data": entry.callback_data,
    }]});
    crate::hooks::post_change(&post, status).await;
    post.becomes(id, Status::Delivered).await;
    resolves(&post, &alert).await;
}
