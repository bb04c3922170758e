//! What is told of imports.

use api_types::imports::{
    Import, ImportProgress, ImportTrial, ImportedColumn, ImportedFile, RowError, RowNote, TriedContact,
};
use domain::imports::{ImportState, notes, pace, problems};
use engine::imports::read::Format;
use engine::imports::{Plan, Trial};
use ports::imports::RowProblem;

/// Rows that are told of one by one.
pub(super) struct Details {
    pub(super) problems: Vec<RowProblem>,
    pub(super) notes: Vec<RowProblem>,
}

pub(super) fn import(import: ports::imports::Import, details: Option<Details>) -> Import {
    let (problems, notes) = details.map(|details| (details.problems, details.notes)).unzip();
    let progress = progress(&import);
    let counts = import.counts;
    let plan = serde_json::from_value::<Plan>(import.plan).ok();
    Import {
        import_id: import.id.0,
        state: import.state.into(),
        filename: import.filename,
        processed: counts.processed,
        imported: counts.imported,
        updated: counts.updated,
        duplicates: counts.duplicates,
        errors: counts.errors,
        opted_out: import.opted_out,
        consent_refused: import.consent_refused,
        error_details: problems.map(|problems| problems.into_iter().map(detail).collect()),
        notes: notes.map(|notes| notes.into_iter().map(note).collect()),
        failure: import.failure,
        progress,
        file: plan.as_ref().map_or_else(unknown, file),
        created_at: import.created_at,
        updated_at: import.updated_at,
        ended_at: import.ended_at,
    }
}

fn detail(problem: RowProblem) -> RowError {
    RowError { row: problem.row, phone: problem.phone, error: problem.error }
}

fn note(problem: RowProblem) -> RowNote {
    RowNote { row: problem.row, phone: problem.phone, note: problem.error }
}

fn progress(import: &ports::imports::Import) -> ImportProgress {
    let counts = import.counts;
    let bytes_read = if import.state == ImportState::Completed { import.size } else { import.bytes_read };
    let seconds = import.updated_at.duration_since(import.run_at).as_secs_f64();
    let rows_of_run = counts.processed.saturating_sub(import.run_processed);
    let pace = pace(counts.processed, rows_of_run, seconds, bytes_read, import.size);
    let tenth = |number: f64| (number * 10.0).round() / 10.0;
    ImportProgress {
        rows_read: counts.processed,
        bytes_read,
        bytes_total: import.size,
        percent: tenth(pace.percent),
        rows_per_second: tenth(pace.rows_per_second),
        seconds_left: pace.seconds_left.filter(|_| !import.state.is_over()).map(tenth),
    }
}

fn unknown() -> ImportedFile {
    ImportedFile {
        format: String::new(),
        encoding: None,
        delimiter: None,
        sheet: None,
        has_header: false,
        columns: Vec::new(),
    }
}

fn file(plan: &Plan) -> ImportedFile {
    let columns = plan.table.header.iter().zip(&plan.targets);
    let columns = columns
        .map(|(heading, target)| ImportedColumn { heading: heading.clone(), target: target.to_string() })
        .collect();
    let file = ImportedFile { has_header: plan.table.has_header, columns, ..unknown() };
    match plan.table.format.clone() {
        Format::Csv { encoding, delimiter } => ImportedFile {
            format: "csv".into(),
            encoding: Some(encoding),
            delimiter: Some(delimiter.to_string()),
            ..file
        },
        Format::Xlsx { sheet } => ImportedFile { format: "xlsx".into(), sheet: Some(sheet), ..file },
        Format::Json => ImportedFile { format: "json".into(), ..file },
    }
}

pub(super) fn trial(trial: Trial) -> ImportTrial {
    let mut told = ImportTrial {
        dry_run: true,
        file: file(&trial.plan),
        processed: trial.rows.len() as u64,
        imported: 0,
        updated: 0,
        duplicates: 0,
        errors: 0,
        opted_out: 0,
        consent_refused: 0,
        error_details: Vec::new(),
        notes: Vec::new(),
        contacts: Vec::new(),
    };
    for row in trial.rows {
        match row.outcome {
            Ok(tried) => {
                *(if tried.is_update { &mut told.updated } else { &mut told.imported }) += 1;
                told.opted_out += u64::from(tried.opts_out);
                if tried.consent_refused {
                    told.consent_refused += 1;
                    let note = notes::CONSENT_REFUSED.to_owned();
                    told.notes.push(RowNote { row: row.row, phone: row.phone, note });
                }
                told.contacts.push(TriedContact {
                    row: row.row,
                    phone: tried.phone,
                    name: tried.name,
                    language: tried.language,
                    time_zone: tried.time_zone,
                    tags: tried.tags,
                    fields: tried.fields,
                    opted_in: tried.opted_in,
                    exists: tried.is_update,
                });
            }
            Err(error) => {
                let is_duplicate = error == problems::DUPLICATE;
                *(if is_duplicate { &mut told.duplicates } else { &mut told.errors }) += 1;
                told.error_details.push(RowError { row: row.row, phone: row.phone, error });
            }
        }
    }
    told
}
