//! The value of the `messages` field that carries statuses, in the dialect of the app's webhook version.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Change, escape};
use crate::accounts::Phone;
use crate::errors::known;
use crate::faults::Faults;
use crate::ledger::Stage;
use crate::sim::Sim;
use crate::statuses::StatusItem;

const DAY_S: i64 = 24 * 3_600;

#[derive(Serialize)]
struct Body<'a> {
    messaging_product: &'static str,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<Value>,
    statuses: Vec<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_from_the_future: Option<Value>,
}

#[derive(Serialize)]
pub(crate) struct Metadata<'a> {
    pub(crate) display_phone_number: &'a str,
    pub(crate) phone_number_id: &'a str,
}

impl<'a> Metadata<'a> {
    pub(crate) fn of(phone: &'a Phone) -> Self {
        Self { display_phone_number: &phone.digits, phone_number_id: &phone.id }
    }
}

#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    status: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing: Option<Pricing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Value>,
}

#[derive(Serialize)]
struct Pricing {
    billable: bool,
    pricing_model: &'static str,
    category: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The changes that carry these statuses of one number, each within the batch's size.
pub(crate) fn changes(sim: &Sim, faults: &Faults, phone: u32, items: &[StatusItem]) -> Vec<Change> {
    let accounts = sim.accounts();
    let Some(phone) = accounts.phone_at(phone) else { return Vec::new() };
    let now_s = sim.clock.now().as_second();
    items
        .chunks(faults.webhook_batch_max.max(1))
        .map(|chunk| Change {
            waba_id: phone.waba_id.clone(),
            phone: Some(phone.index),
            field: "messages".into(),
            value: value(sim, faults, phone, chunk, now_s),
            items: chunk.len(),
            time: None,
        })
        .collect()
}

fn value(sim: &Sim, faults: &Faults, phone: &Phone, items: &[StatusItem], now_s: i64) -> String {
    let body = Body {
        messaging_product: "whatsapp",
        metadata: Metadata::of(phone),
        contacts: contacts(sim, faults, items),
        statuses: items.iter().map(|item| status(sim, faults, item, now_s)).collect(),
        field_from_the_future: faults.webhook_unknown_fields.then(|| json!({"unknown": [1, "two", null]})),
    };
    escape::to_json(&body, faults.webhook_raw_utf8)
}

/// Contacts came with business-scoped ids: one per recipient, never for failures.
fn contacts(sim: &Sim, faults: &Faults, items: &[StatusItem]) -> Vec<Value> {
    if !(faults.bsuid && faults.webhook_contacts) {
        return Vec::new();
    }
    let mut seen = std::collections::HashSet::new();
    let told = items.iter().filter(|item| item.stage != Stage::Failed && seen.insert(item.user));
    told.map(|item| sim.contact(item.user, faults)).collect()
}

fn status<'a>(sim: &Sim, faults: &Faults, item: &'a StatusItem, now_s: i64) -> Status<'a> {
    Status {
        id: &item.wamid,
        status: match item.stage {
            Stage::Sent => "sent",
            Stage::Delivered => "delivered",
            Stage::Read => "read",
            Stage::Failed => "failed",
            Stage::Played => "played",
        },
        timestamp: now_s.to_string(),
        recipient_id: sim.customers.wa_id(item.user),
        recipient_user_id: faults.bsuid.then(|| sim.customers.bsuid(item.user)),
        biz_opaque_callback_data: item.callback.as_deref(),
        conversation: (faults.dialect == "v23" && item.stage != Stage::Failed)
            .then(|| conversation(item, now_s)),
        pricing: item.priced.then(|| pricing(item)),
        errors: (item.failure != 0).then(|| errors(item.failure)),
    }
}

/// v23 and older: a conversation for each message, its end told with `sent` only.
fn conversation(item: &StatusItem, now_s: i64) -> Value {
    let tail: String = item.wamid.chars().rev().filter(char::is_ascii_alphanumeric).take(32).collect();
    let mut conversation = json!({"id": tail.to_ascii_lowercase(), "origin": {"type": item.category}});
    if item.stage == Stage::Sent {
        conversation["expiration_timestamp"] = (now_s + DAY_S).to_string().into();
    }
    conversation
}

/// Per-message pricing: templates are charged, except utility ones inside a window.
fn pricing(item: &StatusItem) -> Pricing {
    let free = !item.template || (item.in_window && item.category == "utility");
    Pricing {
        billable: !free,
        pricing_model: "PMP",
        category: item.category,
        kind: if free { "free_customer_service" } else { "regular" },
    }
}

fn errors(code: i32) -> Value {
    let known = known::lookup(i64::from(code));
    json!([{
        "code": code,
        "title": known.title,
        "message": known.title,
        "error_data": {"details": known.details},
        "href": "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/",
    }])
}
