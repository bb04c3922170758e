//! What a row says of consent: a yes, a no, an explicit opt-out, or nothing.

use domain::imports::agreement::{self, Agreement, Neither};
use domain::imports::dates::{self, DateOrder};
use domain::{ImportId, Timestamp};
use ports::imports::RowConsent;
use serde_json::{Map, Value};

use super::plan::Plan;
use crate::faults::Faults;

/// Characters of what is said about consent.
const EVIDENCE: usize = 2_000;

/// The cells of a row that speak of consent; an empty one says nothing.
#[derive(Default)]
pub(super) struct Said<'r> {
    pub(super) opted_in: &'r str,
    pub(super) opted_out: &'r str,
    pub(super) source: &'r str,
    pub(super) time: Date<'r>,
    pub(super) evidence: &'r str,
    pub(super) opted_out_at: Date<'r>,
}

/// A cell of a column of dates.
#[derive(Default, Clone, Copy)]
pub(super) struct Date<'r> {
    pub(super) cell: &'r str,
    pub(super) order: Option<DateOrder>,
}

/// Where and when a row is read.
pub(super) struct Place {
    pub(super) import: ImportId,
    pub(super) row: u64,
    pub(super) now: Timestamp,
}

/// What the row says; faults name what cannot be read of it. An explicit opt-out is never lost to a date that cannot be read:
/// it counts from now on then.
pub(super) fn of(plan: &Plan, place: &Place, said: &Said<'_>, faults: &mut Faults) -> Option<RowConsent> {
    let out_at = said.opted_out_at.read(place.now);
    let out_time = || out_at.as_ref().and_then(|read| read.as_ref().ok()).copied();
    let (own, is_out) = (agreement::agreement(said.opted_in), agreement::opted_out(said.opted_out));
    if own == Err(Neither) {
        faults.add("/opted_in", "must be yes or no");
    }
    if is_out == Err(Neither) {
        faults.add("/opted_out", "must be yes or no; a column of times is opted_out_at");
    }
    if is_out == Ok(true) {
        return Some(opt_out(plan, place, said, out_time()));
    }
    let Ok(own) = own else {
        for (member, date) in [("/consent_time", said.time), ("/opted_out_at", said.opted_out_at)] {
            if let Some(Err(problem)) = date.read(place.now) {
                faults.add(member, problem);
            }
        }
        return None;
    };
    match (own, &out_at) {
        (Some(Agreement::OptedOut), _) | (Some(Agreement::No), Some(_)) => {
            Some(opt_out(plan, place, said, out_time()))
        }
        (Some(Agreement::No), None) => {
            // Where known contacts are skipped it would change nothing.
            let says = Agreement::No;
            let evidence = evidence(plan, place, said);
            let consent = RowConsent { says, at: place.now, before: None, evidence: evidence.into() };
            (!plan.options.skip_duplicates).then_some(consent)
        }
        (_, Some(Err(problem))) => {
            faults.add("/opted_out_at", problem.as_str());
            None
        }
        (None, Some(Ok(at))) => Some(opt_out(plan, place, said, Some(*at))),
        (None, None) if !plan.options.default_opted_in => None,
        (Some(Agreement::Yes) | None, _) => yes(plan, place, said, out_time(), own.is_none(), faults),
    }
}

/// Of somebody who said no before that, too: `out_at`. Whoever opted out after the yes, or nobody knows when before, is out.
fn yes(
    plan: &Plan,
    place: &Place,
    said: &Said<'_>,
    out_at: Option<Timestamp>,
    is_default: bool,
    faults: &mut Faults,
) -> Option<RowConsent> {
    let own_time = match said.time.read(place.now) {
        Some(Err(problem)) => {
            faults.add("/consent_time", problem);
            return None;
        }
        own => own.and_then(Result::ok),
    };
    if out_at.is_some_and(|out_at| own_time.is_none_or(|at| at <= out_at)) {
        return Some(opt_out(plan, place, said, out_at));
    }
    let options = &plan.options;
    let mut evidence = evidence(plan, place, said);
    if is_default {
        evidence.insert("default_opted_in".into(), true.into());
    }
    for (name, general) in [("source", &options.consent_source), ("evidence", &options.consent_evidence)] {
        if let Some(general) = general.as_ref().filter(|_| !evidence.contains_key(name)) {
            evidence.insert(name.into(), general.as_str().into());
        }
    }
    let at = own_time.unwrap_or(place.now);
    Some(RowConsent { says: Agreement::Yes, at, before: out_at, evidence: evidence.into() })
}

fn opt_out(plan: &Plan, place: &Place, said: &Said<'_>, out_at: Option<Timestamp>) -> RowConsent {
    let at = out_at.unwrap_or(place.now);
    let mut evidence = evidence(plan, place, said);
    for (name, cell) in
        [("opted_in", said.opted_in), ("opted_out", said.opted_out), ("opted_out_at", said.opted_out_at.cell)]
    {
        if !cell.is_empty() {
            evidence.insert(name.into(), kept(cell));
        }
    }
    let before = said.time.read(place.now).and_then(Result::ok).filter(|before| *before <= at);
    RowConsent { says: Agreement::OptedOut, at, before, evidence: evidence.into() }
}

/// What is known of every word on consent: who brought it, where it stands, and what the row itself gives for it.
fn evidence(plan: &Plan, place: &Place, said: &Said<'_>) -> Map<String, Value> {
    let mut evidence = Map::new();
    evidence.insert("import_id".into(), place.import.0.into());
    if let Some(filename) = &plan.filename {
        evidence.insert("file".into(), filename.as_str().into());
    }
    evidence.insert("row".into(), place.row.into());
    for (name, cell) in [("source", said.source), ("evidence", said.evidence)] {
        if !cell.is_empty() {
            evidence.insert(name.into(), kept(cell));
        }
    }
    if let Some(key) = plan.api_key {
        evidence.insert("api_key_id".into(), key.0.into());
    }
    evidence
}

fn kept(cell: &str) -> Value {
    cell.chars().take(EVIDENCE).collect::<String>().into()
}

impl Date<'_> {
    /// `None` for an empty cell.
    fn read(self, now: Timestamp) -> Option<Result<Timestamp, String>> {
        (!self.cell.is_empty()).then(|| match dates::moment(self.cell, self.order) {
            Ok(at) if at <= now => Ok(at),
            Ok(_) => Err("must not lie in the future".to_owned()),
            Err(problem) => Err(problem.to_string()),
        })
    }
}
