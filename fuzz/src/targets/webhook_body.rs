//! A webhook body: read whatever it is, and one bad item never spoils its neighbours.

use std::sync::LazyLock;

use graph::webhook::{Envelope, ItemKind, parse};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::mutate::{bytes, tree};

static CHANGES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../seeds/changes.json"))
        .expect("the seeds are JSON, written by hand")
});

const GOOD_WAMID: &str = "wamid.THE.GOOD.ONE";

pub(crate) fn check(rng: &mut StdRng, input: &mut Vec<u8>) -> Result<(), String> {
    let mut entry = json!({"id": "102290129340398", "time": 1_739_321_024, "changes": changes(rng)});
    for _ in 0..rng.random_range(0..6) {
        tree::mutate(rng, &mut entry, &CHANGES);
    }
    let body = json!({"object": "whatsapp_business_account", "entry": [entry, good_entry()]});
    *input = body.to_string().into_bytes();
    let envelope = parse(input).map_err(|fault| format!("JSON was refused: {fault}"))?;
    neighbour_survives(&envelope)?;
    pointers_lead_to_items(input, &envelope)?;

    for _ in 0..rng.random_range(1..4) {
        bytes::mutate(rng, input);
    }
    let is_json = serde_json::from_slice::<&serde_json::value::RawValue>(input).is_ok();
    match parse(input) {
        Err(_) if is_json => Err("JSON was refused".into()),
        Ok(envelope) if envelope.items.is_empty() => {
            Err("a body without any item, not even one unrecognised".into())
        }
        _ => Ok(()),
    }
}

fn changes(rng: &mut StdRng) -> Vec<Value> {
    (0..rng.random_range(1..4)).filter_map(|_| CHANGES.choose(rng).cloned()).collect()
}

fn good_entry() -> Value {
    json!({"id": "102290129340398", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        "messages": [{"from": "16505551234", "id": GOOD_WAMID, "timestamp": "1750030073", "type": "text",
                      "text": {"body": "hello"}}],
    }}]})
}

fn neighbour_survives(envelope: &Envelope) -> Result<(), String> {
    match envelope.items.last().map(|item| &item.kind) {
        Some(ItemKind::Message(message)) if message.wamid == GOOD_WAMID => Ok(()),
        other => Err(format!("the good message behind the mutated ones was lost: {other:?}")),
    }
}

/// A body that nests deeper than a JSON value may is read all the same, but has no value to compare with.
fn pointers_lead_to_items(input: &[u8], envelope: &Envelope) -> Result<(), String> {
    let Ok(body) = serde_json::from_slice::<Value>(input) else { return Ok(()) };
    for item in &envelope.items {
        let found = body.pointer(&item.pointer);
        if found != Some(&item.raw_value()) {
            return Err(format!("{} leads to {found:?}, the item is {}", item.pointer, item.raw.get()));
        }
    }
    Ok(())
}
