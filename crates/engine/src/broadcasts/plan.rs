//! Whether a plan can be sent, and what it needs.

use std::collections::HashMap;
use std::sync::Arc;

use domain::broadcasts::recipe::Recipe;
use domain::broadcasts::schedule::{self, Schedule};
use domain::broadcasts::{Meant, Plan, breaker};
use domain::connections::ConnectionState;
use domain::contacts::zones;
use domain::segments::Rule;
use domain::templates::Category;
use domain::{ConnectionId, SegmentId, TenantId, Timestamp};
use ports::StoreError;
use ports::broadcasts::Broadcast;
use ports::templates::Template;
use ports::tenants::TenantSettings;
use serde::Deserialize;

use super::fit::must_have_columns;
use super::languages::{Languages, strictest};
use super::upload::no_rows;
use super::{BroadcastError, Broadcasts, NewList};
use crate::directory::Entry;
use crate::faults::Faults;
use crate::segments::must_know_broadcasts;

/// Longest name of a broadcast, in characters.
const NAME: usize = 200;
/// Numbers of one broadcast.
const NUMBERS: usize = 50;
/// Largest window of a breaker.
const WINDOW: u32 = 100_000;

/// What a plan comes to at this moment.
pub(super) struct Outlook {
    pub(super) settings: TenantSettings,
    pub(super) recipe: Recipe,
    /// The numbers of the plan that are there, in its order, whatever their state.
    pub(super) numbers: Vec<Arc<Entry>>,
    /// The template, by account.
    accounts: HashMap<String, Languages>,
}

impl Outlook {
    /// Numbers that send now.
    pub(super) fn active(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.numbers.iter().filter(|entry| entry.connection.state == ConnectionState::Active)
    }

    /// The template as this number has it.
    pub(super) fn languages(&self, entry: &Entry) -> Option<&Languages> {
        self.accounts.get(&entry.connection.waba_id)
    }

    /// The strictest category of what may be sent; `None`: nothing may be.
    pub(super) fn category(&self) -> Option<Category> {
        let categories: Vec<Category> = self.accounts.values().filter_map(Languages::category).collect();
        strictest(categories.iter())
    }

    /// Every row of the template.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Template> {
        self.accounts.values().flat_map(Languages::all)
    }

    /// The rows that parameters must fit: of each account those that may be sent, all while none may be.
    pub(super) fn wanted_rows(&self) -> impl Iterator<Item = &Template> {
        self.accounts.values().flat_map(Languages::wanted)
    }

    /// What they may send together, per second; `None`: none of them sends.
    pub(super) fn per_second(&self) -> Option<f64> {
        let rates = self.active().map(|entry| per_second(entry));
        rates.reduce(|one, other| one + other)
    }

    /// An account on which nothing may be sent, with the row that says why, when it has any.
    pub(super) fn blocked(&self) -> Option<Option<&Template>> {
        self.accounts
            .values()
            .find(|languages| languages.usable().is_empty())
            .map(|languages| languages.unapproved())
    }
}

/// What a number may send.
pub(super) fn per_second(entry: &Entry) -> f64 {
    let rate = entry.connection.rate;
    f64::from(rate.count) * 1_000.0 / rate.period_ms.max(1) as f64
}

impl Broadcasts {
    /// Reads what the plan needs. What is not there is left out.
    pub(super) async fn outlook(&self, tenant: TenantId, plan: &Plan) -> Result<Outlook, BroadcastError> {
        let recipe = Recipe::read(&plan.params).map_err(|faults| unreadable(&faults))?;
        let settings = self.settings_of(tenant).await?;
        let numbers = self.numbers(tenant, plan);
        let mut accounts = HashMap::new();
        for entry in &numbers {
            let waba = &entry.connection.waba_id;
            if accounts.contains_key(waba) {
                continue;
            }
            let id = entry.connection.id;
            let rows = self.deps.store.templates_named(tenant, id, &plan.template.name, None).await?;
            accounts.insert(waba.clone(), Languages::new(rows, &plan.template, &settings.languages));
        }
        Ok(Outlook { settings, recipe, numbers, accounts })
    }

    pub(super) async fn settings_of(&self, tenant: TenantId) -> Result<TenantSettings, StoreError> {
        Ok(self.deps.store.tenant(tenant).await?.map(|tenant| tenant.settings).unwrap_or_default())
    }

    /// The plan's numbers, or the tenant's default.
    fn numbers(&self, tenant: TenantId, plan: &Plan) -> Vec<Arc<Entry>> {
        let listing = self.directory.listing();
        if plan.connections.is_empty() {
            return listing.default_of(tenant).map(Arc::clone).into_iter().collect();
        }
        plan.connections.iter().filter_map(|id| listing.of_tenant(tenant, *id)).map(Arc::clone).collect()
    }

    /// What a draft must have: nothing wrong in itself, numbers and a template that exist, parameters that fit.
    pub(super) async fn check_draft(
        &self,
        tenant: TenantId,
        name: Option<&str>,
        plan: &Plan,
    ) -> Result<Outlook, BroadcastError> {
        let outlook = self.check_parts(tenant, name, plan).await?;
        self.must_have_segment(tenant, plan).await?;
        Ok(outlook)
    }

