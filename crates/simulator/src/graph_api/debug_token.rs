//! `debug_token`: what a token is good for. An invalid token is HTTP 200 with `is_valid: false`.

use serde_json::json;

use super::{Answer, Call, json};
use crate::accounts::Token;
use crate::sim::Sim;

pub(crate) fn get(call: &Call<'_>) -> Answer {
    let asked = call.params.required("input_token")?;
    let now = call.sim.clock.now();
    let accounts = call.sim.accounts();
    let data = match accounts.token(&asked) {
        Some(token) => {
            let application = accounts.app(&token.app_id).map_or("", |app| app.name.as_str());
            token.debug(application, now)
        }
        None => json!({
            "error": {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"},
            "is_valid": false,
            "scopes": [],
        }),
    };
    Ok(json(json!({ "data": data })))
}

pub(crate) fn me(call: &Call<'_>) -> Answer {
    let name = call.sim.accounts().app(&call.token.app_id).map(|app| app.name.clone());
    Ok(json(json!({"name": name, "id": "122100000000000001"})))
}

/// A token of the form `app id|app secret`.
pub(crate) fn app_token(sim: &Sim, bearer: Option<&str>) -> Option<Token> {
    let (id, secret) = bearer?.split_once('|')?;
    let accounts = sim.accounts();
    let app = accounts.app(id).filter(|app| app.secret == secret)?;
    let mut token = Token::system_user("", &app.id, "", sim.clock.now());
    token.scopes = Vec::new();
    Some(token)
}
