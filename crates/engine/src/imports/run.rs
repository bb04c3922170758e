//! The work on one import: rows are read and judged in a thread of their own while the batch before is written.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::imports::{ImportState, problems};
use domain::phone::PhoneNumber;
use domain::{ImportId, TenantId, Timestamp};
use ports::StoreError;
use ports::imports::{Applied, BadRow, GoodRow, Import, ImportBatch, OnDuplicate, RowConsent};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::judge::Judge;
use super::plan::Plan;
use super::read::{Progress, Row, Unreadable};
use super::{HOLD, Imports, Running};

/// Bytes of a batch: rows can be long.
const BYTES: usize = 2 * 1024 * 1024;
/// Batches between the reading and the writing.
const AHEAD: usize = 1;
/// A store that does not answer is asked again after so long.
const PAUSE: Duration = Duration::from_secs(1);

/// What the reading hands over.
enum Step {
    Batch(Batch),
    End(Result<(), Unreadable>),
}

#[derive(Debug, Default)]
struct Batch {
    good: Vec<GoodRow>,
    bad: Vec<BadRow>,
    /// The cursor behind it.
    to: u64,
    bytes_read: u64,
    /// Bytes of its cells, and of what holds them.
    weight: usize,
}

/// How the work ended.
enum End {
    Over(ImportState, Option<String>),
    /// Somebody else ended it, or has it.
    NotOurs,
    /// This node stops.
    Stopped,
}

impl Imports {
    /// Works on an import that this node holds, beside everything else; a second call for the same does nothing.
    pub(super) fn begin(&self, tenant: TenantId, import: Import) {
        let (over, watched) = watch::channel(false);
        let cancel = CancellationToken::new();
        {
            let mut running = self.running();
            if self.shared.stop.is_cancelled() || running.contains_key(&import.id) {
                return;
            }
            running.insert(import.id, Running { cancel: cancel.clone(), over: watched });
        }
        let imports = self.clone();
        self.shared.tasks.spawn(async move {
            let id = import.id;
            let room = imports.shared.room.clone();
            tokio::select! {
                _room = room.acquire_owned() => imports.work(tenant, import, cancel).await,
                () = cancel.cancelled() => imports.discard(tenant, &import.file).await,
                () = imports.shared.stop.cancelled() => {
                    imports.let_go(tenant, id).await;
                }
            }
            imports.running().remove(&id);
            // Nobody waiting is no error.
            let _ = over.send(true);
        });
    }

    async fn work(&self, tenant: TenantId, import: Import, cancel: CancellationToken) {
        let (id, file) = (import.id, import.file.clone());
        let end = match serde_json::from_value::<Plan>(import.plan.clone()) {
            Ok(plan) => self.write_all(tenant, import, plan, &cancel).await,
            Err(error) => {
                tracing::error!(import.id = %id, %error, "the plan of an import cannot be read");
                End::Over(ImportState::Failed, Some("the server cannot read its own plan".into()))
            }
        };
        match end {
            End::Over(state, failure) => self.end(tenant, id, &file, state, failure).await,
            End::NotOurs => match self.deps.store.import(tenant, id).await {
                Ok(Some(import)) if !import.state.is_over() => {}
                Ok(_) => self.discard(tenant, &file).await,
                Err(error) => tracing::warn!(import.id = %id, %error, "an import cannot be looked at"),
            },
            End::Stopped => self.let_go(tenant, id).await,
        }
    }

    async fn end(
        &self,
        tenant: TenantId,
        id: ImportId,
        file: &str,
        state: ImportState,
        failure: Option<String>,
    ) {
        let node = &self.deps.settings.node;
        loop {
            let now = self.deps.clock.now();
            match self.deps.store.end_import(tenant, id, node, state, failure.as_deref(), now).await {
                Ok(_) => {
                    tracing::info!(tenant.id = %tenant, import.id = %id, state = state.as_str(), "an import ended");
                    return self.discard(tenant, file).await;
                }
                Err(error) => {
                    tracing::warn!(import.id = %id, %error, "the end of an import cannot be noted");
                    if self.pause().await {
                        return;
                    }
                }
            }
        }
    }

    async fn let_go(&self, tenant: TenantId, id: ImportId) {
        if let Err(error) = self.deps.store.release_import(tenant, id, &self.deps.settings.node).await {
            // The hold runs out by itself.
            tracing::debug!(import.id = %id, %error, "an import was not let go");
        }
    }

    /// The file of an import that is over.
    async fn discard(&self, tenant: TenantId, file: &str) {
        if let Err(error) = self.shared.vault.remove(tenant, file).await {
            tracing::debug!(%error, "the file of an import is left to the sweeper");
        }
    }

    /// True when this node stops meanwhile.
    async fn pause(&self) -> bool {
        tokio::select! {
            () = self.shared.stop.cancelled() => true,
            () = tokio::time::sleep(PAUSE) => false,
        }
    }

