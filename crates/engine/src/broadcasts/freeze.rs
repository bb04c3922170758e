//! Freezing: who is meant becomes recipients, page by page.

use std::time::Duration;

use domain::broadcasts::schedule::{self, Late, QuietHours, Schedule, ThenQuiet};
use domain::broadcasts::{Meant, Plan};
use domain::templates::Category;
use domain::{BroadcastId, Timestamp};
use jiff::tz::TimeZone;
use ports::broadcasts::{Broadcast, DueTimes, Screen, ZoneSet};
use ports::tenants::TenantSettings;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Broadcasts;
use super::plan::Outlook;
use super::stop::warn;

/// Contacts looked at in one commit, at first and within these bounds: a page must not keep a reply waiting.
const FIRST_PAGE: u32 = 2_000;
const PAGES: std::ops::RangeInclusive<u32> = 500..=20_000;
/// A page that takes less than this is followed by a larger one; one that takes three times as long by a smaller one.
const QUICK: Duration = Duration::from_millis(40);
/// Between two pages others write.
const BREATH: Duration = Duration::from_millis(2);
/// After trouble of the store.
const PAUSE: Duration = Duration::from_millis(500);

/// When one person's turn would come by the plan alone.
pub(super) fn turn_at(schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Timestamp {
    match schedule {
        Schedule::Local { at, late } => schedule::local_turn(*at, *late, zone, now),
        Schedule::Now | Schedule::At { .. } | Schedule::Recurring { .. } => now,
    }
}

/// The tenant's quiet hours, as far as they concern this category.
pub(super) fn quiet_hours(settings: &TenantSettings, category: &Category) -> Option<QuietHours> {
    settings.quiet_hours.filter(|_| category.is_marketing())
}

/// Where somebody is taken to live whose zone is not known.
pub(super) fn home(settings: &TenantSettings) -> TimeZone {
    schedule::zone(settings.time_zone.as_deref())
}

/// When recipients are due: by the plan, and not in hours in which they would have to wait anyway.
pub(super) fn due_times(
    plan: &Plan,
    settings: &TenantSettings,
    category: &Category,
    now: Timestamp,
) -> DueTimes {
    let quiet = quiet_hours(settings, category).filter(|hours| hours.then == ThenQuiet::Wait);
    if quiet.is_none() && !matches!(plan.schedule, Schedule::Local { .. }) {
        return DueTimes { zones: Vec::new(), otherwise: now };
    }
    let (zones, otherwise) = schedule::by_zone(&home(settings), |zone| {
        let at = turn_at(&plan.schedule, zone, now);
        quiet.and_then(|hours| schedule::quiet(zone, at, &hours)).unwrap_or(at)
    });
    DueTimes { zones, otherwise }
}

/// Whom to ask for. `broadcast`: whose list it is.
pub(super) fn screen_of(
    plan: &Plan,
    meant: &Meant,
    broadcast: Option<BroadcastId>,
    outlook: &Outlook,
    category: &Category,
    at: Timestamp,
) -> Screen {
    let home = home(&outlook.settings);
    let quiet = quiet_hours(&outlook.settings, category).filter(|hours| hours.then == ThenQuiet::LeaveOut);
    let quiet = quiet.map(|hours| {
        let is_quiet =
            |zone: &TimeZone| schedule::quiet(zone, turn_at(&plan.schedule, zone, at), &hours).is_some();
        ZoneSet::of(schedule::by_zone(&home, is_quiet))
    });
    let passed = match &plan.schedule {
        Schedule::Local { at: local, late: Late::LeaveOut } => {
            ZoneSet::of(schedule::by_zone(&home, |zone| schedule::has_passed(*local, zone, at)))
        }
        _ => ZoneSet::default(),
    };
    Screen {
        rule: meant.clone(),
        list: broadcast.filter(|_| plan.audience.list),
        category: category.clone(),
        needed: outlook.recipe.needed().iter().cloned().collect(),
        cap: outlook.settings.frequency_cap.filter(|_| category.is_marketing()),
        quiet: quiet.unwrap_or_default(),
        passed,
        numbers: outlook.numbers.iter().map(|entry| entry.connection.id).collect(),
        at,
    }
}

impl Broadcasts {
    /// Freezes what is not frozen yet, until it is or the broadcast stops.
    pub(super) async fn freeze(
        self,
        broadcast: Broadcast,
        screen: Screen,
        due: DueTimes,
        stop: CancellationToken,
    ) {
        let (tenant, id) = (broadcast.tenant_id, broadcast.id);
        let mut limit = FIRST_PAGE;
        while !stop.is_cancelled() {
            let began = Instant::now();
            match self.deps.store.freeze_page(tenant, id, &screen, &due, limit).await {
                Ok(page) if page.done => return self.board.wake(),
                Ok(page) => {
                    // A broadcast that is paused in the middle is frozen on; one that ended is not, and tells nothing.
                    if page.recipients + page.left_out == 0 && !self.is_live(&broadcast).await {
                        return;
                    }
                    limit = next_limit(limit, began.elapsed());
                    tokio::time::sleep(BREATH).await;
                }
                Err(error) => {
                    warn(id, &error, "could not freeze recipients");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn is_live(&self, broadcast: &Broadcast) -> bool {
        use domain::broadcasts::State;
        let found = self.deps.store.broadcast(broadcast.tenant_id, broadcast.id).await;
        !matches!(found, Ok(None))
            && found.is_ok_and(|found| {
                found.is_some_and(|found| matches!(found.state, State::Sending | State::Paused))
            })
    }
}

fn next_limit(limit: u32, took: Duration) -> u32 {
    let next = match took {
        took if took < QUICK => limit.saturating_mul(2),
        took if took > QUICK * 3 => limit / 2,
        _ => limit,
    };
    next.clamp(*PAGES.start(), *PAGES.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_while_they_are_quick_and_shrink_when_they_are_slow() {
        assert_eq!(next_limit(2_000, Duration::from_millis(10)), 4_000);
        assert_eq!(next_limit(2_000, Duration::from_millis(80)), 2_000);
        assert_eq!(next_limit(2_000, Duration::from_millis(500)), 1_000);
        assert_eq!(next_limit(20_000, Duration::ZERO), 20_000);
        assert_eq!(next_limit(500, Duration::from_secs(2)), 500);
    }
}
