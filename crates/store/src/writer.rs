//! Transactions that write, and group commit on SQLite.
//!
//! A SQLite file has one writer, and each commit waits for the disk. So transactions that come together there share
//! one: whoever is done hands the open transaction on to the next in line, as a savepoint each, and all of them hear
//! of the one commit at the end. A transaction that fails is rolled back to its savepoint and takes nobody with it;
//! when the commit fails, all fail. PostgreSQL has many writers and groups their commits itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::Instant;

use crate::db::Fault;
use crate::dialect::Dialect;

/// Most transactions that share a commit.
const LARGEST_GROUP: usize = 64;
/// Longest that the first of a group waits for the others.
const LONGEST_GROUP: Duration = Duration::from_millis(8);
/// How long a transaction waits for its turn; a caller who waits is told before it gives up by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Begins transactions that write. Clones share the line.
#[derive(Clone)]
pub(crate) struct Writer {
    dialect: Dialect,
    connection: DatabaseConnection,
    line: Arc<Line>,
}

/// Who waits for the one writer of SQLite.
#[derive(Default)]
struct Line {
    turn: Arc<Mutex<Group>>,
    /// Of those who wait, they who would share a commit.
    sociable: AtomicUsize,
}

/// Transactions that share a commit.
#[derive(Default)]
struct Group {
    /// Open, and all of its savepoints released.
    open: Option<DatabaseTransaction>,
    since: Option<Instant>,
    /// Those who are done and wait for the commit.
    members: Vec<oneshot::Sender<Result<(), Fault>>>,
}

impl Writer {
    pub(crate) fn new(dialect: Dialect, connection: DatabaseConnection) -> Self {
        Self { dialect, connection, line: Arc::default() }
    }

    /// The connection (the pool, on PostgreSQL).
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Begins a transaction that commits by itself; dropping it rolls it back.
    pub(crate) async fn begin(&self) -> Result<Writing, Fault> {
        let turn = match self.dialect {
            Dialect::Sqlite => {
                let mut turn = self.line.turn(false).await?;
                if turn.group().open.is_some() {
                    // On its own, so that it ends whatever becomes of the caller.
                    let ended = tokio::spawn(async move {
                        turn.group().commit().await;
                        turn
                    });
                    turn = ended.await.map_err(Fault::internal)?;
                }
                Some(turn)
            }
            Dialect::Postgres => None,
        };
        Ok(Writing { tx: Some(self.outermost().await?), turn, nested: false })
    }

    /// Begins a short transaction that may share its commit with those who come with it; dropping it rolls back what
    /// it did itself. It may read what the others have not committed yet: only after its own commit is that true.
    pub(crate) async fn begin_shared(&self) -> Result<Writing, Fault> {
        if self.dialect == Dialect::Postgres {
            return self.begin().await;
        }
        let waiting = Waiting::new(&self.line);
        let mut turn = self.line.turn(true).await?;
        waiting.over();
        let (tx, nested) = match &turn.group().open {
            Some(open) => (open.begin().await, true),
            None => {
                turn.group().since = Some(Instant::now());
                (self.outermost().await, false)
            }
        };
        match tx {
            Ok(tx) => Ok(Writing { tx: Some(tx), turn: Some(turn), nested }),
            Err(error) => {
                let fault = Fault::from(error);
                turn.group().fail(&fault);
                Err(fault)
            }
        }
    }

    async fn outermost(&self) -> Result<DatabaseTransaction, sea_orm::DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.connection.begin_with_options(options).await
    }
}

impl Line {
    async fn turn(self: &Arc<Self>, shared: bool) -> Result<Turn, Fault> {
        let waited = tokio::time::timeout(PATIENCE, Arc::clone(&self.turn).lock_owned()).await;
        let group = waited.map_err(|_| Fault::Unavailable("the database is busy with others".into()))?;
        Ok(Turn { group: Some(group), line: Arc::clone(self), shared })
    }
}

/// One who waits in line, and may give up.
struct Waiting<'a> {
    line: &'a Arc<Line>,
    arrived: bool,
}

