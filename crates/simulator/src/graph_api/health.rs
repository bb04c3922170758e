//! `fields=health_status`: can this node send, and if not, which of the nodes around it is to blame.

use serde_json::{Value, json};

use super::{Answer, Call, fields_of, json, pick};
use crate::accounts::{Accounts, Waba};

pub(crate) fn phone(call: &Call<'_>, id: &str) -> Answer {
    call.manage_phone(id)?;
    let accounts = call.sim.accounts();
    let phone = accounts.phone(id).ok_or_else(|| call.no_object(id))?;
    let mut entities = vec![phone.health_entity()];
    entities.extend(around(&accounts, accounts.waba(&phone.waba_id), &call.token.app_id));
    Ok(json(beside(&accounts.phone_node(phone), call, status(id, entities))))
}

pub(crate) fn waba(call: &Call<'_>, id: &str) -> Answer {
    call.manage_waba(id)?;
    let accounts = call.sim.accounts();
    let waba = accounts.waba(id).ok_or_else(|| call.no_object(id))?;
    let health = status(id, around(&accounts, Some(waba), &call.token.app_id));
    Ok(json(beside(&waba.node(), call, health)))
}

pub(crate) fn template(call: &Call<'_>, id: &str) -> Answer {
    let template = call.sim.templates().by_id(id).cloned().ok_or_else(|| call.no_object(id))?;
    call.manage_waba(&template.waba_id)?;
    let own = template.node(&["health_status".to_owned()]);
    let mut entities = own["health_status"]["entities"].as_array().cloned().unwrap_or_default();
    let accounts = call.sim.accounts();
    entities.extend(around(&accounts, accounts.waba(&template.waba_id), &call.token.app_id));
    let node = template.node(&fields_of(&call.params));
    Ok(json(beside(&node, call, status(id, entities))))
}

fn around(accounts: &Accounts, waba: Option<&Waba>, app_id: &str) -> Vec<Value> {
    let Some(waba) = waba else { return Vec::new() };
    let app = accounts.app(app_id).map_or(app_id, |app| app.id.as_str());
    vec![
        waba.health_entity(),
        json!({"entity_type": "BUSINESS", "id": waba.business_id, "can_send_message": "AVAILABLE"}),
        json!({"entity_type": "APP", "id": app, "can_send_message": "AVAILABLE", "can_receive_call_sip": "AVAILABLE"}),
    ]
}

/// The health beside whatever else of the node was asked for.
fn beside(node: &Value, call: &Call<'_>, health: Value) -> Value {
    let mut answer = pick(node, &fields_of(&call.params), &[]);
    if let (Some(answer), Value::Object(health)) = (answer.as_object_mut(), health) {
        answer.extend(health);
    }
    answer
}

/// The whole is as bad as its worst part.
fn status(id: &str, entities: Vec<Value>) -> Value {
    let is = |state: &str| entities.iter().any(|entity| entity["can_send_message"] == state);
    let overall = match () {
        () if is("BLOCKED") => "BLOCKED",
        () if is("LIMITED") => "LIMITED",
        () => "AVAILABLE",
    };
    json!({"health_status": {"can_send_message": overall, "entities": entities}, "id": id})
}
