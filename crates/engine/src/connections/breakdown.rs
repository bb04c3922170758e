//! A connection that stops working: moved to `error` once, alerted once.

use domain::{TenantId, Timestamp};
use ports::StoreError;
use ports::alerts::Severity;
use ports::connections::{Broken, Connection};
use ports::messages::Failure;
use serde_json::json;

use crate::Deps;
use crate::alerts::{Condition, connection_subject, kinds};

/// Why it stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum Breakdown {
    /// Code 190, or `debug_token` says so, or its time is over.
    Token {
        why: String,
        /// When it ended, if that is known.
        expired_at: Option<Timestamp>,
        meta_error_code: Option<i64>,
    },
    /// Account restricted, payment missing, number unregistered.
    Other { why: String, meta_error_code: Option<i64> },
}

impl Breakdown {
    /// As Meta's refusal of a message says it.
    pub(crate) fn of_failure(connection: &Connection, why: &Failure) -> Self {
        if why.code == "TOKEN_EXPIRED" {
            return Self::Token {
                why: why.message.clone(),
                expired_at: connection.token_expires_at,
                meta_error_code: why.meta_error_code,
            };
        }
        Self::Other { why: why.message.clone(), meta_error_code: why.meta_error_code }
    }

    /// What the store keeps of it, with its alert.
    pub(crate) fn broken(&self, connection: &Connection, now: Timestamp) -> Broken {
        Broken {
            reason: self.why().to_owned(),
            token_expired_at: end_of_token(connection, self, now),
            alert: Some(self.condition(connection).alert(connection.tenant_id, now)),
        }
    }

    fn why(&self) -> &str {
        match self {
            Self::Token { why, .. } | Self::Other { why, .. } => why,
        }
    }

    /// The alert that it raises.
    pub(crate) fn condition(&self, connection: &Connection) -> Condition {
        let subject = connection_subject(connection.id);
        let details = |code: Option<i64>, expired_at: Option<Timestamp>| {
            json!({
                "connection_id": connection.id,
                "connection_name": connection.name,
                "reason": self.why(),
                "meta_error_code": code,
                "expired_at": expired_at,
                "action_required": "Reconnect WhatsApp in Settings",
            })
        };
        let (kind, message, details) = match self {
            Self::Token { expired_at, meta_error_code, .. } => (
                kinds::TOKEN_EXPIRED,
                format!(
                    "The access token of \"{}\" has expired; its queue waits for a new one",
                    connection.name
                ),
                details(*meta_error_code, *expired_at),
            ),
            Self::Other { why, meta_error_code } => (
                kinds::CONNECTION_BROKEN,
                format!("\"{}\" cannot send: {why}", connection.name),
                details(*meta_error_code, None),
            ),
        };
        Condition { kind, subject, severity: Severity::Critical, message, details }
    }
}

/// Moves `active → error` and raises the alert, in one commit. False when it was not active any more.
///
/// # Errors
/// The store's alone.
pub async fn break_down(
    deps: &Deps,
    connection: &Connection,
    breakdown: &Breakdown,
) -> Result<bool, StoreError> {
    let tenant: TenantId = connection.tenant_id;
    let now = deps.clock.now();
    let broken = breakdown.broken(connection, now);
    let moved = deps.store.break_connection(tenant, connection.id, &broken, now).await?;
    if moved {
        tracing::error!(tenant.id = %tenant, connection.id = %connection.id, reason = breakdown.why(), "connection broke");
    }
    Ok(moved)
}

/// Meta may end a token before the time that it told: then it ended when this was found out.
fn end_of_token(connection: &Connection, breakdown: &Breakdown, now: Timestamp) -> Option<Timestamp> {
    let Breakdown::Token { expired_at, .. } = breakdown else { return None };
    if connection.token_expires_at.is_some_and(|known| known <= now) {
        return None;
    }
    Some(expired_at.filter(|end| *end <= now).unwrap_or(now))
}

/// Meta lets a number send less for a while, because people block or report it: whoever sends campaigns should know.
pub(crate) fn restrained(connection: &Connection, why: &Failure) -> Condition {
    let said = why.advice.as_deref().or(why.meta_message.as_deref()).unwrap_or(&why.message);
    Condition {
        kind: kinds::ACCOUNT_LIMITED,
        subject: connection_subject(connection.id),
        severity: Severity::Critical,
        message: format!("Meta limits what \"{}\" may send: {said}", connection.name),
        details: json!({
            "connection_id": connection.id,
            "connection_name": connection.name,
            "reason": why.meta_message,
            "meta_error_code": why.meta_error_code,
            "action_required": "Pause campaigns from this number, and look at its quality rating",
        }),
    }
}
