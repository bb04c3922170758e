//! Rows of a list: read and judged, part by part.

use std::ops::ControlFlow;
use std::path::PathBuf;

use domain::imports::phone_column::Doubt;
use domain::imports::{cells, problems};
use domain::phone::{PhoneNumber, without_fraction};
use ports::broadcasts::ListRow;
use serde_json::Map;
use tokio::sync::mpsc;

use super::BroadcastError;
use crate::faults::Faults;
use crate::imports::read::{Progress, Row, Table, Unreadable};

/// Rows per commit.
const BATCH: usize = 1_000;
/// Characters of a number that are kept as given.
const GIVEN: usize = 100;

/// Where the number stands, and what the other columns are called.
pub(super) struct Shape {
    pub(super) phone: usize,
    pub(super) names: Vec<String>,
    pub(super) country: Option<String>,
}

/// A row, and what is wrong with it.
pub(super) type Judged = (ListRow, Option<String>);

/// What the reading thread hands over.
pub(super) type Batch = Result<Part, Unreadable>;

/// Some rows. Only what says of itself that it is the last part ends a list: a reader that is gone does not.
pub(super) struct Part {
    pub(super) rows: Vec<Judged>,
    pub(super) last: bool,
}

/// Rows of a request, judged, on their way like those of a file.
pub(super) fn in_parts(rows: Vec<ListRow>, country: Option<&str>) -> mpsc::Receiver<Batch> {
    let judged: Vec<Judged> = rows.into_iter().map(|row| judged(row, country)).collect();
    let mut parts: Vec<Part> =
        judged.chunks(BATCH).map(|rows| Part { rows: rows.to_vec(), last: false }).collect();
    match parts.last_mut() {
        Some(part) => part.last = true,
        None => parts.push(Part { rows: Vec::new(), last: true }),
    }
    let (batches, arriving) = mpsc::channel(parts.len());
    for part in parts {
        // There is room for every one of them.
        let _ = batches.try_send(Ok(part));
    }
    arriving
}

