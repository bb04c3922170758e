//! Imports: lists of contacts on their way in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

words! {
    /// Where an import stands.
    ImportState = domain::imports::ImportState {
        /// Rows are read and written.
        Running = "running",
        /// Every row was read.
        Completed = "completed",
        /// Somebody stopped it; what was written stays.
        Cancelled = "cancelled",
        /// The file cannot be read on; what was written stays.
        Failed = "failed",
    }
}

words! {
    /// What becomes of columns whose headings say nothing.
    UnknownColumns = domain::imports::columns::Unknown {
        /// Custom fields of that name.
        Fields = "fields",
        Ignore = "ignore",
    }
}

request! {
    /// How a list is read. In a form each is a field before `file`; in a JSON body a member beside `contacts`.
    ImportOptions {
        #[schema(value_type = Option<Object>)]
        mapping: Option<Map<String, Value>>,
        unknown_columns: Option<UnknownColumns>,
        has_header: Option<bool>,
        delimiter: Option<String> [0, 1],
        sheet: Option<String> [1, 31],
        default_country: Option<String> [2, 2],
        tags: Option<Vec<String>>,
        default_opted_in: Option<bool>,
        consent_source: Option<String> [1, 2000],
        consent_evidence: Option<String> [1, 2000],
        skip_duplicates: Option<bool>,
        dry_run: Option<bool>,
    }
}

/// A list of contacts as JSON; see `ImportOptions` for the members beside `contacts`. It is streamed: only one contact
/// is held at a time, and one that is at fault keeps no other from being imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportContacts {
    pub contacts: Vec<ImportedContact>,
    pub default_country: Option<String>,
    pub tags: Option<Vec<String>>,
    pub default_opted_in: Option<bool>,
    pub consent_source: Option<String>,
    pub consent_evidence: Option<String>,
    pub skip_duplicates: Option<bool>,
    pub dry_run: Option<bool>,
}

/// A contact of a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedContact {
    #[schema(example = "+15551234567")]
    pub phone: String,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub tags: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
    pub opted_in: Option<bool>,
    pub consent_source: Option<String>,
    pub consent_time: Option<Timestamp>,
    pub consent_evidence: Option<String>,
    /// The person opted out, whatever else is said.
    pub opted_out: Option<bool>,
    /// The person opted out then; counts unless `opted_in` is true and `consent_time` is later.
    pub opted_out_at: Option<Timestamp>,
}

/// A list of contacts as a file: CSV (any usual delimiter and encoding), XLSX, or the JSON of `ImportContacts`, whose own
/// options give way to those of the form.
#[derive(Debug, ToSchema)]
pub struct UploadContacts {
    /// Heading (or number of the column) → meaning, as JSON: `{"Kontakt": "phone", "3": "fields.city"}`. Meanings are `phone`,
    /// `name`, `first_name`, `last_name`, `language`, `time_zone`, `tags`, `opted_in`, `consent_source`,
    /// `consent_time`, `consent_evidence`, `opted_out`, `opted_out_at`, `fields` (a JSON object), `fields.NAME`, `ignore`. What is
    /// not told is guessed from the headings.
    pub mapping: Option<String>,
    /// What becomes of columns whose headings say nothing: `fields` (absent) or `ignore`.
    pub unknown_columns: Option<UnknownColumns>,
    /// The first row names the columns; absent: found out.
    pub has_header: Option<bool>,
    /// Between the cells of a CSV; absent: found out among `,` `;` tab and `|`.
    pub delimiter: Option<String>,
    /// Of a workbook; absent: the first one.
    pub sheet: Option<String>,
    /// Two letters: the country of numbers without `+`; absent: the tenant's.
    #[schema(example = "DE")]
    pub default_country: Option<String>,
    /// Given to every contact of the list; with commas.
    pub tags: Option<String>,
    /// Rows that do not say so themselves gave consent.
    pub default_opted_in: Option<bool>,
    /// Where consent was given, for rows that do not say.
    pub consent_source: Option<String>,
    /// What proves it, for rows that do not say.
    pub consent_evidence: Option<String>,
    /// A number that a contact has already counts as a duplicate and changes nothing (absent: so it is); `false` brings
    /// the contact up to date: what the row says is taken over, tags are added, a plain `no` ends an opt-in. An opt-out is
    /// never undone, and an explicit one (`unsubscribed`, `opted out`, `abgemeldet` …, a yes in `opted_out`, or a time in
    /// `opted_out_at`) counts either way, whatever else becomes of its row.
    pub skip_duplicates: Option<bool>,
    /// Reads and judges the first 50 rows and writes nothing.
    pub dry_run: Option<bool>,
    /// The last field.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub file: Vec<u8>,
}

