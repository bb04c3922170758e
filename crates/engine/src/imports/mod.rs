//! Imports: lists of contacts, read from files and written in batches.
//!
//! The file is streamed to the imports folder; [`read`] goes through its rows in a thread of its own, each row is
//! judged there ([`judge`](mod@judge)), and [`run`](mod@run) writes batch after batch while the next one is read. The cursor moves in
//! the commit that writes a batch, so that a node which dies goes on where it stopped. The node that received the file
//! works on it. Where the nodes share the imports folder (as they share the media folder) another one takes over from
//! a dead one; where they do not, the import waits for its node.

mod consent;
mod date_orders;
mod errors_csv;
mod judge;
mod plan;
pub mod read;
mod rounds;
mod run;
mod trial;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::imports::ImportState;
use domain::{ApiKeyId, ImportId, TenantId};
use ports::gateway::ByteStream;
use ports::imports::{Import, NewImport, ProblemKind, RowProblem};
use ports::{Page, Paging, StoreError};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Deps;
use crate::faults::Faults;
use crate::vault::{Broken, Vault};

pub use crate::vault::Received;
pub(crate) use errors_csv::write as csv_line;
pub use plan::{Options, Plan};
pub use trial::{Trial, Tried, TriedRow};

/// Problems that a report holds itself; all of them are in `errors.csv`.
pub const DETAILS: u32 = 1_000;
/// Imports that one node works on at a time; more wait.
const AT_ONCE: usize = 4;
/// How long an import is held without a word.
const HOLD: domain::SignedDuration = domain::SignedDuration::from_secs(60);
/// A file that no import names is left behind after so long.
const LEFT_BEHIND: domain::SignedDuration = domain::SignedDuration::from_hours(1);

/// How dealing with imports fails.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("there is no such import")]
    NotFound,
    /// It is over.
    #[error("the import is {}", .0.as_str())]
    Over(ImportState),
    /// In bytes.
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error("the upload was cut off: {0}")]
    CutOff(std::io::Error),
    #[error("the imports folder failed: {0}")]
    Disk(std::io::Error),
    #[error("there is no such tenant")]
    TenantNotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Broken> for ImportError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge { limit } => Self::TooLarge { limit },
            Broken::CutOff(error) => Self::CutOff(error),
            Broken::Disk(error) => Self::Disk(error),
        }
    }
}

impl From<read::Unreadable> for ImportError {
    fn from(error: read::Unreadable) -> Self {
        match error {
            read::Unreadable::Io(error) => Self::Disk(error),
            read::Unreadable::Refused(why) => Self::Invalid(Faults::one("/file", why)),
        }
    }
}

/// What is to be imported.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Order {
    /// As the client names it.
    pub filename: Option<String>,
    pub hints: read::Hints,
    pub options: Options,
    pub api_key: Option<ApiKeyId>,
}

/// An import at work on this node.
struct Running {
    cancel: CancellationToken,
    over: watch::Receiver<bool>,
}