    /// All of that but the segment.
    async fn check_parts(
        &self,
        tenant: TenantId,
        name: Option<&str>,
        plan: &Plan,
    ) -> Result<Outlook, BroadcastError> {
        let mut faults = Faults::default();
        if let Some(name) = name {
            faults.required("/name", name, NAME);
        }
        check_plan(plan, &mut faults);
        faults.check()?;
        self.must_have_numbers(tenant, plan).await?;
        let outlook = self.outlook(tenant, plan).await?;
        must_have_template(&outlook, plan)?;
        self.must_fit(&outlook, plan).await?;
        self.must_have_files(tenant, plan).await?;
        Ok(outlook)
    }

    /// What one that never began must have to be sent: all of a draft's, an approved template, a number that sends, and
    /// when it goes to a list, rows with the columns that its parameters need.
    pub(super) async fn check_ready(&self, known: &Broadcast) -> Result<Outlook, BroadcastError> {
        self.check_ready_with(known, &known.plan, None).await
    }

    /// The same, were this its plan, and this its list.
    pub(super) async fn check_ready_with(
        &self,
        known: &Broadcast,
        plan: &Plan,
        list: Option<&NewList>,
    ) -> Result<Outlook, BroadcastError> {
        let tenant = known.tenant_id;
        self.must_have_segment(tenant, plan).await?;
        let outlook = self.check_sendable(tenant, plan).await?;
        match list {
            Some(list) if list.rows == 0 => return Err(no_rows("/recipients").into()),
            Some(list) => must_have_columns(&outlook.recipe, &list.columns)?,
            None if plan.audience.list && self.list_size(tenant, known.id).await?.rows == 0 => {
                return Err(BroadcastError::ListEmpty);
            }
            None => self.must_fill_rows(known, plan, &outlook).await?,
        }
        Ok(outlook)
    }

    /// All of that but the audience, which is settled when it begins.
    async fn check_sendable(&self, tenant: TenantId, plan: &Plan) -> Result<Outlook, BroadcastError> {
        let mut outlook = self.check_parts(tenant, None, plan).await?;
        if outlook.active().next().is_none() {
            // Another node may have repaired one a moment ago.
            self.directory.refresh().await?;
            outlook = self.outlook(tenant, plan).await?;
        }
        if let Some(Some(row)) = outlook.blocked() {
            return Err(BroadcastError::TemplateNotApproved {
                id: row.id,
                name: row.name.clone(),
                status: row.status.clone(),
                rejection_reason: row.rejection_reason.clone(),
            });
        }
        if outlook.active().next().is_none() {
            return Err(self.no_number(tenant, &outlook).await?);
        }
        Ok(outlook)
    }

    /// What one must have to go on: as to be sent, but its audience is settled, and numbers of it may be gone by now, as
    /// long as one sends.
    pub(super) async fn check_going(&self, tenant: TenantId, plan: &Plan) -> Result<Outlook, BroadcastError> {
        if self.numbers(tenant, plan).len() < plan.connections.len() {
            // Another node may have made one a moment ago.
            self.directory.refresh().await?;
        }
        let there: Vec<ConnectionId> =
            self.numbers(tenant, plan).iter().map(|entry| entry.connection.id).collect();
        if there.is_empty() {
            let gone = plan.connections.first();
            return Err(
                gone.map_or(BroadcastError::NotConfigured, |id| BroadcastError::ConnectionNotFound(*id))
            );
        }
        self.check_sendable(tenant, &Plan { connections: there, ..plan.clone() }).await
    }

    async fn no_number(&self, tenant: TenantId, outlook: &Outlook) -> Result<BroadcastError, StoreError> {
        let broken = outlook.numbers.iter().find(|entry| entry.connection.state == ConnectionState::Error);
        Ok(match (broken, outlook.numbers.first()) {
            (Some(entry), _) => {
                BroadcastError::ConnectionBroken(Box::new(self.broken(tenant, &entry.connection).await?))
            }
            (None, Some(entry)) => BroadcastError::ConnectionDisabled(entry.connection.id),
            (None, None) => BroadcastError::NotConfigured,
        })
    }

    async fn must_have_numbers(&self, tenant: TenantId, plan: &Plan) -> Result<(), BroadcastError> {
        let missing = || {
            let listing = self.directory.listing();
            let missing = plan.connections.iter().find(|id| listing.of_tenant(tenant, **id).is_none());
            match missing {
                Some(id) => Some(BroadcastError::ConnectionNotFound(*id)),
                None if plan.connections.is_empty() && listing.default_of(tenant).is_none() => {
                    Some(BroadcastError::NotConfigured)
                }
                None => None,
            }
        };
        if missing().is_some() {
            // Another node may have made it a moment ago.
            self.directory.refresh().await?;
        }
        missing().map_or(Ok(()), Err)
    }

