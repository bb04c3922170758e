//! A row becomes a contact, or a reason why not.

use std::borrow::Cow;

use domain::imports::{Target, cells, problems};
use domain::phone::PhoneNumber;
use domain::{ImportId, Timestamp};
use ports::imports::{BadRow, GoodRow};
use serde_json::{Map, Value};

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
    opted_in: &'r str,
    source: &'r str,
    time: &'r str,
    evidence: &'r str,
    tags: Vec<String>,
    fields: Map<String, Value>,
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
            Err(error) => {
                Err(BadRow { row: row.number, phone: written, error, is_duplicate: false, cells: row.cells })
            }
        }
    }

    fn read(&mut self, row: &Row, written: &str) -> Result<GoodRow, String> {
        if let Some(problem) = &row.problem {
            return Err(problem.clone());
        }
        if written.is_empty() {
            return Err(problems::NO_PHONE.into());
        }
        let phone = PhoneNumber::parse(written, self.plan.options.default_country.as_deref())
            .map_err(|_| problems::INVALID_PHONE.to_owned())?;
        let mut faults = Faults::default();
        let said = self.collect(row, &mut faults);
        let name = name(&said);
        shape::name(name.as_deref(), &mut faults);
        let language = (!said.language.is_empty()).then(|| said.language.to_owned());
        shape::language(language.as_deref(), &mut faults);
        let time_zone = self.time_zone(said.zone, &mut faults);
        let consent = self.consent(row.number, &said, &mut faults);
        shape::fields(&said.fields, &mut faults);
        let tags = shape::tags(said.tags, &mut faults);
        faults.check().map_err(in_words)?;
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

    fn collect<'r>(&self, row: &'r Row, faults: &mut Faults) -> Said<'r> {
        let mut said = Said { tags: self.plan.options.tags.clone(), ..Said::default() };
        for (target, cell) in self.plan.targets.iter().zip(&row.cells) {
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
                Target::OptedIn => said.opted_in = cell,
                Target::ConsentSource => said.source = cell,
                Target::ConsentTime => said.time = cell,
                Target::ConsentEvidence => said.evidence = cell,
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

    fn consent(&self, row: u64, said: &Said<'_>, faults: &mut Faults) -> Option<(Timestamp, Value)> {
        let options = &self.plan.options;
        let own = match cells::yes_or_no(said.opted_in) {
            Ok(own) => own,
            Err(cells::Neither) => {
                faults.add("/opted_in", "must be yes or no");
                return None;
            }
        };
        let at = if said.time.is_empty() {
            self.now
        } else {
            match cells::moment(said.time) {
                Some(at) if at <= self.now => at,
                Some(_) => {
                    faults.add("/consent_time", "must not lie in the future");
                    return None;
                }
                None => {
                    faults.add("/consent_time", "must be a time such as 2026-11-22T10:00:00Z");
                    return None;
                }
            }
        };
        if !own.unwrap_or(options.default_opted_in) {
            return None;
        }
        let mut evidence = Map::new();
        evidence.insert("import_id".into(), self.import.0.into());
        if let Some(filename) = &self.plan.filename {
            evidence.insert("file".into(), filename.as_str().into());
        }
        evidence.insert("row".into(), row.into());
        if own.is_none() {
            evidence.insert("default_opted_in".into(), true.into());
        }
        let either = |own: &str, general: &Option<String>| {
            if own.is_empty() { general.clone() } else { Some(own.chars().take(2_000).collect()) }
        };
        if let Some(source) = either(said.source, &options.consent_source) {
            evidence.insert("source".into(), source.into());
        }
        if let Some(proof) = either(said.evidence, &options.consent_evidence) {
            evidence.insert("evidence".into(), proof.into());
        }
        if let Some(key) = self.plan.api_key {
            evidence.insert("api_key_id".into(), key.0.into());
        }
        Some((at, Value::Object(evidence)))
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
mod tests {
    use std::path::Path;

    use domain::ApiKeyId;
    use serde_json::json;

    use super::super::{Options, Order};
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn plan(path: &Path, options: Options) -> (Plan, Vec<Row>) {
        let order = Order {
            filename: Some("../Liste 1.csv".into()),
            options,
            api_key: Some(ApiKeyId(7)),
            ..Order::default()
        };
        Plan::make(path, order, None).unwrap()
    }

    fn judged(text: &str, options: Options) -> Vec<Result<GoodRow, BadRow>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        let (plan, rows) = plan(&path, options);
        let mut judge = Judge::new(&plan, ImportId(3), now());
        rows.into_iter().map(|row| judge.judge(row)).collect()
    }

    fn errors(text: &str, options: Options) -> Vec<(u64, String, String)> {
        judged(text, options)
            .into_iter()
            .filter_map(|row| row.err().map(|bad| (bad.row, bad.phone, bad.error)))
            .collect()
    }

    #[test]
    fn the_words_of_the_report_are_the_documents_own() {
        let found = errors("phone,name\n+1555,Ann\n,Bob\nn/a,Cid\n+15551234567,Dan\n", Options::default());
        assert_eq!(
            found,
            [
                (2, "+1555".to_owned(), "Invalid phone format".to_owned()),
                (3, String::new(), "Phone number required".to_owned()),
                (4, "n/a".to_owned(), "Invalid phone format".to_owned()),
            ]
        );
    }

    #[test]
    fn a_row_becomes_a_contact() {
        let text = "WhatsApp,Vorname,Nachname,Sprache,Zeitzone,Tags,Stadt\n\
                    0151 23456789,Ann,Bauer,de,europe/berlin,\"vip, neu\",Köln\n";
        let options =
            Options { default_country: Some("DE".into()), tags: vec!["fair".into()], ..Options::default() };
        let row = judged(text, options).remove(0).unwrap();
        assert_eq!(row.phone.as_str(), "+4915123456789");
        assert_eq!((row.country.as_deref(), row.written.as_str()), (Some("DE"), "0151 23456789"));
        assert_eq!((row.name.as_deref(), row.language.as_deref()), (Some("Ann Bauer"), Some("de")));
        assert_eq!(row.time_zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(
            (row.tags, json!(row.fields)),
            (vec!["fair".to_owned(), "vip".to_owned(), "neu".to_owned()], json!({"Stadt": "Köln"}))
        );
        assert_eq!((row.row, row.consent), (2, None));
    }

    #[test]
    fn consent_carries_file_row_and_what_was_given() {
        let text = "phone,opted_in,consent_source,consent_time,consent_evidence\n\
                    +15551234567,yes,web form,2026-01-02,https://example.com/join\n\
                    +15551234568,,,,\n\
                    +15551234569,no,,,\n";
        let options =
            Options { default_opted_in: true, consent_source: Some("fair".into()), ..Options::default() };
        let rows: Vec<_> = judged(text, options).into_iter().map(|row| row.unwrap().consent).collect();
        assert_eq!(
            rows[0],
            Some((
                "2026-01-02T00:00:00Z".parse().unwrap(),
                json!({"import_id": 3, "file": "Liste 1.csv", "row": 2, "source": "web form",
                    "evidence": "https://example.com/join", "api_key_id": 7})
            ))
        );
        assert_eq!(
            rows[1],
            Some((
                now(),
                json!({"import_id": 3, "file": "Liste 1.csv", "row": 3, "default_opted_in": true, "source": "fair",
                    "api_key_id": 7})
            ))
        );
        assert_eq!(rows[2], None);
    }

    #[test]
    fn every_other_fault_is_told_in_words() {
        let text = "phone,language,opted_in,consent_time,time_zone,fields\n\
                    +15551234567,english,perhaps,,Mars/Olympus,[1]\n\
                    +15551234568,,yes,2027-01-01,,\n";
        assert_eq!(
            errors(text, Options::default()).into_iter().map(|found| found.2).collect::<Vec<_>>(),
            [
                "fields must be a JSON object; language must be a language code such as en or pt_BR; \
                 time_zone must be a time zone such as Europe/Berlin; opted_in must be yes or no",
                "consent_time must not lie in the future",
            ]
        );
    }

    #[test]
    fn the_apostrophe_of_a_spreadsheet_is_no_part_of_a_cell() {
        let row = judged("phone,note\n'+15551234567,'=1+1\n", Options::default()).remove(0).unwrap();
        assert_eq!((row.phone.as_str(), &row.fields["note"]), ("+15551234567", &json!("=1+1")));
    }
}
