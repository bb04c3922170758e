//! What is done with a file: how it is read, what its columns mean, what holds for every row.

use std::collections::BTreeMap;
use std::path::Path;

use domain::ApiKeyId;
use domain::contacts::limits;
use domain::imports::columns::{self, Unknown};
use domain::imports::phone_column::Doubt;
use domain::imports::{Target, report};
use domain::phone::PhoneNumber;
use serde::{Deserialize, Serialize};

use super::date_orders::{self, DateOrders};
use super::read::{Format, Row, Table};
use super::{ImportError, Order};
use crate::contacts::{export, shape};
use crate::faults::Faults;

/// Characters of a file's name.
const FILENAME: usize = 240;
/// Characters of what is said about consent.
const EVIDENCE: usize = 2_000;

/// What a client may choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// By heading, or by the number of the column from 1.
    pub mapping: BTreeMap<String, String>,
    pub unknown_columns: Unknown,
    /// Two letters: the country of numbers without `+`; without it the tenant's.
    pub default_country: Option<String>,
    /// For every contact of the file.
    pub tags: Vec<String>,
    /// Rows that do not say so themselves gave consent.
    pub default_opted_in: bool,
    /// Where and how the consent was given, for rows that do not say.
    pub consent_source: Option<String>,
    pub consent_evidence: Option<String>,
    /// A number that a contact has already is skipped; else the contact is brought up to date.
    pub skip_duplicates: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mapping: BTreeMap::new(),
            unknown_columns: Unknown::default(),
            default_country: None,
            tags: Vec::new(),
            default_opted_in: false,
            consent_source: None,
            consent_evidence: None,
            skip_duplicates: true,
        }
    }
}

/// All that a node needs to know to go on with an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub filename: Option<String>,
    pub table: Table,
    /// One per column.
    pub targets: Vec<Target>,
    pub options: Options,
    pub api_key: Option<ApiKeyId>,
    /// Of columns of dates, by their place.
    #[serde(default)]
    pub date_orders: DateOrders,
}

impl Plan {
    /// Looks at a file and settles what it is and what becomes of its columns; answers its first rows, too. Blocks.
    pub(super) fn make(
        path: &Path,
        order: Order,
        tenant_country: Option<String>,
    ) -> Result<(Self, Vec<Row>), ImportError> {
        let mut faults = Faults::default();
        let Order { filename, hints, mut options, api_key } = order;
        check(&mut options, &mut faults);
        if hints.delimiter.is_some_and(|delimiter| !delimiter.is_ascii() || delimiter == '"') {
            faults.add("/delimiter", "must be one ASCII character");
        }
        faults.check()?;
        options.default_country = options.default_country.or(tenant_country);
        let (table, rows) = Table::find(path, &hints)?;
        let targets = if table.format == Format::Json {
            if !options.mapping.is_empty() {
                return Err(Faults::one(
                    "/mapping",
                    "is for columns; the members of JSON have their meaning",
                )
                .into());
            }
            columns::targets(&table.header, &[], Unknown::Ignore)
        } else {
            targets(&table, &rows, &options)?
        };
        let filename = filename.as_deref().and_then(plain_filename);
        let date_orders = date_orders::of(&targets, &rows);
        Ok((Self { filename, table, targets, options, api_key, date_orders }, rows))
    }
}

fn check(options: &mut Options, faults: &mut Faults) {
    if let Some(country) = &options.default_country
        && !PhoneNumber::knows_country(country)
    {
        faults.add("/default_country", "must be a country code of two letters such as DE");
    }
    options.tags = shape::tags(std::mem::take(&mut options.tags), faults);
    for (place, text) in
        [("/consent_source", &options.consent_source), ("/consent_evidence", &options.consent_evidence)]
    {
        if let Some(text) = text {
            faults.at_most(place, text, EVIDENCE);
        }
    }
}

