//! Figures of a tenant over some days.

use std::collections::BTreeMap;

use domain::analytics::Metric;
use domain::{TemplateId, TenantId, Timestamp};
use jiff::civil::Date;
use ports::StoreError;
use ports::analytics::{DayFigure, Figure};

use crate::Deps;
use crate::faults::Faults;

/// Days that are shown when nobody says which.
const USUAL_DAYS: i64 = 30;
/// Days that can be asked for.
const MOST_DAYS: i64 = 400;

/// Messages of some time: those that Meta took (or that failed) then, and how far they have come since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Funnel {
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub failed: i64,
}

/// What happened in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    pub funnel: Funnel,
    /// Messages of customers.
    pub received: i64,
    /// Of those, the ones that follow a message of ours.
    pub replied: i64,
    pub opt_ins: i64,
    pub opt_outs: i64,
    /// Calls to Meta that send, and those that it refused or did not answer.
    pub calls: i64,
    pub call_errors: i64,
}

/// Figures of some days (UTC).
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    pub from: Date,
    /// The last day, which counts.
    pub to: Date,
    pub sums: Sums,
    /// Every day, also those without anything.
    pub days: Vec<(Date, Sums)>,
    /// By template, the most sent first; its name is `None` when it was removed.
    pub templates: Vec<(TemplateId, Option<String>, Funnel)>,
    /// By Meta's error code (`None`: not Meta's), the most frequent first.
    pub errors: Vec<(Option<i64>, i64)>,
}

/// How showing figures fails.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Use cases on figures.
#[derive(Clone)]
pub struct Analytics {
    deps: Deps,
}

impl Analytics {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Figures of the days from `from` to `to`, both of which count; without them the last 30, today among them.
    ///
    /// # Errors
    /// [`AnalyticsError::Invalid`], or the store's.
    pub async fn overview(
        &self,
        tenant: TenantId,
        from: Option<Date>,
        to: Option<Date>,
    ) -> Result<Overview, AnalyticsError> {
        let today = day_of(self.deps.clock.now());
        let last = to.map_or(today, number);
        let first = from.map_or(last - (USUAL_DAYS - 1), number);
        if first > last {
            return Err(Faults::one("/from", "must not lie after to").into());
        }
        if last - first >= MOST_DAYS {
            return Err(Faults::one("/from", format!("must be at most {MOST_DAYS} days before to")).into());
        }
        let (hour, end) = (first * 24, (last + 1) * 24);
        let store = &self.deps.store;
        let (figures, by_day, marks) = tokio::try_join!(
            store.figures(tenant, hour, end),
            store.figures_by_day(tenant, hour, end),
            store.template_marks(tenant)
        )?;
        let mut sums = Sums::default();
        figures.iter().for_each(|figure| sums.add(figure.metric, figure.count));
        let name = |id: TemplateId| marks.iter().find(|mark| mark.id == id).map(|mark| mark.name.clone());
        let templates = templates(&figures).into_iter().map(|(id, funnel)| (id, name(id), funnel)).collect();
        Ok(Overview {
            from: date(first),
            to: date(last),
            sums,
            days: days(first, last, &by_day),
            templates,
            errors: errors(&figures),
        })
    }
}

impl Sums {
    fn add(&mut self, metric: Metric, count: i64) {
        let sum = match metric {
            Metric::Sent => &mut self.funnel.sent,
            Metric::Delivered => &mut self.funnel.delivered,
            Metric::Read => &mut self.funnel.read,
            Metric::Failed => &mut self.funnel.failed,
            Metric::Received => &mut self.received,
            Metric::Replied => &mut self.replied,
            Metric::OptIns => &mut self.opt_ins,
            Metric::OptOuts => &mut self.opt_outs,
            Metric::Calls => &mut self.calls,
            Metric::CallErrors => &mut self.call_errors,
            // The failed ones once more.
            Metric::Errors => return,
        };
        *sum += count;
    }
}

fn days(first: i64, last: i64, figures: &[DayFigure]) -> Vec<(Date, Sums)> {
    let mut days: BTreeMap<i64, Sums> = (first..=last).map(|day| (day, Sums::default())).collect();
    for figure in figures {
        days.entry(figure.day).or_default().add(figure.metric, figure.count);
    }
    days.into_iter().map(|(day, sums)| (date(day), sums)).collect()
}

fn templates(figures: &[Figure]) -> Vec<(TemplateId, Funnel)> {
    let mut funnels: BTreeMap<i64, Sums> = BTreeMap::new();
    let of_templates = [Metric::Sent, Metric::Delivered, Metric::Read, Metric::Failed];
    for figure in figures.iter().filter(|one| one.key != 0 && of_templates.contains(&one.metric)) {
        funnels.entry(figure.key).or_default().add(figure.metric, figure.count);
    }
    let mut funnels: Vec<_> = funnels.into_iter().map(|(id, sums)| (TemplateId(id), sums.funnel)).collect();
    funnels.sort_by_key(|(id, funnel)| (-(funnel.sent + funnel.failed), *id));
    funnels
}

fn errors(figures: &[Figure]) -> Vec<(Option<i64>, i64)> {
    let of_errors = figures.iter().filter(|figure| figure.metric == Metric::Errors);
    let mut errors: Vec<_> =
        of_errors.map(|figure| ((figure.key != 0).then_some(figure.key), figure.count)).collect();
    errors.sort_by_key(|(code, count)| (-count, *code));
    errors
}

/// Days since 1970.
fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

fn number(date: Date) -> i64 {
    date.duration_since(EPOCH).as_hours() / 24
}

fn date(day: i64) -> Date {
    EPOCH.saturating_add(jiff::SignedDuration::from_hours(day.saturating_mul(24)))
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_there_and_back() {
        for text in ["1970-01-01", "2024-02-29", "2026-11-22", "1969-12-31"] {
            let day: Date = text.parse().unwrap();
            assert_eq!(date(number(day)), day);
        }
        assert_eq!(date(day_of("2026-11-22T23:59:59Z".parse().unwrap())).to_string(), "2026-11-22");
    }

    #[test]
    fn a_day_without_anything_is_shown_too() {
        let figures = [DayFigure { day: 2, metric: Metric::Sent, count: 5 }];
        let days = days(1, 3, &figures);
        assert_eq!(days.iter().map(|(_, sums)| sums.funnel.sent).collect::<Vec<_>>(), [0, 5, 0]);
    }
}
