//! Lists of recipients: rows out of a file or a request, their numbers read, kept in batches.

mod names;

use std::ops::ControlFlow;
use std::path::PathBuf;

use domain::imports::phone_column::Doubt;
use domain::imports::{cells, problems};
use domain::phone::{PhoneNumber, without_fraction};
use domain::{BroadcastId, ListId, TenantId};
use ports::StoreError;
use ports::broadcasts::{Broadcast, BroadcastPatch, ListPart, ListPut, ListRow};
use serde_json::Map;
use tokio::sync::mpsc;

use super::stop::warn;
use super::{BroadcastError, Broadcasts, CHANGEABLE};
use crate::faults::Faults;
use crate::imports::Received;
use crate::imports::read::{self, Hints, Progress, Row, Table, Unreadable};

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

/// A row, and what is wrong with it.
type Judged = (ListRow, Option<String>);

/// What the reading thread hands over.
type Batch = Result<Part, Unreadable>;

/// Some rows. Only what says of itself that it is the last part ends a list: a reader that is gone does not.
struct Part {
    rows: Vec<Judged>,
    last: bool,
}

impl Broadcasts {
    /// Puts the rows of a file in the place of those of the list of a broadcast that never began: all of them at once,
    /// when the last has been read. Until then, and when the file turns out to be broken, the list is what it was.
    ///
    /// # Errors
    /// As [`replace_list`](Self::replace_list), and [`BroadcastError::Faults`]: the file is no list.
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
            let (path, room) = (path.clone(), read::room_to_look().await);
            let find = move || {
                let _room = room;
                Table::find(&path, &Hints::default())
            };
            blocking(find).await?.map_err(refused)?
        };
        let phone = phone_column(&table, &rows, order.phone_column.as_deref(), country.as_deref())?;
        let names = names::of(&table.header);
        let columns = names.iter().enumerate().filter(|(index, _)| *index != phone);
        let columns: Vec<String> = columns.map(|(_, name)| name.clone()).collect();
        let (batches, arriving) = mpsc::channel(AHEAD);
        let shape = Shape { phone, names, country: country.clone() };
        let room = read::room_to_walk().await;
        let reading = tokio::task::spawn_blocking(move || {
            let _room = room;
            go_through(&table, path, &shape, &batches);
        });
        let kept = self.keep(tenant, broadcast, arriving).await;
        let _ = reading.await;
        Ok(ListRead { columns, ..kept? })
    }

    /// Puts these rows in the place of those of the list of a broadcast that never began, all at once.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], [`BroadcastError::Faults`] (a country that
    /// does not exist), or the store's. The list is then what it was.
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
        let arriving = in_parts(rows, country.as_deref());
        let kept = self.keep(tenant, broadcast, arriving).await?;
        Ok(ListRead { columns, ..kept })
    }

    /// Changes it to what `patch` makes of it, and puts these rows in the place of those of its list, in one commit: see
    /// [`change`](Self::change).
    ///
    /// # Errors
    /// As [`change`](Self::change) and [`replace_list`](Self::replace_list).
    pub async fn change_with_list<E>(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        rows: Vec<ListRow>,
        patch: impl Fn(&Broadcast) -> Result<BroadcastPatch, E>,
    ) -> Result<Result<Broadcast, E>, BroadcastError> {
        let country = self.country_of(tenant, None).await?;
        let mut arriving = in_parts(rows, country.as_deref());
        let mut upload = None;
        let kept = self.keep_parts(tenant, broadcast, &mut upload, false, &mut arriving).await;
        let changed = match kept {
            Ok(_) => self.change_with(tenant, broadcast, upload, patch).await,
            Err(error) => Err(error),
        };
        if !matches!(changed, Ok(Ok(_))) {
            self.give_up(tenant, broadcast, upload).await;
        }
        changed
    }

    /// Keeps the parts as they come. What does not come to its end is given up.
    async fn keep(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        mut arriving: mpsc::Receiver<Batch>,
    ) -> Result<ListRead, BroadcastError> {
        let mut upload = None;
        let kept = self.keep_parts(tenant, broadcast, &mut upload, true, &mut arriving).await;
        if kept.is_err() {
            self.give_up(tenant, broadcast, upload).await;
        }
        kept
    }

    async fn give_up(&self, tenant: TenantId, broadcast: BroadcastId, upload: Option<ListId>) {
        let Some(upload) = upload else { return };
        if let Err(error) = self.deps.store.drop_list(tenant, upload).await {
            warn(broadcast, &error, "an upload that broke off is swept later");
        }
    }

    /// `at_once`: with the last part it becomes the broadcast's list.
    async fn keep_parts(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        upload: &mut Option<ListId>,
        at_once: bool,
        arriving: &mut mpsc::Receiver<Batch>,
    ) -> Result<ListRead, BroadcastError> {
        let mut read = ListRead::default();
        while let Some(part) = arriving.recv().await {
            let Part { rows, last } = part.map_err(refused)?;
            read.note(&rows);
            let rows = rows.into_iter().map(|(row, _)| row).collect();
            let at = self.deps.clock.now();
            let part = ListPart { upload: *upload, rows, last: last && at_once, at };
            match self.deps.store.put_list(tenant, broadcast, part).await? {
                ListPut::Kept(list) => *upload = Some(list),
                ListPut::Done(_) => {}
                ListPut::NotFound => return Err(BroadcastError::NotFound),
                ListPut::InvalidState(current) => {
                    return Err(BroadcastError::InvalidState { current, allowed: CHANGEABLE });
                }
                ListPut::NoUpload => return Err(disk("it took too long")),
            }
            if last {
                return Ok(read);
            }
        }
        Err(disk("the reader ended before the list did"))
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

impl ListRead {
    fn note(&mut self, rows: &[Judged]) {
        for (row, problem) in rows {
            self.rows += 1;
            match problem {
                None => self.valid += 1,
                Some(problem) if self.faults.len() < DETAILS => {
                    let (phone, problem) = (row.given.clone(), problem.clone());
                    self.faults.push(ListFault { row: row.row_number, phone, problem });
                }
                Some(_) => {}
            }
        }
    }
}

/// Rows of a request, judged, on their way like those of a file.
fn in_parts(rows: Vec<ListRow>, country: Option<&str>) -> mpsc::Receiver<Batch> {
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
fn go_through(table: &Table, path: PathBuf, shape: &Shape, batches: &mpsc::Sender<Batch>) {
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
