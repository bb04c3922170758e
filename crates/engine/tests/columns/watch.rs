//! Each figure of the monitoring table crosses its threshold and comes back, on a moved clock.

mod nodes;
mod waiting;

use domain::alerts::rules::RuleKind;
use domain::audit::Actor;
use domain::broadcasts::State;
use domain::messages::Status;
use domain::{MessageId, SignedDuration};
use engine::alerts::kinds;
use engine::alerts::rules::RulePatch;
use ports::alerts::{Alert, Happened};
use serde_json::json;

use crate::broadcasts::press::Press;
use crate::house::{House, eventually};
use crate::post::Post;

async fn rule(house: &House, kind: RuleKind, patch: RulePatch) {
    house.engine.alerts.change_rule(house.tenant, kind.id(), patch).await.unwrap();
}

async fn minimum(house: &House, kind: RuleKind, minimum: i64) {
    rule(house, kind, RulePatch { minimum: Some(minimum), ..RulePatch::default() }).await;
}

async fn open(house: &House, kind: &str) -> Option<Alert> {
    house.engine.alerts.look().await.unwrap();
    house.alerts(Some(true)).await.into_iter().find(|alert| alert.kind == kind)
}

async fn opens(house: &House, kind: &str) -> Alert {
    eventually(&format!("{kind} opens"), || open(house, kind)).await
}

async fn resolves(house: &House, alert: &Alert) {
    let what = format!("{} is over", alert.kind);
    eventually(&what, || async { open(house, &alert.kind).await.is_none().then_some(()) }).await;
    let (kept, history) = house.engine.alerts.get(house.tenant, alert.id).await.unwrap();
    assert!(kept.resolved_at.is_some());
    let history: Vec<Happened> = history.iter().map(|event| event.happened).collect();
    assert_eq!(history, [Happened::Opened, Happened::Resolved]);
}

fn phones(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(|number| format!("+1555{:07}", 4_000_000 + number)).collect()
}

