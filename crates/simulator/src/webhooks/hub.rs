//! From changes to POSTs: who receives them, what goes into one body, which faults hit it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Change;
use super::log::{DeliveryLog, Draft};
use crate::accounts::callback::Receiver;
use crate::faults::Faults;
use crate::sim::Sim;

/// A body on its way to one receiver.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: u64,
    pub(crate) receiver: Receiver,
    pub(crate) body: Bytes,
    pub(crate) wait_ms: u64,
    pub(crate) created_ms: i64,
    pub(crate) generation: u64,
}

pub(crate) struct WebhookHub {
    to: UnboundedSender<Delivery>,
    log: Mutex<DeliveryLog>,
    generation: AtomicU64,
}

impl WebhookHub {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Delivery>) {
        let (to, from) = unbounded_channel();
        (Self { to, log: Mutex::default(), generation: AtomicU64::new(0) }, from)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, DeliveryLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Forgets the log and everything under way.
    pub(crate) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        *self.log() = DeliveryLog::default();
    }

    /// Sends changes to everyone subscribed.
    pub(crate) fn post(&self, sim: &Sim, faults: &Faults, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut by_receiver: BTreeMap<Receiver, Vec<usize>> = BTreeMap::new();
        let accounts = sim.accounts();
        for (at, change) in changes.iter().enumerate() {
            let phone = change.phone.and_then(|index| accounts.phone_at(index));
            let receivers = accounts.receivers(&change.waba_id, phone, &change.field);
            if receivers.is_empty() {
                self.log().unsubscribed += 1;
            }
            for receiver in receivers {
                by_receiver.entry(receiver).or_default().push(at);
            }
        }
        drop(accounts);
        for (receiver, all) in by_receiver {
            let wanted: Vec<&Change> = all.iter().filter_map(|at| changes.get(*at)).collect();
            for batch in batches(&wanted, faults.webhook_batch_max.max(1)) {
                self.launch(sim, faults, &receiver, batch);
            }
        }
    }

    fn launch(&self, sim: &Sim, faults: &Faults, receiver: &Receiver, batch: &[&Change]) {
        let body = Bytes::from(envelope(batch));
        let copies = 1 + usize::from(sim.entropy.chance(faults.webhook_duplicate_rate));
        for _ in 0..copies {
            let lost = sim.entropy.chance(faults.webhook_loss_rate);
            let late = if sim.entropy.chance(faults.webhook_late_rate) { faults.webhook_late_ms } else { 0 };
            let id = self.log().open(Draft {
                at: sim.clock.now(),
                url: &receiver.url,
                field: batch.first().map_or("", |change| change.field.as_str()),
                items: batch.iter().map(|change| change.items).sum(),
                body: &body,
                lost,
            });
            if !lost {
                let _ = self.to.send(Delivery {
                    id,
                    receiver: receiver.clone(),
                    body: body.clone(),
                    wait_ms: faults.webhook_delay_ms + late,
                    created_ms: sim.clock.now_ms(),
                    generation: self.generation(),
                });
            }
        }
    }
}

/// A body is at most 3 MB (WhatsApp, "Webhooks"); half of that leaves room for one big change.
const BYTES_MAX: usize = 1_500_000;

/// Groups of changes with at most `max` items and 3 MB; a change is never split here.
fn batches<'a, 'b>(changes: &'b [&'a Change], max: usize) -> Vec<&'b [&'a Change]> {
    let mut found = Vec::new();
    let (mut from, mut items, mut bytes) = (0, 0, 0);
    for (at, change) in changes.iter().enumerate() {
        if at > from && (items + change.items > max || bytes + change.value.len() > BYTES_MAX) {
            found.extend(changes.get(from..at));
            (from, items, bytes) = (at, 0, 0);
        }
        items += change.items;
        bytes += change.value.len();
    }
    found.extend(changes.get(from..).filter(|rest| !rest.is_empty()));
    found
}

/// The body: one entry per account and time, its changes inside. Ids and fields need no escape.
fn envelope(changes: &[&Change]) -> String {
    let mut entries: Vec<(&str, Option<i64>, Vec<&Change>)> = Vec::new();
    for change in changes {
        match entries.iter_mut().find(|(waba, time, _)| *waba == change.waba_id && *time == change.time) {
            Some((.., list)) => list.push(change),
            None => entries.push((&change.waba_id, change.time, vec![change])),
        }
    }
    let entries: Vec<String> = entries.iter().map(|(waba, time, list)| entry(waba, *time, list)).collect();
    format!(r#"{{"object":"whatsapp_business_account","entry":[{}]}}"#, entries.join(","))
}

fn entry(waba: &str, time: Option<i64>, changes: &[&Change]) -> String {
    let time = time.map(|time| format!(r#""time":{time},"#)).unwrap_or_default();
    let changes: Vec<String> = changes
        .iter()
        .map(|change| format!(r#"{{"value":{},"field":"{}"}}"#, change.value, change.field))
        .collect();
    format!(r#"{{"id":"{waba}",{time}"changes":[{}]}}"#, changes.join(","))
}
