//! Access: API keys, members and their sessions, and what was seen at the door.

mod authenticate;
mod door;
mod export;
mod key;
mod links;
mod login;
mod members;
mod own_password;
mod passwords;
mod second_factor;
mod sessions;
mod standing;
mod token;
mod totp;

use std::sync::Arc;
use std::time::Duration;

use domain::access::Scope;
use domain::access::permissions::{Permission, Permissions};
use domain::addresses::Network;
use domain::{ApiKeyId, SignedDuration, TenantId, Timestamp};
use ports::access::{
    ApiKey, ApiKeyPatch, ChangedKey, EventFilter, NewApiKey, NewSecurityEvent, SecurityEvent,
};
use ports::{Page, Paging, StoreError};
use tokio_util::sync::CancellationToken;

use crate::Deps;
use crate::faults::Faults;

pub use authenticate::{Authenticated, Authentication, Who};
pub use door::{Refusal, kinds};
pub use export::EventFormat;
pub use links::Accept;
pub use login::{Client, LoginError, Proof, Second};
pub use members::{Bearer, Delivery, Invitation, Invite, MemberError};
pub use second_factor::Enrolled;
pub use sessions::{OpenedSession, SignedIn};
pub use standing::Pass;

/// How dealing with keys fails.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("there is no such key")]
    NotFound,
    /// Nobody makes a key that may do more than they may.
    #[error("this needs the permission {0}")]
    Beyond(Permission),
    /// Nobody wakes a key that was revoked.
    #[error("the key was revoked")]
    Revoked,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateKey {
    pub name: String,
    /// Empty: refused.
    pub scopes: Vec<Scope>,
    /// `None`: until revoked.
    pub expires_at: Option<Timestamp>,
    /// From where it may be used, such as `10.0.0.0/8`; none: from everywhere.
    pub networks: Vec<String>,
}

/// What to change of a key; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeKey {
    pub name: Option<String>,
    /// Empty: refused.
    pub scopes: Option<Vec<Scope>>,
    /// `Some(None)`: until revoked.
    pub expires_at: Option<Option<Timestamp>>,
    /// Empty: from everywhere.
    pub networks: Option<Vec<String>>,
}

/// A new key; the only time that it is shown.
#[derive(Clone)]
pub struct CreatedKey {
    pub key: ApiKey,
    pub secret: secrecy::SecretString,
}

/// Longest name of a key, in characters.
const NAME: usize = 100;
/// How long a key looked up is trusted by this node: the longest that another node's revocation goes unnoticed.
const TRUST: SignedDuration = SignedDuration::from_secs(2);
/// How often last uses and refusals are written.
const FLUSH: Duration = Duration::from_secs(1);

/// Use cases on access.
#[derive(Clone)]
pub struct Access {
    deps: Deps,
    known: Arc<authenticate::Known>,
    door: Arc<door::Door>,
    passwords: passwords::Passwords,
    sessions: Arc<sessions::Sessions>,
    pauses: Arc<login::Pauses>,
}

