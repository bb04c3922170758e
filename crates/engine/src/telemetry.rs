//! What the engine tells of its work to whoever watches from outside: counters, and the steps of a message.
//!
//! A step is an event of `tracing` with the target [`STEPS`]; the server turns it into a span of OpenTelemetry when a
//! collector is configured. All steps of a message name its id, and nothing else is carried from one to the next: the
//! id of the trace follows from that of the message, so that a restart, another node, or a week between two of them
//! breaks no trace. When nobody listens, a step costs the look at a flag.

use domain::messages::retry::FailureKind;
use domain::{MessageId, Timestamp};
use ports::gateway::{AcceptedByMeta, GatewayError};
use ports::lanes::Claimed;
use ports::webhooks::{Change, Projection};

/// The target of events that are steps.
pub const STEPS: &str = "waxwing::steps";
/// The step that all others of a message belong to.
pub const MESSAGE: &str = "message";

/// Whether anybody listens to steps.
fn is_heard() -> bool {
    tracing::enabled!(target: STEPS, tracing::Level::TRACE)
}

fn tell(step: &'static str, message: MessageId, (from, to): (Timestamp, Timestamp), outcome: &str) {
    tracing::trace!(
        target: STEPS,
        step,
        message.id = message.0,
        from = from.as_microsecond(),
        to = to.as_microsecond(),
        outcome,
    );
}

/// A caller's send: from the call to the answer.
pub(crate) fn sent(message: MessageId, from: Timestamp, to: Timestamp) {
    if is_heard() {
        tell("api.send", message, (from, to), "accepted");
    }
}

/// A call to Meta for a message, and what led to it.
pub(crate) fn called(
    claimed: &Claimed,
    (from, to): (Timestamp, Timestamp),
    answer: &Result<AcceptedByMeta, GatewayError>,
) {
    if !is_heard() {
        return;
    }
    let outcome = outcome_of(answer);
    let message = claimed.message_id;
    if claimed.attempt <= 1 {
        tell(MESSAGE, message, (claimed.created_at, to), outcome);
        tell("lane.wait", message, (claimed.created_at, from), "claimed");
    }
    tell("meta.send", message, (from, to), outcome);
}

/// Webhooks that were applied.
pub(crate) fn projected(projection: &Projection) {
    let mut statuses = [("sent", 0_u64), ("delivered", 0), ("read", 0), ("failed", 0)];
    let mut inbound = 0;
    let heard = is_heard();
    for change in &projection.changes {
        match change {
            Change::Status(report) => {
                let word = report.status.as_str();
                if let Some((_, count)) = statuses.iter_mut().find(|(status, _)| *status == word) {
                    *count += 1;
                }
                if let Some(message) = report.message_id.filter(|_| heard) {
                    tell("webhook.status", message, (report.at, projection.at), word);
                }
            }
            Change::Inbound(_) => inbound += 1,
            _ => {}
        }
    }
    for (status, count) in statuses {
        if count > 0 {
            metrics::counter!("waxwing_statuses_projected_total", "status" => status).increment(count);
        }
    }
    if inbound > 0 {
        metrics::counter!("waxwing_inbound_messages_projected_total").increment(inbound);
    }
    metrics::counter!("waxwing_webhook_bodies_projected_total").increment(projection.done.len() as u64);
}

/// How a call to Meta ended, in one word of a closed set: a label.
pub fn outcome_of<T>(answer: &Result<T, GatewayError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(GatewayError::NotSent(_)) => "not_sent",
        Err(GatewayError::Unknown(_)) => "unknown",
        Err(GatewayError::Refused(refusal)) => kind(refusal.kind),
    }
}

fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Throttled { .. } => "throttled",
        FailureKind::Retryable => "retryable",
        FailureKind::RecipientUnreachable => "recipient_unreachable",
        FailureKind::WindowClosed => "window_closed",
        FailureKind::TemplateUnusable => "template_unusable",
        FailureKind::TemplateParams => "template_params",
        FailureKind::ConnectionBroken => "connection_broken",
        FailureKind::AccountRestricted => "account_restricted",
        FailureKind::PaymentRequired => "payment_required",
        FailureKind::MarketingLimited => "marketing_limited",
        FailureKind::MarketingStopped => "marketing_stopped",
        FailureKind::MediaFault => "media_fault",
        FailureKind::Rejected => "rejected",
    }
}
