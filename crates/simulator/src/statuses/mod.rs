//! What happens to accepted messages afterwards: planned at acceptance, played by one timer task.

mod emit;
mod plan;
mod timeline;

pub(crate) use emit::StatusItem;
pub(crate) use plan::plan;
pub(crate) use timeline::{Outbox, Timeline, run};

use crate::ledger::Stage;

/// Something that happens later.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A status of the message with this sequence number.
    Status { seq: u64, stage: Stage, failure: i32 },
    /// The customer reacts to the message.
    Reaction { seq: u64, reaction: Reaction },
    /// A webhook change of any field is sent.
    Change(Box<crate::webhooks::Change>),
    /// A template's review ends.
    Review { template_id: String, version: u32 },
}

/// How a customer reacts.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    Text(String),
    /// Taps the first button or list row, if there is one.
    Tap,
}

/// An event and the milliseconds until it happens.
pub(crate) type Later = (u64, Event);
