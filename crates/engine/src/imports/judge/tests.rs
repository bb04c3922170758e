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
    let of = |says, at: &str, before: Option<&str>| Some((says, at.to_owned(), before.map(str::to_owned)));
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
    let found = errors("phone,opted_out_at\n+15551234567,some day\n+15551234568,2008-01-01\n", updating());
    assert_eq!(found[0].2, "opted_out_at must be a time such as 2026-11-22T10:00:00Z");
    assert_eq!(found[1].2, "opted_out_at lies before 2009, when WhatsApp began");
}

#[test]
fn a_row_at_fault_tells_its_opt_out_all_the_same() {
    let rows =
        judged("phone,opted_in,language\n+15551234567,stop,english\n+15551234568,no,english\n", updating());
    let opt_outs: Vec<_> = rows
        .into_iter()
        .map(|row| row.unwrap_err().opt_out.map(|(phone, consent)| (phone.to_string(), consent.says)))
        .collect();
    assert_eq!(opt_outs, [Some(("+15551234567".to_owned(), Agreement::OptedOut)), None]);
}

#[test]
fn a_column_of_opt_outs_rules_over_every_yes() {
    let text = "phone,opted_out,opted_in\n+15551234501,true,yes\n+15551234502,unsubscribed,\n\
                +15551234503,false,\n+15551234504,maybe,\n";
    let options = Options { default_opted_in: true, ..Options::default() };
    let rows = judged(text, options);
    let says = |row: usize| rows[row].as_ref().unwrap().consent.as_ref().map(|consent| consent.says);
    assert_eq!(
        [says(0), says(1), says(2)],
        [Some(Agreement::OptedOut), Some(Agreement::OptedOut), Some(Agreement::Yes)]
    );
    assert!(rows[3].as_ref().unwrap_err().error.starts_with("opted_out must be yes or no"));
}

#[test]
fn a_row_that_cannot_be_read_tells_its_opt_out_all_the_same() {
    let out = |row: Result<GoodRow, BadRow>| {
        let bad = row.unwrap_err();
        (bad.error, bad.opt_out.map(|(phone, _)| phone.to_string()))
    };
    let text = "phone,consent,name\n+15551234501,stop,Doe, John\n+15551234502,yes,Ann\n\
                +15551234503,no,Bob\n+15551234504,,Cid\n";
    let rows: Vec<_> = judged(text, Options::default()).into_iter().take(1).map(out).collect();
    assert_eq!(
        rows,
        [("The row has 4 cells, the heading has 3".to_owned(), Some("+15551234501".to_owned()))]
    );
    let json = r#"{"contacts": [
        {"phone": "+15551234501", "opted_in": "unsubscribed", "name": 5.5},
        {"phone": "+15551234502", "opted_in": "unsubscribed", "extra": 1},
        {"phone": "+15551234503", "opted_out": true, "language": "english"}
    ]}"#;
    let rows: Vec<_> = judged(json, Options::default()).into_iter().map(out).collect();
    let phones: Vec<_> = rows.iter().map(|(_, phone)| phone.clone().unwrap()).collect();
    assert_eq!(phones, ["+15551234501", "+15551234502", "+15551234503"]);
}

#[test]
fn all_faults_of_a_row_are_told_at_once() {
    let json = r#"{"contacts": [
        {"phone": "+1555", "name": 5.5, "language": "english", "time_zone": "Nowhere", "opted_in": "perhaps",
         "consent_time": "some day", "extra": 1, "more": 2}
    ]}"#;
    let error = judged(json, Options::default()).remove(0).unwrap_err().error;
    for part in [
        "Unknown member \"extra\", \"more\"",
        "name must be a string",
        "Invalid phone format",
        "language must",
        "time_zone must",
        "opted_in must be yes or no",
        "consent_time must",
    ] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}

#[test]
fn a_number_without_its_country_says_so() {
    let found = errors("phone,name\n4915123456789,Ann\n+1555,Bob\n", Options::default());
    assert!(found[0].2.contains("default_country"), "{found:?}");
    assert_eq!(found[1].2, "Invalid phone format");
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
    let unclear = "consent_time may be one of two days: write it as year, month and day, such as 2026-11-22";
    assert_eq!(times(&["05/06/2026", "22.11.25"]), [Err(unclear.to_owned()), at("2025-11-22T00:00:00Z")]);
}

#[test]
fn a_number_that_a_spreadsheet_took_for_an_amount_is_read_or_refused_in_words() {
    let options = || Options { default_country: Some("DE".into()), ..Options::default() };
    let text = "phone,name\n4915112345678.0,Ann\n4915110000000.00,Bob\n'015112345671,Cid\n";
    let phones: Vec<_> =
        judged(text, options()).into_iter().map(|row| row.unwrap().phone.to_string()).collect();
    assert_eq!(phones, ["+4915112345678", "+4915110000000", "+4915112345671"]);
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
    let json = r#"{"contacts": [{"phone": "+15551234567", "name": "'=1+1"}]}"#;
    let row = judged(json, Options::default()).remove(0).unwrap();
    assert_eq!(row.name.as_deref(), Some("'=1+1"), "of a program it is");
}
