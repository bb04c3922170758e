//! When it goes out: at a time, at local times, again and again, not at night, not too often.

use domain::broadcasts::reasons::{FailedBy, LeftOut};
use domain::broadcasts::schedule::{Every, FrequencyCap, Late, QuietHours, Recurrence, Schedule, ThenQuiet};
use domain::broadcasts::{Plan, State};
use domain::{BroadcastId, SignedDuration};
use engine::broadcasts::{BroadcastError, WaitingFor};
use engine::tenants::SettingsPatch;
use jiff::tz::TimeZone;
use ports::broadcasts::{Broadcast, BroadcastFilter, BroadcastPatch};
use serde_json::json;

use super::press::Press;
use crate::house::{eventually, page};

impl Press {
    fn in_hours(&self, hours: i64) -> domain::Timestamp {
        self.deps.clock.now() + SignedDuration::from_hours(hours)
    }

    pub(super) async fn marketing(&self) {
        let review = json!({"status": "APPROVED", "category": "MARKETING"});
        self.handle("POST", "/templates/note/review", review).await;
        self.engine.templates.sync(self.tenant, None).await.unwrap();
    }

    async fn turns(&self, parent: BroadcastId, count: usize) -> Vec<Broadcast> {
        let filter = BroadcastFilter { recurs_from: Some(parent), ..BroadcastFilter::default() };
        eventually(&format!("{count} turns"), || async {
            let turns = self.engine.broadcasts.list(self.tenant, &filter, &page()).await.unwrap().items;
            let done = turns.iter().all(|turn| turn.state == State::Completed);
            (turns.len() == count && done).then_some(turns)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_broadcast_starts_at_its_time_and_can_be_taken_back_before() {
    let press = Press::open().await;
    let phones = press.contacts(20).await;
    let plan = Plan { schedule: Schedule::At { at: press.in_hours(5) }, ..press.plan() };
    let id = press.start(plan.clone()).await;
    assert_eq!(press.broadcast(id).await.state, State::Scheduled);
    let back = press.engine.broadcasts.unschedule(press.tenant, id).await.unwrap();
    assert_eq!((back.state, back.starts_at), (State::Draft, None));
    press.hours(6);
    let late = press.engine.broadcasts.send(press.tenant, id).await;
    let Err(BroadcastError::Faults(faults)) = late else { panic!("{late:?}") };
    assert_eq!(faults[0].pointer, "/schedule/send_at");
    let plan = Plan { schedule: Schedule::At { at: press.in_hours(5) }, ..plan };
    let patch = BroadcastPatch { plan: Some(plan.clone()), name: None };
    press.engine.broadcasts.update(press.tenant, id, patch).await.unwrap();
    press.engine.broadcasts.send(press.tenant, id).await.unwrap();
    // Its time is moved while it waits.
    let moved = Plan { schedule: Schedule::At { at: press.in_hours(9) }, ..plan };
    let patch = BroadcastPatch { plan: Some(moved), name: None };
    let moved = press.engine.broadcasts.update(press.tenant, id, patch).await.unwrap();
    assert!(moved.starts_at > Some(press.in_hours(8)), "{:?}", moved.starts_at);
    press.hours(6);
    assert_eq!(press.sim.ledger(0).len(), 0);
    press.hours(4);
    press.becomes(id, State::Completed).await;
    press.each_phone_once(&phones);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_local_time_the_east_gets_it_before_the_west() {
    let press = Press::open().await;
    let (berlin, new_york) = ("+491701234567", "+12125550123");
    press.contact(berlin).await;
    press.contact(new_york).await;
    let there = TimeZone::get("Europe/Berlin").unwrap();
    let at = there.to_datetime(press.in_hours(40));
    let id =
        press.start(Plan { schedule: Schedule::Local { at, late: Late::default() }, ..press.plan() }).await;
    assert_eq!(press.broadcast(id).await.state, State::Scheduled);
    press.hours(39);
    press.becomes(id, State::Sending).await;
    press.counts(id, |counts| counts.pending == 2).await;
    let waiting = eventually("the wait", || async { press.results(id).await.motion.waiting_for }).await;
    assert_eq!(waiting.what, WaitingFor::DueTime);
    press.hours(2);
    press.ledger(1).await;
    press.each_phone_once(&[berlin.to_owned()]);
    press.hours(7);
    press.becomes(id, State::Completed).await;
    press.each_phone_once(&[berlin.to_owned(), new_york.to_owned()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_turn_is_a_broadcast_of_its_own_and_of_those_missed_the_latest_is_made_up_for() {
    let mut press = Press::open().await;
    press.contacts(5).await;
    let first = TimeZone::UTC.to_datetime(press.in_hours(24));
    let until = first.checked_add(jiff::Span::new().days(6)).unwrap();
    let recurrence =
        Recurrence { every: Every::Day, interval: 1, first, time_zone: None, until: Some(until) };
    let id = press.start(Plan { schedule: Schedule::Recurring { recurrence }, ..press.plan() }).await;
    press.hours(25);
    let turns = press.turns(id, 1).await;
    assert_eq!(turns[0].counts.sent, 5);
    press.hours(24);
    press.turns(id, 2).await;
    // Three turns pass while no server runs.
    press.stop().await;
    press.hours(72);
    press.restart().await;
    let turns = press.turns(id, 3).await;
    assert_eq!(turns.iter().map(|turn| turn.counts.sent).sum::<i64>(), 15);
    let alert = eventually("the alert", || async {
        press.alerts(Some(true)).await.into_iter().find(|alert| alert.kind == "broadcast_turns_missed")
    })
    .await;
    assert_eq!(alert.details["missed"], 2);
    press.hours(24);
    press.turns(id, 4).await;
    press.hours(24);
    press.turns(id, 5).await;
    // That was the last one.
    press.becomes(id, State::Completed).await;
}

/// Around the present moment in UTC.
fn around_now(press: &Press, then: ThenQuiet) -> QuietHours {
    let now = TimeZone::UTC.to_datetime(press.deps.clock.now());
    let hour = |hours: i64| now.checked_add(SignedDuration::from_hours(hours)).unwrap().time();
    QuietHours { from: hour(-2), to: hour(2), then }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_marketing_at_night_and_utility_goes_out_all_the_same() {
    let press = Press::open().await;
    let (here, far) = ("+447400123456", "+819012345678");
    press.contact(here).await;
    press.contact(far).await;
    let hours = around_now(&press, ThenQuiet::Wait);
    press.settings(SettingsPatch { quiet_hours: Some(Some(hours)), ..SettingsPatch::default() }).await;
    let utility = press.start(press.plan()).await;
    press.becomes(utility, State::Completed).await;
    assert_eq!(press.sim.ledger(0).len(), 2);
    press.marketing().await;
    let preview = press.preview(&press.plan()).await;
    assert_eq!((preview.recipients, preview.deferred_by_quiet_hours), (2, 1));
    let id = press.start(press.plan()).await;
    press.counts(id, |counts| counts.sent == 1 && counts.pending == 1).await;
    let waiting = eventually("the wait", || async { press.results(id).await.motion.waiting_for }).await;
    assert_eq!(waiting.what, WaitingFor::DueTime);
    press.hours(4);
    press.becomes(id, State::Completed).await;
    assert_eq!(press.sim.ledger(0).len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_may_rather_leave_out_than_wait_and_a_cap_leaves_out_who_had_enough() {
    let press = Press::open().await;
    let (here, far) = ("+447400123456", "+819012345678");
    press.contact(here).await;
    press.contact(far).await;
    press.marketing().await;
    let hours = around_now(&press, ThenQuiet::LeaveOut);
    let cap = FrequencyCap { messages: 1, days: 7 };
    press
        .settings(SettingsPatch {
            quiet_hours: Some(Some(hours)),
            frequency_cap: Some(Some(cap)),
            ..SettingsPatch::default()
        })
        .await;
    let first = press.start(press.plan()).await;
    press.becomes(first, State::Completed).await;
    assert_eq!(press.results(first).await.results.left_out, [(LeftOut::QuietHours, 1)]);
    press.settings(SettingsPatch { quiet_hours: Some(None), ..SettingsPatch::default() }).await;
    let second = press.start(press.plan()).await;
    press.becomes(second, State::Completed).await;
    assert_eq!(press.results(second).await.results.left_out, [(LeftOut::FrequencyCap, 1)]);
    press.each_phone_once(&[here.to_owned(), far.to_owned()]);
    press.hours(8 * 24);
    let third = press.start(press.plan()).await;
    press.becomes(third, State::Completed).await;
    assert_eq!(press.broadcast(third).await.counts.sent, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_metas_daily_limit_waits_for_the_next_day_and_nobody_is_refused() {
    let press = Press::with(1_000, |_, config| config.accounts[0].tier = "TIER_250".into()).await;
    let patch = ports::connections::ConnectionPatch {
        messaging_limit: Some("TIER_250".into()),
        ..ports::connections::ConnectionPatch::default()
    };
    press.patch(patch).await;
    let phones = press.contacts(320).await;
    let preview = press.preview(&press.plan()).await;
    let forecast = preview.messaging_limit.unwrap();
    assert_eq!((forecast.headroom, forecast.overflow, forecast.days), (250, 70, 1));
    let id = press.start(press.plan()).await;
    press.counts(id, |counts| counts.sent == 250 && counts.pending == 70 && counts.queued == 0).await;
    let waiting = eventually("the wait", || async { press.results(id).await.motion.waiting_for }).await;
    assert_eq!(waiting.what, WaitingFor::MessagingLimit);
    let second = press.preview(&press.plan()).await.messaging_limit.unwrap();
    assert_eq!((second.used, second.pending, second.headroom), (250, 70, 0));
    let left = waiting.until.unwrap().duration_since(press.deps.clock.now());
    assert!(left > SignedDuration::from_hours(23) && left < SignedDuration::from_hours(25), "{left:?}");
    // Whom Meta counted already is written to all the same.
    press.hours(1);
    let again = press.start(press.plan()).await;
    press.counts(again, |counts| counts.sent == 250 && counts.pending == 70).await;
    press.engine.broadcasts.cancel(press.tenant, again).await.unwrap();
    press.hours(24);
    press.hours(2);
    press.becomes(id, State::Completed).await;
    press.quiet().await;
    let report = press.results(id).await;
    assert_eq!((report.results.counts.sent, report.results.counts.failed), (320, 0));
    assert!(report.results.failed.iter().all(|group| group.failed_by != FailedBy::RateLimited));
    press.counts_equal_rows(id).await;
    press.each_phone_once(&phones[250..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_metas_limit_does_not_count_goes_on_wherever_it_stands_in_the_list() {
    let press = Press::with(40, |_, config| config.accounts[0].tier = "TIER_50".into()).await;
    let patch = ports::connections::ConnectionPatch {
        messaging_limit: Some("TIER_50".into()),
        ..ports::connections::ConnectionPatch::default()
    };
    press.patch(patch).await;
    press.contacts(300).await;
    let heard: Vec<String> = (0..20).map(|n| format!("+1555301{n:04}")).collect();
    for phone in &heard {
        press.contact(phone).await;
        press.hears(phone, &format!("hello from {phone}")).await;
    }
    let id = press.start(press.plan()).await;
    press.counts(id, |counts| counts.sent == 70 && counts.pending == 250).await;
    press.each_phone_once(&heard);
    // Whoever writes in later goes on, too.
    press.hears("+15552000299", "and from me").await;
    press.counts(id, |counts| counts.sent >= 71 || counts.pending < 250).await;
    press.engine.broadcasts.cancel(press.tenant, id).await.unwrap();
}