impl Access {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self {
            deps,
            known: Arc::default(),
            door: Arc::default(),
            passwords: passwords::Passwords::default(),
            sessions: Arc::default(),
            pauses: Arc::default(),
        }
    }

    /// Makes a key: `wxk_` and 256 random bits. Only its SHA-256 is kept. `by` is what the one who makes it may do.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] with every fault, [`AccessError::Beyond`], or the store's.
    pub async fn create_key(
        &self,
        tenant: TenantId,
        wanted: CreateKey,
        by: Permissions,
    ) -> Result<CreatedKey, AccessError> {
        let at = self.deps.clock.now();
        let mut faults = Faults::default();
        faults.required("/name", &wanted.name, NAME);
        let scopes = scopes(wanted.scopes, &mut faults);
        if let Some(end) = wanted.expires_at {
            faults.future("/expires_at", end, at);
        }
        let networks = networks(&wanted.networks, &mut faults);
        faults.check()?;
        if let Some(permission) = Permissions::of_scopes(&scopes).beyond(by) {
            return Err(AccessError::Beyond(permission));
        }
        let secret = key::generate(self.deps.entropy.as_ref());
        let new = NewApiKey {
            name: wanted.name.trim().to_owned(),
            prefix: key::prefix(&secret),
            hash: token::hash(&secret),
            scopes,
            networks: networks.into_iter().collect(),
            expires_at: wanted.expires_at,
            at,
        };
        let key = self.deps.store.create_api_key(tenant, new).await?;
        Ok(CreatedKey { key, secret: secret.into() })
    }

    /// All keys, newest first, revoked ones too.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<ApiKey>, AccessError> {
        Ok(self.deps.store.api_keys(tenant).await?)
    }

    /// Changes a key, never the secret: at once on this node, within two seconds on others. `by` is what the one who
    /// changes it may do.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] with every fault, [`AccessError::NotFound`], [`AccessError::Revoked`],
    /// [`AccessError::Beyond`], or the store's.
    pub async fn change_key(
        &self,
        tenant: TenantId,
        key: ApiKeyId,
        wanted: ChangeKey,
        by: Permissions,
    ) -> Result<ApiKey, AccessError> {
        let at = self.deps.clock.now();
        let mut faults = Faults::default();
        if let Some(name) = &wanted.name {
            faults.required("/name", name, NAME);
        }
        if let Some(Some(end)) = wanted.expires_at {
            faults.future("/expires_at", end, at);
        }
        let patch = ApiKeyPatch {
            name: wanted.name.as_deref().map(|name| name.trim().to_owned()),
            scopes: wanted.scopes.map(|wanted| scopes(wanted, &mut faults)),
            networks: wanted.networks.map(|texts| networks(&texts, &mut faults).into_iter().collect()),
            expires_at: wanted.expires_at,
        };
        faults.check()?;
        let changed = self.deps.store.update_api_key(tenant, key, patch, by, at).await?;
        self.known.forget(key);
        match changed {
            ChangedKey::Changed(key) => Ok(key),
            ChangedKey::NotFound => Err(AccessError::NotFound),
            ChangedKey::Beyond(permission) => Err(AccessError::Beyond(permission)),
            ChangedKey::Revoked => Err(AccessError::Revoked),
        }
    }

    /// Revokes a key: at once on this node, within two seconds on others. A repeat keeps the first time.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], or the store's.
    pub async fn revoke_key(&self, tenant: TenantId, key: ApiKeyId) -> Result<ApiKey, AccessError> {
        let at = self.deps.clock.now();
        let revoked = self.deps.store.revoke_api_key(tenant, key, at).await?.ok_or(AccessError::NotFound)?;
        self.known.forget(key);
        Ok(revoked)
    }

    /// Security events, newest first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn security_events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        paging: &Paging,
    ) -> Result<Page<SecurityEvent>, AccessError> {
        Ok(self.deps.store.security_events(tenant, filter, paging).await?)
    }

    /// Keeps security events at once, in one commit.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn record_events(&self, events: Vec<NewSecurityEvent>) -> Result<(), AccessError> {
        Ok(self.deps.store.record_security_events(events).await?)
    }

    /// Writes last uses and refusals every second until told to stop, then once more.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(FLUSH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = tick.tick() => self.flush().await,
            }
        }
        self.flush().await;
    }

    async fn flush(&self) {
        let used = self.known.take_used();
        if !used.is_empty()
            && let Err(error) = self.deps.store.touch_api_keys(used).await
        {
            tracing::warn!(%error, "last uses of keys were not noted");
        }
        let used = self.sessions.take_used(self.deps.clock.now());
        if !used.is_empty()
            && let Err(error) = self.deps.store.touch_sessions(used).await
        {
            tracing::warn!(%error, "last uses of sessions were not noted");
        }
        if let Err(error) = self.door.flush(&self.deps).await {
            tracing::warn!(%error, "refused keys were not noted");
        }
    }
}

/// In order, each once; none is a fault.
fn scopes(mut scopes: Vec<Scope>, faults: &mut Faults) -> Vec<Scope> {
    if scopes.is_empty() {
        faults.add("/scopes", "must name at least one of read, send, manage");
    }
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// Every network that can be read; every other is a fault.
fn networks(texts: &[String], faults: &mut Faults) -> Vec<Network> {
    let mut read = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match text.parse::<Network>() {
            Ok(network) => read.push(network),
            Err(problem) => faults.add(format!("/networks/{index}"), problem.to_string()),
        }
    }
    read
}