/// How an import stands, or how it ended. `processed = imported + updated + duplicates + errors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Import {
    pub import_id: i64,
    pub state: ImportState,
    pub filename: Option<String>,
    /// Rows that were dealt with.
    pub processed: u64,
    /// New contacts.
    pub imported: u64,
    /// Contacts that were brought up to date.
    pub updated: u64,
    /// Rows whose number a contact or an earlier row has.
    pub duplicates: u64,
    /// Rows that are at fault.
    pub errors: u64,
    /// Contacts that the list opted out, whatever their rows count as.
    #[serde(default)]
    pub opted_out: u64,
    /// Contacts made or updated whose rows say yes though the person had opted out: the opt-out stays. `notes` names the rows.
    #[serde(default)]
    pub consent_refused: u64,
    /// The first 1,000 rows that became no contact, those at fault before duplicates; all of them are in `errors.csv`. Absent
    /// in lists and events.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_details: Option<Vec<RowError>>,
    /// The first 1,000 rows that became a contact though not all that they say was taken. Absent in lists and events.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notes: Option<Vec<RowNote>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    pub progress: ImportProgress,
    /// How the file was understood.
    pub file: ImportedFile,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A row that became no contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// As a person sees it: the line of a CSV (the header is line 1), the row of a sheet, the place in an array.
    pub row: u64,
    /// As it stands in the file.
    pub phone: String,
    #[schema(example = "Invalid phone format")]
    pub error: String,
}

/// Something that is to be said of a row that became a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowNote {
    /// As in `RowError`.
    pub row: u64,
    /// As it stands in the file.
    pub phone: String,
    #[schema(example = "The contact has opted out: the yes of this row was not taken")]
    pub note: String,
}

/// How far and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportProgress {
    pub rows_read: u64,
    pub bytes_read: u64,
    pub bytes_total: u64,
    pub percent: f64,
    pub rows_per_second: f64,
    /// `null` while nothing can be said, and when it is over.
    pub seconds_left: Option<f64>,
}

/// How a file was understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedFile {
    /// `csv`, `xlsx` or `json`.
    pub format: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sheet: Option<String>,
    pub has_header: bool,
    pub columns: Vec<ImportedColumn>,
}

/// A column, and what it was taken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedColumn {
    pub heading: String,
    #[schema(example = "phone")]
    pub target: String,
}

/// What would become of the first rows; nothing was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportTrial {
    /// Always true.
    pub dry_run: bool,
    pub file: ImportedFile,
    pub processed: u64,
    pub imported: u64,
    pub updated: u64,
    pub duplicates: u64,
    pub errors: u64,
    /// Of `contacts`: whom the list would opt out.
    #[serde(default)]
    pub opted_out: u64,
    /// Of `contacts`: whose rows say yes though the person has opted out, which would not be taken.
    #[serde(default)]
    pub consent_refused: u64,
    pub error_details: Vec<RowError>,
    #[serde(default)]
    pub notes: Vec<RowNote>,
    pub contacts: Vec<TriedContact>,
}

/// A contact that would be made or changed, as it would be then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriedContact {
    pub row: u64,
    pub phone: String,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    pub opted_in: bool,
    /// A contact has the number already.
    pub exists: bool,
}

query! {
    /// How a CSV is written.
    CsvQuery {
        /// Begins with the mark by which Excel knows UTF-8.
        bom: Option<bool>,
    }
}

impl ImportOptions {
    /// The mapping, each target a text.
    ///
    /// # Errors
    /// The heading whose target is none.
    pub fn mapping_texts(&self) -> Result<BTreeMap<String, String>, String> {
        let pairs = self.mapping.iter().flatten();
        pairs
            .map(|(heading, target)| match target {
                Value::String(target) => Ok((heading.clone(), target.clone())),
                _ => Err(heading.clone()),
            })
            .collect()
    }
}
