//! Reading what was accepted and received.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::Controlled;
use crate::sim::Sim;

#[derive(Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

pub(crate) async fn list(State(sim): State<Arc<Sim>>, Query(page): Query<Page>) -> Response {
    let accounts = sim.accounts();
    let ledger = sim.ledger();
    let lines = ledger.after(page.after, page.limit.unwrap_or(usize::MAX));
    let shown: Vec<_> = lines.map(|(seq, entry)| entry.show(seq, &accounts)).collect();
    drop(ledger);
    axum::Json(shown).into_response()
}

pub(crate) async fn inbox(State(sim): State<Arc<Sim>>, Query(page): Query<Page>) -> Controlled {
    let accounts = sim.accounts();
    let inbox = sim.inbox();
    let from = page.after + 1;
    let lines = (from..=inbox.len()).take(page.limit.unwrap_or(usize::MAX)).filter_map(|seq| {
        let entry = inbox.get(seq)?;
        let phone = accounts.phone_at(entry.phone).map(|phone| phone.id.clone());
        Some(json!({"seq": seq, "id": entry.id, "phone_number_id": phone, "message": entry.message}))
    });
    Ok(axum::Json(Value::Array(lines.collect())))
}

pub(crate) async fn reads(State(sim): State<Arc<Sim>>) -> Response {
    let reads = sim.ledger().reads.clone();
    axum::Json(reads).into_response()
}
