//! Media put in place without an upload, or as sent by a customer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::answers::{Controlled, Problem, body};
use crate::identifiers::node_id;
use crate::media::Medium;
use crate::sim::Sim;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    id: Option<String>,
    mime_type: String,
    text: Option<String>,
    base64: Option<String>,
    waba_id: Option<String>,
    /// Sent by a customer: kept 7 days.
    #[serde(default)]
    inbound: bool,
}

pub(crate) async fn register(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let given: Given = serde_json::from_value(body(&bytes)?).map_err(Problem::bad)?;
    let content = match (given.base64, given.text) {
        (Some(encoded), _) => STANDARD.decode(encoded).map_err(Problem::bad)?,
        (None, text) => text.unwrap_or_else(|| "simulated".into()).into_bytes(),
    };
    let first = sim.accounts().wabas().first().map(|waba| waba.id.clone());
    let waba_id = given.waba_id.or(first).ok_or_else(|| Problem::missing("there is no account"))?;
    let id = given.id.unwrap_or_else(|| node_id(&sim.entropy));
    let medium = Medium::new(
        id.clone(),
        &waba_id,
        &given.mime_type,
        content.into(),
        sim.clock.now_ms(),
        given.inbound,
    );
    let shown =
        json!({"id": id, "mime_type": medium.mime, "sha256": medium.sha256, "file_size": medium.bytes.len()});
    sim.media().put(medium);
    Ok(axum::Json(shown))
}