    async fn write_all(
        &self,
        tenant: TenantId,
        mut import: Import,
        plan: Plan,
        cancel: &CancellationToken,
    ) -> End {
        let on_duplicate = if plan.options.skip_duplicates { OnDuplicate::Skip } else { OnDuplicate::Update };
        let Ok(path) = self.shared.vault.locate(tenant, &import.file) else {
            return End::Over(ImportState::Failed, Some("the server cannot find its own file".into()));
        };
        let (sender, mut steps) = mpsc::channel(AHEAD);
        let reading = Reading {
            path,
            plan,
            import: import.id,
            after: import.cursor,
            rows_left: self.deps.settings.import_max_rows.saturating_sub(import.counts.processed),
            most_rows: self.deps.settings.import_max_rows,
            batch_rows: self.deps.store.import_batch_rows(),
            now: self.deps.clock.now(),
            steps: sender,
        };
        tokio::task::spawn_blocking(move || reading.run());
        loop {
            let step = tokio::select! {
                () = self.shared.stop.cancelled() => return End::Stopped,
                () = cancel.cancelled() => return End::NotOurs,
                step = steps.recv() => step,
            };
            let batch = match step {
                Some(Step::Batch(batch)) => batch,
                Some(Step::End(Ok(()))) => return End::Over(ImportState::Completed, None),
                Some(Step::End(Err(error))) => {
                    return End::Over(ImportState::Failed, Some(error.to_string()));
                }
                None => return End::Over(ImportState::Failed, Some("the file cannot be read on".into())),
            };
            let batch = self.batch_of(&import, batch, on_duplicate);
            match self.write(tenant, &batch).await {
                Ok(next) => import = next,
                Err(end) => return end,
            }
            // Thousands of texts: the next batch does not wait until they are freed.
            tokio::task::spawn_blocking(move || drop(batch));
            // Others who wait for the writer come first.
            tokio::task::yield_now().await;
        }
    }

    fn batch_of(&self, import: &Import, batch: Batch, on_duplicate: OnDuplicate) -> ImportBatch {
        let now = self.deps.clock.now();
        ImportBatch {
            import: import.id,
            holder: self.deps.settings.node.clone(),
            held_until: now + HOLD,
            from: import.cursor,
            to: batch.to,
            bytes_read: batch.bytes_read.min(import.size),
            good: batch.good,
            bad: batch.bad,
            on_duplicate,
            at: now,
        }
    }

    async fn write(&self, tenant: TenantId, batch: &ImportBatch) -> Result<Import, End> {
        loop {
            match self.deps.store.import_batch(tenant, batch).await {
                Ok(Applied::Applied(import)) => return Ok(import),
                // Its commit was done, the answer to it was lost.
                Ok(Applied::NotOurs(Some(import)))
                    if !import.state.is_over() && import.cursor == batch.to =>
                {
                    return Ok(import);
                }
                Ok(Applied::NotOurs(_)) => return Err(End::NotOurs),
                Err(StoreError::Unavailable(why)) => {
                    tracing::warn!(import.id = %batch.import, why, "a batch of an import waits for the store");
                    if self.pause().await {
                        return Err(End::Stopped);
                    }
                }
                Err(error) => {
                    tracing::error!(import.id = %batch.import, %error, "a batch of an import cannot be written");
                    let why = format!("the server failed behind row {}; its log tells why", batch.from);
                    return Err(End::Over(ImportState::Failed, Some(why)));
                }
            }
        }
    }
}

/// The reading side; blocks.
struct Reading {
    path: PathBuf,
    plan: Plan,
    import: ImportId,
    /// Rows up to this one were dealt with.
    after: u64,
    rows_left: u64,
    most_rows: u64,
    batch_rows: usize,
    now: Timestamp,
    steps: mpsc::Sender<Step>,
}

impl Reading {
    fn run(self) {
        let end = self.read(&self.path);
        // Nobody listening: the import was stopped.
        let _ = self.steps.blocking_send(Step::End(end));
    }

    fn read(&self, path: &Path) -> Result<(), Unreadable> {
        let updates = !self.plan.options.skip_duplicates;
        let progress = Progress::default();
        let mut judge = Judge::new(&self.plan, self.import, self.now);
        let mut batch = Batch::default();
        // When contacts are brought up to date, a number that stood in an earlier row is known by nothing but this.
        let mut seen: HashSet<u64> = HashSet::new();
        let mut left = self.rows_left;
        let mut too_many = false;
        let from = if updates { 0 } else { self.after };
        self.plan.table.each(path, from, &progress, &mut |row: Row| {
            if row.number <= self.after {
                if let Ok(good) = judge.judge(row) {
                    seen.insert(number(&good.phone));
                }
                return ControlFlow::Continue(());
            }
            if left == 0 {
                too_many = true;
                return ControlFlow::Break(());
            }
            left -= 1;
            batch.to = row.number;
            batch.weight += row.cells.iter().map(|cell| size_of::<String>() + cell.len()).sum::<usize>();
            match judge.judge(row) {
                Ok(good) if seen.insert(number(&good.phone)) => batch.good.push(good),
                Ok(good) => batch.bad.push(repeated(good)),
                Err(bad) => batch.bad.push(bad),
            }
            if batch.good.len() + batch.bad.len() < self.batch_rows && batch.weight < BYTES {
                return ControlFlow::Continue(());
            }
            if !updates {
                // From here on the store knows them.
                seen.clear();
            }
            self.hand_over(&mut batch, &progress)
        })?;
        if batch.to > 0 && self.hand_over(&mut batch, &progress).is_break() {
            return Ok(());
        }
        if too_many {
            let most = self.most_rows;
            return Err(Unreadable::Refused(format!("the file has more than {most} rows: split it")));
        }
        Ok(())
    }

    fn hand_over(&self, batch: &mut Batch, progress: &Progress) -> ControlFlow<()> {
        let mut batch = std::mem::take(batch);
        batch.bytes_read = progress.load(Ordering::Relaxed);
        match self.steps.blocking_send(Step::Batch(batch)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// At most fifteen digits.
fn number(phone: &PhoneNumber) -> u64 {
    phone.digits().bytes().fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
}

fn repeated(good: GoodRow) -> BadRow {
    let opt_out = good.consent.filter(RowConsent::is_opt_out).map(|consent| (good.phone, consent));
    BadRow {
        opt_out,
        row: good.row,
        phone: good.written,
        error: problems::DUPLICATE.into(),
        is_duplicate: true,
        cells: good.cells,
    }
}
