//! The ledger of accepted messages: what tests compare with to prove "exactly once".

pub(crate) mod entry;
pub(crate) mod inbox;

pub use entry::LedgerEntry;
pub(crate) use entry::{Entry, Stage};
pub(crate) use inbox::{Inbound, Inbox};

use crate::identifiers::{wamid, wamid_parts};

/// Accepted messages in the order of acceptance; `seq` starts at 1.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    pub(crate) reads: Vec<MarkedRead>,
}

/// A `status: read` call by the business.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct MarkedRead {
    pub(crate) at: jiff::Timestamp,
    pub(crate) phone_number_id: String,
    pub(crate) message_id: String,
    pub(crate) typing: bool,
}

impl Ledger {
    /// Adds an entry and returns its sequence number.
    pub(crate) fn push(&mut self, entry: Entry) -> u64 {
        self.entries.push(entry);
        self.entries.len() as u64
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Entries after `after`, at most `limit`.
    pub(crate) fn after(&self, after: u64, limit: usize) -> impl Iterator<Item = (u64, &Entry)> {
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(self.entries.len());
        let slice = self.entries.get(from..).unwrap_or_default();
        slice.iter().take(limit).enumerate().map(move |(at, entry)| ((from + at + 1) as u64, entry))
    }

    /// The entry of a message id, without an index: the id holds the sequence number.
    pub(crate) fn find(&self, id: &str) -> Option<(u64, &Entry)> {
        let (seq, nonce, outbound) = wamid_parts(id)?;
        let entry = self.get(seq)?;
        let same = outbound && entry.nonce == nonce && wamid(&entry.party(), seq, nonce, true) == id;
        same.then_some((seq, entry))
    }
}
