//! Connections: a tenant's links to WhatsApp Business phone numbers.

mod breakdown;
mod create;
mod diagnose;
mod facts;
mod reconnect;
mod refusal;
mod shape;
mod watch;

use std::sync::Arc;

use domain::connections::ConnectionState;
use domain::pacing::Rate;
use domain::{ConnectionId, TenantId};
use ports::StoreError;
use ports::connections::{Connection, ConnectionPatch, ConnectionSecrets};
use ports::gateway::{Access, GatewayError};
use secrecy::SecretString;

use crate::Deps;
use crate::alerts::{connection_subject, kinds};
use crate::directory::Directory;
use crate::faults::Faults;

pub(crate) use breakdown::restrained;
pub use breakdown::{Breakdown, break_down};
pub use create::{CreateConnection, Made};
pub use diagnose::{Check, Diagnosis, Finding};
pub use reconnect::{Reconnect, Reconnected};
pub use refusal::note_refusal;

/// Wakes the lane of a connection that can send again.
pub type WakeLane = Arc<dyn Fn(ConnectionId) + Send + Sync>;

/// How dealing with connections fails.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("there is no such connection")]
    NotFound,
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The number is linked already, in this tenant (with its id) or elsewhere (without).
    #[error("this phone number is linked already")]
    Exists(Option<ConnectionId>),
    /// Not possible in this state.
    #[error("the connection is {}", .current.as_str())]
    InvalidState { current: ConnectionState, allowed: &'static [ConnectionState] },
    /// Meta does not accept the token, and why.
    #[error("Meta does not accept the access token: {0}")]
    TokenRefused(String),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to change; `None` leaves as it is. A new access token goes through [`Connections::reconnect`], which asks
/// Meta about it.
#[derive(Debug, Clone, Default)]
pub struct PatchConnection {
    pub name: Option<String>,
    pub app_id: Option<String>,
    pub app_secret: Option<SecretString>,
    pub verify_token: Option<SecretString>,
    pub rate: Option<Rate>,
    pub graph_url: Option<String>,
    /// `Some(true)` takes the default from the other one.
    pub is_default: Option<bool>,
}

/// Use cases on connections.
#[derive(Clone)]
pub struct Connections {
    deps: Deps,
    directory: Directory,
    wake: WakeLane,
}

impl Connections {
    /// Over these parts; the directory is told of every change, `wake` is called when a connection can send again.
    pub fn new(deps: Deps, directory: Directory, wake: WakeLane) -> Self {
        Self { deps, directory, wake }
    }

    /// All of the tenant, the default first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Connection>, ConnectionError> {
        Ok(self.deps.store.connections(tenant).await?)
    }

    /// One.
    ///
    /// # Errors
    /// [`ConnectionError::NotFound`], or the store's.
    pub async fn get(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> Result<Connection, ConnectionError> {
        self.deps.store.connection(tenant, connection).await?.ok_or(ConnectionError::NotFound)
    }

    /// Changes a connection.
    ///
    /// # Errors
    /// [`ConnectionError::Invalid`] with every fault, [`ConnectionError::NotFound`], or the store's.
    pub async fn patch(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        patch: PatchConnection,
    ) -> Result<Connection, ConnectionError> {
        let mut faults = shape::patch(&patch);
        self.judge_address(patch.graph_url.as_deref(), &mut faults).await;
        faults.check()?;
        let change = ConnectionPatch {
            name: patch.name.map(|name| name.trim().to_owned()),
            app_id: patch.app_id,
            app_secret: patch.app_secret,
            verify_token: patch.verify_token,
            rate: patch.rate,
            graph_url: patch.graph_url.map(|url| shape::without_slash(&url)),
            is_default: patch.is_default,
            ..ConnectionPatch::default()
        };
        self.change(tenant, connection, change).await
    }

    /// Switches it off: nothing is sent from it, its queue waits. A repeat changes nothing.
    ///
    /// # Errors
    /// [`ConnectionError::NotFound`], or the store's.
    pub async fn disable(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> Result<Connection, ConnectionError> {
        let current = self.get(tenant, connection).await?;
        if current.state == ConnectionState::Disabled {
            return Ok(current);
        }
        let state = Some((ConnectionState::Disabled, Some("switched off by the tenant".to_owned())));
        self.change(tenant, connection, ConnectionPatch { state, ..ConnectionPatch::default() }).await
    }

    /// Switches a disabled connection on again; its queue goes on. A repeat changes nothing.
    ///
    /// # Errors
    /// [`ConnectionError::InvalidState`] when it is broken (it must be reconnected), [`ConnectionError::NotFound`],
    /// or the store's.
    pub async fn enable(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> Result<Connection, ConnectionError> {
        let current = self.get(tenant, connection).await?;
        match current.state {
            ConnectionState::Active => Ok(current),
            ConnectionState::Error => Err(ConnectionError::InvalidState {
                current: ConnectionState::Error,
                allowed: &[ConnectionState::Disabled],
            }),
            ConnectionState::Disabled => {
                let state = Some((ConnectionState::Active, None));
                let patch = ConnectionPatch { state, ..ConnectionPatch::default() };
                let changed = self.change(tenant, connection, patch).await?;
                (self.wake)(connection);
                Ok(changed)
            }
        }
    }

    /// Removes a connection; its messages and conversations stay.
    ///
    /// # Errors
    /// [`ConnectionError::NotFound`], or the store's.
    pub async fn delete(&self, tenant: TenantId, connection: ConnectionId) -> Result<(), ConnectionError> {
        if !self.deps.store.delete_connection(tenant, connection, self.deps.clock.now()).await? {
            return Err(ConnectionError::NotFound);
        }
        self.directory.refresh().await?;
        self.resolve_alerts(tenant, connection).await?;
        Ok(())
    }

    /// Adds a fault when this address is never called; see [`MetaGateway::refused_address`].
    ///
    /// [`MetaGateway::refused_address`]: ports::gateway::MetaGateway::refused_address
    async fn judge_address(&self, graph_url: Option<&str>, faults: &mut Faults) {
        let Some(url) = graph_url else { return };
        if let Some(why) = self.deps.gateway.refused_address(url).await {
            faults.add("/graph_url", format!("is not called from here: {why}"));
        }
    }

    /// When this answers, this node sends and verifies by what was changed.
    async fn change(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        patch: ConnectionPatch,
    ) -> Result<Connection, ConnectionError> {
        let now = self.deps.clock.now();
        let changed = self.deps.store.update_connection(tenant, connection, patch, now).await?;
        self.directory.refresh().await?;
        changed.ok_or(ConnectionError::NotFound)
    }

    async fn secrets(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> Result<ConnectionSecrets, ConnectionError> {
        self.deps.store.connection_secrets(tenant, connection).await?.ok_or(ConnectionError::NotFound)
    }

    async fn resolve_alerts(&self, tenant: TenantId, connection: ConnectionId) -> Result<(), StoreError> {
        let subject = connection_subject(connection);
        let now = self.deps.clock.now();
        for kind in kinds::OF_CONNECTIONS {
            self.deps.store.resolve_alert(tenant, kind, &subject, now).await?;
        }
        Ok(())
    }
}

/// What a call to Meta for this connection needs.
pub fn access(connection: &Connection, secrets: &ConnectionSecrets) -> Access {
    Access {
        graph_url: connection.graph_url.clone(),
        phone_number_id: connection.phone_number_id.clone(),
        waba_id: connection.waba_id.clone(),
        app_id: connection.app_id.clone(),
        token: secrets.access_token.clone(),
    }
}

/// The same, read from the store; `None`: no such connection.
///
/// # Errors
/// The store's alone.
pub async fn access_of(
    deps: &Deps,
    tenant: TenantId,
    connection: ConnectionId,
) -> Result<Option<Access>, StoreError> {
    let Some(found) = deps.store.connection(tenant, connection).await? else { return Ok(None) };
    let secrets = deps.store.connection_secrets(tenant, connection).await?;
    Ok(secrets.map(|secrets| access(&found, &secrets)))
}