fn targets(table: &Table, rows: &[Row], options: &Options) -> Result<Vec<Target>, Faults> {
    let mut told = told(table, options)?;
    let mut own = table.header.as_slice();
    if report::ends_in(own, rows) {
        own = &own[..own.len() - report::COLUMNS.len()];
        told[own.len()..].iter_mut().for_each(|target| *target = target.take().or(Some(Target::Report)));
    }
    if own == export::COLUMNS {
        // Our own export: what it tells beside a contact's own is no custom field.
        let beside = export::COLUMNS.iter().position(|name| *name == "id").unwrap_or_default();
        for (column, target) in export::COLUMNS.iter().zip(&mut told).skip(beside) {
            target.get_or_insert_with(|| export::meaning(column));
        }
    }
    if !told.contains(&Some(Target::Phone)) {
        let column = phone_column(table, &told, rows, options.default_country.as_deref())?;
        told[column] = Some(Target::Phone);
    }
    let mut targets = columns::targets(&table.header, &told, options.unknown_columns);
    if !table.has_header && !targets.contains(&Target::Name) {
        name_column(&mut targets, &told, rows);
    }
    let fields = targets.iter().filter(|target| matches!(target, Target::Field(_))).count();
    if fields > limits::FIELDS {
        return Err(Faults::one(
            "/unknown_columns",
            format!(
                "a contact has at most {} custom fields, these would be {fields}; say ignore",
                limits::FIELDS
            ),
        ));
    }
    Ok(targets)
}

/// What the client said of columns.
fn told(table: &Table, options: &Options) -> Result<Vec<Option<Target>>, Faults> {
    let mut faults = Faults::default();
    let mut told: Vec<Option<Target>> = vec![None; table.header.len()];
    for (heading, word) in &options.mapping {
        let place = format!("/mapping/{}", heading.replace('~', "~0").replace('/', "~1"));
        let target: Target = match word.parse() {
            Ok(target) => target,
            Err(problem) => {
                faults.add(place, problem);
                continue;
            }
        };
        let same = |other: &String| other.trim().to_lowercase() == heading.trim().to_lowercase();
        let by_number = || {
            heading
                .parse::<usize>()
                .ok()
                .filter(|column| (1..=told.len()).contains(column))
                .map(|column| column - 1)
        };
        match table.header.iter().position(same).or_else(by_number) {
            Some(column) => told[column] = Some(target),
            None => faults.add(place, "is no column of the file"),
        }
    }
    if let Some(target) = columns::told_twice(&told) {
        faults.add("/mapping", format!("{target} is told twice"));
    }
    faults.check()?;
    Ok(told)
}

fn phone_column(
    table: &Table,
    told: &[Option<Target>],
    rows: &[Row],
    country: Option<&str>,
) -> Result<usize, Faults> {
    table.phone_column(rows, |column| told[column].is_none(), country).map_err(|doubt| {
        let example = |heading: &str| format!("say which one, e.g. {{\"{heading}\": \"phone\"}}");
        let problem = match doubt {
            Doubt::None => {
                let header: Vec<&str> = table.header.iter().take(30).map(String::as_str).collect();
                let example = example(header.first().unwrap_or(&"1"));
                let columns = header.join(", ");
                format!("no column seems to hold phone numbers; {example} (columns: {columns})")
            }
            Doubt::Between(one, other) => {
                let (one, other) = (&table.header[one], &table.header[other]);
                format!("\"{one}\" and \"{other}\" both could hold the phone numbers; {}", example(one))
            }
        };
        Faults::one("/mapping", problem)
    })
}

/// Without headings: the first column that is mostly letters.
fn name_column(targets: &mut [Target], told: &[Option<Target>], rows: &[Row]) {
    let is_name = |cell: &String| {
        let letters = cell.chars().filter(|letter| letter.is_alphabetic()).count();
        letters * 2 > cell.chars().count() && !cell.contains('@')
    };
    let column = (0..targets.len()).find(|column| {
        let names = rows.iter().filter_map(|row| row.cells.get(*column)).filter(|cell| is_name(cell)).count();
        told[*column].is_none() && matches!(targets[*column], Target::Field(_)) && names * 2 > rows.len()
    });
    if let Some(column) = column {
        targets[column] = Target::Name;
    }
}