struct Shared {
    vault: Vault,
    running: Mutex<HashMap<ImportId, Running>>,
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Use cases on imports; clones share everything.
#[derive(Clone)]
pub struct Imports {
    deps: Deps,
    shared: Arc<Shared>,
}

impl Imports {
    /// Over these parts; the folder is made when the first file comes.
    pub fn new(deps: Deps) -> Self {
        let shared = Shared {
            vault: Vault::new(deps.settings.imports_dir.clone(), LEFT_BEHIND),
            running: Mutex::default(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        Self { deps, shared: Arc::new(shared) }
    }

    /// Largest file, in bytes.
    pub fn limit(&self) -> u64 {
        self.deps.settings.import_max_bytes
    }

    /// Streams a file to disk. It is gone when the answer is dropped, unless it is [started](Self::start).
    ///
    /// # Errors
    /// [`ImportError::TooLarge`], [`ImportError::CutOff`], [`ImportError::Disk`]; [`ImportError::Invalid`]: it is empty.
    pub async fn receive(&self, bytes: ByteStream) -> Result<Received, ImportError> {
        let received = self.shared.vault.receive(self.deps.entropy.as_ref(), bytes, self.limit()).await?;
        if received.size() == 0 {
            return Err(Faults::one("/file", "is empty").into());
        }
        Ok(received)
    }

    /// Whether the file is a JSON body, whatever it was sent as.
    pub fn is_json(received: &Received) -> bool {
        read::is_json(received.head())
    }

    /// The members of a JSON body but for its contacts.
    ///
    /// # Errors
    /// [`ImportError::Invalid`]: it is no such body.
    pub async fn members(&self, received: &Received) -> Result<Map<String, Value>, ImportError> {
        let path = received.path().to_owned();
        let room = read::room_to_look().await;
        let found = blocking(move || {
            let _room = room;
            read::members(&path)
        })
        .await?;
        match found {
            Ok((members, _)) => Ok(members),
            Err(read::Unreadable::Io(error)) => Err(ImportError::Disk(error)),
            Err(read::Unreadable::Refused(why)) => Err(ImportError::Invalid(Faults::one("", why))),
        }
    }

    /// Keeps the file and begins; what was begun goes on by itself, on another node if it must.
    ///
    /// # Errors
    /// As [`try_out`](Self::try_out), and [`ImportError::Disk`].
    pub async fn start(
        &self,
        tenant: TenantId,
        received: Received,
        order: Order,
    ) -> Result<Import, ImportError> {
        let api_key = order.api_key;
        let (plan, _) = self.plan(tenant, &received, order).await?;
        let size = received.size();
        let file = self.shared.vault.keep(tenant, received).await.map_err(ImportError::Disk)?;
        let now = self.deps.clock.now();
        let new = NewImport {
            filename: plan.filename.clone(),
            plan: serde_json::to_value(&plan).unwrap_or_default(),
            file: file.clone(),
            size,
            created_by: api_key,
            holder: self.deps.settings.node.clone(),
            held_until: now + HOLD,
            at: now,
        };
        match self.deps.store.create_import(tenant, new).await {
            Ok(import) => {
                self.begin(tenant, import.clone());
                Ok(import)
            }
            Err(error) => {
                // No row names the file; should removing fail as well, it is swept away.
                let _ = self.shared.vault.remove(tenant, &file).await;
                Err(error.into())
            }
        }
    }

    async fn plan(
        &self,
        tenant: TenantId,
        received: &Received,
        order: Order,
    ) -> Result<(Plan, Vec<read::Row>), ImportError> {
        let settings = self.deps.store.tenant(tenant).await?.ok_or(ImportError::TenantNotFound)?.settings;
        let path = received.path().to_owned();
        let room = read::room_to_look().await;
        blocking(move || {
            let _room = room;
            Plan::make(&path, order, settings.default_country)
        })
        .await?
    }

    /// Waits until it is over, at most so long; answers it as it is then.
    ///
    /// # Errors
    /// [`ImportError::NotFound`], or the store's.
    pub async fn wait(
        &self,
        tenant: TenantId,
        import: ImportId,
        most: Duration,
    ) -> Result<Import, ImportError> {
        let over = self.running().get(&import).map(|running| running.over.clone());
        if let Some(mut over) = over {
            // Too late is no error, and neither is a runner that is gone.
            let _ = tokio::time::timeout(most, over.wait_for(|over| *over)).await;
        }
        self.get(tenant, import).await
    }

    /// One.
    ///
    /// # Errors
    /// [`ImportError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, import: ImportId) -> Result<Import, ImportError> {
        self.deps.store.import(tenant, import).await?.ok_or(ImportError::NotFound)
    }

    /// The first [`DETAILS`] rows that did not become contacts: those at fault, then those whose number was there already,
    /// each by row number.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn details(&self, tenant: TenantId, import: ImportId) -> Result<Vec<RowProblem>, ImportError> {
        let of = |kind, limit| self.deps.store.import_problems_of(tenant, import, kind, limit);
        let mut details = of(ProblemKind::Error, DETAILS).await?;
        let room = DETAILS.saturating_sub(u32::try_from(details.len()).unwrap_or(u32::MAX));
        if room > 0 {
            details.extend(of(ProblemKind::Duplicate, room).await?);
        }
        Ok(details)
    }

    /// The first [`DETAILS`] rows that became a contact though not all that they say was taken, by row number.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn notes(&self, tenant: TenantId, import: ImportId) -> Result<Vec<RowProblem>, ImportError> {
        Ok(self.deps.store.import_problems_of(tenant, import, ProblemKind::Note, DETAILS).await?)
    }

    /// Newest first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(&self, tenant: TenantId, paging: &Paging) -> Result<Page<Import>, ImportError> {
        Ok(self.deps.store.imports(tenant, paging).await?)
    }

    /// Stops it; what was written stays.
    ///
    /// # Errors
    /// [`ImportError::NotFound`], [`ImportError::Over`], or the store's.
    pub async fn cancel(&self, tenant: TenantId, import: ImportId) -> Result<Import, ImportError> {
        let now = self.deps.clock.now();
        let (stopped, was_running) =
            self.deps.store.cancel_import(tenant, import, now).await?.ok_or(ImportError::NotFound)?;
        if !was_running {
            return Err(ImportError::Over(stopped.state));
        }
        if let Some(running) = self.running().get(&import) {
            running.cancel.cancel();
        }
        Ok(stopped)
    }

    /// Every row that did not become a contact as it stood in the file, with its number and the reason: CSV that can
    /// be mended and sent again.
    ///
    /// # Errors
    /// [`ImportError::NotFound`], or the store's.
    pub async fn errors_csv(
        &self,
        tenant: TenantId,
        import: ImportId,
        with_mark: bool,
    ) -> Result<ByteStream, ImportError> {
        let import = self.get(tenant, import).await?;
        Ok(errors_csv::stream(Arc::clone(&self.deps.store), tenant, import, with_mark))
    }

    /// Done when this node stops: whoever watches an import is sent away then.
    pub async fn stopping(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Whether a list comes in at this node.
    pub(crate) fn any_runs(&self) -> bool {
        !self.running().is_empty()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<ImportId, Running>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ImportError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ImportError::Disk(std::io::Error::other(error)))
}
