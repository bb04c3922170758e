//! A row becomes a contact, or a reason why not.

use std::borrow::Cow;

use domain::imports::{Target, cells, problems};
use domain::phone::{self, PhoneNumber};
use domain::{ImportId, Timestamp};
use ports::imports::{BadRow, GoodRow, RowConsent};
use serde_json::{Map, Value};

use super::consent;
use super::plan::Plan;
use super::read::Row;
use crate::contacts::shape;
use crate::faults::Faults;

/// Characters of the number that are kept of a bad row.
const KEPT: usize = 100;

pub(super) struct Judge<'p> {
    plan: &'p Plan,
    import: ImportId,
    now: Timestamp,
    phone: Option<usize>,
    /// The zone that was read last: lists repeat themselves.
    zone: (String, Option<String>),
}

/// What the cells of a row say, collected.
#[derive(Default)]
struct Said<'r> {
    name: &'r str,
    first: &'r str,
    last: &'r str,
    language: &'r str,
    zone: &'r str,
    consent: consent::Said<'r>,
    tags: Vec<String>,
    fields: Map<String, Value>,
}

/// Why a row becomes no contact, and the opt-out that it tells all the same.
struct Refused {
    error: String,
    opt_out: Option<(PhoneNumber, RowConsent)>,
}

impl From<&str> for Refused {
    fn from(error: &str) -> Self {
        Self { error: error.to_owned(), opt_out: None }
    }
}

impl<'p> Judge<'p> {
    pub(super) fn new(plan: &'p Plan, import: ImportId, now: Timestamp) -> Self {
        let phone = plan.targets.iter().position(|target| *target == Target::Phone);
        Self { plan, import, now, phone, zone: Default::default() }
    }

    pub(super) fn judge(&mut self, row: Row) -> Result<GoodRow, BadRow> {
        let written = self.phone.and_then(|column| row.cells.get(column)).map(|cell| clean(cell));
        let written: String = written.unwrap_or_default().chars().take(KEPT).collect();
        match self.read(&row, &written) {
            Ok(good) => Ok(GoodRow { row: row.number, written, cells: row.cells, ..good }),
            Err(Refused { error, opt_out }) => Err(BadRow {
                row: row.number,
                phone: written,
                error,
                is_duplicate: false,
                opt_out,
                cells: row.cells,
            }),
        }
    }

    fn read(&mut self, row: &Row, written: &str) -> Result<GoodRow, Refused> {
        if let Some(problem) = &row.problem {
            return Err(problem.as_str().into());
        }
        let phone = self.phone(written)?;
        let mut faults = Faults::default();
        let said = self.collect(row, &mut faults);
        let name = name(&said);
        shape::name(name.as_deref(), &mut faults);
        let language = (!said.language.is_empty()).then(|| said.language.to_owned());
        shape::language(language.as_deref(), &mut faults);
        let time_zone = self.time_zone(said.zone, &mut faults);
        let consent = consent::of(self.plan, &self.at(row.number), &said.consent, &mut faults);
        shape::fields(&said.fields, &mut faults);
        let tags = shape::tags(said.tags, &mut faults);
        if let Err(faults) = faults.check() {
            let opt_out = consent.filter(RowConsent::is_opt_out).map(|consent| (phone, consent));
            return Err(Refused { error: in_words(faults), opt_out });
        }
        let country = phone.region();
        Ok(GoodRow {
            row: row.number,
            phone,
            written: String::new(),
            country,
            name,
            language,
            time_zone,
            tags,
            fields: said.fields,
            consent,
            cells: Vec::new(),
        })
    }

    fn at(&self, row: u64) -> consent::Place {
        consent::Place { import: self.import, row, now: self.now }
    }

    fn phone(&self, written: &str) -> Result<PhoneNumber, Refused> {
        if written.is_empty() {
            return Err(problems::NO_PHONE.into());
        }
        if phone::is_scientific(written) {
            return Err(problems::SCIENTIFIC.into());
        }
        let number = phone::without_fraction(written);
        PhoneNumber::parse(number, self.plan.options.default_country.as_deref())
            .map_err(|_| problems::INVALID_PHONE.into())
    }

    fn collect<'r>(&self, row: &'r Row, faults: &mut Faults) -> Said<'r> {
        let mut said = Said { tags: self.plan.options.tags.clone(), ..Said::default() };
        for (column, (target, cell)) in self.plan.targets.iter().zip(&row.cells).enumerate() {
            let cell = clean(cell);
            if cell.is_empty() {
                continue;
            }
            match target {
                Target::Name => said.name = cell,
                Target::FirstName => said.first = cell,
                Target::LastName => said.last = cell,
                Target::Language => said.language = cell,
                Target::TimeZone => said.zone = cell,
                Target::OptedIn => said.consent.opted_in = cell,
                Target::ConsentSource => said.consent.source = cell,
                Target::ConsentTime => said.consent.time = self.date(column, cell),
                Target::ConsentEvidence => said.consent.evidence = cell,
                Target::OptedOutAt => said.consent.opted_out_at = self.date(column, cell),
                Target::Tags => said.tags.extend(cells::tags(cell)),
                Target::Field(name) => drop(said.fields.insert(name.clone(), cell.into())),
                Target::Fields => match serde_json::from_str::<Map<String, Value>>(cell) {
                    Ok(fields) => {
                        said.fields.extend(fields.into_iter().filter(|(_, value)| !value.is_null()))
                    }
                    Err(_) => faults.add("/fields", "must be a JSON object"),
                },
                Target::Phone | Target::Report | Target::Ignore => {}
            }
        }
        said
    }

    fn time_zone(&mut self, said: &str, faults: &mut Faults) -> Option<String> {
        if said.is_empty() {
            return None;
        }
        if self.zone.0 != said {
            self.zone = (said.to_owned(), domain::contacts::zones::canonical(said));
        }
        if self.zone.1.is_none() {
            faults.add("/time_zone", "must be a time zone such as Europe/Berlin");
        }
        self.zone.1.clone()
    }

    fn date<'r>(&self, column: usize, cell: &'r str) -> consent::Date<'r> {
        consent::Date { cell, order: self.plan.date_orders.get(&column).copied() }
    }
}

fn name(said: &Said<'_>) -> Option<String> {
    let name = match (said.name, said.first, said.last) {
        ("", first, last) => Cow::Owned(format!("{first} {last}")),
        (name, ..) => Cow::Borrowed(name),
    };
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Without blanks around it, and without the apostrophe that spreadsheets put before what looks like a formula.
fn clean(cell: &str) -> &str {
    cells::without_apostrophe(cell.trim()).trim()
}

/// `/language: must be …` as `language must be …`.
fn in_words(faults: Faults) -> String {
    let fault = |fault: &domain::messages::content::Fault| {
        format!("{} {}", fault.pointer.trim_start_matches('/'), fault.problem)
    };
    faults.0.iter().map(fault).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
