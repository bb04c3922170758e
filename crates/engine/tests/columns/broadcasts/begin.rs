//! What begins, with whom, and what could not begin.

use domain::broadcasts::schedule::{Every, Recurrence, Schedule};
use domain::broadcasts::{Plan, State, StopCode};
use domain::segments::Rule;
use domain::{BroadcastId, SegmentId, SignedDuration};
use engine::broadcasts::BroadcastError;
use engine::segments::SegmentError;
use jiff::tz::TimeZone;
use ports::broadcasts::{Broadcast, BroadcastFilter, BroadcastPatch, Move, NewBroadcast};
use ports::contacts::ContactPatch;
use serde_json::{Value, json};

use super::press::Press;
use crate::house::{eventually, page};

impl Press {
    /// Of so many contacts the first bear the tag; answers their phones.
    async fn with_vips(&self, count: usize, vips: usize) -> Vec<String> {
        let mut phones = self.contacts(count).await;
        phones.truncate(vips);
        for phone in &phones {
            let id = self.contact(phone).await;
            let patch = ContactPatch { tags: Some(vec!["vip".into()]), ..ContactPatch::default() };
            self.deps.store.update_contact(self.tenant, id, patch, self.deps.clock.now()).await.unwrap();
        }
        phones
    }

    async fn segment(&self, name: &str, rule: Value) -> SegmentId {
        let rule: Rule = serde_json::from_value(rule).unwrap();
        self.engine.segments.create(self.tenant, name, &rule).await.unwrap().id
    }

    async fn vips(&self) -> SegmentId {
        self.segment("vips", json!({ "field": "tags", "op": "has", "value": "vip" })).await
    }

    fn to_segment(&self, segment: SegmentId) -> Plan {
        let mut plan = self.plan();
        plan.audience.asked = json!({ "segment_id": segment });
        plan
    }

    fn after(&self, hours: i64) -> Schedule {
        Schedule::At { at: self.deps.clock.now() + SignedDuration::from_hours(hours) }
    }

    async fn review(&self, status: &str) {
        self.handle("POST", "/templates/note/review", json!({ "status": status })).await;
        self.engine.templates.sync(self.tenant, None).await.unwrap();
    }

    async fn resumed(&self, id: BroadcastId) -> Broadcast {
        eventually("it is mended", || async { self.engine.broadcasts.resume(self.tenant, id).await.ok() })
            .await
    }

    /// It was held at its time, with an alert.
    async fn held(&self, id: BroadcastId, code: StopCode) -> Broadcast {
        let held = self.becomes(id, State::Paused).await;
        let reason = held.reason.clone().unwrap();
        assert_eq!(reason.code, code, "{reason:?}");
        assert!(held.is_held() && held.started_at.is_none() && !held.frozen, "{held:?}");
        eventually("the alert", || async {
            let open = self.alerts(Some(true)).await;
            open.into_iter().find(|alert| alert.details["code"] == code.as_str())
        })
        .await;
        assert_eq!(self.sim.ledger(0).len(), 0);
        held
    }

