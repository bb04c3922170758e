//! Figures equal the rows that they count, whatever happened to those and in which order.

use std::collections::BTreeMap;

use domain::ContactId;
use domain::alerts::rules::hour_of;
use domain::analytics::Metric;
use domain::consent::{ConsentKind, ConsentSource};
use domain::messages::{Direction, Status};
use ports::Paging;
use ports::analytics::{AnalyticsStore, Backlog};
use ports::consent::{ConsentStore, NewConsent};
use ports::lanes::{LaneStore, Outcome, Settlement};
use ports::messages::{Message, MessageFilter, MessageStore};
use ports::webhooks::Change;

use crate::scene::{Scene, failure};
use crate::support::{Bench, at};

on_each_engine!(
    figures_equal_a_recount_after_repeats_reorder_and_late_statuses,
    a_message_that_is_put_back_leaves_the_figures_and_comes_back_with_its_next_attempt,
    calls_are_counted_with_what_meta_said,
    answers_and_decisions_are_counted_on_their_day,
    what_waits_and_what_is_in_doubt_is_told,
    figures_are_their_tenants,
);

/// Whole days around every moment of these tests.
fn range() -> (i64, i64) {
    (hour_of(at(0)) - 48, hour_of(at(0)) + 480)
}

type Counted = BTreeMap<(Metric, i64), i64>;

async fn figures(scene: &Scene) -> Counted {
    let (from, until) = range();
    let found = scene.store().figures(scene.tenant, from, until).await.unwrap();
    found.into_iter().map(|figure| ((figure.metric, figure.key), figure.count)).collect()
}

/// The same by hour, out of the figures and out of the rows.
async fn assert_equal_to_a_recount(scene: &Scene) {
    let mut rows: BTreeMap<i64, Counted> = BTreeMap::new();
    for message in all(scene).await {
        for (hour, metric, key) in standing(&message) {
            *rows.entry(hour).or_default().entry((metric, key)).or_default() += 1;
        }
    }
    let (from, until) = range();
    for hour in from..until {
        let kept = scene.store().figures(scene.tenant, hour, hour + 1).await.unwrap();
        let of_rows = [Metric::Sent, Metric::Delivered, Metric::Read, Metric::Failed, Metric::Errors];
        let kept: Counted = kept
            .into_iter()
            .filter(|figure| of_rows.contains(&figure.metric))
            .map(|figure| ((figure.metric, figure.key), figure.count))
            .collect();
        assert_eq!(kept, rows.remove(&hour).unwrap_or_default(), "hour {hour}");
    }
    assert!(rows.is_empty(), "outside of the range: {rows:?}");
}

async fn all(scene: &Scene) -> Vec<Message> {
    let paging = Paging { page_size: 100, ..Paging::default() };
    scene.store().messages(scene.tenant, &MessageFilter::default(), &paging).await.unwrap().items
}

/// In which figures a message stands, told from what the API shows of it.
fn standing(message: &Message) -> Vec<(i64, Metric, i64)> {
    if message.direction != Direction::Outbound {
        return Vec::new();
    }
    let taken = message.sent_at.or(message.delivered_at).or(message.read_at);
    let failed = message.failed_at.filter(|_| message.status == Status::Failed);
    let Some(hour) = taken.or(failed).map(hour_of) else { return Vec::new() };
    let template = message.template_id.map_or(0, |id| id.0);
    let mut found = Vec::new();
    if taken.is_some() {
        found.push((hour, Metric::Sent, template));
    }
    if message.delivered_at.or(message.read_at).is_some() {
        found.push((hour, Metric::Delivered, template));
    }
    if message.read_at.is_some() {
        found.push((hour, Metric::Read, template));
    }
    if failed.is_some() {
        let code = message.failure.as_ref().and_then(|failure| failure.meta_error_code).unwrap_or(0);
        found.push((hour, Metric::Failed, template));
        found.push((hour, Metric::Errors, code));
    }
    found
}

