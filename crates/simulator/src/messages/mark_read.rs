//! `{"status":"read"}`, with or without a typing indicator (WhatsApp, "Mark messages as read").

use jiff::Timestamp;
use serde_json::Value;

use super::accept::Sender;
use super::envelope::product;
use super::fields::{Checked, Object};
use crate::errors::GraphError;
use crate::ledger::MarkedRead;

pub(crate) fn mark(sender: &Sender<'_>, body: &Value) -> Checked {
    product(body)?;
    match body.get("status").and_then(Value::as_str) {
        Some(status) if status.eq_ignore_ascii_case("read") => {}
        _ => return Err(GraphError::param("Param status must be one of {READ}.")),
    }
    let id = body.get("message_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| GraphError::required("message_id"))?;
    if body.get("typing_indicator").is_some() && Object::of(body, "typing_indicator")?.text("type")? != "text"
    {
        return Err(GraphError::param("Param typing_indicator['type'] must be one of {TEXT}."));
    }
    if !sender.faults.lenient_references {
        inbound_only(sender, id)?;
    }
    sender.sim.ledger().reads.push(MarkedRead {
        at: Timestamp::from_millisecond(sender.now_ms).unwrap_or(Timestamp::UNIX_EPOCH),
        phone_number_id: sender.phone.id.clone(),
        message_id: id.to_owned(),
        typing: body.get("typing_indicator").is_some(),
    });
    Ok(())
}

fn inbound_only(sender: &Sender<'_>, id: &str) -> Checked {
    let known = sender.sim.inbox().find(id).is_some_and(|inbound| inbound.phone == sender.phone.index);
    if known {
        return sender.references().message(id).map_err(|fault| fault.refuse("message_id"));
    }
    Err(GraphError::message(131009, "Param message_id is not a message that was sent to this number."))
}
