//! Templates: drafted, checked, submitted, edited, deleted, and kept in step with Meta's list.

mod check;
mod create;
mod delete;
mod edit;
mod preview;
mod samples;
mod sync;

use std::sync::Arc;

use domain::templates::{Category, ParameterFormat, ParamsMismatch, Status};
use domain::{ConnectionId, TemplateId, TenantId};
use ports::connections::{Connection, ConnectionSecrets};
use ports::gateway::{Access, GatewayError};
use ports::templates::{Template, TemplateFilter};
use ports::{Page, Paging, StoreError};
use serde_json::Value;

use crate::Deps;
use crate::connections::{access, note_refusal};
use crate::faults::Faults;
use crate::media::{MediaError, MediaFiles};

pub use create::Submission;
pub use edit::Edit;
pub use sync::Synced;

/// How dealing with templates fails.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("there is no such template")]
    NotFound,
    #[error("there is no such connection")]
    ConnectionNotFound,
    /// No connection was named and the tenant has none.
    #[error("there is no connection to submit templates to")]
    NoConnection,
    /// There is one of this name and language already, as this template.
    #[error("template {0} has this name and language already")]
    Exists(TemplateId),
    /// Not possible while it stands so.
    #[error("the template is {current}")]
    InvalidState { current: Status, allowed: &'static [Status] },
    /// What Meta would refuse, and other faults of the request.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The parameters do not fit; with the template's name.
    #[error("{1}")]
    Mismatch(String, Box<ParamsMismatch>),
    /// A sample's file.
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A template to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDraft {
    /// Whose account gets it; `None`: that of the default connection.
    pub connection_id: Option<ConnectionId>,
    pub name: String,
    pub language: String,
    pub category: Category,
    /// `None`: told by the placeholders.
    pub parameter_format: Option<ParameterFormat>,
    /// Meta's `components`; the sample of a media header may be a file of ours: `"example": {"media_id": 12}`.
    pub components: Value,
    /// The tenant's names for positional body parameters, in order; may be empty.
    pub param_names: Vec<String>,
    /// False keeps a draft.
    pub submit: bool,
}

/// Use cases on templates.
#[derive(Clone)]
pub struct Templates {
    deps: Deps,
    media: MediaFiles,
    changed: TemplatesChanged,
}

/// Called after templates of a tenant were changed on this node.
pub type TemplatesChanged = Arc<dyn Fn(TenantId) + Send + Sync>;

impl Templates {
    /// Over these parts; `media` knows the files that can be samples, `changed` is called after every change.
    pub fn new(deps: Deps, media: MediaFiles, changed: TemplatesChanged) -> Self {
        Self { deps, media, changed }
    }

    /// By name, then language.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &TemplateFilter,
        paging: &Paging,
    ) -> Result<Page<Template>, TemplateError> {
        Ok(self.deps.store.templates(tenant, filter, paging).await?)
    }

    /// One.
    ///
    /// # Errors
    /// [`TemplateError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, template: TemplateId) -> Result<Template, TemplateError> {
        self.deps.store.template(tenant, template).await?.ok_or(TemplateError::NotFound)
    }

    /// The connection named, or the default one.
    async fn account(
        &self,
        tenant: TenantId,
        wanted: Option<ConnectionId>,
    ) -> Result<Account, TemplateError> {
        let connection = match wanted {
            Some(id) => {
                self.deps.store.connection(tenant, id).await?.ok_or(TemplateError::ConnectionNotFound)?
            }
            None => {
                let all = self.deps.store.connections(tenant).await?;
                all.into_iter().find(|known| known.is_default).ok_or(TemplateError::NoConnection)?
            }
        };
        self.open(tenant, connection).await
    }

    /// A connection of the account that owns the template; one that works before one that does not.
    async fn account_of(&self, tenant: TenantId, waba_id: &str) -> Result<Account, TemplateError> {
        let all = self.deps.store.connections(tenant).await?;
        let connection = all
            .into_iter()
            .filter(|known| known.waba_id == waba_id)
            .min_by_key(|known| known.state != domain::connections::ConnectionState::Active)
            .ok_or(TemplateError::NoConnection)?;
        self.open(tenant, connection).await
    }

    async fn open(&self, tenant: TenantId, connection: Connection) -> Result<Account, TemplateError> {
        let secrets: ConnectionSecrets = self
            .deps
            .store
            .connection_secrets(tenant, connection.id)
            .await?
            .ok_or(TemplateError::ConnectionNotFound)?;
        Ok(Account { access: access(&connection, &secrets), connection })
    }

    /// Meta's refusal as our error; a token that is over stops the connection.
    async fn refused(
        &self,
        tenant: TenantId,
        account: &Account,
        error: GatewayError,
    ) -> Result<TemplateError, StoreError> {
        note_refusal(&self.deps, tenant, account.connection.id, &error).await?;
        Ok(TemplateError::Gateway(error))
    }
}

/// A way to an account.
struct Account {
    connection: Connection,
    access: Access,
}
