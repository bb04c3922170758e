//! Access tokens: expire, revoke, issue.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::answers::{Controlled, Problem, body, done};
use crate::accounts::Token;
use crate::accounts::token::{MANAGEMENT, MESSAGING};
use crate::identifiers::access_token;
use crate::sim::Sim;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Every token unless given.
    token: Option<String>,
    /// When it expires; now unless given.
    at: Option<Timestamp>,
    /// Subcode of 190 for a revoked token.
    subcode: Option<i64>,
}

pub(crate) async fn expire(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let which: Which = serde_json::from_value(body(&bytes)?).map_err(Problem::bad)?;
    let at = which.at.unwrap_or_else(|| sim.clock.now());
    each(&sim, which.token.as_deref(), |token| token.expires_at = Some(at))
}

pub(crate) async fn revoke(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let which: Which = serde_json::from_value(body(&bytes)?).map_err(Problem::bad)?;
    let subcode = which.subcode.unwrap_or(460);
    each(&sim, which.token.as_deref(), |token| token.revoked = Some(subcode))
}

fn each(sim: &Sim, only: Option<&str>, change: impl Fn(&mut Token)) -> Controlled {
    let mut accounts = sim.accounts_mut();
    let mut changed = 0;
    for token in accounts.tokens_mut().filter(|token| only.is_none_or(|value| token.value == value)) {
        change(token);
        changed += 1;
    }
    if changed == 0 { Err(Problem::missing("there is no such token")) } else { done() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    token: Option<String>,
    app_id: Option<String>,
    /// The accounts it may touch; all of them unless given.
    waba_ids: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    expires_at: Option<Timestamp>,
    expires_in_seconds: Option<i64>,
}

pub(crate) async fn issue(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let wanted: Wanted = serde_json::from_value(body(&bytes)?).map_err(Problem::bad)?;
    let now = sim.clock.now();
    let value = wanted.token.unwrap_or_else(|| access_token(&sim.entropy));
    let mut accounts = sim.accounts_mut();
    let app_id =
        wanted.app_id.or_else(|| accounts.apps().first().map(|app| app.id.clone())).unwrap_or_default();
    if accounts.app(&app_id).is_none() {
        return Err(Problem::missing("there is no such app"));
    }
    let all = || accounts.wabas().iter().map(|waba| waba.id.clone()).collect();
    let in_seconds =
        wanted.expires_in_seconds.and_then(|s| now.checked_add(SignedDuration::from_secs(s)).ok());
    let token = Token {
        value: value.clone(),
        app_id,
        issued_at: now,
        expires_at: wanted.expires_at.or(in_seconds),
        revoked: None,
        scopes: wanted.scopes.unwrap_or_else(|| vec![MANAGEMENT.into(), MESSAGING.into()]),
        wabas: wanted.waba_ids.unwrap_or_else(all),
    };
    let shown = json!({"access_token": value, "token": value, "app_id": token.app_id, "expires_at": token.expires_at,
        "scopes": token.scopes, "waba_ids": token.wabas});
    accounts.put_token(token);
    Ok(axum::Json(shown))
}
