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
mod tests {
    use std::path::Path;

    use domain::ApiKeyId;
    use domain::imports::agreement::Agreement;
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
        let rows = consents(text, options);
        assert_eq!(
            rows[0],
            Some(RowConsent {
                says: Agreement::Yes,
                at: "2026-01-02T00:00:00Z".parse().unwrap(),
                before: None,
                evidence: json!({"import_id": 3, "file": "Liste 1.csv", "row": 2, "source": "web form",
                    "evidence": "https://example.com/join", "api_key_id": 7})
            })
        );
        assert_eq!(
            rows[1],
            Some(RowConsent {
                says: Agreement::Yes,
                at: now(),
                before: None,
                evidence: json!({"import_id": 3, "file": "Liste 1.csv", "row": 3, "default_opted_in": true,
                    "source": "fair", "api_key_id": 7})
            })
        );
        assert_eq!(rows[2], None, "of a number that is skipped when it is known");
    }

    fn consents(text: &str, options: Options) -> Vec<Option<RowConsent>> {
        judged(text, options).into_iter().map(|row| row.unwrap().consent).collect()
    }

    fn updating() -> Options {
        Options { skip_duplicates: false, consent_source: Some("fair".into()), ..Options::default() }
    }

    /// What is said, when, and when the opposite was said before.
    fn said(text: &str) -> Vec<Option<(Agreement, String, Option<String>)>> {
        let told = |one: RowConsent| (one.says, one.at.to_string(), one.before.map(|at| at.to_string()));
        consents(text, updating()).into_iter().map(|one| one.map(told)).collect()
    }

    const NOW: &str = "2026-11-22T10:00:00Z";

    #[test]
    fn a_no_needs_no_time_and_says_where_it_stands() {
        let text =
            "phone,opted_in,consent_time\n+15551234567,no,2027-01-01\n+15551234568,Unsubscribed,05/06/2026\n";
        assert_eq!(
            said(text),
            [Some((Agreement::No, NOW.to_owned(), None)), Some((Agreement::OptedOut, NOW.to_owned(), None)),]
        );
        assert_eq!(
            consents(text, updating())[1].as_ref().unwrap().evidence,
            json!({"import_id": 3, "file": "Liste 1.csv", "row": 3, "opted_in": "Unsubscribed", "api_key_id": 7}),
            "where consent was given in general is no evidence of an opt-out"
        );
    }

    #[test]
    fn whoever_has_a_time_of_opt_out_and_no_later_yes_is_out() {
        let text = "phone,opted_in,opted_in_at,opted_out_at\n\
                    +15551234501,no,2026-01-02,2026-02-03\n\
                    +15551234502,yes,2026-03-04,2026-02-03\n\
                    +15551234503,yes,2026-01-02,2026-02-03\n\
                    +15551234504,yes,,2026-02-03\n\
                    +15551234505,,,2026-02-03\n\
                    +15551234506,no,,some day\n\
                    +15551234507,,2026-01-02,\n";
        let (jan, feb, mar) = ("2026-01-02T00:00:00Z", "2026-02-03T00:00:00Z", "2026-03-04T00:00:00Z");
        let of =
            |says, at: &str, before: Option<&str>| Some((says, at.to_owned(), before.map(str::to_owned)));
        assert_eq!(
            said(text),
            [
                of(Agreement::OptedOut, feb, Some(jan)),
                of(Agreement::Yes, mar, Some(feb)),
                of(Agreement::OptedOut, feb, Some(jan)),
                of(Agreement::OptedOut, feb, None),
                of(Agreement::OptedOut, feb, None),
                of(Agreement::OptedOut, NOW, None),
                None,
            ]
        );
        let found =
            errors("phone,opted_out_at\n+15551234567,some day\n+15551234568,2008-01-01\n", updating());
        assert_eq!(found[0].2, "opted_out_at must be a time such as 2026-11-22T10:00:00Z");
        assert_eq!(found[1].2, "opted_out_at lies before 2009, when WhatsApp began");
    }

    #[test]
    fn a_row_at_fault_tells_its_opt_out_all_the_same() {
        let rows = judged(
            "phone,opted_in,language\n+15551234567,stop,english\n+15551234568,no,english\n",
            updating(),
        );
        let opt_outs: Vec<_> = rows
            .into_iter()
            .map(|row| row.unwrap_err().opt_out.map(|(phone, consent)| (phone.to_string(), consent.says)))
            .collect();
        assert_eq!(opt_outs, [Some(("+15551234567".to_owned(), Agreement::OptedOut)), None]);
    }

    #[test]
    fn day_and_month_stand_as_they_do_in_the_rest_of_the_column() {
        let times = |cells: &[&str]| {
            let rows: String =
                (0..).zip(cells).map(|(row, cell)| format!("+1555123450{row},yes,{cell}\n")).collect();
            let text = format!("phone,opted_in,consent_time\n{rows}");
            let judged = judged(&text, updating());
            judged
                .into_iter()
                .map(|row| row.map(|row| row.consent.unwrap().at.to_string()).map_err(|bad| bad.error))
                .collect::<Vec<_>>()
        };
        let at = |time: &str| Ok(time.to_owned());
        assert_eq!(
            times(&["05/06/2026", "25/06/2026"]),
            [at("2026-06-05T00:00:00Z"), at("2026-06-25T00:00:00Z")]
        );
        assert_eq!(
            times(&["05/06/2026", "06/25/2026"]),
            [at("2026-05-06T00:00:00Z"), at("2026-06-25T00:00:00Z")]
        );
        let unclear =
            "consent_time may be one of two days: write it as year, month and day, such as 2026-11-22";
        assert_eq!(times(&["05/06/2026", "22.11.25"]), [Err(unclear.to_owned()), at("2025-11-22T00:00:00Z")]);
    }

    #[test]
    fn a_number_that_a_spreadsheet_took_for_an_amount_is_read_or_refused_in_words() {
        let options = || Options { default_country: Some("DE".into()), ..Options::default() };
        let text = "phone,name\n4915112345678.0,Ann\n491511000000.00,Bob\n'015112345671,Cid\n";
        let phones: Vec<_> =
            judged(text, options()).into_iter().map(|row| row.unwrap().phone.to_string()).collect();
        assert_eq!(phones, ["+4915112345678", "+491511000000", "+4915112345671"]);
        let found = errors("phone,name\n4.91511E+12,Ann\n", options());
        assert!(found[0].2.contains("Format the column as text"), "{found:?}");
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
