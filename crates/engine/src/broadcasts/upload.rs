//! Lists of recipients: rows out of a file or a request, their numbers read, kept in batches.

mod names;
mod rows;

use domain::broadcasts::State;
use domain::phone::PhoneNumber;
use domain::{BroadcastId, ListId, TenantId};
use ports::StoreError;
use ports::broadcasts::{Broadcast, BroadcastPatch, ListPart, ListPut, ListRow};
use tokio::sync::mpsc;

use super::fit::{no_column, of_rows};
use super::stop::warn;
use super::{BroadcastError, Broadcasts, CHANGEABLE, NewList};
use crate::faults::Faults;
use crate::imports::Received;
use crate::imports::read::{self, Hints, Table, Unreadable};
use rows::{Batch, Judged, Part, Shape, go_through, in_parts, phone_column};

/// Batches on their way from the file to the store.
const AHEAD: usize = 2;
/// Bad rows that a report holds.
const DETAILS: usize = 1_000;

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
        self.must_suit(tenant, broadcast, "/file", None, &columns).await?;
        let (batches, arriving) = mpsc::channel(AHEAD);
        let shape = Shape { phone, names, country: country.clone() };
        let room = read::room_to_walk().await;
        let reading = tokio::task::spawn_blocking(move || {
            let _room = room;
            go_through(&table, path, &shape, &batches);
        });
        let kept = self.keep(tenant, broadcast, Some("/file"), arriving).await;
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
        let columns = columns_of(&rows);
        self.must_suit(tenant, broadcast, "/recipients", Some(rows.len()), &columns).await?;
        let arriving = in_parts(rows, country.as_deref());
        let kept = self.keep(tenant, broadcast, None, arriving).await?;
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
        let columns = columns_of(&rows);
        let mut arriving = in_parts(rows, country.as_deref());
        let mut upload = None;
        let kept = self.keep_parts(tenant, broadcast, &mut upload, false, None, &mut arriving).await;
        let changed = match kept {
            Ok(read) => {
                let list = upload.map(|id| NewList { id, rows: read.rows, columns });
                self.change_with(tenant, broadcast, list.as_ref(), patch).await
            }
            Err(error) => Err(error),
        };
        if !matches!(changed, Ok(Ok(_))) {
            self.give_up(tenant, broadcast, upload).await;
        }
        changed
    }

    /// What is scheduled is not sent by anybody any more: a list that it could not be sent to is refused. `rows`: how many
    /// there are, where that is known beforehand.
    async fn must_suit(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        pointer: &str,
        rows: Option<usize>,
        columns: &[String],
    ) -> Result<(), BroadcastError> {
        let known = self.get(tenant, broadcast).await?;
        if known.state != State::Scheduled {
            return Ok(());
        }
        if rows == Some(0) {
            return Err(no_rows(pointer).into());
        }
        let outlook = self.outlook(tenant, &known.plan).await?;
        let mut faults = Faults::default();
        for (source, _) in of_rows(&outlook.recipe).filter(|(_, column)| !columns.contains(column)) {
            faults.add(pointer, no_column(source, columns));
        }
        Ok(faults.check()?)
    }

    /// Keeps the parts as they come. What does not come to its end is given up. `filled`: what must have a row.
    async fn keep(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        filled: Option<&str>,
        mut arriving: mpsc::Receiver<Batch>,
    ) -> Result<ListRead, BroadcastError> {
        let mut upload = None;
        let kept = self.keep_parts(tenant, broadcast, &mut upload, true, filled, &mut arriving).await;
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
        filled: Option<&str>,
        arriving: &mut mpsc::Receiver<Batch>,
    ) -> Result<ListRead, BroadcastError> {
        let mut read = ListRead::default();
        while let Some(part) = arriving.recv().await {
            let Part { rows, last } = part.map_err(refused)?;
            read.note(&rows);
            if let Some(pointer) = filled.filter(|_| last && read.rows == 0) {
                return Err(no_rows(pointer).into());
            }
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

/// Each name once, in the order in which they come.
fn columns_of(rows: &[ListRow]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for name in rows.iter().flat_map(|row| row.columns.keys()) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

pub(super) fn no_rows(pointer: &str) -> Faults {
    Faults::one(pointer, "the list has no rows")
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
