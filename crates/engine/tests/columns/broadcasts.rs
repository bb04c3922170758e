//! Broadcasts: everybody once, whatever happens in between.

mod begin;
mod breaker;
mod courtesy;
mod forecast;
mod held_up;
mod lists;
mod pace;
mod plans;
pub(crate) mod press;
mod times;

use domain::broadcasts::State;
use domain::broadcasts::reasons::{FailedBy, LeftOut};
use engine::broadcasts::BroadcastError;
use ports::broadcasts::{RecipientFilter, RecipientState};
use serde_json::json;

use crate::house::page;
use press::Press;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_it_once_and_the_counts_equal_the_rows() {
    let press = Press::open().await;
    let phones = press.contacts(300).await;
    press.stranger_to_consent("+15559990001").await;
    for phone in &phones[10..13] {
        press.sim.set_customer(phone, json!({"on_whatsapp": false})).unwrap();
    }
    let id = press.start(press.plan()).await;
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    press.each_phone_once(&phones[..10]);
    press.each_phone_once(&phones[13..]);
    let report = press.results(id).await;
    let counts = report.results.counts;
    assert_eq!((counts.total(), counts.sent, counts.failed), (300, 297, 3));
    assert_eq!((counts.pending, counts.queued, counts.left_out), (0, 0, 1));
    assert_eq!(report.results.left_out, [(LeftOut::NoConsent, 1)]);
    let [failed] = &report.results.failed[..] else { panic!("{:?}", report.results.failed) };
    assert_eq!((failed.failed_by, failed.count), (FailedBy::NotOnWhatsapp, 3));
    press.counts_equal_rows(id).await;
    // Somebody who failed so is excluded from the next one.
    let again = press.preview(&press.plan()).await;
    assert_eq!(again.recipients, 297);
    assert!(again.left_out.contains(&(LeftOut::NotOnWhatsapp, 3)), "{:?}", again.left_out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_broadcast_stands_within_a_second_and_goes_on_without_repeating_anybody() {
    let press = Press::at_rate(80).await;
    let phones = press.contacts(320).await;
    let id = press.start(press.plan()).await;
    for part in [40, 120, 200] {
        press.ledger(part).await;
        let paused = press.engine.broadcasts.pause(press.tenant, id).await.unwrap();
        assert_eq!(paused.state, State::Paused);
        press.stands_still().await;
        press.engine.broadcasts.resume(press.tenant, id).await.unwrap();
    }
    press.becomes(id, State::Completed).await;
    press.each_phone_once(&phones);
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_off_is_taken_back_and_every_recipient_has_its_end() {
    let press = Press::at_rate(80).await;
    press.contacts(300).await;
    let id = press.start(press.plan()).await;
    press.ledger(60).await;
    press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
    press.stands_still().await;
    press.quiet().await;
    let counts = press.results(id).await.results.counts;
    let sent = i64::try_from(press.sim.ledger(0).len()).unwrap();
    assert!(sent < 300);
    assert_eq!((counts.sent, counts.cancelled, counts.pending, counts.queued), (sent, 300 - sent, 0, 0));
    press.counts_equal_rows(id).await;
    let resumed = press.engine.broadcasts.resume(press.tenant, id).await;
    let Err(BroadcastError::InvalidState { current, allowed }) = resumed else { panic!("{resumed:?}") };
    assert_eq!((current, allowed), (State::Cancelled, &[State::Paused][..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_goes_on_where_the_first_one_stopped() {
    let mut press = Press::at_rate(80).await;
    let phones = press.contacts(250).await;
    let id = press.start(press.plan()).await;
    for part in [30, 110, 190] {
        press.ledger(part).await;
        press.restart().await;
    }
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    press.each_phone_once(&phones);
    press.counts_equal_rows(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_failed_for_a_chosen_reason_get_a_new_attempt_that_names_the_old_one() {
    let press = Press::open().await;
    let phones = press.contacts(20).await;
    press.sim.set_customer(&phones[0], json!({"on_whatsapp": false})).unwrap();
    press.sim.set_customer(&phones[1], json!({"failure": 131_008, "failure_at": "once"})).unwrap();
    press.sim.set_customer(&phones[2], json!({"failure": 131_053, "failure_at": "status"})).unwrap();
    let id = press.start(press.plan()).await;
    press.becomes(id, State::Completed).await;
    press.counts(id, |counts| counts.failed == 3).await;
    for phone in &phones[..3] {
        press.sim.set_customer(phone, json!({})).unwrap();
    }
    let retry = |reasons| press.engine.broadcasts.retry_failed(press.tenant, id, reasons, false);
    assert_eq!(retry(vec![FailedBy::Rejected, FailedBy::Media]).await.unwrap().retried, 2);
    assert_eq!(retry(vec![FailedBy::Rejected, FailedBy::Media]).await.unwrap().retried, 0);
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    press.counts(id, |counts| counts.failed == 1 && counts.sent == 19).await;
    press.counts_equal_rows(id).await;
    press.each_phone_once(&phones[1..2]);
    press.each_phone_once(&phones[3..]);
    let filter = RecipientFilter { state: Some(RecipientState::Failed), ..RecipientFilter::default() };
    let failed = press.engine.broadcasts.recipients(press.tenant, id, &filter, &page()).await.unwrap();
    assert_eq!(failed.items.len(), 1);
    assert_eq!(failed.items[0].phone.as_deref(), Some(phones[0].as_str()));
    let all = press.rows(id).await;
    let second = all.iter().find(|row| row.phone.as_deref() == Some(phones[1].as_str())).unwrap();
    assert_eq!(second.attempt, 2);
    let message = press.message(second.message_id.unwrap()).await;
    assert!(message.retry_of.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_says_stop_in_between_gets_nothing() {
    let press = Press::at_rate(40).await;
    let phones = press.contacts(200).await;
    let id = press.start(press.plan()).await;
    press.ledger(10).await;
    let before = press.sim.ledger(0);
    let last = phones.iter().rev().find(|phone| before.iter().all(|entry| !sent_to(entry, phone))).unwrap();
    press.hears(last, "STOP").await;
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    let got = press.sim.ledger(0);
    assert!(got.iter().all(|entry| entry.template.is_none() || !sent_to(entry, last)));
    press.counts_equal_rows(id).await;
}

fn sent_to(entry: &simulator::LedgerEntry, phone: &str) -> bool {
    entry.to.trim_start_matches('+') == phone.trim_start_matches('+')
}
