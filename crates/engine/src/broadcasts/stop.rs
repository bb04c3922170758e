//! Stopping: what is wrong for everybody pauses a broadcast with its reason, and calls for somebody.

use domain::broadcasts::{Step, StopCode, StopReason};
use domain::connections::ConnectionState;
use domain::{BroadcastId, TenantId, Timestamp};
use graph::errors::{ErrorKind, classify};
use ports::Paging;
use ports::alerts::Alert;
use ports::broadcasts::{Broadcast, BroadcastMoved, Move};
use ports::connections::Connection;
use ports::{StoreError, StoreResult};

use super::plan::Outlook;
use super::{Broadcasts, BrokenNumber};
use crate::alerts::{Alerts, broadcast_subject, connection_subject, kinds};
use crate::messages::{Told, concerns_template};

/// No valid payment method.
const PAYMENT_CODES: [i64; 1] = [131_042];

/// A reason before its time is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) code: StopCode,
    pub(super) message: String,
    pub(super) meta_error_code: Option<i64>,
}

impl Fault {
    pub(super) fn new(code: StopCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), meta_error_code: None }
    }

    /// What a single failure says of all the others, if it says anything.
    pub(super) fn at_once(told: &Told) -> Option<Self> {
        let why = told.why.as_ref()?;
        concerns_template(&why.code).then(|| {
            let said = why.message.as_deref().unwrap_or("WhatsApp does not take the template any more");
            let said = without_stop(said);
            Self {
                meta_error_code: why.meta_error_code,
                ..Self::new(
                    StopCode::TemplateUnusable,
                    format!("{said}. Mend the template or wait until it is approved again, then resume; whom it failed \
                     for can be tried again by retry-failed with the reason \"template\"."),
                )
            }
        })
    }

    /// The breaker's word, with the failure that was the last straw.
    pub(super) fn tripped(code: StopCode, told: &Told) -> Self {
        let what = match code {
            StopCode::ConsecutiveFailures => "Too many recipients failed one after the other",
            StopCode::OutcomeUnknown => {
                "Of too many recipients nobody knows whether Meta took their message: its answers are lost on the way"
            }
            _ => "Too large a share of the last recipients failed",
        };
        let last = told.why.as_ref().map(|why| match (&why.message, why.meta_error_code) {
            (Some(message), _) => without_stop(message).to_owned(),
            (None, Some(meta)) => format!("{} ({meta})", why.code),
            (None, None) => why.code.clone(),
        });
        let last = last.map(|last| format!("; the last: {last}")).unwrap_or_default();
        let message = format!(
            "{what}{last}. Look at the failures, mend what is wrong, then resume: what is left goes on, and what failed \
             can be tried again by retry-failed."
        );
        let meta_error_code = told.why.as_ref().and_then(|why| why.meta_error_code);
        Self { code, message, meta_error_code }
    }

    /// What the plan's outlook says: no number sends, the template cannot be sent, it was moved to another category.
    pub(super) fn of_template(broadcast: &Broadcast, outlook: &Outlook) -> Option<Self> {
        let name = &broadcast.plan.template.name;
        if let Some(blocked) = outlook.blocked() {
            let state = match blocked {
                Some(row) => format!("is {}", row.status),
                None => "is not there any more".to_owned(),
            };
            let message = format!(
                "Template \"{name}\" {state}. Mend it or wait until it is approved again, then resume."
            );
            return Some(Self::new(StopCode::TemplateUnusable, message));
        }
        let (was, is) = (broadcast.category.as_ref()?, outlook.category()?);
        (*was != is).then(|| {
            let message = format!(
                "WhatsApp moved template \"{name}\" from {was} to {is}. Resume to send it as {is}: contacts whose \
                 consent does not cover that are left out."
            );
            Self::new(StopCode::TemplateCategoryChanged, message)
        })
    }
}

