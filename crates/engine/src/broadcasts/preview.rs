//! What a plan would do, were it sent now.

use domain::broadcasts::schedule::{self, ThenQuiet};
use domain::broadcasts::{LeftOut, Plan};
use domain::connections::ConnectionState;
use domain::templates::{Category, Preview as Rendering};
use domain::{BroadcastId, ConnectionId, ContactId, TenantId, Timestamp};
use ports::broadcasts::{Sampled, Screened};
use ports::tenants::TenantSettings;

use super::freeze::{quiet_hours, screen_of, turn_at};
use super::languages::strictest;
use super::limit::Portfolio;
use super::plan::{Outlook, starts_at};
use super::turns::Decider;
use super::{BroadcastError, Broadcasts};

/// Rendered samples.
const SAMPLES: u32 = 5;

/// What would come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Everybody meant, left out or not.
    pub meant: i64,
    pub recipients: i64,
    pub left_out: Vec<(LeftOut, i64)>,
    /// The template's category, by which consent, cap and price go.
    pub category: Category,
    /// Recipients by the language that they get.
    pub languages: Vec<(String, i64)>,
    pub samples: Vec<Sample>,
    /// The numbers that would send.
    pub connections: Vec<ConnectionId>,
    /// What they may send together.
    pub per_second: f64,
    /// At that rate, with Meta's limit of new contacts left out of account.
    pub seconds_to_finish: i64,
    /// Meta's limit of new contacts in 24 hours; `None`: not known, or there is none.
    pub messaging_limit: Option<LimitForecast>,
    /// `None`: the operator loaded no rate card.
    pub cost: Option<Cost>,
    /// Recipients who would wait for the end of their quiet hours (of now, or of the plan's time).
    pub deferred_by_quiet_hours: i64,
    /// When the last of them would get it.
    pub deferred_until: Option<Timestamp>,
    /// What would keep it from being sent now, in words.
    pub warnings: Vec<String>,
}

/// Someone who would get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub contact_id: ContactId,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub language: Option<String>,
    pub rendered: Rendered,
}

/// What a sample would get.
#[derive(Debug, Clone, PartialEq)]
pub enum Rendered {
    Message(Box<Rendering>),
    /// Nothing: why.
    Nothing {
        reason: LeftOut,
        detail: Option<String>,
    },
}

/// Meta's limit of new contacts in 24 hours, and what it does to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitForecast {
    pub limit: i64,
    /// Reached within the last 24 hours.
    pub used: i64,
    pub headroom: i64,
    /// Recipients whom it counts.
    pub new_contacts: i64,
    /// Of these: who would have to wait for the next day, or a later one.
    pub overflow: i64,
    /// Days until the last of them gets it; 0: today.
    pub days: i64,
}

/// What Meta would charge.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// One for each currency of the rate card.
    pub totals: Vec<(String, f64)>,
    pub countries: Vec<CountryCost>,
    /// Recipients for whose country the rate card has no price, or whose country nobody knows.
    pub unpriced: i64,
}

/// The price of one country's recipients.
#[derive(Debug, Clone, PartialEq)]
pub struct CountryCost {
    /// Two letters.
    pub country: String,
    pub recipients: i64,
    pub currency: String,
    pub each: f64,
    pub total: f64,
}

impl Broadcasts {
    /// What the plan would do now: whom it would reach, whom not and why, how long it would take, what it would cost.
    /// `broadcast`: whose list the plan is about, when its audience is a list. Writes nothing.
    ///
    /// # Errors
    /// What is wrong with the plan, or the store's. A template that is not approved yet is a warning here.
    pub async fn preview(
        &self,
        tenant: TenantId,
        plan: &Plan,
        broadcast: Option<BroadcastId>,
    ) -> Result<Preview, BroadcastError> {
        let outlook = self.check_draft(tenant, None, plan).await?;
        let (plan, meant) = &self.fixed(tenant, plan).await?;
        let at = self.starts(plan, &outlook);
        let category = outlook.category().or_else(|| strictest(outlook.rows().map(|row| &row.category)));
        let category = category.unwrap_or(Category::Marketing);
        let screen = screen_of(plan, meant, broadcast, &outlook, &category, at);
        let screened = self.deps.store.screen(tenant, &screen).await?;
        let sampled = self.deps.store.sample(tenant, &screen, SAMPLES).await?;
        let (deferred_by_quiet_hours, deferred_until) =
            deferred(&screened, plan, &outlook.settings, &category, at);
        let per_second = outlook.per_second();
        let card = self.deps.settings.rate_card.as_deref();
        Ok(Preview {
            meant: screened.meant,
            recipients: screened.recipients,
            samples: self.samples(&outlook, sampled).await,
            connections: outlook.numbers.iter().map(|entry| entry.connection.id).collect(),
            per_second,
            seconds_to_finish: seconds(screened.recipients, per_second),
            messaging_limit: self.forecast(tenant, &outlook, &screened).await?,
            cost: card.map(|card| card.cost(&screened.countries, &category)),
            deferred_by_quiet_hours,
            deferred_until,
            warnings: warnings(&outlook),
            languages: chosen_languages(&outlook, &screened.languages),
            left_out: screened.left_out,
            category,
        })
    }

