//! Turns the events of one moment into webhooks.

use std::collections::BTreeMap;

use super::{Event, Reaction};
use crate::customers::{UserKey, inbound};
use crate::ledger::Stage;
use crate::sim::Sim;
use crate::templates::review;
use crate::webhooks::{Change, status_value};

/// A status with what the ledger knows of its message.
pub(crate) struct StatusItem {
    pub(crate) wamid: String,
    pub(crate) stage: Stage,
    pub(crate) failure: i32,
    pub(crate) user: UserKey,
    pub(crate) callback: Option<Box<str>>,
    pub(crate) category: &'static str,
    pub(crate) template: bool,
    pub(crate) in_window: bool,
    /// `pricing` comes with `sent` and with the first of delivered and read.
    pub(crate) priced: bool,
}

pub(crate) fn emit(sim: &Sim, events: Vec<Event>) {
    let mut changes = Vec::new();
    let mut reactions = Vec::new();
    let mut reviews = Vec::new();
    let mut by_phone: BTreeMap<u32, Vec<StatusItem>> = BTreeMap::new();
    let mut ledger = sim.ledger();
    for event in events {
        match event {
            Event::Status { seq, stage, failure } => {
                if let Some((phone, item)) =
                    ledger.get_mut(seq).map(|entry| status(entry, seq, stage, failure))
                {
                    by_phone.entry(phone).or_default().push(item);
                }
            }
            Event::Reaction { seq, reaction } => reactions.push((seq, reaction)),
            Event::Change(change) => changes.push(*change),
            Event::Review { template_id, version } => reviews.push((template_id, version)),
        }
    }
    drop(ledger);
    for (template_id, version) in reviews {
        review::finish(sim, &template_id, version);
    }
    let faults = sim.faults.get();
    for (phone, mut items) in by_phone {
        if faults.webhook_reorder > 0.0 {
            sim.entropy.shuffle(&mut items);
        }
        changes.extend(status_value::changes(sim, &faults, phone, &items));
    }
    changes.extend(reactions.into_iter().filter_map(|(seq, reaction)| react(sim, seq, reaction)));
    sim.webhooks.post(sim, &faults, changes);
}

fn status(entry: &mut crate::ledger::Entry, seq: u64, stage: Stage, failure: i32) -> (u32, StatusItem) {
    let arrived = entry.has(Stage::Delivered) || entry.has(Stage::Read);
    let priced =
        matches!(stage, Stage::Sent) || (!arrived && matches!(stage, Stage::Delivered | Stage::Read));
    entry.mark(stage);
    if failure != 0 {
        entry.failure = failure;
    }
    let item = StatusItem {
        wamid: entry.wamid(seq),
        stage,
        failure,
        user: entry.user,
        callback: entry.callback.clone(),
        category: entry.category,
        template: entry.template.is_some(),
        in_window: entry.in_window,
        priced,
    };
    (entry.phone, item)
}

fn react(sim: &Sim, seq: u64, reaction: Reaction) -> Option<Change> {
    let (phone, user, wamid, body) = {
        let ledger = sim.ledger();
        let entry = ledger.get(seq)?;
        (entry.phone, entry.user, entry.wamid(seq), entry.body.clone())
    };
    let message = match reaction {
        Reaction::Text(text) => serde_json::json!({"type": "text", "text": {"body": text}}),
        Reaction::Tap => inbound::first_tap(sim, phone, body.as_deref()?, &wamid)?,
    };
    inbound::receive(sim, phone, user, message)
}
