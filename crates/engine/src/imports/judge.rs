//! A row becomes a contact, or a reason why not.

use std::borrow::Cow;

use domain::imports::{Target, cells, problems};
use domain::phone::{self, PhoneFault, PhoneNumber};
use domain::{ImportId, Timestamp};
use ports::imports::{BadRow, GoodRow, RowConsent};
use serde_json::{Map, Value};

use super::consent;
use super::plan::Plan;
use super::read::{Format, Row};
use crate::contacts::shape;
use crate::faults::Faults;

/// Digits of a number without its country, at least.
const SHORTEST: usize = 7;
/// Characters of the number that are kept of a bad row.
const KEPT: usize = 100;

pub(super) struct Judge<'p> {
    plan: &'p Plan,
    import: ImportId,
    now: Timestamp,
    phone: Option<usize>,
    /// Its cells were never in a spreadsheet.
    is_json: bool,
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

impl Refused {
    fn of(error: String, phone: Option<PhoneNumber>, consent: Option<RowConsent>) -> Self {
        let opt_out = phone.zip(consent.filter(RowConsent::is_opt_out));
        Self { error, opt_out }
    }
}

impl<'p> Judge<'p> {
    pub(super) fn new(plan: &'p Plan, import: ImportId, now: Timestamp) -> Self {
        let phone = plan.targets.iter().position(|target| *target == Target::Phone);
        let is_json = plan.table.format == Format::Json;
        Self { plan, import, now, phone, is_json, zone: Default::default() }
    }

    pub(super) fn judge(&mut self, row: Row) -> Result<GoodRow, BadRow> {
        let written = self.phone.and_then(|column| row.cells.get(column)).map(|cell| self.clean(cell));
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
        let mut faults = Faults::default();
        let said = self.collect(row, &mut faults);
        let phone = match self.phone {
            Some(column) if row.misread.contains(&column) => Err(None),
            _ => self.phone(written).map_err(Some),
        };
        // What its cells say may stand in other columns than it should.
        if let Some(problem) = row.problem.as_ref().filter(|_| row.misread.is_empty()) {
            let said = &said.consent;
            let consent = consent::of(self.plan, &self.at(row.number), said, &mut Faults::default());
            return Err(Refused::of(problem.clone(), phone.ok(), consent));
        }
        let name = name(&said);
        shape::name(name.as_deref(), &mut faults);
        let language = (!said.language.is_empty()).then(|| said.language.to_owned());
        shape::language(language.as_deref(), &mut faults);
        let time_zone = self.time_zone(said.zone, &mut faults);
        let consent = consent::of(self.plan, &self.at(row.number), &said.consent, &mut faults);
        shape::fields(&said.fields, &mut faults);
        let tags = shape::tags(said.tags, &mut faults);
        let faults = faults.check().err().map(in_words);
        let phone = match (phone, &row.problem, faults) {
            (Ok(phone), None, None) => phone,
            (phone, problem, faults) => {
                let of_phone = phone.as_ref().err().copied().flatten().map(str::to_owned);
                let errors: Vec<String> = problem.iter().cloned().chain(of_phone).chain(faults).collect();
                return Err(Refused::of(errors.join("; "), phone.ok(), consent));
            }
        };
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

    fn phone(&self, written: &str) -> Result<PhoneNumber, &'static str> {
        if written.is_empty() {
            return Err(problems::NO_PHONE);
        }
        if phone::is_scientific(written) {
            return Err(problems::SCIENTIFIC);
        }
        let number = phone::without_fraction(written);
        let country = self.plan.options.default_country.as_deref();
        PhoneNumber::parse(number, country).map_err(|error| match error.reason {
            // What is shorter is no number with a country either.
            PhoneFault::CountryCodeMissing if number.len() >= SHORTEST => problems::NO_COUNTRY,
            _ => problems::INVALID_PHONE,
        })
    }

    fn collect<'r>(&self, row: &'r Row, faults: &mut Faults) -> Said<'r> {
        let mut said = Said { tags: self.plan.options.tags.clone(), ..Said::default() };
        for (column, (target, cell)) in self.plan.targets.iter().zip(&row.cells).enumerate() {
            let cell = self.clean(cell);
            if cell.is_empty() || row.misread.contains(&column) {
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
                Target::OptedOut => said.consent.opted_out = cell,
                Target::OptedOutAt => said.consent.opted_out_at = self.date(column, cell),
                Target::Tags => match cells::tags(cell) {
                    Ok(tags) => said.tags.extend(tags),
                    Err(wanted) => faults.add("/tags", wanted),
                },
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

    /// Without blanks around it, and without the apostrophe that spreadsheets put before what looks like a formula.
    fn clean<'r>(&self, cell: &'r str) -> &'r str {
        if self.is_json { cell.trim() } else { cells::without_apostrophe(cell.trim()).trim() }
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

/// `/language: must be …` as `language must be …`.
fn in_words(faults: Faults) -> String {
    let fault = |fault: &domain::messages::content::Fault| {
        format!("{} {}", fault.pointer.trim_start_matches('/'), fault.problem)
    };
    faults.0.iter().map(fault).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
