//! Faults on and off.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use serde_json::Value;

use super::answers::{Controlled, Problem, body, within_reason};
use crate::faults::Faults;
use crate::sim::Sim;

pub(crate) async fn show(State(sim): State<Arc<Sim>>) -> Controlled {
    shown(&sim)
}

/// What is not named goes back to its value at the start.
pub(crate) async fn set(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    put(&sim, &sim.faults.base().clone(), &bytes)
}

/// What is not named stays as it is.
pub(crate) async fn merge(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let now = sim.faults.get();
    put(&sim, &now, &bytes)
}

pub(crate) async fn end(State(sim): State<Arc<Sim>>) -> Controlled {
    sim.faults.clear();
    shown(&sim)
}

fn put(sim: &Sim, base: &Faults, bytes: &[u8]) -> Controlled {
    let given = body(bytes)?;
    within_reason(&given)?;
    let Value::Object(given) = given else { return Err(Problem::bad("the body must be an object")) };
    let mut all = serde_json::to_value(base).map_err(Problem::bad)?;
    if let Some(all) = all.as_object_mut() {
        all.extend(given);
    }
    sim.faults.set(serde_json::from_value(all).map_err(Problem::bad)?);
    shown(sim)
}

fn shown(sim: &Sim) -> Controlled {
    serde_json::to_value(sim.faults.get().as_ref()).map(axum::Json).map_err(Problem::bad)
}
