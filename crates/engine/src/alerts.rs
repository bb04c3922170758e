//! Alerts: conditions that somebody should look at; one row per condition, however often it occurs.
//!
//! Some are raised by whoever notices them; the others are found by the [`watch`], which judges figures by the tenant's
//! rules. What opens, gets worse or is over is told on the tenant's channels by [`dispatch`].

pub mod channels;
mod compare;
mod dispatch;
mod readings;
pub mod rules;
mod watch;
mod wording;

use std::sync::{Arc, Mutex};

use domain::alerts::rules::RuleKind;
use domain::audit::Actor;
use domain::{AlertId, BroadcastId, ConnectionId, TenantId, Timestamp};
use ports::alerts::{Alert, AlertEvent, NewAlert, Severity};
use ports::{Page, Paging, StoreError};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

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
    /// Meta lets a number send less for a while, because people block or report it.
    pub const ACCOUNT_LIMITED: &str = "account_limited";
    /// A broadcast stopped by itself, or reached nobody.
    pub use ports::alerts::BROADCAST_STOPPED;
    /// Turns of a recurring broadcast were missed while no server ran; the latest was made up for.
    pub const BROADCAST_TURNS_MISSED: &str = "broadcast_turns_missed";
    /// Somebody posted webhooks with a bad signature.
    pub const WEBHOOK_SIGNATURE_INVALID: &str = "webhook_signature_invalid";
    /// Somebody knocked with a wrong, revoked or expired key.
    pub const API_KEY_REFUSED: &str = "api_key_refused";
    /// Somebody used a good key from where it may not be used.
    pub const API_KEY_ELSEWHERE: &str = "api_key_elsewhere";
    /// Somebody guesses at passwords.
    pub const LOGIN_THROTTLED: &str = "login_throttled";
    /// An item of a webhook could not be applied.
    pub const WEBHOOK_ITEM_SET_ASIDE: &str = "webhook_item_set_aside";
    /// Meta rates a number lower than before.
    pub const NUMBER_QUALITY_LOWERED: &str = "number_quality_lowered";
    /// Meta lets a number begin fewer conversations than before.
    pub const MESSAGING_LIMIT_LOWERED: &str = "messaging_limit_lowered";
    /// Meta paused or disabled a template.
    pub const TEMPLATE_PAUSED: &str = "template_paused";
    /// Meta moved a template to another category.
    pub const TEMPLATE_CATEGORY_CHANGED: &str = "template_category_changed";
    /// What is noticed by comparing.
    pub const OF_MARKS: [&str; 4] =
        [NUMBER_QUALITY_LOWERED, MESSAGING_LIMIT_LOWERED, TEMPLATE_PAUSED, TEMPLATE_CATEGORY_CHANGED];
    /// Told when somebody tries a channel; never an alert.
    pub const TEST: &str = "test";

    /// Every kind of alert that there is.
    pub fn all() -> impl Iterator<Item = &'static str> {
        let raised = [
            ACCOUNT_LIMITED,
            BROADCAST_STOPPED,
            BROADCAST_TURNS_MISSED,
            WEBHOOK_SIGNATURE_INVALID,
            API_KEY_REFUSED,
            API_KEY_ELSEWHERE,
            LOGIN_THROTTLED,
            WEBHOOK_ITEM_SET_ASIDE,
        ];
        let rules = super::RuleKind::ALL.into_iter().map(super::RuleKind::as_str);
        OF_CONNECTIONS.into_iter().chain(raised).chain(OF_MARKS).chain(rules)
    }
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
    streaks: Arc<Mutex<watch::Streaks>>,
}

impl Alerts {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps, streaks: Arc::default() }
    }

    /// Judges and tells until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.clone().watch(stop.clone()), self.dispatch(stop));
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

    /// One, with its history, oldest first.
    ///
    /// # Errors
    /// [`AlertError::NotFound`], or the store's.
    pub async fn get(
        &self,
        tenant: TenantId,
        alert: AlertId,
    ) -> Result<(Alert, Vec<AlertEvent>), AlertError> {
        self.deps.store.alert(tenant, alert).await?.ok_or(AlertError::NotFound)
    }

    /// Notes that somebody saw it; a repeat keeps the first time and the first who did.
    ///
    /// # Errors
    /// [`AlertError::NotFound`], or the store's.
    pub async fn acknowledge(
        &self,
        tenant: TenantId,
        alert: AlertId,
        by: &Actor,
    ) -> Result<Alert, AlertError> {
        let now = self.deps.clock.now();
        self.deps.store.acknowledge_alert(tenant, alert, by, now).await?.ok_or(AlertError::NotFound)
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
        self.deps.store.escalate_alert(condition.alert(tenant, self.deps.clock.now())).await
    }
}
