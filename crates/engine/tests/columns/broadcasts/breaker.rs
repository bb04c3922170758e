//! What is wrong for everybody stops a broadcast; what is left goes on after the repair.

use domain::broadcasts::{Plan, State, StopCode};
use engine::connections::Reconnect;
use ports::alerts::Severity;
use serde_json::json;

use super::press::Press;
use crate::house::eventually;

/// Meta answers every send with this code; the broadcast stops with that reason and one critical alert.
async fn stops(press: &Press, meta_code: i64, code: StopCode) -> domain::BroadcastId {
    let id = press.start(press.plan()).await;
    press.ledger(5).await;
    press.faults(json!({"error_rate": 1.0, "error_code": meta_code, "error_on": "messages"})).await;
    let paused = press.becomes(id, State::Paused).await;
    let reason = paused.reason.unwrap();
    assert_eq!(reason.code, code, "{reason:?}");
    let alert = eventually("the alert", || async {
        let open = press.alerts(Some(true)).await;
        open.into_iter().find(|alert| alert.kind == "broadcast_stopped")
    })
    .await;
    assert_eq!((alert.severity, alert.count), (Severity::Critical, 1));
    assert_eq!(alert.subject, format!("broadcast:{id}"));
    assert_eq!(alert.details["code"], code.as_str());
    id
}

