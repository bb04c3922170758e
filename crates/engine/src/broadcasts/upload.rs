//! Lists of recipients: rows out of a file or a request, their numbers read, kept in batches.

use std::ops::ControlFlow;
use std::path::PathBuf;

use domain::imports::columns::{self, Unknown};
use domain::imports::{Target, cells, problems};
use domain::phone::PhoneNumber;
use domain::{BroadcastId, TenantId};
use ports::StoreError;
use ports::broadcasts::ListRow;
use serde_json::Map;
use tokio::sync::mpsc;

use super::{BroadcastError, Broadcasts};
use crate::faults::Faults;
use crate::imports::Received;
use crate::imports::read::{Hints, Progress, Row, Table, Unreadable};

/// Rows per commit.
const BATCH: usize = 1_000;
/// Batches on their way from the file to the store.
const AHEAD: usize = 2;
/// Bad rows that a report holds.
const DETAILS: usize = 1_000;
/// Characters of a number that are kept as given.
const GIVEN: usize = 100;

/// What a client says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListOrder {
    /// The column that holds the number, by heading or number from 1; `None`: guessed.
    pub phone_column: Option<String>,
    /// Two letters, for numbers without `+`; `None`: the tenant's.
    pub default_country: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRead {
    pub rows: i64,
    /// Of these: with a number that can be one.
    pub valid: i64,
    /// Names for `{{row.…}}`.
    pub columns: Vec<String>,
    /// The first bad rows.
    pub faults: Vec<ListFault>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFault {
    /// As a person sees it.
    pub row: i64,
    /// As given.
    pub phone: String,
    pub problem: String,
}

/// Where the number stands, and what the other columns are called.
struct Shape {
    phone: usize,
    names: Vec<String>,
    country: Option<String>,
}

/// What the reading thread hands over.
type Batch = Result<Vec<(ListRow, Option<String>)>, Unreadable>;

impl Broadcasts {
    /// Puts the rows of a file in the place of those of a draft's list. A file that turns out to be broken behind its
    /// first rows leaves what was read by then: it is to be sent again.
    ///
    /// # Errors
    /// As [`put_list`](Self::put_list), and [`BroadcastError::Faults`]: the file is no list.
    pub async fn upload_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        file: &Received,
        order: ListOrder,
    ) -> Result<ListRead, BroadcastError> {
        let path = file.path().to_owned();
        let country = self.country_of(tenant, order.default_country).await?;
        let (table, rows) = {
            let path = path.clone();
            blocking(move || Table::find(&path, &Hints::default())).await?.map_err(refused)?
        };
        let phone = phone_column(&table, &rows, order.phone_column.as_deref(), country.as_deref())?;
        let names: Vec<String> = table.header.clone();
        let columns = names.iter().enumerate().filter(|(index, _)| *index != phone);
        let columns: Vec<String> = columns.map(|(_, name)| name.clone()).collect();
        let (batches, arriving) = mpsc::channel(AHEAD);
        let shape = Shape { phone, names, country: country.clone() };
        let reading = tokio::task::spawn_blocking(move || read(&table, path, &shape, &batches));
        let kept = self.keep(tenant, broadcast, country.as_deref(), arriving).await;
        let _ = reading.await;
        Ok(ListRead { columns, ..kept? })
    }

    /// Puts these rows in the place of those of a draft's list.
    ///
    /// # Errors
    /// As [`put_list`](Self::put_list).
    pub async fn replace_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        rows: Vec<ListRow>,
        default_country: Option<String>,
    ) -> Result<ListRead, BroadcastError> {
        let country = self.country_of(tenant, default_country).await?;
        let mut columns: Vec<String> = Vec::new();
        for name in rows.iter().flat_map(|row| row.columns.keys()) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let judged: Vec<_> = rows.into_iter().map(|row| judged(row, country.as_deref())).collect();
        let (batches, arriving) = mpsc::channel(judged.len() / BATCH + 1);
        for batch in judged.chunks(BATCH) {
            // There is room for every one of them.
            let _ = batches.try_send(Ok(batch.to_vec()));
        }
        drop(batches);
        let kept = self.keep(tenant, broadcast, country.as_deref(), arriving).await?;
        Ok(ListRead { columns, ..kept })
    }

    async fn keep(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        country: Option<&str>,
        mut arriving: mpsc::Receiver<Batch>,
    ) -> Result<ListRead, BroadcastError> {
        let mut read = ListRead::default();
        let mut anew = true;
        while let Some(batch) = arriving.recv().await {
            let mut rows = Vec::new();
            for (row, problem) in batch.map_err(refused)? {
                read.rows += 1;
                match problem {
                    None => read.valid += 1,
                    Some(problem) if read.faults.len() < DETAILS => {
                        let phone = row.given.clone();
                        read.faults.push(ListFault { row: row.row_number, phone, problem });
                    }
                    Some(_) => {}
                }
                rows.push(row);
            }
            self.put_list(tenant, broadcast, rows, country, anew).await?;
            anew = false;
        }
        if anew {
            self.put_list(tenant, broadcast, Vec::new(), country, true).await?;
        }
        Ok(read)
    }

    async fn country_of(
        &self,
        tenant: TenantId,
        given: Option<String>,
    ) -> Result<Option<String>, BroadcastError> {
        let Some(country) = given else {
            let tenant = self.deps.store.tenant(tenant).await?;
            return Ok(tenant.and_then(|tenant| tenant.settings.default_country));
        };
        let country = country.trim().to_ascii_uppercase();
        if !PhoneNumber::knows_country(&country) {
            return Err(Faults::one("/default_country", "must be a country's two letters, such as DE").into());
        }
        Ok(Some(country))
    }
}

