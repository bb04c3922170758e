//! Blocking customers (WhatsApp, "Block users"): only those who wrote in the last 24 hours.

use serde_json::{Value, json};

use super::{Answer, Call, json, paging};
use crate::customers::UserKey;
use crate::errors::{GraphError, known};

pub(crate) fn handle(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    match call.method {
        "GET" => list(call, id),
        "POST" => change(call, id, true),
        "DELETE" => change(call, id, false),
        _ => Err(call.no_object(id)),
    }
}

fn list(call: &Call<'_>, id: &str) -> Answer {
    let blocked = call.sim.accounts().phone(id).map(|phone| phone.blocked.clone()).unwrap_or_default();
    let nodes = blocked.iter().map(|user| json!({"messaging_product": "whatsapp", "wa_id": user})).collect();
    paging::page(call, nodes, |node| node["wa_id"].as_str().unwrap_or_default().to_owned()).map(json)
}

fn change(call: &Call<'_>, id: &str, block: bool) -> Answer {
    crate::messages::envelope::product(&call.params.clone_value())?;
    let users = call.params.get("block_users").and_then(Value::as_array).cloned();
    let users = users.ok_or_else(|| GraphError::required("block_users"))?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    let mut accounts = call.sim.accounts_mut();
    let phone = accounts.phone_mut(id).ok_or_else(|| call.no_object(id))?;
    for user in users {
        let input = user.get("user").and_then(Value::as_str).unwrap_or_default().to_owned();
        let digits: String = input.chars().filter(char::is_ascii_digit).collect();
        let key = UserKey::phone(&digits);
        let wrote = key.is_some_and(|key| {
            call.sim.conversations.with(phone.index, key, |pair| pair.window_open(call.sim.clock.now_ms()))
        });
        if block && !wrote {
            let known = known::lookup(131047);
            failed.push(json!({"input": input, "wa_id": digits, "errors": [{
                "message": known.title, "code": 131047, "error_data": {"details": known.details},
            }]}));
            continue;
        }
        phone.blocked.retain(|known| *known != digits);
        if block {
            phone.blocked.push(digits.clone());
        }
        done.push(json!({"input": input, "wa_id": digits}));
    }
    drop(accounts);
    Ok(answer(call, block, done, &failed))
}

/// A partial failure is HTTP 400 with both the lists and an error.
fn answer(call: &Call<'_>, block: bool, done: Vec<Value>, failed: &[Value]) -> axum::response::Response {
    let key = if block { "added_users" } else { "removed_users" };
    let mut body = json!({"messaging_product": "whatsapp", "block_users": {key: done}});
    if failed.is_empty() {
        return json(body);
    }
    body["block_users"]["failed_users"] = Value::Array(failed.to_vec());
    let error = crate::messages::gate::refusal(139100);
    body["error"] = error.body(&crate::identifiers::trace_id(&call.sim.entropy))["error"].clone();
    axum::response::IntoResponse::into_response((axum::http::StatusCode::BAD_REQUEST, axum::Json(body)))
}
