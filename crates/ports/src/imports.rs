//! Imports: lists of contacts on their way in.

use async_trait::async_trait;
use domain::consent::{ConsentKind, ConsentState};
use domain::imports::ImportState;
use domain::imports::agreement::Agreement;
use domain::phone::PhoneNumber;
use domain::{ApiKeyId, ImportId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Page, Paging, StoreResult};

/// An import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub id: ImportId,
    pub state: ImportState,
    pub filename: Option<String>,
    /// How the file is read and what its columns mean; the engine's own words.
    pub plan: Value,
    /// The file, below the imports folder.
    pub file: String,
    /// Bytes of the file.
    pub size: u64,
    /// The key that brought it.
    pub created_by: Option<ApiKeyId>,
    /// The last row of the file that was dealt with.
    pub cursor: u64,
    pub bytes_read: u64,
    pub counts: Counts,
    /// Contacts that it opted out, whatever their rows count as.
    pub opted_out: u64,
    /// Contacts made or updated whose rows say yes though the person had opted out: that was not taken.
    pub consent_refused: u64,
    /// When the present run began, and how many rows were processed by then.
    pub run_at: Timestamp,
    pub run_processed: u64,
    /// Why it failed.
    pub failure: Option<String>,
    pub created_at: Timestamp,
    /// The last commit of it.
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What became of the rows; `processed` is the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub processed: u64,
    pub imported: u64,
    pub updated: u64,
    pub duplicates: u64,
    pub errors: u64,
}

/// An import to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewImport {
    pub filename: Option<String>,
    pub plan: Value,
    pub file: String,
    pub size: u64,
    pub created_by: Option<ApiKeyId>,
    /// The node that works on it, and until when others leave it alone.
    pub holder: String,
    pub held_until: Timestamp,
    pub at: Timestamp,
}

/// A row that may become a contact.
#[derive(Debug, Clone, PartialEq)]
pub struct GoodRow {
    /// As a person sees it in the file.
    pub row: u64,
    pub phone: PhoneNumber,
    /// As it stands in the file.
    pub written: String,
    /// Two letters, out of the number.
    pub country: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    pub fields: Map<String, Value>,
    pub consent: Option<RowConsent>,
    /// The original row.
    pub cells: Vec<String>,
}

/// What a row says of consent.
#[derive(Debug, Clone, PartialEq)]
pub struct RowConsent {
    pub says: Agreement,
    /// When it was said; not in the future.
    pub at: Timestamp,
    /// When the opposite had been said before that. Kept of somebody who is new.
    pub before: Option<Timestamp>,
    pub evidence: Value,
}

impl RowConsent {
    /// Whether it is an explicit opt-out, which counts whatever else becomes of the row.
    pub fn is_opt_out(&self) -> bool {
        self.says == Agreement::OptedOut
    }

    /// What belongs into the ledger of somebody who is new, in the order of time. A plain no is nothing then.
    pub fn decisions(&self) -> Vec<(ConsentKind, Timestamp)> {
        let (last, first) = match self.says {
            Agreement::Yes => (ConsentKind::OptIn, ConsentKind::OptOut),
            Agreement::OptedOut => (ConsentKind::OptOut, ConsentKind::OptIn),
            Agreement::No => return Vec::new(),
        };
        self.before.map(|at| (first, at)).into_iter().chain([(last, self.at)]).collect()
    }

    /// Where somebody who is new stands then.
    pub fn of_new(&self) -> ConsentState {
        let mut state = ConsentState::default();
        for (kind, at) in self.decisions() {
            state.apply(kind, at);
        }
        state
    }
}

/// A row that becomes no contact.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRow {
    pub row: u64,
    /// As it stands in the file.
    pub phone: String,
    pub error: String,
    /// The number stood in an earlier row: counted as a duplicate, not as an error.
    pub is_duplicate: bool,
    /// An explicit opt-out that it tells all the same, and of which number.
    pub opt_out: Option<(PhoneNumber, RowConsent)>,
    pub cells: Vec<String>,
}