    /// Everybody of these got it, and nobody else.
    async fn reached_only(&self, id: BroadcastId, phones: &[String]) {
        let done = self.becomes(id, State::Completed).await;
        self.quiet().await;
        self.each_phone_once(phones);
        assert_eq!(self.sim.ledger(0).len(), phones.len());
        assert_eq!(done.counts.total() + done.counts.left_out, phones.len() as i64);
        self.counts_equal_rows(id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_broadcast_that_could_not_start_goes_to_its_members_once_it_is_mended() {
    let press = Press::open().await;
    let vips = press.with_vips(20, 3).await;
    let plan = Plan { schedule: press.after(1), ..press.to_segment(press.vips().await) };
    let id = press.start(plan.clone()).await;
    assert_eq!(press.broadcast(id).await.state, State::Scheduled);
    press.review("PAUSED").await;
    press.hours(2);
    let held = press.held(id, StopCode::TemplateUnusable).await;
    assert_eq!(held.plan, plan, "the plan is what was asked for");
    assert!(press.engine.broadcasts.resume(press.tenant, id).await.is_err(), "it is paused still");
    press.review("APPROVED").await;
    assert_eq!(press.resumed(id).await.state, State::Sending);
    press.reached_only(id, &vips).await;
    assert_eq!(press.alerts(Some(true)).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_asked_when_it_starts_by_hand_at_its_time_and_at_each_turn() {
    let press = Press::open().await;
    let mut vips = press.with_vips(12, 3).await;
    let segment = press.vips().await;
    let by_hand = press.start(press.to_segment(segment)).await;
    press.reached_only(by_hand, &vips).await;
    let scheduled = press.start(Plan { schedule: press.after(1), ..press.to_segment(segment) }).await;
    // Somebody comes in while it waits.
    let late = "+15552999999".to_owned();
    let contact = press.contact(&late).await;
    let patch = ContactPatch { tags: Some(vec!["vip".into()]), ..ContactPatch::default() };
    press.deps.store.update_contact(press.tenant, contact, patch, press.deps.clock.now()).await.unwrap();
    vips.push(late);
    press.hours(2);
    let done = press.becomes(scheduled, State::Completed).await;
    assert_eq!((done.counts.sent, done.counts.left_out), (4, 0));
    assert_eq!(press.sim.ledger(0).len(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_could_not_start_goes_to_the_segments_members_once_it_is_mended() {
    let press = Press::open().await;
    let vips = press.with_vips(20, 3).await;
    let first = TimeZone::UTC.to_datetime(press.deps.clock.now() + SignedDuration::from_hours(24));
    let recurrence = Recurrence { every: Every::Day, interval: 1, first, time_zone: None, until: None };
    let schedule = Schedule::Recurring { recurrence };
    let parent = press.start(Plan { schedule, ..press.to_segment(press.vips().await) }).await;
    press.review("PAUSED").await;
    press.hours(25);
    let filter = BroadcastFilter { recurs_from: Some(parent), ..BroadcastFilter::default() };
    let turn = eventually("the turn", || async {
        let turns = press.engine.broadcasts.list(press.tenant, &filter, &page()).await.unwrap().items;
        turns.first().map(|turn| turn.id)
    })
    .await;
    press.held(turn, StopCode::TemplateUnusable).await;
    press.review("APPROVED").await;
    press.resumed(turn).await;
    press.reached_only(turn, &vips).await;
    assert_eq!(press.broadcast(parent).await.state, State::Scheduled, "the next turn comes at its time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_began_is_changed_and_sent_as_it_is_then() {
    let press = Press::open().await;
    let vips = press.with_vips(6, 2).await;
    let other = json!({ "name": "other", "components": [{"type": "BODY", "text": "All of you."}] });
    press.sim.put_template(&other).unwrap();
    press.engine.templates.sync(press.tenant, None).await.unwrap();
    let id = press.start(Plan { schedule: press.after(1), ..press.to_segment(press.vips().await) }).await;
    press.review("PAUSED").await;
    press.hours(2);
    let held = press.held(id, StopCode::TemplateUnusable).await;
    let mut plan = held.plan.clone();
    plan.template.name = "other".into();
    plan.params = json!([]);
    plan.schedule = press.after(3);
    let patch = BroadcastPatch { plan: Some(plan), name: Some("Mended".into()) };
    let changed = press.engine.broadcasts.update(press.tenant, id, patch).await.unwrap();
    assert_eq!((changed.state, changed.name.as_str()), (State::Paused, "Mended"));
    let waits = press.engine.broadcasts.resume(press.tenant, id).await.unwrap();
    assert_eq!((waits.state, waits.reason), (State::Scheduled, None), "its new time lies in the future");
    press.hours(4);
    press.reached_only(id, &vips).await;
    let begun = press.engine.broadcasts.update(press.tenant, id, BroadcastPatch::default()).await;
    assert!(matches!(begun, Err(BroadcastError::InvalidState { current: State::Completed, .. })));
}

/// One that the façade would not have made, due in an hour.
async fn due(press: &Press, plan: Plan) -> BroadcastId {
    let now = press.deps.clock.now();
    let new = NewBroadcast { name: "Odd".into(), plan, recurs_from: None, created_by: None, at: now };
    let id = press.deps.store.create_broadcast(press.tenant, new).await.unwrap().id;
    let schedule = Move {
        step: domain::broadcasts::Step::Schedule,
        reason: None,
        starts_at: Some(now + SignedDuration::from_hours(1)),
        category: None,
        seen: None,
        at: now,
    };
    press.deps.store.move_broadcast(press.tenant, id, schedule).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_at_its_time_says_why_in_a_code_of_its_own() {
    let press = Press::open().await;
    press.contacts(3).await;
    let gone = due(&press, press.to_segment(SegmentId(4711))).await;
    let mut plan = press.plan();
    plan.audience.list = true;
    let empty = due(&press, plan).await;
    let mut plan = press.plan();
    plan.breaker.failure_share = 7.0;
    let odd = due(&press, plan).await;
    press.hours(2);
    press.held(gone, StopCode::SegmentGone).await;
    press.held(empty, StopCode::ListEmpty).await;
    let held = press.held(odd, StopCode::PlanUnusable).await;
    assert!(held.reason.unwrap().message.contains("/breaker/failure_share"));
    let resumed = press.engine.broadcasts.resume(press.tenant, gone).await;
    assert!(matches!(resumed, Err(BroadcastError::SegmentNotFound(SegmentId(4711)))));
    // They are called off like any other.
    for id in [gone, empty, odd] {
        let off = press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
        assert_eq!((off.state, off.counts.total()), (State::Cancelled, 0));
    }
    assert_eq!(press.alerts(Some(true)).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_as_large_as_they_may_be_are_sent_to() {
    let press = Press::open().await;
    let vips = press.with_vips(5, 2).await;
    let vip = json!({ "field": "tags", "op": "has", "value": "vip" });
    let deep = (0..4).fold(vip.clone(), |rule, _| json!({ "not": { "not": rule } }));
    let large = json!({ "all": vec![vip; 100] });
    let mut sent = 0;
    for (name, rule, hours) in [("deep", deep, 0), ("large", large, 1)] {
        let mut plan = press.to_segment(press.segment(name, rule).await);
        plan.audience.rule =
            serde_json::from_value(json!({ "field": "opted_in", "op": "is", "value": true })).unwrap();
        plan.schedule = if hours > 0 { press.after(hours) } else { Schedule::Now };
        let id = press.start(plan).await;
        press.hours(hours);
        let done = press.becomes(id, State::Completed).await;
        assert_eq!((done.counts.sent, done.counts.left_out), (2, 0), "{name}");
        sent += 2;
        assert_eq!(press.sim.ledger(0).len(), sent);
    }
    assert_eq!(vips.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_kept_for_what_has_not_begun_and_needed_no_more_by_what_has() {
    let press = Press::at_rate(40).await;
    let vips = press.with_vips(120, 100).await;
    let segment = press.vips().await;
    let id = press.draft(press.to_segment(segment)).await;
    let used = press.engine.segments.delete(press.tenant, segment).await;
    assert!(matches!(used, Err(SegmentError::Used(by)) if by == [id]));
    press.engine.broadcasts.send(press.tenant, id).await.unwrap();
    press.ledger(10).await;
    press.engine.broadcasts.pause(press.tenant, id).await.unwrap();
    press.engine.segments.delete(press.tenant, segment).await.unwrap();
    press.engine.broadcasts.resume(press.tenant, id).await.unwrap();
    press.reached_only(id, &vips).await;
    let again = press.engine.broadcasts.retry_failed(press.tenant, id, Vec::new(), false).await.unwrap();
    assert_eq!(again.retried, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_however_many_come_at_once() {
    let press = Press::open().await;
    let id = press.draft(press.plan()).await;
    let words: Vec<String> = (0..40).map(|number| format!("l{number}")).collect();
    let each = words.iter().map(|word| {
        let broadcasts = press.engine.broadcasts.clone();
        let (tenant, word) = (press.tenant, word.clone());
        tokio::spawn(async move {
            let patch = |old: &Broadcast| -> Result<BroadcastPatch, ()> {
                let mut plan = old.plan.clone();
                plan.template.fallback.push(word.clone());
                Ok(BroadcastPatch { plan: Some(plan), name: None })
            };
            broadcasts.change(tenant, id, patch).await.unwrap().unwrap();
        })
    });
    futures::future::join_all(each).await.into_iter().for_each(Result::unwrap);
    let mut kept = press.broadcast(id).await.plan.template.fallback;
    kept.sort_unstable();
    let mut wanted = words;
    wanted.sort_unstable();
    assert_eq!(kept, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_what_the_last_change_made_of_it() {
    let press = Press::open().await;
    press.contacts(1).await;
    for turn in 0..10 {
        let id = press.draft(press.plan()).await;
        let mut plan = press.plan();
        plan.params = json!(["Changed"]);
        let patch = BroadcastPatch { plan: Some(plan), name: None };
        let (sent, changed) = tokio::join!(
            press.engine.broadcasts.send(press.tenant, id),
            press.engine.broadcasts.update(press.tenant, id, patch)
        );
        sent.unwrap();
        let done = press.becomes(id, State::Completed).await;
        match changed {
            Ok(_) => assert_eq!(done.plan.params, json!(["Changed"]), "turn {turn}"),
            Err(BroadcastError::InvalidState { .. }) => assert_ne!(done.plan.params, json!(["Changed"])),
            Err(other) => panic!("turn {turn}: {other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_asks_about_a_broadcast_that_nobody_knows_is_told_so() {
    let press = Press::open().await;
    let known = press.draft(press.plan()).await;
    let asks =
        |id: i64| json!({ "field": "broadcast", "op": "is", "value": { "id": id, "outcome": "not_sent" } });
    let rule = |id: i64| -> Rule { serde_json::from_value(json!({ "not": asks(id) })).unwrap() };
    let segments = &press.engine.segments;
    for refused in [
        segments.create(press.tenant, "lost", &rule(4711)).await.map(|_| ()),
        segments.count_rule(press.tenant, &rule(4711)).await.map(|_| ()),
    ] {
        let Err(SegmentError::Invalid(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(faults.0[0].pointer, "/rule/not/value/id");
    }
    let made = segments.create(press.tenant, "asks", &rule(known.0)).await.unwrap();
    let mut plan = press.plan();
    plan.audience.asked = json!({ "rule": { "all": [asks(4711)] } });
    let new = engine::broadcasts::CreateBroadcast { name: "x".into(), plan, created_by: None };
    let refused = press.engine.broadcasts.create(press.tenant, new).await;
    let Err(BroadcastError::Faults(faults)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults[0].pointer, "/audience/rule/all/0/value/id");
    // One that is removed later stays in the rule: its messages stay as well.
    press.engine.broadcasts.delete(press.tenant, known).await.unwrap();
    segments.count(press.tenant, made.id).await.unwrap();
    press.start(press.to_segment(made.id)).await;
}
