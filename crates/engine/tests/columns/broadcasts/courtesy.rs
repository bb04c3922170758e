//! Nobody gets too much, or at night, whatever happens at the same time or in between.

use domain::broadcasts::State;
use domain::broadcasts::reasons::LeftOut;
use domain::broadcasts::schedule::{FrequencyCap, ThenQuiet};
use engine::tenants::SettingsPatch;

use super::forecast::night_in;
use super::press::Press;

const ONE_A_WEEK: FrequencyCap = FrequencyCap { messages: 1, days: 7 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broadcasts_that_run_at_the_same_time_keep_the_cap_together() {
    let press = Press::open().await;
    let phones = press.contacts(240).await;
    press.marketing().await;
    let cap = SettingsPatch { frequency_cap: Some(Some(ONE_A_WEEK)), ..SettingsPatch::default() };
    press.settings(cap).await;
    let mut drafts = Vec::new();
    for _ in 0..3 {
        drafts.push(press.draft(press.plan()).await);
    }
    for id in &drafts {
        press.engine.broadcasts.send(press.tenant, *id).await.unwrap();
    }
    let (mut sent, mut left_out) = (0, 0);
    for id in drafts {
        press.becomes(id, State::Completed).await;
        press.quiet().await;
        let counts = press.broadcast(id).await.counts;
        sent += counts.sent;
        left_out += counts.left_out;
        press.counts_equal_rows(id).await;
    }
    assert_eq!((sent, left_out), (240, 480));
    press.each_phone_once(&phones);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_resumed_in_quiet_hours_is_not_sent_in_them() {
    let press = Press::at_rate(20).await;
    press.contacts(60).await;
    press.marketing().await;
    for then in [ThenQuiet::LeaveOut, ThenQuiet::Wait] {
        let before = press.sim.ledger(0).len();
        let id = press.start(press.plan()).await;
        press.ledger(before + 1).await;
        press.engine.broadcasts.pause(press.tenant, id).await.unwrap();
        press.stands_still().await;
        let sent = press.sim.ledger(0).len() - before;
        assert!(sent < 60, "it went out before the pause");
        // There live those whose numbers begin like these.
        let hours = Some(Some(night_in("America/New_York", &press, then)));
        press.settings(SettingsPatch { quiet_hours: hours, ..SettingsPatch::default() }).await;
        press.engine.broadcasts.resume(press.tenant, id).await.unwrap();
        let rest = i64::try_from(60 - sent).unwrap();
        if then == ThenQuiet::LeaveOut {
            press.becomes(id, State::Completed).await;
            assert_eq!(press.results(id).await.results.left_out, [(LeftOut::QuietHours, rest)]);
        } else {
            press.counts(id, |counts| counts.pending == rest && counts.queued == 0).await;
        }
        press.stands_still().await;
        assert_eq!(press.sim.ledger(0).len() - before, sent);
        press.counts_equal_rows(id).await;
        if then == ThenQuiet::Wait {
            press.hours(3);
            press.becomes(id, State::Completed).await;
            press.quiet().await;
            assert_eq!(press.sim.ledger(0).len() - before, 60, "when they are over everybody gets it");
            press.counts_equal_rows(id).await;
        }
        press.settings(SettingsPatch { quiet_hours: Some(None), ..SettingsPatch::default() }).await;
    }
}