/// Goes through the file until it ends, or nobody takes its rows any more.
pub(super) fn go_through(table: &Table, path: PathBuf, shape: &Shape, batches: &mpsc::Sender<Batch>) {
    let mut batch = Vec::with_capacity(BATCH);
    let outcome = table.each(&path, 0, &Progress::default(), &mut |row| {
        batch.push(shape.row(row));
        if batch.len() < BATCH {
            return ControlFlow::Continue(());
        }
        let part = Part { rows: std::mem::take(&mut batch), last: false };
        match batches.blocking_send(Ok(part)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    // Whoever does not listen any more has failed and says so.
    let _ = batches.blocking_send(outcome.map(|()| Part { rows: batch, last: true }));
}

impl Shape {
    /// The row, and what is wrong with it.
    fn row(&self, row: Row) -> Judged {
        let row_number = i64::try_from(row.number).unwrap_or(i64::MAX);
        if let Some(problem) = row.problem {
            let given =
                row.cells.get(self.phone).map(|cell| cell.chars().take(GIVEN).collect()).unwrap_or_default();
            return (ListRow { row_number, given, phone: None, columns: Map::new() }, Some(problem));
        }
        let clean = |cell: &String| cells::without_apostrophe(cell.trim()).trim().to_owned();
        let given = row.cells.get(self.phone).map(clean).unwrap_or_default();
        let others = self.names.iter().zip(&row.cells).enumerate().filter(|(index, _)| *index != self.phone);
        let columns = others
            .map(|(_, (name, cell))| (name.clone(), clean(cell)))
            // What the store cannot hold is nobody's text.
            .map(|(name, cell)| (name, cell.replace('\0', "").into()))
            .collect();
        let given = given.replace('\0', "");
        judged(ListRow { row_number, given, phone: None, columns }, self.country.as_deref())
    }
}

fn judged(mut row: ListRow, country: Option<&str>) -> Judged {
    row.given = row.given.chars().take(GIVEN).collect();
    // A spreadsheet may have taken the number for an amount.
    let problem = match PhoneNumber::parse(without_fraction(&row.given), country) {
        Ok(phone) => {
            row.phone = Some(phone.into());
            None
        }
        Err(_) if row.given.trim().is_empty() => Some(problems::NO_PHONE.to_owned()),
        Err(_) => Some(problems::INVALID_PHONE.to_owned()),
    };
    (row, problem)
}

/// The column that holds the number: the one that was told, else the only one that can be it.
pub(super) fn phone_column(
    table: &Table,
    rows: &[Row],
    told: Option<&str>,
    country: Option<&str>,
) -> Result<usize, BroadcastError> {
    let header = || table.header.iter().take(30).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(told) = told {
        let same = |name: &String| name.trim().to_lowercase() == told.trim().to_lowercase();
        let by_number =
            || told.trim().parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < table.header.len());
        return table.header.iter().position(same).or_else(by_number).ok_or_else(|| {
            Faults::one("/phone_column", format!("is no column of the file (columns: {})", header())).into()
        });
    }
    table.phone_column(rows, |_| true, country).map_err(|doubt| {
        let problem = match doubt {
            Doubt::None => {
                format!("is missing: no column seems to hold phone numbers (columns: {})", header())
            }
            Doubt::Between(one, other) => format!(
                "is missing: \"{}\" and \"{}\" both could hold the phone numbers",
                table.header[one], table.header[other]
            ),
        };
        Faults::one("/phone_column", problem).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::read::Hints;

    fn table(text: &str) -> (Table, Vec<Row>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        let (table, rows) = Table::find(&path, &Hints::default()).unwrap();
        (table, rows, folder)
    }

    fn column(text: &str, told: Option<&str>) -> Result<usize, String> {
        let (table, rows, _folder) = table(text);
        phone_column(&table, &rows, told, None).map_err(|error| match error {
            BroadcastError::Faults(faults) => format!("{} {}", faults[0].pointer, faults[0].problem),
            other => other.to_string(),
        })
    }

    #[test]
    fn the_column_of_the_number_is_told_or_guessed() {
        assert_eq!(column("coupon,Mobile\nA,+15551234567\n", None), Ok(1));
        assert_eq!(column("Kunde;Erreichbar\nAnn;+15551234567\nBob;n/a\n", None), Ok(1));
        assert_eq!(column("a,b\n+15551234567,+15551234568\n", Some("B")), Ok(1));
        assert_eq!(column("a,b\n+15551234567,+15551234568\n", Some("2")), Ok(1));
        assert!(column("a,b\n1,2\n", Some("c")).unwrap_err().starts_with("/phone_column is no column"));
        assert!(column("a,b\nx,y\n", None).unwrap_err().contains("(columns: a, b)"));
    }

    #[test]
    fn of_two_columns_of_numbers_none_is_taken() {
        let says = column("Vater,Mutter\n+15551234567,+15551234568\n", None).unwrap_err();
        assert!(says.contains("\"Vater\" and \"Mutter\""), "{says}");
    }

    #[test]
    fn a_row_keeps_its_other_columns_and_says_what_is_wrong() {
        let (table, _, folder) =
            table("phone,coupon\n+1 555 123 4567,X1\n+1555,X2\n,X3\n+15551234568.0,X4\n");
        let shape = Shape { phone: 0, names: table.header.clone(), country: None };
        let (batches, mut arriving) = mpsc::channel(4);
        go_through(&table, folder.path().join("file"), &shape, &batches);
        drop(batches);
        let Part { rows, last } = arriving.blocking_recv().unwrap().unwrap_or_else(|_| panic!("unreadable"));
        assert!(last);
        assert!(arriving.blocking_recv().is_none());
        let told: Vec<_> = rows
            .iter()
            .map(|(row, problem)| (row.row_number, row.phone.as_deref(), problem.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (2, Some("+15551234567"), None),
                (3, None, Some("Invalid phone format")),
                (4, None, Some("Phone number required")),
                (5, Some("+15551234568"), None),
            ]
        );
        assert_eq!(rows[0].0.columns["coupon"], "X1");
        assert!(!rows[0].0.columns.contains_key("phone"));
    }
}
