//! A customer writes: the message object is filled in, the window opens, the webhook goes out.

use serde_json::{Map, Value, json};

use super::{UserKey, profile};
use crate::faults::Faults;
use crate::identifiers::{trace_id, wamid};
use crate::ledger::Inbound;
use crate::sim::Sim;
use crate::statuses::Event;
use crate::webhooks::Change;

/// Takes a message that a test or the phone page sends as `customer`; returns its id.
pub(crate) fn from_outside(
    sim: &Sim,
    phone_id: &str,
    customer: &str,
    message: Value,
) -> Result<String, String> {
    let user = profile::named(&sim.customers, customer)
        .ok_or(format!("{customer} is no phone number and no BSUID"))?;
    let phone = {
        let accounts = sim.accounts();
        let phone = accounts.phone(phone_id).ok_or(format!("there is no phone number id {phone_id}"))?;
        phone.index
    };
    let (id, change) = book(sim, phone, user, message).ok_or("the message must be an object with a type")?;
    sim.outbox.plan(vec![(0, Event::Change(Box::new(change)))]);
    Ok(id)
}

/// Books an inbound message and makes its webhook change.
pub(crate) fn receive(sim: &Sim, phone: u32, user: UserKey, message: Value) -> Option<Change> {
    book(sim, phone, user, message).map(|(_, change)| change)
}

fn book(sim: &Sim, phone: u32, user: UserKey, message: Value) -> Option<(String, Change)> {
    let Value::Object(message) = message else { return None };
    let kind = message.get("type").and_then(Value::as_str)?.to_owned();
    let faults = sim.faults.get();
    let now = sim.clock.now();
    let message = enrich(sim, phone, message)?;
    let nonce = sim.entropy.number() as u32;
    let party = sim.customers.wa_id(user).unwrap_or_else(|| sim.customers.bsuid(user));
    let mut inbox = sim.inbox();
    let seq = inbox.next_seq();
    let message = complete(sim, &faults, user, message, wamid(&party, seq, nonce, false), now.as_second());
    let id = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    // System events open no window.
    let opens = kind != "system";
    let previous = sim.conversations.with(phone, user, |pair| {
        if opens {
            pair.last_inbound_ms = now.as_millisecond();
        }
        std::mem::replace(&mut pair.last_in, seq)
    });
    let value = Value::Object(message);
    inbox.push(Inbound {
        id: id.clone(),
        at_ms: now.as_millisecond(),
        phone,
        message: value.clone(),
        previous,
    });
    drop(inbox);
    change(sim, &faults, phone, user, value, &kind).map(|change| (id, change))
}

/// What the sender's phone leaves to Meta: whom a reply answers, where a medium is fetched.
fn enrich(sim: &Sim, phone: u32, mut message: Map<String, Value>) -> Option<Map<String, Value>> {
    if let Some(context) = message.get_mut("context").and_then(Value::as_object_mut)
        && context.contains_key("id")
        && !context.contains_key("from")
    {
        context.insert("from".into(), sim.accounts().phone_at(phone)?.digits.clone().into());
    }
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(given) = message.get_mut(&kind).and_then(Value::as_object_mut) {
        let now_ms = sim.clock.now_ms();
        let mut store = sim.media();
        let id = given.get("id").and_then(Value::as_str);
        if let Some(medium) = id.and_then(|id| store.get(id, now_ms)).cloned() {
            let ticket = store.ticket(&medium.id, trace_id(&sim.entropy), now_ms);
            given.entry("mime_type").or_insert_with(|| medium.mime.into());
            given.entry("sha256").or_insert_with(|| medium.sha256.into());
            given.entry("url").or_insert_with(|| format!("{}/_media/{ticket}", sim.url()).into());
        }
    }
    Some(message)
}

fn complete(
    sim: &Sim,
    faults: &Faults,
    user: UserKey,
    given: Map<String, Value>,
    id: String,
    now_s: i64,
) -> Map<String, Value> {
    let mut message = Map::new();
    if let Some(wa_id) = sim.customers.wa_id(user) {
        message.insert("from".into(), wa_id.into());
    }
    if faults.bsuid {
        message.insert("from_user_id".into(), sim.customers.bsuid(user).into());
    }
    message.insert("id".into(), id.into());
    message.insert("timestamp".into(), now_s.to_string().into());
    message.extend(given);
    message
}

fn change(
    sim: &Sim,
    faults: &Faults,
    phone: u32,
    user: UserKey,
    message: Value,
    kind: &str,
) -> Option<Change> {
    let accounts = sim.accounts();
    let phone = accounts.phone_at(phone)?;
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": phone.digits, "phone_number_id": phone.id},
    });
    // System messages come without contacts.
    if faults.webhook_contacts && kind != "system" {
        value["contacts"] = json!([sim.contact(user, faults)]);
    }
    value["messages"] = json!([message]);
    if faults.webhook_unknown_fields {
        value["field_from_the_future"] = json!({"unknown": true});
    }
    let mut change = Change::account(&phone.waba_id, "messages", &value, faults.webhook_raw_utf8, 0);
    change.phone = Some(phone.index);
    Some(change)
}

/// The tap on the first button or list row of an outbound message, as the customer's phone would send it.
pub(crate) fn first_tap(sim: &Sim, phone: u32, body: &str, wamid: &str) -> Option<Value> {
    let body: Value = serde_json::from_str(body).ok()?;
    let from = sim.accounts().phone_at(phone)?.digits.clone();
    let context = json!({"from": from, "id": wamid});
    if let Some(reply) = body.pointer("/interactive/action/buttons/0/reply") {
        return Some(json!({
            "context": context, "type": "interactive", "interactive": {"type": "button_reply", "button_reply": reply},
        }));
    }
    if let Some(row) = body.pointer("/interactive/action/sections/0/rows/0") {
        return Some(json!({
            "context": context, "type": "interactive", "interactive": {"type": "list_reply", "list_reply": row},
        }));
    }
    let (text, payload) = quick_reply(sim, phone, &body)?;
    Some(json!({"context": context, "type": "button", "button": {"payload": payload, "text": text}}))
}

/// Label and payload of a template's first quick reply.
fn quick_reply(sim: &Sim, phone: u32, body: &Value) -> Option<(String, String)> {
    let waba_id = sim.accounts().phone_at(phone)?.waba_id.clone();
    let name = body.pointer("/template/name")?.as_str()?;
    let language = body.pointer("/template/language/code")?.as_str()?;
    let template = sim.templates().in_language(&waba_id, name, language)?.clone();
    let at = template.shape.buttons.iter().position(|button| button.kind == "QUICK_REPLY")?;
    let label = template.shape.buttons.get(at)?.text.clone();
    Some((label.clone(), sent_payload(body, at).unwrap_or(label)))
}

/// The payload that the send gave to the button at `at`.
pub(crate) fn sent_payload(body: &Value, at: usize) -> Option<String> {
    let components = body.pointer("/template/components")?.as_array()?;
    let same = |index: &Value| index.as_u64() == Some(at as u64) || index.as_str() == Some(&at.to_string());
    let component = components.iter().find(|component| component.get("index").is_some_and(same))?;
    Some(component.pointer("/parameters/0/payload")?.as_str()?.to_owned())
}
