//! Sends: pace, order, throttles, outages, doubts.

use std::time::Duration;

use domain::messages::{Priority, Status};
use domain::{SignedDuration, Timestamp};
use engine::Deps;
use engine::connections::Reconnect;
use engine::messages::{RetryError, SendCommand, SendError, SendOutcome};
use engine::tenants::SettingsPatch;
use gateway_meta::Patience;
use serde_json::json;
use simulator::Simulator;

use crate::house::eventually;
use crate::post::{Between, Post, each_once, message_of, priority, quick};

/// Times of acceptance in milliseconds.
pub(crate) fn times(ledger: &[simulator::LedgerEntry]) -> Vec<i64> {
    ledger.iter().map(|entry| entry.at.as_millisecond()).collect()
}

/// Most that fell into one window of so many milliseconds.
pub(crate) fn most_within(times: &[i64], window: i64) -> usize {
    (0..times.len())
        .map(|first| times[first..].iter().take_while(|at| **at < times[first] + window).count())
        .max()
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_meta_limits_lower_than_we_believe_is_slowed_down_and_nobody_is_lost() {
    let post = Post::open().await;
    post.faults(json!({"throughput_per_second": 10})).await;
    let to = [post.contact("+15551230001").await, post.contact("+15551230002").await];
    let messages = post.notes(&to, 50).await;
    post.empty_queue().await;
    let ledger = post.sim.ledger(0);
    each_once(&ledger, &messages);
    for id in &messages {
        let message = post.message(*id).await;
        assert_eq!((message.attempts, message.failure), (1, None));
    }
    let slow = times(&ledger);
    // Meta's limit is lifted: the number finds back to its rate by itself.
    post.faults(json!({"throughput_per_second": 80})).await;
    let more = post.notes(&to, 60).await;
    post.empty_queue().await;
    let all = post.sim.ledger(0);
    let fast = times(&all[60..110]);
    assert!(fast[49] - fast[0] < (slow[49] - slow[0]) / 2, "{fast:?} after {slow:?}");
    each_once(&all[50..], &more);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_is_used_up_and_never_passed() {
    let post = Post::open().await;
    post.faults(json!({"throughput_per_second": 0})).await;
    let to = [post.contact("+15551230001").await];
    let messages = post.notes(&to, 400).await;
    let bare = tokio::spawn(bare_rate(post.clock.clone()));
    for part in [100, 200, 300] {
        post.ledger(part).await;
    }
    let ledger = post.ledger(400).await;
    each_once(&ledger, &messages);
    let times = times(&ledger);
    // Ten milliseconds are left to the way from our clock to Meta's.
    assert!(most_within(&times, 990) <= 80, "{} in a second", most_within(&times, 990));
    let rate = |part: &[i64]| (part.len() - 1) as f64 * 1_000.0 / (part[part.len() - 1] - part[0]) as f64;
    let best = times.windows(160).map(rate).fold(0.0, f64::max);
    // Where a bare pacer beside it was woken too late to use its rate, the machine is too busy to judge a lane by.
    let bare = bare.await.unwrap();
    let used = best >= 0.98 * 80.0 || bare < 0.98 * 80.0;
    assert!(used, "{best}, on the whole {} per second; a bare pacer {bare}", rate(&times));
}

/// Places per second that a pacer gives to somebody who does nothing but wait for them.
pub(crate) async fn bare_rate(clock: std::sync::Arc<domain::MovableClock>) -> f64 {
    let now = || domain::Clock::now(clock.as_ref());
    let mut pacer = domain::pacing::Pacer::new(domain::pacing::Rate::per_second(80));
    let (began, mut taken) = (now(), 0);
    while taken < 400 {
        match pacer.take(now()) {
            Ok(()) => taken += 1,
            Err(next) => tokio::time::sleep(next.duration_since(now()).try_into().unwrap_or_default()).await,
        }
    }
    399.0 / now().duration_since(began).as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_overtake_a_long_queue_and_are_not_told_of_it() {
    let post = Post::open().await;
    let customer = post.hears("+15551239999", "hello there").await;
    let to = [post.contact("+15551230001").await];
    let queued = post.notes(&to, 1_200).await;
    let mut reply = post.text(customer, "welcome");
    reply.wait = Duration::from_secs(10);
    let sent = post.send(reply).await;
    assert!(matches!(sent.outcome, SendOutcome::Sent { .. }), "{:?}", sent.outcome);
    let ledger = post.sim.ledger(0);
    assert!(ledger.len() < 600, "{} went before it", ledger.len());
    let place = ledger.iter().position(|entry| message_of(entry) == Some(sent.message_id.to_string()));
    assert!(place.is_some());
    // One of the same priority as the queue is told.
    let mut late = post.note(to[0]);
    late.wait = Duration::from_secs(1);
    let late = post.send(late).await;
    assert!(matches!(late.outcome, SendOutcome::Throttled(_)), "{:?}", late.outcome);
    drop(queued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_waits_for_everything_else() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    let bulk = (0..100).map(|_| post.send(priority(post.note(to[0]), Priority::Bulk)));
    futures::future::join_all(bulk).await;
    let urgent = post.send(post.note(to[0])).await;
    post.empty_queue().await;
    let ledger = post.sim.ledger(0);
    let place = ledger.iter().position(|entry| message_of(entry) == Some(urgent.message_id.to_string()));
    assert!(place.is_some_and(|place| place < 80), "{place:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pair_limit_delays_that_contact_alone_and_counts_a_burst_once() {
    let post = Post::open().await;
    let (busy, free) = (post.contact("+15551230001").await, post.contact("+15551230002").await);
    post.sim.set_customer("+15551230001", json!({"failure": 131056, "failure_at": "once"})).unwrap();
    let held = post.notes(&[busy], 10).await;
    let passed = post.notes(&[free], 5).await;
    post.ledger(5).await;
    each_once(&post.sim.ledger(0), &passed);
    let due = async |id| {
        let message = post.message(id).await;
        (message.due_at, message.status)
    };
    // The whole burst counts once: the next pauses are 4 s and 16 s, not the hour of ten refusals.
    eventually("the first pause", || async {
        let mut waiting = 0;
        for id in &held {
            let (due_at, status) = due(*id).await;
            waiting += u32::from(status == Status::Queued && due_at > Some(post.deps.clock.now()));
        }
        (waiting == 10).then_some(())
    })
    .await;
    post.clock.advance(SignedDuration::from_secs(2));
    let second = eventually("the second pause", || async {
        let now = post.deps.clock.now();
        let far = now + SignedDuration::from_secs(3);
        let due_at = due(held[0]).await.0?;
        (due_at > far).then_some(due_at)
    })
    .await;
    assert!(second <= post.deps.clock.now() + SignedDuration::from_secs(5), "{second}");
    for id in &held {
        // A throttle costs no attempt.
        eventually("its place in the queue", || async {
            let message = post.message(*id).await;
            (message.status == Status::Queued && message.attempts == 0).then_some(())
        })
        .await;
    }
    post.sim.set_customer("+15551230001", json!({})).unwrap();
    post.clock.advance(SignedDuration::from_secs(20));
    post.empty_queue().await;
    let ledger = post.sim.ledger(0);
    assert_eq!(ledger.len(), 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_out_once_meta_is_back() {
    let mut post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    let address = post.sim.address();
    let mut config = simulator::SimConfig { listen: address, ..Default::default() };
    quick(&mut config);
    // What was queued more than a day ago is not given up at the first failure.
    post.engine.connections.disable(post.tenant, post.connection.id).await.unwrap();
    let mut messages = Vec::new();
    for _ in 0..5 {
        let queued = post.deps.store.accept(vec![job(&post, to[0])]).await.unwrap();
        let ports::messages::AcceptOutcome::Accepted(accepted) = queued.into_iter().next().unwrap() else {
            panic!("not accepted")
        };
        messages.push(accepted.message_id);
    }
    post.advance(25);
    let stand_in = Simulator::start(simulator::SimConfig::default()).await.unwrap();
    std::mem::replace(&mut post.house.sim, stand_in).shutdown();
    post.engine.connections.enable(post.tenant, post.connection.id).await.unwrap();
    messages.extend(post.notes(&to, 25).await);
    for id in &messages[..5] {
        eventually("a failed try", || async {
            let events = post.engine.messages.events(post.tenant, *id).await.unwrap().unwrap();
            events.iter().any(|event| event.details.to_string().contains("META_UNAVAILABLE")).then_some(())
        })
        .await;
    }
    // A node that cannot reach Meta does not give up, nor does it spend attempts.
    for _ in 0..20 {
        post.clock.advance(SignedDuration::from_secs(60));
        tokio::task::yield_now().await;
    }
    post.house.sim = eventually("the port", || async { Simulator::start(config.clone()).await.ok() }).await;
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
    for id in &messages {
        assert_eq!(post.message(*id).await.attempts, 1);
    }
}

fn job(post: &Post, to: domain::ContactId) -> ports::messages::AcceptJob {
    let note = post.note(to);
    ports::messages::AcceptJob {
        tenant_id: post.tenant,
        to: note.to,
        connection_id: post.connection.id,
        content: domain::messages::Content::Template {
            name: "note".into(),
            language: "en_US".into(),
            params: crate::post::ann(),
        },
        template_id: Some(domain::TemplateId(1)),
        priority: None,
        reply_to: None,
        send_at: None,
        retry_of: None,
        created_by: None,
        actor: Default::default(),
        key: None,
        at: post.deps.clock.now(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marketing_that_meta_holds_back_is_not_tried_again_within_a_day() {
    let post = Post::open().await;
    let to = post.contact("+15551230001").await;
    post.sim.set_customer("+15551230001", json!({"failure": 131049, "failure_at": "once"})).unwrap();
    let mut note = post.note(to);
    note.wait = Duration::from_secs(10);
    let id = post.send(note).await.message_id;
    post.becomes(id, Status::Failed).await;
    post.sim.set_customer("+15551230001", json!({})).unwrap();
    let retry = || post.engine.messages.retry(post.tenant, id, false);
    assert!(matches!(retry().await, Err(RetryError::TooEarly(_))));
    post.advance(23);
    assert!(matches!(retry().await, Err(RetryError::TooEarly(_))));
    post.advance(2);
    retry().await.unwrap();
    post.becomes(id, Status::Read).await;
    assert_eq!(post.sim.ledger(0).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_with_fifty_in_flight_fails_nobody() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    post.faults(json!({"latency_ms": 400})).await;
    let mut messages = post.notes(&to, 50).await;
    post.ledger(20).await;
    post.handle("POST", "/tokens/expire", json!({})).await;
    messages.extend(post.notes(&to, 50).await);
    let alerts = eventually("the alert", || async {
        let alerts = post.alerts(Some(true)).await;
        (!alerts.is_empty()).then_some(alerts)
    })
    .await;
    assert_eq!(alerts.len(), 1);
    let issued = post.handle("POST", "/tokens/issue", json!({})).await;
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let new = Reconnect { access_token: Some(token.into()), ..Reconnect::default() };
    post.engine.connections.reconnect(post.tenant, post.connection.id, new).await.unwrap();
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
    assert_eq!(post.alerts(None).await.len(), 1);
    for id in &messages {
        assert!(post.message(*id).await.failure.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_is_never_answered_is_in_doubt_until_its_webhook() {
    let patience = Patience { answer: Duration::from_millis(400), ..Patience::default() };
    let post = Post::with(patience, |_, _| {}).await;
    post.faults(json!({"hang_rate": 1.0, "webhook_delay_ms": 1500})).await;
    let to = post.contact("+15551230001").await;
    let mut note = post.note(to);
    note.wait = Duration::from_secs(10);
    let sent = post.send(note).await;
    assert!(matches!(sent.outcome, SendOutcome::InDoubt(_)), "{:?}", sent.outcome);
    assert_eq!(post.message(sent.message_id).await.status, Status::InDoubt);
    let settled = post.becomes(sent.message_id, Status::Read).await;
    assert!(settled.wamid.is_some() && settled.sent_at.is_some());
    assert_eq!(post.sim.ledger(0).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_that_come_before_the_answer_of_the_send_are_not_undone() {
    let post = Post::open().await;
    post.faults(json!({"latency_ms": 1000, "sent_ms": 0, "delivered_ms": 1, "read_ms": 1})).await;
    let to = [post.contact("+15551230001").await];
    let messages = post.notes(&to, 20).await;
    for id in &messages {
        post.becomes(*id, Status::Read).await;
    }
    post.empty_queue().await;
    for id in &messages {
        let message = post.message(*id).await;
        assert_eq!((message.status, message.attempts), (Status::Read, 1));
    }
    each_once(&post.sim.ledger(0), &messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doubt_is_ruled_on_after_the_time_of_the_tenant_and_a_late_delivery_still_counts() {
    let patience = Patience { answer: Duration::from_millis(300), ..Patience::default() };
    let post = Post::with(patience, |_, _| {}).await;
    let hour = SettingsPatch { in_doubt_after_seconds: Some(3600), ..SettingsPatch::default() };
    post.engine.tenants.patch_settings(post.tenant, hour).await.unwrap();
    post.faults(json!({"hang_rate": 1.0, "statuses": false})).await;
    let to = post.contact("+15551230001").await;
    let id = post.send(post.note(to)).await.message_id;
    post.becomes(id, Status::InDoubt).await;
    post.advance(2);
    let failed = post.becomes(id, Status::Failed).await;
    assert_eq!(failed.failure.unwrap().code, "SEND_OUTCOME_UNKNOWN");
    let ledger = post.sim.ledger(0);
    let entry = &ledger[0];
    let status = json!({"statuses": [{
        "id": entry.wamid, "status": "delivered", "recipient_id": "15551230001",
        "timestamp": post.deps.clock.now().as_second().to_string(),
        "biz_opaque_callback_data": entry.callback_data,
    }]});
    crate::hooks::post_change(&post, status).await;
    let settled = post.becomes(id, Status::Delivered).await;
    assert!(settled.delivered_at > Some(Timestamp::UNIX_EPOCH));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_connection_takes_its_queue_with_it() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    post.faults(json!({"latency_ms": 1500, "statuses": false})).await;
    let flying = post.notes(&to, 3).await;
    post.ledger(3).await;
    let mut later = post.note(to[0]);
    later.send_at = Some(post.deps.clock.now() + SignedDuration::from_hours(2));
    let scheduled = post.send(later).await.message_id;
    post.engine.connections.delete(post.tenant, post.connection.id).await.unwrap();
    assert_eq!(post.message(scheduled).await.status, Status::Cancelled);
    // What left is settled by what Meta answers.
    for id in &flying {
        post.becomes(*id, Status::Sent).await;
    }
    eventually("the end of the lane", || async { (post.engine.messages.lanes_held() == 0).then_some(()) })
        .await;
    let stats =
        post.deps.store.queue_stats(post.tenant, post.connection.id, post.deps.clock.now()).await.unwrap();
    assert_eq!((stats.queued, stats.scheduled, stats.sending), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_connection_keeps_its_queue_and_goes_on_when_it_is_enabled() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    let messages = post.notes(&to, 200).await;
    post.ledger(30).await;
    post.engine.connections.disable(post.tenant, post.connection.id).await.unwrap();
    eventually("the end of the lane", || async { (post.engine.messages.lanes_held() == 0).then_some(()) })
        .await;
    let before = post.sim.ledger(0).len();
    assert!(before < 200);
    post.engine.connections.enable(post.tenant, post.connection.id).await.unwrap();
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_with_calls_in_flight_leaves_nothing_in_doubt() {
    let mut post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    post.faults(json!({"latency_ms": 300})).await;
    let messages = post.notes(&to, 100).await;
    post.ledger(30).await;
    let deps = post.deps.clone();
    post.replace_node(deps).await;
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
    for id in &messages {
        assert_ne!(post.message(*id).await.status, Status::InDoubt);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_of_the_clock_stops_no_lane() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    let messages = post.notes(&to, 120).await;
    post.ledger(20).await;
    post.advance(25);
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_about_the_old_token_does_not_break_the_new_one() {
    let mut post = Post::open().await;
    let between = Between::of(&post.deps, 0);
    let deps = Deps { gateway: between.clone(), ..post.deps.clone() };
    post.replace_node(deps).await;
    let to = [post.contact("+15551230001").await];
    post.handle("POST", "/tokens/expire", json!({})).await;
    let messages = post.notes(&to, 4).await;
    for id in &messages {
        post.becomes(*id, Status::Sending).await;
    }
    between.answers.add_permits(1);
    eventually("the alert", || async { (!post.alerts(Some(true)).await.is_empty()).then_some(()) }).await;
    let issued = post.handle("POST", "/tokens/issue", json!({})).await;
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let new = Reconnect { access_token: Some(token.into()), ..Reconnect::default() };
    post.engine.connections.reconnect(post.tenant, post.connection.id, new).await.unwrap();
    // The answers to the other three arrive now.
    between.answers.add_permits(100);
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
    assert_eq!(post.alerts(None).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_kept_does_not_take_its_neighbours_along() {
    let mut post = Post::open().await;
    let between = Between::of(&post.deps, 1);
    let deps = Deps { gateway: between.clone(), ..post.deps.clone() };
    post.replace_node(deps).await;
    post.faults(json!({"statuses": false})).await;
    let to = [post.contact("+15551230001").await];
    let first = post.send(post.note(to[0])).await.message_id;
    let wamid = post.becomes(first, Status::Sent).await.wamid;
    let messages = post.notes(&to, 8).await;
    for id in &messages {
        post.becomes(*id, Status::Sending).await;
    }
    // The first of the answers names a message that is known as another.
    *between.wamid.lock().unwrap() = wamid;
    between.answers.add_permits(100);
    post.empty_queue().await;
    let mut doubts = 0;
    for id in &messages {
        match post.message(*id).await.status {
            Status::Sent => {}
            Status::InDoubt => doubts += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(doubts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_told_to_pause_pauses_longer_each_time_and_does_not_spin() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    post.faults(json!({"error_rate": 1.0, "error_code": 131048})).await;
    let messages = post.notes(&to, 30).await;
    let refusals = || async {
        let mut count = 0;
        for id in &messages {
            let events = post.engine.messages.events(post.tenant, *id).await.unwrap().unwrap();
            count +=
                events.iter().filter(|event| event.details["failure"]["meta_error_code"] == 131048).count();
        }
        count
    };
    let mut seen = 0;
    for minutes in [2, 8, 23, 91] {
        let more =
            eventually("a refusal", || async { Some(refusals().await).filter(|count| *count > seen) }).await;
        eventually("the calls under way", || async {
            let stats =
                post.deps.store.queue_stats(post.tenant, post.connection.id, post.deps.clock.now()).await;
            (stats.unwrap().sending == 0).then_some(())
        })
        .await;
        seen = refusals().await.max(more);
        if minutes < 91 {
            // Nearly the whole pause later it still pauses.
            post.clock.advance(SignedDuration::from_secs(minutes * 60 / 2 - 5));
            let early = tokio::time::timeout(Duration::from_millis(700), async {
                while refusals().await == seen {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
            assert!(early.await.is_err(), "called before {minutes} minutes were over");
            post.clock.advance(SignedDuration::from_secs(minutes * 60 / 2 + 5));
        } else {
            post.faults(json!({"error_rate": 0.0})).await;
            post.clock.advance(SignedDuration::from_mins(minutes));
        }
    }
    post.empty_queue().await;
    each_once(&post.sim.ledger(0), &messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repaired_connection_does_not_sit_out_an_old_pause() {
    let post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    post.faults(json!({"error_rate": 1.0, "error_code": 131048})).await;
    let id = post.notes(&to, 1).await[0];
    eventually("the pause", || async {
        let events = post.engine.messages.events(post.tenant, id).await.unwrap().unwrap();
        (events.len() > 2).then_some(())
    })
    .await;
    post.faults(json!({"error_rate": 0.0})).await;
    post.deps
        .store
        .break_connection(
            post.tenant,
            post.connection.id,
            &ports::connections::Broken::because("payment"),
            post.deps.clock.now(),
        )
        .await
        .unwrap();
    eventually("the break to be seen", || async {
        let listing = post.engine.directory.listing();
        let entry = listing.entry(post.connection.id)?;
        (entry.connection.state == domain::connections::ConnectionState::Error).then_some(())
    })
    .await;
    let sent = tokio::time::timeout(Duration::from_millis(500), post.becomes(id, Status::Read));
    assert!(sent.await.is_err(), "a broken connection sent");
    post.engine.connections.reconnect(post.tenant, post.connection.id, Reconnect::default()).await.unwrap();
    post.becomes(id, Status::Read).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_hears_that_the_connection_broke_though_it_was_not_by_the_own_message() {
    let post = Post::with(Patience::default(), |settings, _| settings.sends_in_flight = 1).await;
    let to = [post.contact("+15551230001").await];
    post.faults(json!({"latency_ms": 3_000})).await;
    let first = post.notes(&to, 1).await[0];
    post.becomes(first, Status::Sending).await;
    let waits = post.send(SendCommand { wait: Duration::from_secs(10), ..post.note(to[0]) });
    let breaks = async {
        let (store, now) = (&post.deps.store, post.deps.clock.now());
        eventually("the second one waits", || async {
            let stats = store.queue_stats(post.tenant, post.connection.id, now).await.unwrap();
            (stats.queued == 1).then_some(())
        })
        .await;
        let broken = ports::connections::Broken::because("payment");
        store
            .break_connection(post.tenant, post.connection.id, &broken, post.deps.clock.now())
            .await
            .unwrap();
    };
    let (sent, ()) = tokio::join!(waits, breaks);
    assert!(matches!(sent.outcome, SendOutcome::Halted { .. }), "{:?}", sent.outcome);
    assert_eq!(post.message(sent.message_id).await.status, Status::Queued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_list_of_templates_is_seen_by_the_next_send() {
    let post = Post::open().await;
    let to = post.contact("+15551230001").await;
    post.send(post.note(to)).await;
    let spanish = json!({
        "name": "note", "language": "es",
        "components": [{"type": "BODY", "text": "Hola {{1}}, hay novedades.", "example": {"body_text": [["Ann"]]}}],
    });
    post.sim.put_template(&spanish).unwrap();
    post.engine.templates.sync(post.tenant, None).await.unwrap();
    let ambiguous = post.try_send(post.note(to)).await;
    let Err(SendError::TemplateNotFound { languages, .. }) = ambiguous else { panic!("{ambiguous:?}") };
    assert_eq!(languages.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_was_lost_goes_back_to_the_queue() {
    let mut post = Post::open().await;
    let to = [post.contact("+15551230001").await];
    let mut later = post.note(to[0]);
    later.send_at = Some(post.deps.clock.now() + SignedDuration::from_hours(1));
    let id = post.send(later).await.message_id;
    let deps = post.deps.clone();
    post.replace_node(deps).await;
    eventually("the lane", || async { (post.engine.messages.lanes_held() == 1).then_some(()) }).await;
    // As the lane itself would claim it; but the lane does not hear of it.
    let lease = ports::lanes::Lease {
        tenant_id: post.tenant,
        connection_id: post.connection.id,
        holder: post.deps.settings.node.clone(),
        epoch: 2,
        until: post.deps.clock.now(),
    };
    let due = post.deps.clock.now() + SignedDuration::from_hours(2);
    let claim = post.deps.store.claim_due(&lease, 10, due).await.unwrap();
    assert_eq!(claim.claimed.len(), 1);
    assert_eq!(post.message(id).await.status, Status::Sending);
    eventually("its return", || async { (post.message(id).await.status == Status::Queued).then_some(()) })
        .await;
    assert_eq!(post.message(id).await.attempts, 0);
    post.advance(2);
    post.becomes(id, Status::Read).await;
    each_once(&post.sim.ledger(0), &[id]);
}
