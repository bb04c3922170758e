//! What is wrong for everybody stops a broadcast; what is left goes on after the repair.

use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::{Plan, State, StopCode};
use engine::broadcasts::{BroadcastError, WaitingFor};
use engine::connections::Reconnect;
use ports::Paging;
use ports::alerts::Severity;
use ports::contacts::{ContactFilter, ContactPatch};
use ports::templates::TemplatePatch;
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
    assert!(!reason.message.contains(".."), "{}", reason.message);
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
        let Err(BroadcastError::ConnectionBroken(broken)) = broken else { panic!("{broken:?}") };
        assert_eq!((broken.code, broken.meta_error_code), (code, Some(meta_code)));
        let says = press.broadcast(id).await.reason.unwrap().message;
        assert!(says.contains("Meta's Business settings") == (code == StopCode::Payment), "{says}");
        assert!(says.contains(&broken.mend()) && !says.contains("Reconnect WhatsApp"), "{says}");
        press.engine.connections.reconnect(tenant, connection, Reconnect::default()).await.unwrap();
        goes_on(&press, id).await;
        press.each_phone_once(&phones);
        assert_eq!(press.broadcast(id).await.counts.failed, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_and_payment_troubles_that_statuses_tell_of_stop_it_as_answers_do() {
    for (meta_code, code) in [(131_042, StopCode::Payment), (131_031, StopCode::AccountRestricted)] {
        let press = Press::at_rate(40).await;
        press.contacts(200).await;
        press.faults(json!({"failure_rate": 1.0, "failure_code": meta_code})).await;
        let id = press.start(press.plan()).await;
        let paused = press.becomes(id, State::Paused).await;
        assert_eq!(paused.reason.as_ref().map(|reason| reason.code), Some(code), "{:?}", paused.reason);
        press.stands_still().await;
        press.quiet().await;
        let report = press.results(id).await;
        let counts = report.results.counts;
        assert!(counts.failed > 0 && counts.pending + counts.queued > 100, "{counts:?}");
        assert!(report.results.failed.iter().all(|group| group.failed_by == FailedBy::Connection));
        press.handle("DELETE", "/faults", json!({})).await;
        let (tenant, connection) = (press.tenant, press.connection.id);
        press.engine.connections.reconnect(tenant, connection, Reconnect::default()).await.unwrap();
        goes_on(&press, id).await;
        press.engine.broadcasts.retry_failed(tenant, id, vec![FailedBy::Connection], false).await.unwrap();
        press.counts(id, |counts| counts.sent == 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spam_limit_that_statuses_tell_of_pauses_the_number_and_calls_for_somebody() {
    let press = Press::at_rate(20).await;
    press.contacts(150).await;
    press.faults(json!({"failure_rate": 1.0, "failure_code": 131_048})).await;
    let id = press.start(press.plan()).await;
    let waiting = eventually("the pause", || async {
        let waiting = press.results(id).await.motion.waiting_for?;
        let left = waiting.until?.duration_since(press.deps.clock.now());
        (left.as_secs() > 20).then_some(waiting.what)
    })
    .await;
    assert_eq!(waiting, WaitingFor::RateLimit);
    press.stands_still().await;
    assert!(press.sim.ledger(0).len() < 100);
    let open = press.alerts(Some(true)).await;
    let alert = open.iter().find(|alert| alert.kind == "account_limited").unwrap();
    assert_eq!(alert.details["meta_error_code"], 131_048);
    press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
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
        assert_eq!(counts.failed, 0, "{meta_code}: a template is waited for: {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_is_deleted_stops_it_and_nobody_failed() {
    let press = Press::at_rate(80).await;
    let phones = press.contacts(120).await;
    let id = press.start(press.plan()).await;
    press.ledger(20).await;
    let (store, tenant) = (&press.deps.store, press.tenant);
    let note = store.templates_named(tenant, press.connection.id, "note", None).await.unwrap().remove(0);
    let becomes = async |status| {
        let patch = TemplatePatch { status: Some(status), ..TemplatePatch::default() };
        store.update_template(tenant, note.id, patch, press.deps.clock.now()).await.unwrap();
    };
    becomes(domain::templates::Status::Deleted).await;
    let paused = press.becomes(id, State::Paused).await;
    assert_eq!(paused.reason.map(|reason| reason.code), Some(StopCode::TemplateUnusable));
    press.stands_still().await;
    assert_eq!(press.broadcast(id).await.counts.failed, 0);
    becomes(domain::templates::Status::Approved).await;
    goes_on(&press, id).await;
    press.each_phone_once(&phones);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_that_is_paused_holds_up_nobody_and_its_contacts_get_another() {
    let press = Press::at_rate(80).await;
    let spanish = json!({
        "name": "note", "language": "es",
        "components": [{"type": "BODY", "text": "Hola {{1}}, hay noticias.", "example": {"body_text": [["Ana"]]}}],
    });
    press.sim.put_template(&spanish).unwrap();
    press.engine.templates.sync(press.tenant, None).await.unwrap();
    let phones = press.contacts(600).await;
    let filter = ContactFilter::default();
    let mut paging = Paging { page: 1, page_size: 100, cursor: None };
    loop {
        let page = press.deps.store.contacts(press.tenant, &filter, &paging).await.unwrap();
        for contact in page.items.iter().step_by(2) {
            let patch = ContactPatch { language: Some(Some("es".into())), ..ContactPatch::default() };
            let now = press.deps.clock.now();
            press.deps.store.update_contact(press.tenant, contact.id, patch, now).await.unwrap();
        }
        match page.next_cursor {
            Some(next) => paging.cursor = Some(next),
            None => break,
        }
    }
    let id = press.start(press.plan()).await;
    press.ledger(40).await;
    press.handle("POST", "/templates/note/review", json!({"status": "PAUSED", "language": "es"})).await;
    // Meta's own refusal may come before its webhook, and stops it; whoever resumes it gets it going.
    eventually("its end", || async {
        let known = press.broadcast(id).await;
        if known.state == State::Paused {
            assert_eq!(known.reason.map(|reason| reason.code), Some(StopCode::TemplateUnusable));
            press.engine.broadcasts.resume(press.tenant, id).await.unwrap();
        }
        (known.state == State::Completed).then_some(())
    })
    .await;
    press.quiet().await;
    press.each_phone_once(&phones);
    let counts = press.broadcast(id).await.counts;
    assert_eq!((counts.sent, counts.failed), (600, 0));
    press.counts_equal_rows(id).await;
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
async fn answers_that_are_all_lost_stop_it_before_everybody_is_written_off() {
    let press = Press::at_rate(100).await;
    press.contacts(400).await;
    press.faults(json!({"cut_before_accept_rate": 1.0})).await;
    let id = press.start(press.plan()).await;
    let paused = press.becomes(id, State::Paused).await;
    let reason = paused.reason.unwrap();
    assert_eq!(reason.code, StopCode::OutcomeUnknown, "{reason:?}");
    press.stands_still().await;
    let counts = press.counts(id, |counts| counts.in_doubt >= 50).await;
    assert!(counts.in_doubt < 200 && counts.pending + counts.queued > 200, "{counts:?}");
    eventually("the alert", || async {
        let open = press.alerts(Some(true)).await;
        open.into_iter().find(|alert| alert.details["code"] == "outcome_unknown")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_country_that_is_closed_to_the_account_says_nothing_of_the_next_recipient() {
    let press = Press::open().await;
    for phone in press.contacts(60).await {
        press.sim.set_customer(&phone, json!({"failure": 130_497, "failure_at": "once"})).unwrap();
    }
    let others: Vec<String> = (0..100).map(|n| format!("+15553{:06}", 100_000 + n)).collect();
    futures::future::join_all(others.iter().map(|phone| press.contact(phone))).await;
    let id = press.start(press.plan()).await;
    let through = press.becomes(id, State::Completed).await;
    assert_eq!((through.counts.sent, through.counts.failed), (100, 60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_that_is_wrong_for_everybody_stops_it_and_no_number_is_blamed() {
    let press = Press::at_rate(200).await;
    press.contacts(300).await;
    let id = stops(&press, 131_009, StopCode::ConsecutiveFailures).await;
    let failed = press.results(id).await.results.failed;
    assert!(failed.iter().all(|group| group.failed_by == FailedBy::Rejected), "{failed:?}");
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
async fn one_of_which_statuses_tell_after_its_end_that_nobody_was_reached_has_failed() {
    let press = Press::open().await;
    press.faults(json!({"webhook_delay_ms": 1_000})).await;
    for phone in press.contacts(12).await {
        press.sim.set_customer(&phone, json!({"failure": 131_026, "failure_at": "status"})).unwrap();
    }
    let id = press.start(press.plan()).await;
    press.becomes(id, State::Completed).await;
    let failed = press.becomes(id, State::Failed).await;
    assert_eq!(failed.reason.map(|reason| reason.code), Some(StopCode::AllFailed));
    let open = press.alerts(Some(true)).await;
    let alert = open.iter().find(|alert| alert.kind == "broadcast_stopped").unwrap();
    assert_eq!((alert.severity, alert.details["failed"].as_i64()), (Severity::Critical, Some(12)));
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