async fn figures_equal_a_recount_after_repeats_reorder_and_late_statuses(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lane = scene.lane("a").await;
    let mut contacts: Vec<ContactId> = Vec::new();
    for number in 0..6 {
        contacts.push(scene.opted_in(number).await);
    }
    for (number, contact) in contacts.iter().enumerate() {
        scene.sent(&lane, *contact, &format!("w{number}")).await;
    }
    assert_equal_to_a_recount(&scene).await;
    // Every order, repeats, hours later, and two for a message that is not known yet.
    let reports = [
        ("w0", Status::Read, 7_300),
        ("w0", Status::Delivered, 50),
        ("w0", Status::Sent, 45),
        ("w0", Status::Read, 7_400),
        ("w1", Status::Delivered, 4_000),
        ("w1", Status::Failed, 4_100),
        ("w2", Status::Failed, 3_700),
        ("w2", Status::Failed, 3_700),
        ("w3", Status::Failed, 3_800),
        ("w3", Status::Delivered, 90_000),
        ("w4", Status::Sent, -4_000),
        ("later", Status::Delivered, 60),
        ("later", Status::Sent, 50),
    ];
    for (wamid, status, second) in reports {
        scene.report(wamid, status, at(second)).await;
        assert_equal_to_a_recount(&scene).await;
    }
    let together =
        reports.map(|(wamid, status, second)| Change::Status(scene.status(wamid, status, at(second))));
    scene.project(together.into_iter().rev().collect()).await;
    assert_equal_to_a_recount(&scene).await;
    let known = scene.opted_in(9).await;
    let claimed = scene.sending(&lane, known).await;
    let settlement = Settlement::Sent { wamid: "later".into(), held: false };
    assert_eq!(scene.settle(&lane, &claimed, settlement).await, Status::Delivered);
    assert_equal_to_a_recount(&scene).await;
    let counted = figures(&scene).await;
    let template = scene.template.0;
    assert_eq!(counted[&(Metric::Sent, template)], 7);
    assert_eq!(counted[&(Metric::Delivered, template)], 4);
    assert_eq!(counted[&(Metric::Read, template)], 1);
    assert_eq!(counted[&(Metric::Failed, template)], 1);
    assert_eq!(counted[&(Metric::Errors, 131_000)], 1);
}

async fn a_message_that_is_put_back_leaves_the_figures_and_comes_back_with_its_next_attempt(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lane = scene.lane("a").await;
    let contact = scene.opted_in(1).await;
    let message = scene.sent(&lane, contact, "first").await;
    scene.report("first", Status::Failed, at(60)).await;
    assert_equal_to_a_recount(&scene).await;
    scene.store().requeue_message(scene.tenant, message, false, at(25)).await.unwrap();
    assert_equal_to_a_recount(&scene).await;
    assert!(
        figures(&scene).await.keys().all(|(metric, _)| *metric == Metric::Calls || *metric == Metric::OptIns)
    );
    let claimed = scene.claim(&lane).await.claimed.remove(0);
    let settlement = Settlement::Sent { wamid: "second".into(), held: false };
    scene.settle(&lane, &claimed, settlement).await;
    scene.report("second", Status::Read, at(70)).await;
    assert_equal_to_a_recount(&scene).await;
    assert_eq!(figures(&scene).await[&(Metric::Read, scene.template.0)], 1);
}

async fn calls_are_counted_with_what_meta_said(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lane = scene.lane("a").await;
    let why = |code| failure("META_REJECTED", code);
    let settlements = [
        Settlement::Sent { wamid: "w".into(), held: false },
        Settlement::Failed { why: why(100), flag: None, marketing_stop: false },
        Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) },
        Settlement::Requeue { due_at: at(500), costs_attempt: true, why: why(131_000) },
        Settlement::DelayContact { due_at: at(500), why: why(131_056) },
        Settlement::Unsent,
    ];
    for (number, settlement) in (0..).zip(settlements) {
        let contact = scene.opted_in(number).await;
        let message_id = scene.send(scene.job(contact)).await.message_id;
        let claimed = scene.claim(&lane).await.claimed;
        let claimed = claimed.iter().find(|one| one.message_id == message_id).unwrap();
        let outcome = Outcome { message_id, contact_id: claimed.contact_id, settlement, at: at(40) };
        scene.store().record_outcomes(&lane, vec![outcome]).await.unwrap();
    }
    let counted = figures(&scene).await;
    assert_eq!(counted[&(Metric::Calls, 0)], 5);
    for code in [100, 0, 131_000, 131_056] {
        assert_eq!(counted[&(Metric::CallErrors, code)], 1, "{code}");
    }
    assert_equal_to_a_recount(&scene).await;
}

