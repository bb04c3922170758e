//! Broadcasts: one template to many recipients, without repeating or losing anybody.
//!
//! The façade ([`Broadcasts`]) takes what people decide: plans, starts, pauses. The runner does what follows from it
//! on every node: it freezes the audience of what is sending, keeps the queues of its numbers filled a few seconds
//! ahead, and stops what has gone wrong for everybody. Between the two stands the store alone: whatever is decided on
//! one node is seen by the runner of the other.

mod plan;
mod preview;
pub mod rates;
mod results;
mod steps;

use domain::broadcasts::{Plan, State};
use domain::messages::content::Fault;
use domain::templates::{ParamsMismatch, Status};
use domain::{ApiKeyId, BroadcastId, ConnectionId, SegmentId, TemplateId, TenantId, Timestamp};
use ports::broadcasts::{Broadcast, BroadcastFilter, BroadcastPatch, ListRow, RecipientFilter, RecipientRow};
use ports::{Page, Paging, StoreError};

use crate::Deps;
use crate::directory::Directory;
use crate::faults::Faults;
use crate::messages::Messages;
pub use preview::{Cost, CountryCost, LimitForecast, Preview, Rendered, Sample};
pub use results::{Progress, Report, Waiting, WaitingFor};

/// A broadcast to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateBroadcast {
    pub name: String,
    pub plan: Plan,
    pub created_by: Option<ApiKeyId>,
}

/// Rows that are in a broadcast's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSize {
    pub rows: i64,
    /// Of these: with a number that can be one.
    pub with_number: i64,
}

/// How dealing with broadcasts fails.
#[derive(Debug, thiserror::Error)]
pub enum BroadcastError {
    #[error("there is no such broadcast")]
    NotFound,
    /// `allowed`: the states in which it could be done.
    #[error("the broadcast is {}", current.as_str())]
    InvalidState { current: State, allowed: &'static [State] },
    /// Everything that is wrong with the request, with JSON pointers as in the request's body.
    #[error("the request has faults")]
    Faults(Vec<Fault>),
    /// Not in this language, or not at all.
    #[error("there is no template \"{name}\"")]
    TemplateNotFound { name: String, language: Option<String>, languages: Vec<String> },
    #[error("template \"{name}\" is not approved for sending")]
    TemplateNotApproved { id: TemplateId, name: String, status: Status, rejection_reason: Option<String> },
    #[error("{mismatch}")]
    ParamsMismatch { template_name: String, mismatch: ParamsMismatch },
    /// The segment that the audience names is not there any more.
    #[error("there is no such segment")]
    SegmentNotFound(SegmentId),
    /// There is no connection to send from at all.
    #[error("there is no connection to send from")]
    NotConfigured,
    #[error("there is no such connection")]
    ConnectionNotFound(ConnectionId),
    #[error("the connection is disabled")]
    ConnectionDisabled(ConnectionId),
    /// Meta refuses every number of it; reconnecting helps.
    #[error("{reason}")]
    ConnectionBroken { connection: ConnectionId, reason: String, token_expired_at: Option<Timestamp> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Faults> for BroadcastError {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults.0)
    }
}

/// Use cases on broadcasts; clones share everything.
#[derive(Clone)]
pub struct Broadcasts {
    deps: Deps,
    directory: Directory,
    messages: Messages,
}

impl Broadcasts {
    /// Over these parts.
    pub fn new(deps: Deps, directory: Directory, messages: Messages) -> Self {
        Self { deps, directory, messages }
    }

    /// Makes a draft. The template must exist and its parameters must fit; it need not be approved yet.
    ///
    /// # Errors
    /// What is wrong with the plan, or the store's.
    pub async fn create(&self, tenant: TenantId, new: CreateBroadcast) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, new);
        Err(later())
    }

    /// One, with its counts.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Newest first, with their counts; knows cursors.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &BroadcastFilter,
        paging: &Paging,
    ) -> Result<Page<Broadcast>, BroadcastError> {
        let _ = (tenant, filter, paging);
        Err(later())
    }

    /// Changes a draft or a scheduled one; a scheduled one whose time changes gets its new time at once.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], what is wrong with the plan, or the store's.
    pub async fn update(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        patch: BroadcastPatch,
    ) -> Result<Broadcast, BroadcastError> {
        let _ = (tenant, broadcast, patch);
        Err(later())
    }

    /// Removes one that is neither sending nor paused; its messages stay.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], or the store's.
    pub async fn delete(&self, tenant: TenantId, broadcast: BroadcastId) -> Result<(), BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Keeps rows of a draft's list; with `anew` those that were there are forgotten first (so: with the first batch
    /// of an upload). Rows without a `phone` are read here: `given` with `default_country` (two letters; `None`: the
    /// tenant's).
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], [`BroadcastError::InvalidState`], [`BroadcastError::Faults`] (a country that
    /// does not exist), or the store's.
    pub async fn put_list(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        rows: Vec<ListRow>,
        default_country: Option<&str>,
        anew: bool,
    ) -> Result<(), BroadcastError> {
        let _ = (tenant, broadcast, rows, default_country, anew);
        Err(later())
    }

    /// How large its list is.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list_size(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
    ) -> Result<ListSize, BroadcastError> {
        let _ = (tenant, broadcast);
        Err(later())
    }

    /// Its recipients, by id; knows cursors.
    ///
    /// # Errors
    /// [`BroadcastError::NotFound`], or the store's.
    pub async fn recipients(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        filter: &RecipientFilter,
        paging: &Paging,
    ) -> Result<Page<RecipientRow>, BroadcastError> {
        let _ = (tenant, broadcast, filter, paging);
        Err(later())
    }
}

fn later() -> BroadcastError {
    StoreError::Unavailable("not yet".into()).into()
}