    async fn must_have_segment(&self, tenant: TenantId, plan: &Plan) -> Result<(), BroadcastError> {
        match plan.audience.segment() {
            Some(id) if self.deps.store.segment(tenant, id).await?.is_none() => {
                Err(BroadcastError::SegmentNotFound(id))
            }
            _ => Ok(()),
        }
    }

    /// What an audience that somebody writes asks about must be there.
    pub(super) async fn must_know_broadcasts(
        &self,
        tenant: TenantId,
        plan: &Plan,
    ) -> Result<(), BroadcastError> {
        let written = plan.audience.asked.get("rule");
        let Some(rule) = written.and_then(|rule| Rule::deserialize(rule).ok()) else { return Ok(()) };
        Ok(must_know_broadcasts(&self.deps, tenant, &rule, "/audience/rule").await?.check()?)
    }

    /// What is sent, and to whom: the plan with the default number as it is now, its audience with the segment's rule as
    /// it is now.
    pub(super) async fn fixed(&self, tenant: TenantId, plan: &Plan) -> Result<(Plan, Meant), BroadcastError> {
        let mut fixed = plan.clone();
        if fixed.connections.is_empty() {
            fixed.connections = self.numbers(tenant, plan).iter().map(|entry| entry.connection.id).collect();
        }
        let id = plan.audience.segment();
        let segment = match id {
            Some(id) => self.deps.store.segment(tenant, id).await?.map(|segment| segment.rule),
            None => None,
        };
        let meant = plan.audience.meant(segment);
        let meant = meant.ok_or(BroadcastError::SegmentNotFound(id.unwrap_or(SegmentId(0))))?;
        Ok((fixed, meant))
    }
}

fn must_have_template(outlook: &Outlook, plan: &Plan) -> Result<(), BroadcastError> {
    let nothing = outlook.accounts.values().any(|languages| languages.all().next().is_none());
    if !nothing {
        return Ok(());
    }
    let known: std::collections::BTreeSet<String> =
        outlook.accounts.values().flat_map(Languages::known).cloned().collect();
    Err(BroadcastError::TemplateNotFound {
        name: plan.template.name.clone(),
        language: plan.template.language.clone(),
        languages: known.into_iter().collect(),
    })
}

fn unreadable(found: &[domain::broadcasts::recipe::RecipeFault]) -> Faults {
    let mut faults = Faults::default();
    for fault in found {
        faults.add(format!("/template_params{}", fault.pointer), fault.problem.clone());
    }
    faults
}

fn check_plan(plan: &Plan, faults: &mut Faults) {
    faults.required("/template_name", &plan.template.name, 512);
    if let Err(found) = Recipe::read(&plan.params) {
        faults.0.extend(unreadable(&found).0);
    }
    check_connections(&plan.connections, faults);
    check_breaker(&plan.breaker, faults);
    let Schedule::Recurring { recurrence } = &plan.schedule else { return };
    if recurrence.interval == 0 {
        faults.add("/schedule/recurrence/interval", "must be at least 1");
    }
    if recurrence.time_zone.as_deref().is_some_and(|zone| zones::canonical(zone).is_none()) {
        let problem = "must be the IANA name of a time zone, such as Europe/Berlin";
        faults.add("/schedule/recurrence/time_zone", problem);
    }
    if recurrence.until.is_some_and(|until| until < recurrence.first) {
        faults.add("/schedule/recurrence/until", "must not lie before the first turn");
    }
}

fn check_connections(connections: &[ConnectionId], faults: &mut Faults) {
    if connections.len() > NUMBERS {
        faults.add("/connection_ids", format!("must have at most {NUMBERS}, has {}", connections.len()));
    }
    for (index, id) in connections.iter().enumerate() {
        if connections[..index].contains(id) {
            faults.add(format!("/connection_ids/{index}"), "is there already");
        }
    }
}

fn check_breaker(limits: &breaker::Limits, faults: &mut Faults) {
    if !(0.0..=1.0).contains(&limits.failure_share) {
        faults.add("/breaker/failure_share", "must lie between 0 and 1");
    }
    if limits.window > WINDOW {
        faults.add("/breaker/window", format!("must be at most {WINDOW}"));
    }
}

/// When a plan starts that is sent now; `None`: at once.
pub(super) fn starts_at(
    schedule: &Schedule,
    now: Timestamp,
    tenants_zone: Option<&str>,
) -> Result<Option<Timestamp>, Faults> {
    match schedule {
        Schedule::Now => Ok(None),
        Schedule::At { at } if *at <= now => Err(Faults::one("/schedule/send_at", "must lie in the future")),
        Schedule::At { at } => Ok(Some(*at)),
        Schedule::Local { at, .. } => match schedule::first_and_last(*at) {
            (_, last) if last <= now => {
                Err(Faults::one("/schedule/local", "lies in the past everywhere on earth"))
            }
            (first, _) => Ok((first > now).then_some(first)),
        },
        Schedule::Recurring { recurrence } => schedule::next_turn(recurrence, now, tenants_zone)
            .map(Some)
            .ok_or_else(|| Faults::one("/schedule/recurrence/until", "leaves no turn in the future")),
    }
}
