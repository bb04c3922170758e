//! What the lanes tell of messages of broadcasts, for the breaker.

use std::sync::{Arc, OnceLock};

use domain::broadcasts::breaker::Outcome;
use domain::broadcasts::reasons::{FailedBy, Scope};
use domain::messages::gate::Refusal;
use domain::{BroadcastId, TenantId};
use ports::lanes::{Claimed, Refused, Settlement};
use ports::messages::Failure;
use ports::webhooks::BroadcastFailure;
use tokio::sync::mpsc;

/// Meta paused the template: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>.
pub(crate) const TEMPLATE_PAUSED: i64 = 132_015;

/// Whether a failure with this code (the contract's table) says that the template as such cannot be sent: unknown,
/// deleted, against a policy, paused, disabled. All the others would fail alike, so they wait for it.
pub(crate) fn concerns_template(code: &str) -> bool {
    matches!(code, "TEMPLATE_NOT_APPROVED" | "TEMPLATE_NOT_FOUND")
}

/// How it went with a message of a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) tenant: TenantId,
    pub(crate) broadcast: BroadcastId,
    pub(crate) outcome: Outcome,
    /// Why it failed.
    pub(crate) why: Option<Why>,
}

/// A failure, in short.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Why {
    /// See [`Failure`].
    pub(crate) code: String,
    pub(crate) meta_error_code: Option<i64>,
    pub(crate) message: Option<String>,
}

impl Why {
    fn of(failure: &Failure) -> Self {
        let message = failure.meta_message.clone().unwrap_or_else(|| failure.message.clone());
        Self { code: failure.code.clone(), meta_error_code: failure.meta_error_code, message: Some(message) }
    }
}

/// Where the lanes tell it; clones share it. Until somebody listens nothing is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tap(Arc<OnceLock<mpsc::UnboundedSender<Told>>>);

impl Tap {
    /// Listens from now on; of several listeners the first counts.
    pub(crate) fn listen(&self) -> mpsc::UnboundedReceiver<Told> {
        let (tell, hear) = mpsc::unbounded_channel();
        let _ = self.0.set(tell);
        hear
    }

    /// A call to Meta ended so.
    pub(crate) fn settled(&self, tenant: TenantId, claimed: &Claimed, settlement: &Settlement) {
        let Some(broadcast) = claimed.broadcast_id else { return };
        match settlement {
            Settlement::Sent { .. } => {
                self.tell(Told { tenant, broadcast, outcome: Outcome::Passed, why: None });
            }
            Settlement::Failed { why, .. } => self.failed(tenant, broadcast, Why::of(why)),
            // It waits, and so will all the others.
            Settlement::Requeue { why, .. } if concerns_template(&why.code) => {
                self.failed(tenant, broadcast, Why::of(why));
            }
            Settlement::InDoubt { why } => {
                let why = Some(Why::of(why));
                self.tell(Told { tenant, broadcast, outcome: Outcome::Unknown, why });
            }
            _ => {}
        }
    }

    /// The gate refused it when its turn came.
    pub(crate) fn refused(&self, tenant: TenantId, refused: &Refused) {
        let Some(broadcast) = refused.broadcast_id else { return };
        let (outcome, code, message) = match &refused.refusal {
            // Our own rules did their work.
            Refusal::NotOptedIn { .. } => return,
            Refusal::Unreachable { .. } => (Outcome::RecipientFailed, "RECIPIENT_NOT_ON_WHATSAPP", None),
            Refusal::TemplateNotApproved { template_name, status, .. } => {
                let message = format!("Template \"{template_name}\" is {status}");
                (Outcome::Failed, "TEMPLATE_NOT_APPROVED", Some(message))
            }
            Refusal::WindowExpired { .. } => (Outcome::Failed, "CONVERSATION_EXPIRED", None),
        };
        let why = Some(Why { code: code.to_owned(), meta_error_code: None, message });
        self.tell(Told { tenant, broadcast, outcome, why });
    }

    /// What lies with the recipient alone is told as that, and what our own rules refused is not told.
    fn failed(&self, tenant: TenantId, broadcast: BroadcastId, why: Why) {
        if FailedBy::of(&why.code, why.meta_error_code) == FailedBy::NoConsent {
            return;
        }
        let outcome = match Scope::of(&why.code, why.meta_error_code) {
            Scope::Recipient => Outcome::RecipientFailed,
            Scope::Everybody => Outcome::Failed,
        };
        self.tell(Told { tenant, broadcast, outcome, why: Some(why) });
    }

    /// A status said that a message failed which Meta had taken.
    pub(crate) fn failed_late(&self, tenant: TenantId, failure: BroadcastFailure) {
        let BroadcastFailure { broadcast_id: broadcast, code, meta_error_code } = failure;
        if FailedBy::of(&code, meta_error_code) != FailedBy::NoConsent {
            let why = Some(Why { code, meta_error_code, message: None });
            self.tell(Told { tenant, broadcast, outcome: Outcome::FailedLate, why });
        }
    }

    fn tell(&self, told: Told) {
        if let Some(listener) = self.0.get() {
            let _ = listener.send(told);
        }
    }
}