async fn goes_on(press: &Press, id: domain::BroadcastId) {
    press.engine.broadcasts.resume(press.tenant, id).await.unwrap();
    let open = press.alerts(Some(true)).await;
    assert!(open.iter().all(|alert| alert.kind != "broadcast_stopped"), "{open:?}");
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_and_payment_stop_it_with_nothing_failed_and_reconnecting_lets_it_go_on() {
    for (meta_code, code) in [
        (368, StopCode::AccountRestricted),
        (131_031, StopCode::AccountRestricted),
        (131_042, StopCode::Payment),
    ] {
        let press = Press::at_rate(200).await;
        let phones = press.contacts(100).await;
        let id = stops(&press, meta_code, code).await;
        press.handle("DELETE", "/faults", json!({})).await;
        let (tenant, connection) = (press.tenant, press.connection.id);
        let broken = press.engine.broadcasts.resume(tenant, id).await;
        assert!(broken.is_err(), "the number is broken still");
        press.engine.connections.reconnect(tenant, connection, Reconnect::default()).await.unwrap();
        goes_on(&press, id).await;
        press.each_phone_once(&phones);
        assert_eq!(press.broadcast(id).await.counts.failed, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_stops_it_and_a_new_one_lets_it_go_on() {
    let press = Press::at_rate(200).await;
    let phones = press.contacts(100).await;
    let id = press.start(press.plan()).await;
    press.ledger(5).await;
    press.handle("POST", "/tokens/expire", json!({})).await;
    let paused = press.becomes(id, State::Paused).await;
    assert_eq!(paused.reason.map(|reason| reason.code), Some(StopCode::TokenExpired));
    let issued = press.handle("POST", "/tokens/issue", json!({})).await;
    let token = issued["access_token"].as_str().or(issued["token"].as_str()).unwrap().to_owned();
    let new = Reconnect { access_token: Some(token.into()), ..Reconnect::default() };
    press.engine.connections.reconnect(press.tenant, press.connection.id, new).await.unwrap();
    goes_on(&press, id).await;
    press.each_phone_once(&phones);
    assert_eq!(press.broadcast(id).await.counts.failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_meta_does_not_take_stops_it_at_once() {
    for meta_code in [132_015, 132_016, 132_001, 132_007] {
        let press = Press::at_rate(80).await;
        press.contacts(200).await;
        let id = stops(&press, meta_code, StopCode::TemplateUnusable).await;
        let counts = press.broadcast(id).await.counts;
        assert!(counts.pending + counts.queued > 100, "{meta_code}: {counts:?}");
        if meta_code == 132_015 {
            assert_eq!(counts.failed, 0, "a paused template is waited for: {counts:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_is_paused_by_a_webhook_stops_it_and_everybody_waits_for_it() {
    let press = Press::at_rate(80).await;
    let phones = press.contacts(200).await;
    let id = press.start(press.plan()).await;
    press.ledger(20).await;
    press.handle("POST", "/templates/note/review", json!({"status": "PAUSED"})).await;
    let paused = press.becomes(id, State::Paused).await;
    assert_eq!(paused.reason.map(|reason| reason.code), Some(StopCode::TemplateUnusable));
    assert!(press.engine.broadcasts.resume(press.tenant, id).await.is_err(), "it is paused still");
    press.handle("POST", "/templates/note/review", json!({"status": "APPROVED"})).await;
    eventually("its approval", || async { press.engine.broadcasts.resume(press.tenant, id).await.ok() })
        .await;
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    press.each_phone_once(&phones);
    let counts = press.broadcast(id).await.counts;
    assert_eq!((counts.sent, counts.failed), (200, 0));
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_moved_to_marketing_stops_it_and_goes_on_without_those_who_stopped_marketing() {
    let press = Press::at_rate(40).await;
    let phones = press.contacts(150).await;
    let id = press.start(press.plan()).await;
    press.ledger(10).await;
    press
        .handle("POST", "/templates/note/review", json!({"status": "APPROVED", "category": "MARKETING"}))
        .await;
    let paused = press.becomes(id, State::Paused).await;
    let reason = paused.reason.unwrap();
    assert_eq!(reason.code, StopCode::TemplateCategoryChanged, "{reason:?}");
    assert!(reason.message.contains("marketing"), "{}", reason.message);
    goes_on(&press, id).await;
    press.each_phone_once(&phones);
    assert_eq!(
        press.broadcast(id).await.category.map(|category| category.to_string()),
        Some("marketing".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_in_a_row_stop_it_and_what_is_left_is_kept() {
    let press = Press::at_rate(200).await;
    press.contacts(300).await;
    let id = stops(&press, 131_008, StopCode::ConsecutiveFailures).await;
    let counts = press.counts(id, |counts| counts.failed >= 50).await;
    assert!(counts.failed < 150 && counts.pending + counts.queued > 100, "{counts:?}");
    press.handle("DELETE", "/faults", json!({})).await;
    goes_on(&press, id).await;
    press.engine.broadcasts.retry_failed(press.tenant, id, Vec::new(), false).await.unwrap();
    press.counts(id, |counts| counts.sent == 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_dead_numbers_is_stopped_by_its_share() {
    let press = Press::open().await;
    let phones = press.contacts(400).await;
    for phone in &phones {
        press.sim.set_customer(phone, json!({"failure": 131_026, "failure_at": "once"})).unwrap();
    }
    let mut plan = press.plan();
    plan.breaker.window = 60;
    let id = press.start(plan).await;
    let paused = press.becomes(id, State::Paused).await;
    assert_eq!(paused.reason.map(|reason| reason.code), Some(StopCode::FailureShare));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_that_reached_nobody_has_failed_and_somebody_is_called() {
    let press = Press::open().await;
    let phones = press.contacts(8).await;
    for phone in &phones {
        press.sim.set_customer(phone, json!({"failure": 131_008, "failure_at": "once"})).unwrap();
    }
    let id = press.start(press.plan()).await;
    let failed = press.becomes(id, State::Failed).await;
    assert_eq!(failed.reason.map(|reason| reason.code), Some(StopCode::AllFailed));
    eventually("the alert", || async {
        let open = press.alerts(Some(true)).await;
        open.into_iter()
            .find(|alert| alert.kind == "broadcast_stopped" && alert.severity == Severity::Critical)
    })
    .await;
    for phone in &phones {
        press.sim.set_customer(phone, json!({})).unwrap();
    }
    let retried = press.engine.broadcasts.retry_failed(press.tenant, id, Vec::new(), false).await.unwrap();
    assert_eq!((retried.retried, retried.reopened), (8, true));
    eventually("the alert is called off", || async {
        let open = press.alerts(Some(true)).await;
        (!open.iter().any(|alert| alert.kind == "broadcast_stopped")).then_some(())
    })
    .await;
    press.becomes(id, State::Completed).await;
    press.each_phone_once(&phones);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_switched_off_stops_it_until_it_is_on_again() {
    let press = Press::at_rate(80).await;
    let phones = press.contacts(150).await;
    let id = press.start(press.plan()).await;
    press.ledger(20).await;
    press.engine.connections.disable(press.tenant, press.connection.id).await.unwrap();
    let paused = press.becomes(id, State::Paused).await;
    assert_eq!(paused.reason.map(|reason| reason.code), Some(StopCode::ConnectionGone));
    press.engine.connections.enable(press.tenant, press.connection.id).await.unwrap();
    goes_on(&press, id).await;
    press.each_phone_once(&phones);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_behind_one_number_that_is_off_is_not_forgotten_while_the_other_goes_on() {
    let (press, second) = Press::with_two_numbers(60).await;
    let phones = press.contacts(260).await;
    let id = press.start(Plan { connections: vec![press.connection.id, second], ..press.plan() }).await;
    press.ledger(60).await;
    press.engine.connections.disable(press.tenant, second).await.unwrap();
    let paused = press.becomes(id, State::Paused).await;
    assert_eq!(paused.reason.map(|reason| reason.code), Some(StopCode::ConnectionGone));
    assert_eq!(paused.counts.pending, 0);
    press.engine.connections.enable(press.tenant, second).await.unwrap();
    goes_on(&press, id).await;
    press.each_phone_once(&phones);
}
