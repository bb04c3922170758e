//! The whole at a glance, and a clean slate.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;

use super::answers::{Controlled, Problem, done};
use crate::customers::magic::table;
use crate::sim::Sim;

pub(crate) async fn show(State(sim): State<Arc<Sim>>) -> Controlled {
    let accounts = sim.accounts().overview();
    let (accepted, reads) = {
        let ledger = sim.ledger();
        (ledger.len(), ledger.reads.len())
    };
    let (open, delivered, failed, unsubscribed) = {
        let log = sim.webhooks.log();
        (log.open, log.delivered, log.failed_attempts, log.unsubscribed)
    };
    Ok(axum::Json(json!({
        "now": sim.clock.now(),
        "accounts": accounts,
        "accepted": accepted,
        "refused": *sim.refused(),
        "received": sim.inbox().len(),
        "marked_read": reads,
        "media": sim.media().len(),
        "pending": {"events": sim.outbox.waiting(), "webhooks": open},
        "webhooks": {"delivered": delivered, "failed_attempts": failed, "unsubscribed": unsubscribed},
    })))
}

pub(crate) async fn reset(State(sim): State<Arc<Sim>>) -> Controlled {
    sim.reset();
    done()
}

pub(crate) async fn magic() -> Controlled {
    serde_json::to_value(table()).map(axum::Json).map_err(Problem::bad)
}