/// A note to each of these, and where each has come.
async fn notes(post: &Post, phones: &[String], status: Status) -> Vec<MessageId> {
    let mut sent = Vec::new();
    for phone in phones {
        let contact = post.contact(phone).await;
        sent.push(post.send(post.note(contact)).await.message_id);
    }
    for id in &sent {
        post.becomes(*id, status).await;
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_rate_below_90_percent_is_told_and_its_end_too() {
    let post = Post::open().await;
    let kind = RuleKind::DeliveryRateLow;
    minimum(&post, kind, 4).await;
    let bad = phones(0, 2);
    for phone in &bad {
        post.sim.set_customer(phone, json!({"failure": 131_053, "failure_at": "status"})).unwrap();
    }
    notes(&post, &bad, Status::Failed).await;
    notes(&post, &phones(10, 2), Status::Read).await;
    assert_eq!(open(&post, kind.as_str()).await, None, "what was sent just now had no time to arrive");
    post.advance(2);
    let alert = opens(&post, kind.as_str()).await;
    assert_eq!((alert.details["rate"].as_f64(), alert.details["of"].as_i64()), (Some(0.5), Some(4)));
    assert_eq!(alert.details["errors"][0], json!({ "meta_error_code": 131_053, "count": 2 }));
    notes(&post, &phones(20, 30), Status::Read).await;
    post.advance(2);
    resolves(&post, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_rate_below_50_percent_is_told_and_its_end_too() {
    let post = Post::open().await;
    let kind = RuleKind::ReadRateLow;
    minimum(&post, kind, 4).await;
    let silent = phones(100, 4);
    for phone in &silent {
        post.sim.set_customer(phone, json!({"reads": false})).unwrap();
    }
    notes(&post, &silent, Status::Delivered).await;
    assert_eq!(open(&post, kind.as_str()).await, None, "nobody reads everything at once");
    post.advance(26);
    let alert = opens(&post, kind.as_str()).await;
    assert_eq!(alert.details["rate"].as_f64(), Some(0.0));
    notes(&post, &phones(110, 6), Status::Read).await;
    post.advance(26);
    resolves(&post, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_error_rate_above_2_percent_is_told_and_its_end_too() {
    let post = Post::open().await;
    let kind = RuleKind::ApiErrorRateHigh;
    minimum(&post, kind, 4).await;
    let bad = phones(200, 2);
    for phone in &bad {
        post.sim.set_customer(phone, json!({"failure": 131_008, "failure_at": "once"})).unwrap();
    }
    notes(&post, &bad, Status::Failed).await;
    assert_eq!(open(&post, kind.as_str()).await, None, "two calls are too few to tell");
    notes(&post, &phones(210, 2), Status::Read).await;
    let alert = opens(&post, kind.as_str()).await;
    assert_eq!(alert.details["errors"], json!([{ "meta_error_code": 131_008, "count": 2 }]));
    post.advance(3);
    notes(&post, &phones(220, 4), Status::Read).await;
    resolves(&post, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opt_out_rate_above_5_percent_is_told_per_broadcast_and_its_end_too() {
    let press = Press::open().await;
    let kind = RuleKind::OptOutRateHigh;
    minimum(&press, kind, 4).await;
    let phones = press.contacts(6).await;
    let id = press.start(press.plan()).await;
    press.becomes(id, State::Completed).await;
    assert_eq!(open(&press, kind.as_str()).await, None);
    press.sim.customer_says(&press.connection.phone_number_id, &phones[0], "STOP").unwrap();
    let alert = opens(&press, kind.as_str()).await;
    assert_eq!(alert.subject, format!("broadcast:{id}"));
    assert_eq!((alert.details["count"].as_i64(), alert.details["of"].as_i64()), (Some(1), Some(6)));
    // A broadcast is watched for a week.
    press.clock.advance(SignedDuration::from_hours(24 * 8));
    let usual = RulePatch { good_evaluations: Some(1), ..RulePatch::default() };
    rule(&press, kind, usual).await;
    resolves(&press, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_rejection_rate_above_20_percent_is_told_and_its_end_too() {
    let post = Post::open().await;
    let kind = RuleKind::TemplateRejectionRateHigh;
    minimum(&post, kind, 3).await;
    let template = |name: &str, status: &str| {
        json!({
            "name": name, "language": "en_US", "category": "UTILITY", "status": status,
            "components": [{ "type": "BODY", "text": "Hello from us." }],
        })
    };
    for (name, status) in [("one", "APPROVED"), ("two", "REJECTED")] {
        post.handle("POST", "/templates", template(name, status)).await;
    }
    eventually("the templates are known", || async {
        // The node syncs by itself as it starts, and may have asked before they were there.
        post.engine.templates.sync(post.tenant, None).await.unwrap();
        let known = post.deps.store.template_marks(post.tenant).await.unwrap();
        (known.len() == 3).then_some(())
    })
    .await;
    let alert = opens(&post, kind.as_str()).await;
    assert_eq!(alert.details["rejected"], json!(["two"]));
    post.handle("POST", "/templates/two/review", json!({ "status": "APPROVED" })).await;
    resolves(&post, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_template_and_a_moved_category_are_told() {
    let post = Post::open().await;
    post.engine.alerts.look().await.unwrap();
    post.handle("POST", "/templates/note/review", json!({ "status": "PAUSED" })).await;
    let paused = opens(&post, kinds::TEMPLATE_PAUSED).await;
    post.handle("POST", "/templates/note/review", json!({ "status": "APPROVED", "category": "UTILITY" }))
        .await;
    resolves(&post, &paused).await;
    post.handle("POST", "/templates/note/review", json!({ "status": "APPROVED", "category": "MARKETING" }))
        .await;
    let moved = opens(&post, kinds::TEMPLATE_CATEGORY_CHANGED).await;
    assert_eq!(moved.details["category"], "marketing");
    post.engine.alerts.acknowledge(post.tenant, moved.id, &Actor::member(1, "Ada")).await.unwrap();
    eventually("it is over once it was seen", || async {
        open(&post, kinds::TEMPLATE_CATEGORY_CHANGED).await.is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_meta_rates_lower_is_told_and_its_end_too() {
    let press = Press::open().await;
    let rate = |quality: &str, limit: &str| ports::connections::ConnectionPatch {
        quality_rating: Some(quality.into()),
        messaging_limit: Some(limit.into()),
        ..Default::default()
    };
    press.engine.alerts.look().await.unwrap();
    press.patch(rate("YELLOW", "TIER_1K")).await;
    let quality = opens(&press, kinds::NUMBER_QUALITY_LOWERED).await;
    let limit = opens(&press, kinds::MESSAGING_LIMIT_LOWERED).await;
    assert_eq!((&limit.details["before"], &limit.details["now"]), (&json!("TIER_100K"), &json!("TIER_1K")));
    press.patch(rate("GREEN", "TIER_100K")).await;
    resolves(&press, &quality).await;
    resolves(&press, &limit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_from_meta_while_messages_go_out_is_told_and_its_end_too() {
    let post = Post::open().await;
    let kind = RuleKind::WebhookSilence;
    minimum(&post, kind, 2).await;
    post.advance(1);
    post.faults(json!({ "webhook_loss_rate": 1.0 })).await;
    notes(&post, &phones(300, 3), Status::Sent).await;
    assert_eq!(open(&post, kind.as_str()).await, None, "it is not silent for long");
    post.advance(3);
    let alert = opens(&post, kind.as_str()).await;
    assert_eq!(alert.details["sent_since"].as_i64(), Some(3));
    post.faults(json!({ "webhook_loss_rate": 0.0 })).await;
    post.hears("+15554000300", "are you there?").await;
    resolves(&post, &alert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_switched_off_has_no_alerts() {
    let post = Post::open().await;
    let kind = RuleKind::ApiErrorRateHigh;
    minimum(&post, kind, 1).await;
    let phone = phones(400, 1);
    post.sim.set_customer(&phone[0], json!({"failure": 131_008, "failure_at": "once"})).unwrap();
    notes(&post, &phone, Status::Failed).await;
    let alert = opens(&post, kind.as_str()).await;
    let off = RulePatch { enabled: Some(false), ..RulePatch::default() };
    rule(&post, kind, off).await;
    resolves(&post, &alert).await;
    assert_eq!(open(&post, kind.as_str()).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_overview_shows_what_happened() {
    let post = Post::open().await;
    let bad = phones(500, 1);
    post.sim.set_customer(&bad[0], json!({"failure": 131_053, "failure_at": "status"})).unwrap();
    notes(&post, &bad, Status::Failed).await;
    notes(&post, &phones(510, 3), Status::Read).await;
    post.hears("+15554000510", "thank you").await;
    let overview = post.engine.analytics.overview(post.tenant, None, None).await.unwrap();
    let sums = overview.sums;
    let funnel = sums.funnel;
    assert_eq!((funnel.sent, funnel.delivered, funnel.read, funnel.failed), (4, 3, 3, 1));
    assert_eq!((sums.received, sums.replied, sums.opt_ins, sums.calls, sums.call_errors), (1, 1, 4, 4, 0));
    assert_eq!(overview.errors, [(Some(131_053), 1)]);
    assert_eq!(overview.templates.len(), 1);
    assert_eq!((overview.templates[0].1.as_deref(), overview.templates[0].2), (Some("note"), funnel));
    assert_eq!(overview.days.len(), 30);
    assert_eq!(overview.days.iter().map(|(_, day)| day.funnel.sent).sum::<i64>(), 4);
}
