//! What customers wrote, in order.

use serde_json::Value;

pub(crate) struct Inbound {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) phone: u32,
    pub(crate) message: Value,
    /// The inbound message before this one in the same conversation (0: none).
    pub(crate) previous: u64,
}

/// Inbound messages; numbered from 1.
#[derive(Default)]
pub(crate) struct Inbox {
    entries: Vec<Inbound>,
}

impl Inbox {
    pub(crate) fn next_seq(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    pub(crate) fn push(&mut self, entry: Inbound) {
        self.entries.push(entry);
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Inbound> {
        self.entries.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The message of an id; the id holds its number.
    pub(crate) fn find(&self, id: &str) -> Option<&Inbound> {
        let numbered = crate::identifiers::wamid_parts(id).and_then(|(seq, ..)| self.get(seq));
        // An id that a test chose itself is looked for among all.
        numbered
            .filter(|entry| entry.id == id)
            .or_else(|| self.entries.iter().rev().find(|entry| entry.id == id))
    }
}
