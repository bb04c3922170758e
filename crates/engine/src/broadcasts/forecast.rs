//! How long a plan would take, and what limits and clocks do to it.

use std::collections::BTreeMap;

use domain::broadcasts::schedule::{self, Late, Schedule, ThenQuiet};
use domain::broadcasts::{LeftOut, Plan, State};
use domain::templates::Category;
use domain::{BroadcastId, TenantId, Timestamp};
use ports::broadcasts::Screened;
use ports::tenants::TenantSettings;

use super::freeze::{home, quiet_hours, turn_at};
use super::limit::{Portfolio, owner};
use super::plan::Outlook;
use super::{BroadcastError, Broadcasts};

/// Meta's limit of new contacts in 24 hours, and what it does to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitForecast {
    pub limit: i64,
    /// Reached within the last 24 hours.
    pub used: i64,
    /// Recipients of other broadcasts that run on the same portfolios who wait for their turn. Some of them may have been
    /// reached already: at most so many come first.
    pub pending: i64,
    /// What both leave.
    pub headroom: i64,
    /// Recipients whom it counts.
    pub new_contacts: i64,
    /// Of these: who would have to wait for the next day, or a later one.
    pub overflow: i64,
    /// Days until the last of them gets it; 0: today.
    pub days: i64,
}

/// What the recipients' own clocks do to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalForecast {
    /// Recipients where the time has passed already, those left out for it among them.
    pub passed: i64,
    /// What becomes of them.
    pub late: Late,
    /// Recipients who wait for their time.
    pub waiting: i64,
    /// Until when the last of them waits.
    pub until: Option<Timestamp>,
}

impl Broadcasts {
    /// The limit of the portfolios that send, together; `None` as soon as one of them has none.
    pub(super) async fn forecast(
        &self,
        tenant: TenantId,
        broadcast: Option<BroadcastId>,
        outlook: &Outlook,
        screened: &Screened,
    ) -> Result<Option<LimitForecast>, BroadcastError> {
        let listing = self.directory.listing();
        let accounts = outlook.numbers.iter().map(|entry| entry.connection.waba_id.as_str());
        let portfolios: BTreeMap<&str, &str> =
            accounts.map(|account| (owner(&listing, account), account)).collect();
        let (mut limit, mut used, mut headroom) = (0, 0, 0);
        for account in portfolios.values() {
            let Some(portfolio) = Portfolio::of(&listing, tenant, account) else { return Ok(None) };
            let now = self.deps.clock.now();
            let reached = portfolio.used(self.deps.store.as_ref(), tenant, now).await?;
            limit += portfolio.limit;
            used += reached;
            headroom += (portfolio.limit - reached).max(0);
        }
        if limit == 0 {
            return Ok(None);
        }
        let pending = self.pending_elsewhere(tenant, broadcast, &portfolios).await?;
        headroom = (headroom - pending).max(0);
        let new_contacts = (screened.recipients - screened.known_today).max(0);
        let overflow = (new_contacts - headroom).max(0);
        let days = (overflow + limit - 1) / limit;
        Ok(Some(LimitForecast { limit, used, pending, headroom, new_contacts, overflow, days }))
    }

    /// Who waits for a turn in other broadcasts that run on these portfolios.
    async fn pending_elsewhere(
        &self,
        tenant: TenantId,
        broadcast: Option<BroadcastId>,
        portfolios: &BTreeMap<&str, &str>,
    ) -> Result<i64, BroadcastError> {
        let listing = self.directory.listing();
        let mut pending = 0;
        for live in self.deps.store.live_broadcasts().await? {
            if live.tenant_id != tenant || live.state != State::Sending || Some(live.id) == broadcast {
                continue;
            }
            let Some(other) = self.deps.store.broadcast(tenant, live.id).await? else { continue };
            let mut numbers = other.plan.connections.iter().filter_map(|id| listing.of_tenant(tenant, *id));
            if numbers.any(|entry| portfolios.contains_key(owner(&listing, &entry.connection.waba_id))) {
                pending += other.counts.pending;
            }
        }
        Ok(pending)
    }
}

/// At this rate.
pub(super) fn seconds(recipients: i64, per_second: f64) -> Option<i64> {
    (per_second > 0.0).then(|| (recipients as f64 / per_second).ceil() as i64)
}

/// How the recipients' clocks stand when it begins.
pub(super) fn local_forecast(
    screened: &Screened,
    schedule: &Schedule,
    settings: &TenantSettings,
    at: Timestamp,
) -> Option<LocalForecast> {
    let Schedule::Local { at: local, late } = schedule else { return None };
    let home = home(settings);
    let left_out = screened.left_out.iter().find(|(reason, _)| *reason == LeftOut::TimePassed);
    let passed = left_out.map_or(0, |(_, count)| *count);
    let mut forecast = LocalForecast { passed, late: *late, waiting: 0, until: None };
    for (name, recipients) in &screened.zones {
        let zone = schedule::zone_or(name.as_deref(), &home);
        if schedule::has_passed(*local, &zone, at) {
            forecast.passed += recipients;
        }
        let turn = turn_at(schedule, &zone, at);
        if turn > at {
            forecast.waiting += recipients;
            forecast.until = forecast.until.max(Some(turn));
        }
    }
    Some(forecast)
}

/// How many would wait for the end of their quiet hours, and until when the last of them.
pub(super) fn deferred(
    screened: &Screened,
    plan: &Plan,
    settings: &TenantSettings,
    category: &Category,
    at: Timestamp,
) -> (i64, Option<Timestamp>) {
    let Some(hours) = quiet_hours(settings, category).filter(|hours| hours.then == ThenQuiet::Wait) else {
        return (0, None);
    };
    let home = home(settings);
    let (mut count, mut last) = (0, None);
    for (name, recipients) in &screened.zones {
        let zone = schedule::zone_or(name.as_deref(), &home);
        if let Some(until) = schedule::quiet(&zone, turn_at(&plan.schedule, &zone, at), &hours) {
            count += recipients;
            last = last.max(Some(until));
        }
    }
    (count, last)
}
