//! The two sending endpoints: accept, then answer late, badly or not at all, as the faults tell.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::accept::{self, Accepted, Outcome, Request};
use super::answer;
use crate::connection::Connection;
use crate::faults::Faults;
use crate::sim::Sim;

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Handles one send.
pub(crate) async fn send(sim: Arc<Sim>, connection: Option<Connection>, request: Request<'_>) -> Response {
    let faults = sim.faults.get();
    if sim.entropy.chance(faults.cut_before_accept_rate) {
        return Connection::cut(connection);
    }
    let outcome = accept::accept(&sim, &faults, &request);
    wait(faults.latency(&sim.entropy)).await;
    match outcome {
        Err(error) => sim.refuse(&error),
        Ok(Outcome::MarkedRead) => axum::Json(json!({"success": true})).into_response(),
        Ok(Outcome::Sent(accepted)) => respond(&sim, &faults, connection, &accepted).await,
    }
}

async fn respond(
    sim: &Sim,
    faults: &Faults,
    connection: Option<Connection>,
    accepted: &Accepted,
) -> Response {
    let behaviour = &accepted.behaviour;
    wait(behaviour.slow_answer_ms).await;
    if behaviour.hang || sim.entropy.chance(faults.hang_rate) {
        tokio::time::sleep(AN_HOUR).await;
    }
    if behaviour.cut_after || behaviour.cut_before || sim.entropy.chance(faults.cut_after_accept_rate) {
        return Connection::cut(connection);
    }
    let mut body = answer::body(accepted);
    if sim.entropy.chance(faults.garbled_answer_rate) {
        body.truncate(body.len() / 2);
    }
    answer::json(body)
}

async fn wait(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