    /// When it would start.
    fn starts(&self, plan: &Plan, outlook: &Outlook) -> Timestamp {
        let now = self.deps.clock.now();
        let zone = outlook.settings.time_zone.as_deref();
        starts_at(&plan.schedule, now, zone).ok().flatten().unwrap_or(now)
    }

    async fn samples(&self, outlook: &Outlook, sampled: Vec<Sampled>) -> Vec<Sample> {
        let Some(entry) = outlook.numbers.first() else { return Vec::new() };
        let Some(languages) = outlook.languages(entry) else { return Vec::new() };
        let definitions = self.messages.definitions();
        let decider = Decider::new(&outlook.recipe, languages, definitions, (None, None)).await;
        let mut samples = Vec::with_capacity(sampled.len());
        for Sampled { contact, row } in sampled {
            let Some(template) = languages.shown(contact.language.as_deref()) else { continue };
            let rendered = match decider.params(template.id, &contact, row.as_ref()) {
                Ok(params) => {
                    let definition = definitions.of_row(template).await;
                    match definition.render(&params) {
                        Ok(rendering) => Rendered::Message(Box::new(rendering)),
                        Err(mismatch) => Rendered::Nothing {
                            reason: LeftOut::InvalidParameter,
                            detail: Some(mismatch.problems.join("; ")),
                        },
                    }
                }
                Err((reason, detail)) => Rendered::Nothing { reason, detail: Some(detail) },
            };
            samples.push(Sample {
                contact_id: contact.id,
                phone: contact.identity.phone.as_ref().map(|phone| phone.as_str().to_owned()),
                name: contact.name,
                language: Some(template.language.clone()),
                rendered,
            });
        }
        samples
    }

    /// The limit of the accounts that send, together; `None` as soon as one of them has none.
    async fn forecast(
        &self,
        tenant: TenantId,
        outlook: &Outlook,
        screened: &Screened,
    ) -> Result<Option<LimitForecast>, BroadcastError> {
        let listing = self.directory.listing();
        let mut accounts: Vec<&str> =
            outlook.numbers.iter().map(|entry| entry.connection.waba_id.as_str()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let (mut limit, mut used, mut headroom) = (0, 0, 0);
        for account in accounts {
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
        let new_contacts = (screened.recipients - screened.known_today).max(0);
        let overflow = (new_contacts - headroom).max(0);
        let days = (overflow + limit - 1) / limit;
        Ok(Some(LimitForecast { limit, used, headroom, new_contacts, overflow, days }))
    }
}

fn seconds(recipients: i64, per_second: f64) -> i64 {
    if per_second > 0.0 { (recipients as f64 / per_second).ceil() as i64 } else { 0 }
}

/// How many would wait for the end of their quiet hours, and until when the last of them.
fn deferred(
    screened: &Screened,
    plan: &Plan,
    settings: &TenantSettings,
    category: &Category,
    at: Timestamp,
) -> (i64, Option<Timestamp>) {
    let Some(hours) = quiet_hours(settings, category).filter(|hours| hours.then == ThenQuiet::Wait) else {
        return (0, None);
    };
    let (mut count, mut last) = (0, None);
    for (name, recipients) in &screened.zones {
        let zone = schedule::zone(name.as_deref());
        if let Some(until) = schedule::quiet(&zone, turn_at(&plan.schedule, &zone, at), &hours) {
            count += recipients;
            last = last.max(Some(until));
        }
    }
    (count, last)
}

fn chosen_languages(outlook: &Outlook, asked: &[(Option<String>, i64)]) -> Vec<(String, i64)> {
    let languages = outlook.numbers.first().and_then(|entry| outlook.languages(entry));
    let Some(languages) = languages else { return Vec::new() };
    let mut chosen: Vec<(String, i64)> = Vec::new();
    for (language, count) in asked {
        let Some(row) = languages.shown(language.as_deref()) else { continue };
        match chosen.iter_mut().find(|(known, _)| *known == row.language) {
            Some((_, known)) => *known += count,
            None => chosen.push((row.language.clone(), *count)),
        }
    }
    chosen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    chosen
}

fn warnings(outlook: &Outlook) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(Some(row)) = outlook.blocked() {
        let why = row.rejection_reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        warnings.push(format!("Template \"{}\" ({}) is {}{why}", row.name, row.language, row.status));
    }
    for entry in &outlook.numbers {
        let connection = &entry.connection;
        if connection.state != ConnectionState::Active {
            let why = connection.state_reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            warnings.push(format!(
                "\"{}\" does not send ({}){why}",
                connection.name,
                connection.state.as_str()
            ));
        }
    }
    warnings
}
