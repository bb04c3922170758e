//! What a plan would do, were it sent now.

use domain::broadcasts::{LeftOut, Plan};
use domain::templates::{Category, Preview as Rendering};
use domain::{BroadcastId, ConnectionId, ContactId, TenantId, Timestamp};
use ports::broadcasts::Sampled;

use super::forecast::{LimitForecast, LocalForecast, deferred, local_forecast, seconds};
use super::freeze::screen_of;
use super::languages::strictest;
use super::plan::{Outlook, starts_at};
use super::start::goes_at_once;
use super::turns::{Decider, Rules};
use super::{BroadcastError, Broadcasts, warnings};
use crate::faults::Faults;

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
    /// What they may send together; `None`: none of them sends.
    pub per_second: Option<f64>,
    /// At that rate, with Meta's limit of new contacts left out of account.
    pub seconds_to_finish: Option<i64>,
    /// Meta's limit of new contacts in 24 hours; `None`: not known, or there is none.
    pub messaging_limit: Option<LimitForecast>,
    /// `None`: the operator loaded no rate card.
    pub cost: Option<Cost>,
    /// Recipients who would wait for the end of their quiet hours (of now, or of the plan's time).
    pub deferred_by_quiet_hours: i64,
    /// When the last of them would get it.
    pub deferred_until: Option<Timestamp>,
    /// What the recipients' own clocks do to it; `None`: the plan does not go by them.
    pub local: Option<LocalForecast>,
    /// What would keep it from being sent now, or from doing what its author expects, in words.
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
        let (at, wrong_time) = self.starts(tenant, plan, &outlook, broadcast).await?;
        let category = outlook.category().or_else(|| strictest(outlook.rows().map(|row| &row.category)));
        let category = category.unwrap_or(Category::Marketing);
        let screen = screen_of(plan, meant, broadcast, &outlook, &category, at);
        let mut screened = self.deps.store.screen(tenant, &screen).await?;
        let looked = self.sift(tenant, &outlook, &screen, &mut screened).await?;
        let sampled = self.deps.store.sample(tenant, &screen, SAMPLES).await?;
        let (deferred_by_quiet_hours, deferred_until) =
            deferred(&screened, plan, &outlook.settings, &category, at);
        let per_second = outlook.per_second();
        let card = self.deps.settings.rate_card.as_deref();
        Ok(Preview {
            meant: screened.meant,
            recipients: screened.recipients,
            samples: self.samples(tenant, &outlook, sampled).await?,
            connections: outlook.numbers.iter().map(|entry| entry.connection.id).collect(),
            per_second,
            seconds_to_finish: per_second.and_then(|per_second| seconds(screened.recipients, per_second)),
            messaging_limit: self.forecast(tenant, broadcast, &outlook, &screened).await?,
            cost: card.map(|card| card.cost(&screened.countries, &category)),
            deferred_by_quiet_hours,
            deferred_until,
            local: local_forecast(&screened, &plan.schedule, &outlook.settings, at),
            warnings: warnings::of(plan, &outlook, &screened, looked, &wrong_time),
            languages: chosen_languages(&outlook, &screened.languages),
            left_out: screened.left_out,
            category,
        })
    }

    /// When it would start, and what sending it would answer to its time.
    async fn starts(
        &self,
        tenant: TenantId,
        plan: &Plan,
        outlook: &Outlook,
        broadcast: Option<BroadcastId>,
    ) -> Result<(Timestamp, Faults), BroadcastError> {
        let now = self.deps.clock.now();
        let zone = outlook.settings.time_zone.as_deref();
        let faults = match starts_at(&plan.schedule, now, zone) {
            Ok(at) => return Ok((at.unwrap_or(now), Faults::default())),
            Err(faults) => faults,
        };
        let held = match broadcast {
            Some(id) => self.get(tenant, id).await?.is_held(),
            None => false,
        };
        Ok((now, if held && goes_at_once(&plan.schedule) { Faults::default() } else { faults }))
    }

    async fn samples(
        &self,
        tenant: TenantId,
        outlook: &Outlook,
        sampled: Vec<Sampled>,
    ) -> Result<Vec<Sample>, BroadcastError> {
        let languages = outlook.numbers.first().and_then(|entry| outlook.languages(entry));
        let Some(languages) = languages else { return Ok(Vec::new()) };
        let definitions = self.messages.definitions();
        let decider = Decider::new(&outlook.recipe, languages, definitions, Rules::none()).await;
        let mut samples = Vec::with_capacity(sampled.len());
        for Sampled { contact, row } in sampled {
            let Some(template) = languages.shown(contact.language.as_deref()) else { continue };
            let invalid =
                |detail| Rendered::Nothing { reason: LeftOut::InvalidParameter, detail: Some(detail) };
            let rendered = match decider.params(template.id, &contact, row.as_ref()) {
                Ok(params) => {
                    let files = self.files_of(tenant, std::iter::once(&params)).await?;
                    match (files.fault(&params), definitions.of_row(template).await.render(&params)) {
                        (Some(detail), _) => invalid(detail),
                        (None, Ok(rendering)) => Rendered::Message(Box::new(rendering)),
                        (None, Err(mismatch)) => invalid(mismatch.problems.join("; ")),
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
        Ok(samples)
    }
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
