//! The movable clock.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::{Value, json};

use super::answers::{Controlled, Problem, body};
use crate::sim::Sim;
use crate::templates::review;

pub(crate) async fn show(State(sim): State<Arc<Sim>>) -> Controlled {
    Ok(axum::Json(json!({"now": sim.clock.now()})))
}

/// `{advance: "25h"}`; also `"1d 30m"`, `"PT25H"`, or a number of seconds.
pub(crate) async fn advance(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let by = match body(&bytes)?.get("advance") {
        Some(Value::String(text)) => duration(text)?,
        Some(Value::Number(seconds)) => {
            SignedDuration::try_from_secs_f64(seconds.as_f64().unwrap_or(0.0)).map_err(Problem::bad)?
        }
        _ => return Err(Problem::bad("give {\"advance\": \"25h\"}")),
    };
    sim.clock.advance(by);
    review::end_pauses(&sim);
    Ok(axum::Json(json!({"now": sim.clock.now()})))
}

fn duration(text: &str) -> Result<SignedDuration, Problem> {
    let span: Span =
        text.parse().map_err(|fault| Problem::bad(format!("\"{text}\" is no duration: {fault}")))?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(Problem::bad)
}