/// Goes through the file until it ends, or nobody takes its rows any more.
fn read(table: &Table, path: PathBuf, shape: &Shape, batches: &mpsc::Sender<Batch>) {
    let mut batch = Vec::with_capacity(BATCH);
    let outcome = table.each(&path, 0, &Progress::default(), &mut |row| {
        batch.push(shape.row(row));
        let full = batch.len() == BATCH;
        if full && batches.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let last = outcome.map(|()| batch);
    let empty = matches!(&last, Ok(rows) if rows.is_empty());
    if !empty {
        // Whoever does not listen any more has failed and says so.
        let _ = batches.blocking_send(last);
    }
}

impl Shape {
    /// The row, and what is wrong with it.
    fn row(&self, row: Row) -> (ListRow, Option<String>) {
        let row_number = i64::try_from(row.number).unwrap_or(i64::MAX);
        if let Some(problem) = row.problem {
            let given = row.cells.first().map(|cell| cell.chars().take(GIVEN).collect()).unwrap_or_default();
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

fn judged(mut row: ListRow, country: Option<&str>) -> (ListRow, Option<String>) {
    row.given = row.given.chars().take(GIVEN).collect();
    let problem = match PhoneNumber::parse(&row.given, country) {
        Ok(phone) => {
            row.phone = Some(phone.into());
            None
        }
        Err(_) if row.given.trim().is_empty() => Some(problems::NO_PHONE.to_owned()),
        Err(_) => Some(problems::INVALID_PHONE.to_owned()),
    };
    (row, problem)
}

fn phone_column(
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
    let by_heading = || {
        let targets = columns::targets(&table.header, &[], Unknown::Ignore);
        targets.iter().position(|target| *target == Target::Phone).filter(|_| table.has_header)
    };
    // The first column half of whose cells can be numbers.
    let by_cells = || {
        (0..table.header.len()).find(|column| {
            let cells = || {
                rows.iter().filter_map(|row| row.cells.get(*column)).filter(|cell| !cell.trim().is_empty())
            };
            let numbers = cells().filter(|cell| PhoneNumber::parse(cell, country).is_ok()).count();
            numbers > 0 && numbers * 2 >= cells().count()
        })
    };
    by_heading().or_else(by_cells).ok_or_else(|| {
        let problem = format!("is missing: no column seems to hold phone numbers (columns: {})", header());
        Faults::one("/phone_column", problem).into()
    })
}

fn refused(error: Unreadable) -> BroadcastError {
    match error {
        Unreadable::Refused(why) => Faults::one("/file", why).into(),
        Unreadable::Io(error) => disk(error),
    }
}

fn disk(error: impl std::fmt::Display) -> BroadcastError {
    StoreError::Internal(format!("a list could not be read from disk: {error}")).into()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BroadcastError> {
    tokio::task::spawn_blocking(work).await.map_err(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_row_keeps_its_other_columns_and_says_what_is_wrong() {
        let (table, _, folder) = table("phone,coupon\n+1 555 123 4567,X1\n+1555,X2\n,X3\n");
        let shape = Shape { phone: 0, names: table.header.clone(), country: None };
        let (batches, mut arriving) = mpsc::channel(4);
        read(&table, folder.path().join("file"), &shape, &batches);
        drop(batches);
        let rows = arriving.blocking_recv().unwrap().unwrap();
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
            ]
        );
        assert_eq!(rows[0].0.columns["coupon"], "X1");
        assert!(!rows[0].0.columns.contains_key("phone"));
    }
}
