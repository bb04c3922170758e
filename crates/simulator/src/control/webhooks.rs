//! The delivery log, and changes of any field as Meta would send them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::answers::{Controlled, Problem, body, done};
use crate::sim::Sim;

#[derive(Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    #[serde(default)]
    bodies: bool,
}

pub(crate) async fn log(State(sim): State<Arc<Sim>>, Query(page): Query<Page>) -> Response {
    let records = sim.webhooks.log().after(page.after, page.limit.unwrap_or(usize::MAX), page.bodies);
    axum::Json(records).into_response()
}

/// `{field, value, waba_id?}`, or a list of such.
pub(crate) async fn send(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let given = body(&bytes)?;
    let changes = match given {
        Value::Array(changes) => changes,
        one => vec![one],
    };
    let first = sim.accounts().wabas().first().map(|waba| waba.id.clone()).unwrap_or_default();
    for change in &changes {
        let field = change.get("field").and_then(Value::as_str).filter(|field| is_plain(field));
        let field = field.ok_or_else(|| Problem::bad("give {\"field\": …, \"value\": …}"))?;
        let value = change.get("value").ok_or_else(|| Problem::bad("give a value"))?;
        let waba_id = change.get("waba_id").and_then(Value::as_str).unwrap_or(&first);
        sim.announce(waba_id, field, value);
    }
    done()
}

/// Fields are written into the body as they are.
fn is_plain(field: &str) -> bool {
    field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