impl Broadcasts {
    /// What is wrong for everybody, as far as this node knows its numbers and its template.
    pub(super) async fn fault(&self, broadcast: &Broadcast, outlook: &Outlook) -> StoreResult<Option<Fault>> {
        if broadcast.meant.is_none() {
            return Ok(Some(unsettled()));
        }
        if let Some(fault) = self.silenced(broadcast.tenant_id, outlook).await? {
            return Ok(Some(fault));
        }
        match Fault::of_template(broadcast, outlook) {
            Some(fault) => Ok(Some(fault)),
            None => self.stranded(broadcast, outlook).await,
        }
    }

    /// Why no number of it sends; `None`: at least one does.
    async fn silenced(&self, tenant: TenantId, outlook: &Outlook) -> StoreResult<Option<Fault>> {
        if outlook.active().next().is_some() {
            return Ok(None);
        }
        Ok(Some(self.silence(tenant, outlook).await?))
    }

    /// All that is left waits in the queues of numbers that do not send, while others of the broadcast do: it would
    /// stand there for ever, and nobody would know.
    async fn stranded(&self, broadcast: &Broadcast, outlook: &Outlook) -> StoreResult<Option<Fault>> {
        let counts = &broadcast.counts;
        if !broadcast.frozen || counts.pending > 0 || counts.queued == 0 {
            return Ok(None);
        }
        let silent = outlook.numbers.iter().filter(|entry| entry.connection.state != ConnectionState::Active);
        let mut waiting = 0;
        for entry in silent {
            let id = entry.connection.id;
            let queues =
                self.deps.store.waiting_of_broadcasts(broadcast.tenant_id, id, Timestamp::MAX).await?;
            waiting +=
                queues.iter().find(|queue| queue.broadcast == broadcast.id).map_or(0, |queue| queue.waiting);
        }
        if waiting < counts.queued {
            return Ok(None);
        }
        Ok(Some(self.silence(broadcast.tenant_id, outlook).await?))
    }

    /// Why numbers do not send: the first that Meta refuses, else they were switched off.
    async fn silence(&self, tenant: TenantId, outlook: &Outlook) -> StoreResult<Fault> {
        let broken = outlook.numbers.iter().find(|entry| entry.connection.state == ConnectionState::Error);
        let Some(entry) = broken else {
            return Ok(Fault::new(
                StopCode::ConnectionGone,
                "Numbers of this broadcast were disabled or removed. Enable one, or give the broadcast others \
                 (connection_ids), then resume: it goes on where it stopped.",
            ));
        };
        let broken = self.broken(tenant, &entry.connection).await?;
        let message = format!(
            "\"{}\" cannot send: {}. {}, then resume the broadcast: it goes on where it stopped.",
            broken.name,
            without_stop(&broken.reason),
            broken.mend()
        );
        Ok(Fault { code: broken.code, message, meta_error_code: broken.meta_error_code })
    }

    /// Why this number broke, as the alert of it tells.
    pub(super) async fn broken(
        &self,
        tenant: TenantId,
        connection: &Connection,
    ) -> StoreResult<BrokenNumber> {
        let alert = self.alert_of(tenant, &connection_subject(connection.id)).await?;
        let meta_error_code = alert.as_ref().and_then(|alert| alert.details["meta_error_code"].as_i64());
        let kind = alert.as_ref().map(|alert| alert.kind.as_str());
        let over = connection.token_expires_at.is_some_and(|end| end <= self.deps.clock.now());
        let code = match kind {
            _ if meta_error_code.is_some_and(|code| PAYMENT_CODES.contains(&code)) => StopCode::Payment,
            Some(kinds::PAYMENT_REQUIRED) => StopCode::Payment,
            Some(kinds::TOKEN_EXPIRED) => StopCode::TokenExpired,
            None if over => StopCode::TokenExpired,
            _ => StopCode::AccountRestricted,
        };
        let reason = connection.state_reason.as_deref().unwrap_or("Meta refuses this connection");
        Ok(BrokenNumber {
            connection: connection.id,
            name: connection.name.clone(),
            code,
            reason: reason.to_owned(),
            meta_error_code,
            token_expires_at: connection.token_expires_at,
        })
    }