async fn answers_and_decisions_are_counted_on_their_day(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lane = scene.lane("a").await;
    let contact = scene.opted_in(1).await;
    scene.sent(&lane, contact, "w").await;
    let answer = scene.inbound(1, "in-1");
    scene.project(vec![Change::Inbound(answer.clone())]).await;
    // Repeated, and a second one in a row: received, but no second answer.
    scene.project(vec![Change::Inbound(answer)]).await;
    scene.project(vec![Change::Inbound(scene.inbound(1, "in-2"))]).await;
    scene.project(vec![Change::Inbound(scene.stop(1, "in-3"))]).await;
    let again = NewConsent {
        contact_id: contact,
        kind: ConsentKind::OptIn,
        source: ConsentSource::Console,
        at: at(86_400),
        evidence: serde_json::json!({}),
    };
    scene.store().record_consent(scene.tenant, again).await.unwrap();
    let counted = figures(&scene).await;
    assert_eq!(counted[&(Metric::Received, 0)], 3);
    assert_eq!(counted[&(Metric::Replied, 0)], 1);
    assert_eq!((counted[&(Metric::OptIns, 0)], counted[&(Metric::OptOuts, 0)]), (2, 1));
    let (from, until) = range();
    let days = scene.store().figures_by_day(scene.tenant, from, until).await.unwrap();
    let opt_ins: Vec<(i64, i64)> =
        days.iter().filter(|day| day.metric == Metric::OptIns).map(|day| (day.day, day.count)).collect();
    let day = hour_of(at(86_400)) / 24;
    assert_eq!(opt_ins.last(), Some(&(day, 1)));
}

async fn what_waits_and_what_is_in_doubt_is_told(bench: Bench) {
    let scene = Scene::of(bench).await;
    let store = scene.store();
    assert_eq!(store.backlog(scene.tenant, at(0)).await.unwrap(), Backlog::default());
    let lane = scene.lane("a").await;
    let contact = scene.opted_in(1).await;
    let claimed = scene.sending(&lane, contact).await;
    scene.settle(&lane, &claimed, Settlement::InDoubt { why: failure("SEND_OUTCOME_UNKNOWN", 0) }).await;
    let other = scene.opted_in(2).await;
    scene.send(scene.job(other)).await;
    let backlog = store.backlog(scene.tenant, at(41)).await.unwrap();
    assert_eq!(backlog, Backlog { oldest_due: vec![(scene.connection, at(10))], in_doubt: 1 });
    assert_eq!(store.backlog(scene.tenant, at(40)).await.unwrap().in_doubt, 0, "not for long enough");
}

async fn figures_are_their_tenants(bench: Bench) {
    let scene = Scene::of(bench).await;
    let lane = scene.lane("a").await;
    let contact = scene.opted_in(1).await;
    scene.sent(&lane, contact, "w").await;
    let stranger = scene.bench.tenant().await;
    let (from, until) = range();
    let store = scene.store();
    assert_eq!(store.figures(stranger, from, until).await.unwrap(), []);
    assert_eq!(store.figures_by_day(stranger, from, until).await.unwrap(), []);
    assert_eq!(store.template_marks(stranger).await.unwrap(), []);
    assert_eq!(store.template_marks(scene.tenant).await.unwrap().len(), 1);
    assert_eq!(store.backlog(stranger, at(1_000)).await.unwrap(), Backlog::default());
}