/// The last part of a name, without control characters.
fn plain_filename(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|letter| !letter.is_control()).take(FILENAME).collect();
    (!clean.trim().is_empty()).then(|| clean.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str, options: Options) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        let made = Plan::make(&path, Order { options, ..Order::default() }, None);
        made.map(|(plan, _)| plan.targets.iter().map(ToString::to_string).collect())
            .map_err(|error| error.to_string())
    }

    fn mapped(pairs: &[(&str, &str)]) -> Options {
        let mapping =
            pairs.iter().map(|(column, target)| ((*column).to_owned(), (*target).to_owned())).collect();
        Options { mapping, ..Options::default() }
    }

    #[test]
    fn a_column_of_numbers_is_the_phone_whatever_it_is_called() {
        assert_eq!(
            made("Kunde,Erreichbar unter\nAnn,+4915112345678\nBob,0151 12345679\n", Options::default())
                .unwrap(),
            ["fields.Kunde", "phone"]
        );
        assert_eq!(
            made("+15551234567;Ann;Rome\n+15551234568;Bob;Paris\n", Options::default()).unwrap(),
            ["phone", "name", "fields.column_3"]
        );
        let says = made("Kunde,Ort\nAnn,Rome\n", Options::default()).unwrap_err();
        assert!(says.contains("no column seems to hold phone numbers"), "{says}");
    }

    #[test]
    fn what_numbers_customers_is_no_phone_and_a_doubt_names_both_columns() {
        let german = || Options { default_country: Some("DE".into()), ..Options::default() };
        let text = "Kunden-Nr;Kunde;Handynr.\n301234567;Ann;0151 23456789\n301234568;Bob;0151 23456780\n";
        assert_eq!(made(text, german()).unwrap(), ["fields.Kunden-Nr", "fields.Kunde", "phone"]);
        let says = made("Vater,Mutter\n+4915112345678,+4915112345679\n", german()).unwrap_err();
        assert!(says.contains("/mapping: \"Vater\" and \"Mutter\" both could"), "{says}");
        let told = Options { mapping: [("Mutter".into(), "phone".into())].into(), ..german() };
        assert_eq!(
            made("Vater,Mutter\n+4915112345678,+4915112345679\n", told).unwrap(),
            ["fields.Vater", "phone"]
        );
    }

    #[test]
    fn a_report_of_an_export_brings_no_fields_of_its_own() {
        let header = export::COLUMNS.join(",");
        let row = "+1555,Ann,,,,,,,3129,,,,DE,2026-01-01T00:00:00Z,2,Invalid phone format";
        let targets = made(&format!("{header},row,error\n{row}\n"), Options::default()).unwrap();
        assert_eq!(targets[..3], ["phone", "name", "language"]);
        assert_eq!(
            targets[8..],
            ["ignore", "opted_out_at", "ignore", "ignore", "ignore", "ignore", "report", "report"]
        );
    }

    #[test]
    fn a_file_keeps_its_own_columns_row_and_error() {
        let targets = made("phone,row,error\n+15551234567,A7,E_TIMEOUT\n", Options::default()).unwrap();
        assert_eq!(targets, ["phone", "fields.row", "fields.error"]);
    }

    #[test]
    fn columns_are_told_by_heading_or_number_and_every_fault_is_named() {
        let text = "A,B,C\nx,+15551234567,y\n";
        let told = mapped(&[("b", "phone"), ("3", "fields.city"), ("A", "ignore")]);
        assert_eq!(made(text, told).unwrap(), ["ignore", "phone", "fields.city"]);
        let says = made(text, mapped(&[("D", "phone"), ("B", "telephone")])).unwrap_err();
        assert!(
            says.contains("/mapping/D: is no column") && says.contains("/mapping/B: must be phone"),
            "{says}"
        );
        let says = made(text, mapped(&[("A", "phone"), ("B", "phone")])).unwrap_err();
        assert!(says.contains("phone is told twice"), "{says}");
    }

    #[test]
    fn options_are_checked_all_at_once() {
        let options =
            Options { default_country: Some("XX".into()), tags: vec!["".into()], ..Options::default() };
        let says = made("phone\n+15551234567\n", options).unwrap_err();
        assert!(says.contains("/default_country") && says.contains("/tags/0"), "{says}");
    }
}
