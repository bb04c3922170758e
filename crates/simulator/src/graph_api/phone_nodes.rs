//! Business phone numbers: list, node, settings.

use serde_json::{Value, json};

use super::subscriptions::check_url;
use super::{Answer, Call, fields_of, json, paging, pick, success};
use crate::accounts::phone::DEFAULT_FIELDS;
use crate::errors::GraphError;
use crate::identifiers::trace_id;
use crate::webhooks::handshake;

pub(crate) fn list(call: &Call<'_>, waba_id: &str) -> Answer {
    call.manage_waba(waba_id)?;
    let fields = fields_of(&call.params);
    let accounts = call.sim.accounts();
    let phones = accounts.phones().iter().filter(|phone| phone.waba_id == waba_id);
    let nodes: Vec<Value> =
        phones.map(|phone| pick(&accounts.phone_node(phone), &fields, &DEFAULT_FIELDS)).collect();
    paging::page(call, nodes, |node| node["id"].as_str().unwrap_or_default().to_owned()).map(json)
}

pub(crate) fn get(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    let accounts = call.sim.accounts();
    let phone = accounts.phone(id).ok_or_else(|| call.no_object(id))?;
    Ok(json(pick(&accounts.phone_node(phone), &fields_of(&call.params), &DEFAULT_FIELDS)))
}

/// `POST /{phone}` with a `pin` or a `webhook_configuration`.
pub(crate) async fn post(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    let pin = call.params.text("pin");
    if pin.as_ref().is_some_and(|pin| pin.len() != 6 || !pin.bytes().all(|b| b.is_ascii_digit())) {
        return Err(GraphError::param("Param pin must be 6 digits."));
    }
    let callback = match call.params.get("webhook_configuration") {
        None => None,
        Some(configuration) => Some(callback(call, configuration).await?),
    };
    let mut accounts = call.sim.accounts_mut();
    let phone = accounts.phone_mut(id).ok_or_else(|| call.no_object(id))?;
    phone.pin = pin.or_else(|| phone.pin.take());
    if let Some(callback) = callback {
        phone.override_callback = callback;
    }
    Ok(success())
}

/// The number's own callback, after its handshake; an empty one takes the override off.
async fn callback(call: &Call<'_>, configuration: &Value) -> Result<Option<String>, GraphError> {
    let text = |key: &str| configuration.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(url) = text("override_callback_uri") else { return Ok(None) };
    let token =
        text("verify_token").ok_or_else(|| GraphError::required("webhook_configuration['verify_token']"))?;
    check_url(url)?;
    handshake::verify(&call.sim.client, &call.sim.entropy, url, token).await?;
    Ok(Some(url.to_owned()))
}

pub(crate) fn settings(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    let mut accounts = call.sim.accounts_mut();
    let phone = accounts.phone_mut(id).ok_or_else(|| call.no_object(id))?;
    if call.method == "GET" {
        return Ok(json(Value::Object(phone.settings.clone())));
    }
    let check =
        call.params.get("user_identity_change").and_then(|change| change.get("enable_identity_key_check"));
    if let Some(check) = check.and_then(Value::as_bool) {
        phone.identity_check = check;
    }
    phone.settings.extend(call.params.0.clone());
    Ok(success())
}

/// Calls are answered, and nothing rings.
pub(crate) fn call(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    match call.params.text("action").as_deref() {
        Some("connect") => {
            let id = format!("wacid.{}", trace_id(&call.sim.entropy));
            Ok(json(json!({"messaging_product": "whatsapp", "calls": [{"id": id}]})))
        }
        Some("pre_accept" | "accept" | "reject" | "terminate") => {
            Ok(json(json!({"messaging_product": "whatsapp", "success": true})))
        }
        _ => Err(GraphError::required("action")),
    }
}