    /// The open alert of a connection that says why it broke.
    async fn alert_of(&self, tenant: TenantId, subject: &str) -> StoreResult<Option<Alert>> {
        let paging = Paging { page: 1, page_size: 100, cursor: None };
        let open = self.deps.store.alerts(tenant, Some(true), &paging).await?.items;
        Ok(open.into_iter().find(|alert| {
            alert.subject == subject
                && alert.kind != kinds::TOKEN_EXPIRING
                && kinds::OF_CONNECTIONS.contains(&alert.kind.as_str())
        }))
    }

    /// Pauses it with the reason, and calls for somebody. Whoever does it first does it.
    pub(super) async fn stop(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        fault: Fault,
    ) -> StoreResult<()> {
        self.halt(tenant, broadcast, Step::Pause, None, fault).await
    }

    /// Holds one that cannot start at its time, as it was read.
    pub(super) async fn hold(&self, known: &Broadcast, fault: Fault) -> StoreResult<()> {
        self.halt(known.tenant_id, known.id, Step::Hold, Some(known.version), fault).await
    }

    async fn halt(
        &self,
        tenant: TenantId,
        broadcast: BroadcastId,
        step: Step,
        seen: Option<i64>,
        fault: Fault,
    ) -> StoreResult<()> {
        let at = self.deps.clock.now();
        let Fault { code, message, meta_error_code } = fault;
        let reason = StopReason { code, message, meta_error_code, at };
        let step = Move { step, reason: Some(reason.clone()), starts_at: None, category: None, seen, at };
        if let BroadcastMoved::Done(moved) = self.deps.store.move_broadcast(tenant, broadcast, step).await? {
            self.board.end(broadcast);
            tracing::error!(
                tenant.id = %tenant, broadcast.id = %broadcast, code = code.as_str(), reason = reason.message,
                "a broadcast stopped"
            );
            self.deps.store.raise_alerts(vec![moved.stopped(&reason, at)]).await?;
        }
        Ok(())
    }

    /// What stopped it is over.
    pub(super) async fn call_off_alert(&self, tenant: TenantId, broadcast: BroadcastId) {
        let alerts = Alerts::new(self.deps.clone());
        let subject = broadcast_subject(broadcast);
        if let Err(error) = alerts.resolve(tenant, kinds::BROADCAST_STOPPED, &subject).await {
            warn(broadcast, &error, "could not resolve the alert of a broadcast");
        }
    }
}

impl BrokenNumber {
    /// What to do before it sends again, to be gone on behind. A new token mends nothing but the token.
    pub fn mend(&self) -> String {
        let facts = self.meta_error_code.map(|code| classify(code, None, None));
        let restricted = facts.filter(|facts| facts.kind == ErrorKind::AccountRestricted);
        let at_meta = match (self.code, restricted) {
            (StopCode::Payment, _) => "Fix the payment method in Meta's Business settings",
            (_, Some(facts)) => without_stop(facts.advice),
            _ => return "Reconnect WhatsApp in Settings".to_owned(),
        };
        let id = self.connection;
        format!(
            "{at_meta}; have the number checked again (POST …/connections/{id}/reconnect, its token can stay)"
        )
    }
}

/// What Meta said, to be gone on behind.
pub(super) fn without_stop(said: &str) -> &str {
    said.trim_end_matches(['.', ' '])
}

/// The store has trouble; it is tried again by itself.
pub(super) fn warn(broadcast: BroadcastId, error: &StoreError, what: &str) {
    tracing::warn!(%error, broadcast.id = %broadcast, "{what}");
}

/// A version before this one started it without its segment, and ended before it could take that back.
fn unsettled() -> Fault {
    Fault::new(
        StopCode::PlanUnusable,
        "It was started before it was settled whom it means. Nobody got it: look at it, then resume.",
    )
}
