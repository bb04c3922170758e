//! Alerts: conditions that somebody should look at; one row per condition, however often it occurs.

use domain::{AlertId, BroadcastId, ConnectionId, TenantId, Timestamp};
use ports::alerts::{Alert, NewAlert, Severity};
use ports::{Page, Paging, StoreError};
use serde_json::Value;

use crate::Deps;

/// The kinds of alerts that this server raises.
pub mod kinds {
    /// A connection's access token is over or revoked; its queue stands still.
    pub const TOKEN_EXPIRED: &str = "token_expired";
    /// A connection's access token ends within 7 days (warning) or one day (critical).
    pub const TOKEN_EXPIRING: &str = "token_expiring";
    /// A connection does not work for another reason than its token.
    pub const CONNECTION_BROKEN: &str = "connection_broken";
    /// Meta restricts the account or the number of a connection.
    pub const ACCOUNT_RESTRICTED: &str = "account_restricted";
    /// Meta has no valid payment for a connection's account.
    pub const PAYMENT_REQUIRED: &str = "payment_required";
    /// Meta takes nothing from a connection any more, for any other reason.
    pub const CONNECTION_REFUSED: &str = "connection_refused_by_meta";
    /// What is over once a connection works again.
    pub const OF_CONNECTIONS: [&str; 6] = [
        TOKEN_EXPIRED,
        TOKEN_EXPIRING,
        CONNECTION_BROKEN,
        ACCOUNT_RESTRICTED,
        PAYMENT_REQUIRED,
        CONNECTION_REFUSED,
    ];
    /// A broadcast stopped by itself, or reached nobody.
    pub const BROADCAST_STOPPED: &str = "broadcast_stopped";
    /// Turns of a recurring broadcast were missed while no server ran; the latest was made up for.
    pub const BROADCAST_TURNS_MISSED: &str = "broadcast_turns_missed";
    /// Somebody posted webhooks with a bad signature.
    pub const WEBHOOK_SIGNATURE_INVALID: &str = "webhook_signature_invalid";
    /// Somebody knocked with a wrong, revoked or expired key.
    pub const API_KEY_REFUSED: &str = "api_key_refused";
    /// An item of a webhook could not be applied.
    pub const WEBHOOK_ITEM_SET_ASIDE: &str = "webhook_item_set_aside";
}

/// The subject of alerts about a connection.
pub fn connection_subject(connection: ConnectionId) -> String {
    format!("connection:{connection}")
}

/// The subject of alerts about a broadcast.
pub fn broadcast_subject(broadcast: BroadcastId) -> String {
    format!("broadcast:{broadcast}")
}

/// How dealing with alerts fails.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    #[error("there is no such alert")]
    NotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A condition as seen now, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub kind: &'static str,
    pub subject: String,
    pub severity: Severity,
    pub message: String,
    pub details: Value,
}

impl Condition {
    /// One occurrence of it.
    pub(crate) fn alert(self, tenant: TenantId, at: Timestamp) -> NewAlert {
        let Self { kind, subject, severity, message, details } = self;
        NewAlert {
            tenant_id: tenant,
            kind: kind.to_owned(),
            subject,
            severity,
            message,
            details,
            at,
            count: 1,
        }
    }
}

/// Use cases on alerts.
#[derive(Clone)]
pub struct Alerts {
    deps: Deps,
}

impl Alerts {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Newest first; `open` keeps only those open or only those resolved.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        open: Option<bool>,
        paging: &Paging,
    ) -> Result<Page<Alert>, AlertError> {
        Ok(self.deps.store.alerts(tenant, open, paging).await?)
    }

    /// Notes that somebody saw it; a repeat keeps the first time.
    ///
    /// # Errors
    /// [`AlertError::NotFound`], or the store's.
    pub async fn acknowledge(&self, tenant: TenantId, alert: AlertId) -> Result<Alert, AlertError> {
        let now = self.deps.clock.now();
        self.deps.store.acknowledge_alert(tenant, alert, now).await?.ok_or(AlertError::NotFound)
    }

    /// Opens an alert, or counts one more occurrence of the one that is open. True when this call opened it.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn raise(&self, tenant: TenantId, condition: Condition) -> Result<bool, StoreError> {
        let alert = condition.alert(tenant, self.deps.clock.now());
        let opened = self.deps.store.raise_alerts(vec![alert]).await?;
        Ok(opened.first().copied().unwrap_or(false))
    }

    /// Resolves the open alert of this kind and subject; false when there was none.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn resolve(&self, tenant: TenantId, kind: &str, subject: &str) -> Result<bool, StoreError> {
        self.deps.store.resolve_alert(tenant, kind, subject, self.deps.clock.now()).await
    }

    /// Like [`Alerts::raise`], but when an alert of lower severity is open it gives way to a new one, so that
    /// whoever acknowledged the first hears of the second.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn escalate(&self, tenant: TenantId, condition: Condition) -> Result<bool, StoreError> {
        match self.open(tenant, condition.kind, &condition.subject).await? {
            Some(alert) if alert.severity >= condition.severity => Ok(false),
            Some(_) => {
                self.resolve(tenant, condition.kind, &condition.subject).await?;
                self.raise(tenant, condition).await
            }
            None => self.raise(tenant, condition).await,
        }
    }

    /// The open alert of this kind and subject. Walks through the open alerts: for rare questions only.
    async fn open(&self, tenant: TenantId, kind: &str, subject: &str) -> Result<Option<Alert>, StoreError> {
        let mut paging = Paging { page: 1, page_size: 100, cursor: None };
        loop {
            let page = self.deps.store.alerts(tenant, Some(true), &paging).await?;
            let seen = paging.offset() + page.items.len() as u64;
            let last = page.items.is_empty() || seen >= page.total;
            if let Some(alert) =
                page.items.into_iter().find(|alert| alert.kind == kind && alert.subject == subject)
            {
                return Ok(Some(alert));
            }
            if last {
                return Ok(None);
            }
            paging.page += 1;
        }
    }
}