/// What is done with a number that a contact has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The row counts as a duplicate and changes nothing, but that an explicit opt-out counts.
    Skip,
    /// The contact takes over what the row says; tags are added, fields are set. A plain no ends an opt-in.
    Update,
}

/// The next rows of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportBatch {
    pub import: ImportId,
    pub holder: String,
    /// Prolongs the hold.
    pub held_until: Timestamp,
    /// The cursor that this batch goes on from.
    pub from: u64,
    /// The cursor after it.
    pub to: u64,
    pub bytes_read: u64,
    /// In the order of the file; a number occurs once.
    pub good: Vec<GoodRow>,
    pub bad: Vec<BadRow>,
    pub on_duplicate: OnDuplicate,
    pub at: Timestamp,
}

/// What came of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// The import as it is now.
    Applied(Import),
    /// Nothing was written: the import is over, or another node works on it, or its cursor stands elsewhere.
    NotOurs(Option<Import>),
}

/// A row that did not become a contact, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowProblem {
    pub row: u64,
    /// As it stands in the file.
    pub phone: String,
    pub error: String,
    /// The original row.
    pub cells: Vec<String>,
}

/// Why a row is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is at fault, and became no contact.
    Error,
    /// Its number was there already: it became no contact.
    Duplicate,
    /// It became a contact, though not all that it says was taken.
    Note,
}

/// Verbs on imports.
#[async_trait]
pub trait ImportStore: Send + Sync {
    /// Makes one, `running`, held by its maker.
    async fn create_import(&self, tenant: TenantId, import: NewImport) -> StoreResult<Import>;
    /// One.
    async fn import(&self, tenant: TenantId, import: ImportId) -> StoreResult<Option<Import>>;
    /// Newest first; knows cursors.
    async fn imports(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Import>>;
    /// Those of all tenants that run and that `holder` may take: its own, and those whose hold ran out. At most
    /// `limit`, the longest waiting first.
    async fn free_imports(
        &self,
        holder: &str,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<(TenantId, Import)>>;
    /// Files of all imports of all tenants that run.
    async fn files_of_imports(&self) -> StoreResult<Vec<String>>;
    /// Takes one that is free until `held_until` and notes that a run begins; `None`: it is not free (any more). Of
    /// two who ask at once one gets it.
    async fn take_import(
        &self,
        tenant: TenantId,
        import: ImportId,
        holder: &str,
        now: Timestamp,
        held_until: Timestamp,
    ) -> StoreResult<Option<Import>>;
    /// Rows of a batch that others who write hardly notice, and that are worth its commit.
    fn import_batch_rows(&self) -> usize;
    /// Writes a batch, in one commit: contacts with their consent entries (an explicit opt-out stays, and one that any row
    /// tells of a known number counts), rows that became none, notes, counters, the cursor. A batch whose cursor is not the import's changes nothing, so that a repeat
    /// does no harm. A number that another writer took in the meantime is a duplicate.
    async fn import_batch(&self, tenant: TenantId, batch: &ImportBatch) -> StoreResult<Applied>;
    /// Ends one that `holder` has; `None`: it has not.
    async fn end_import(
        &self,
        tenant: TenantId,
        import: ImportId,
        holder: &str,
        state: ImportState,
        failure: Option<&str>,
        at: Timestamp,
    ) -> StoreResult<Option<Import>>;
    /// Lets go of it, so that another node may take it at once.
    async fn release_import(&self, tenant: TenantId, import: ImportId, holder: &str) -> StoreResult<()>;
    /// Stops one whoever works on it; what was written stays. Answers it as it is now, and whether this stopped it.
    async fn cancel_import(
        &self,
        tenant: TenantId,
        import: ImportId,
        at: Timestamp,
    ) -> StoreResult<Option<(Import, bool)>>;
    /// Rows that did not become contacts, by row number, behind `after`; at most `limit`.
    async fn import_problems(
        &self,
        tenant: TenantId,
        import: ImportId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<RowProblem>>;
    /// The first rows of a kind, by row number; at most `limit`.
    async fn import_problems_of(
        &self,
        tenant: TenantId,
        import: ImportId,
        kind: ProblemKind,
        limit: u32,
    ) -> StoreResult<Vec<RowProblem>>;
}