impl<'a> Waiting<'a> {
    fn new(line: &'a Arc<Line>) -> Self {
        line.sociable.fetch_add(1, Ordering::SeqCst);
        Self { line, arrived: false }
    }

    fn over(mut self) {
        self.arrived = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.sociable.fetch_sub(1, Ordering::SeqCst);
        if self.arrived {
            return;
        }
        // A group may have been left open for the one who gave up.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let line = Arc::clone(self.line);
            runtime.spawn(async move {
                if let Ok(turn) = line.turn(true).await {
                    turn.pass_on().await;
                }
            });
        }
    }
}

/// The turn to write. Whatever becomes of its owner, nobody who waits for the commit of the group waits in vain.
struct Turn {
    /// There until it is passed on.
    group: Option<OwnedMutexGuard<Group>>,
    line: Arc<Line>,
    shared: bool,
}

impl Turn {
    fn group(&mut self) -> &mut Group {
        self.group.as_mut().expect("the turn is only passed on by methods that take it whole")
    }

    /// Leaves the group to the next in line, or commits it.
    async fn pass_on(mut self) {
        let shared = self.shared && self.line.sociable.load(Ordering::SeqCst) > 0;
        if shared && self.group().has_room() {
            self.group = None;
        } else {
            self.group().commit().await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut group) = self.group.take().filter(|group| group.open.is_some()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { group.commit().await });
        }
    }
}

impl Group {
    fn has_room(&self) -> bool {
        self.members.len() < LARGEST_GROUP && self.since.is_some_and(|since| since.elapsed() < LONGEST_GROUP)
    }

    /// Commits what is open and tells everybody.
    async fn commit(&mut self) {
        let Some(open) = self.open.take() else { return };
        metrics::histogram!("waxwing_store_group_transactions").record(self.members.len() as f64);
        match open.commit().await {
            Ok(()) => self.members.drain(..).for_each(|member| drop(member.send(Ok(())))),
            Err(error) => self.fail(&Fault::from(error)),
        }
    }

    fn fail(&mut self, fault: &Fault) {
        self.open = None;
        self.members.drain(..).for_each(|member| drop(member.send(Err(fault.clone()))));
    }
}

/// A transaction under way.
pub(crate) struct Writing {
    /// There until it ends.
    tx: Option<DatabaseTransaction>,
    /// On SQLite.
    turn: Option<Turn>,
    /// A savepoint of a group that others are in already.
    nested: bool,
}

impl Writing {
    /// Makes it durable. Once begun this goes on even when its caller gives up.
    pub(crate) async fn commit(mut self) -> Result<(), Fault> {
        let Some(tx) = self.tx.take() else { return Err(Fault::internal("a transaction ended twice")) };
        let Some(mut turn) = self.turn.take() else { return Ok(tx.commit().await?) };
        let (told, hears) = oneshot::channel();
        let nested = self.nested;
        tokio::spawn(async move {
            if nested {
                if let Err(error) = tx.commit().await {
                    let fault = Fault::from(error);
                    turn.group().fail(&fault);
                    drop(told.send(Err(fault)));
                    return;
                }
            } else {
                turn.group().open = Some(tx);
            }
            turn.group().members.push(told);
            turn.pass_on().await;
        });
        hears.await.map_err(|_| Fault::Unavailable("the server is stopping".into()))?
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let (Some(tx), Some(mut turn)) = (self.tx.take(), self.turn.take()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let nested = self.nested;
        runtime.spawn(async move {
            match tx.rollback().await {
                Ok(()) if nested => turn.pass_on().await,
                Ok(()) => {}
                // What the group did is not sure to be there any more.
                Err(error) => turn.group().fail(&Fault::from(error)),
            }
        });
    }
}

impl std::ops::Deref for Writing {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        self.tx
            .as_ref()
            .expect("a transaction is there until it is committed or dropped, which both take it whole")
    }
}

#[cfg(test)]
mod tests;
