//! The delivery log: what was posted where, how often, with which outcome.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

const KEPT: usize = 5_000;
const BODY_KEPT_MAX: usize = 64 * 1_024;
/// All kept bodies together; the oldest go first.
const BODIES_KEPT_MAX: usize = 16 * 1_024 * 1_024;

/// One POST of the log.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryRecord {
    /// Number of the POST, from 1.
    pub id: u64,
    /// Simulated time of its making.
    pub at: Timestamp,
    /// Receiver.
    pub url: String,
    /// Field of its first change.
    pub field: String,
    /// Messages and statuses in it.
    pub items: usize,
    /// `pending`, `delivered`, `retrying`, `lost` (by a fault), `given_up` (after 7 simulated days).
    pub state: &'static str,
    /// Times it was sent.
    pub attempts: u32,
    /// Status of the last answer; absent when there was none.
    pub status: Option<u16>,
    /// What went wrong with the last attempt.
    pub error: Option<String>,
    /// The body as sent, for bodies of up to 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    #[serde(skip)]
    bytes: Option<Bytes>,
}

pub(crate) struct Draft<'a> {
    pub(crate) at: Timestamp,
    pub(crate) url: &'a str,
    pub(crate) field: &'a str,
    pub(crate) items: usize,
    pub(crate) body: &'a Bytes,
    pub(crate) lost: bool,
}

#[derive(Default)]
pub(crate) struct DeliveryLog {
    records: VecDeque<DeliveryRecord>,
    next: u64,
    body_bytes: usize,
    /// Number of the oldest record that may still have its body.
    oldest_body: u64,
    /// Posts that wait for their first or next attempt.
    pub(crate) open: u64,
    /// Changes that nobody was subscribed to.
    pub(crate) unsubscribed: u64,
    pub(crate) delivered: u64,
    pub(crate) failed_attempts: u64,
}

impl DeliveryLog {
    pub(crate) fn open(&mut self, draft: Draft<'_>) -> u64 {
        self.next += 1;
        if self.records.len() == KEPT {
            let gone = self.records.pop_front().and_then(|record| record.bytes);
            self.body_bytes -= gone.map_or(0, |bytes| bytes.len());
        }
        let kept = (draft.body.len() <= BODY_KEPT_MAX).then(|| draft.body.clone());
        self.body_bytes += kept.as_ref().map_or(0, Bytes::len);
        self.open += u64::from(!draft.lost);
        self.records.push_back(DeliveryRecord {
            id: self.next,
            at: draft.at,
            url: draft.url.into(),
            field: draft.field.into(),
            items: draft.items,
            state: if draft.lost { "lost" } else { "pending" },
            attempts: 0,
            status: None,
            error: None,
            body: None,
            bytes: kept,
        });
        self.drop_old_bodies();
        self.next
    }

    fn drop_old_bodies(&mut self) {
        while self.body_bytes > BODIES_KEPT_MAX && self.oldest_body <= self.next {
            let first = self.records.front().map_or(0, |record| record.id);
            self.oldest_body = self.oldest_body.max(first);
            let at = usize::try_from(self.oldest_body - first).unwrap_or(usize::MAX);
            let gone = self.records.get_mut(at).and_then(|record| record.bytes.take());
            self.body_bytes -= gone.map_or(0, |bytes| bytes.len());
            self.oldest_body += 1;
        }
    }

    /// Notes an attempt; `state` ends the POST when it is neither `pending` nor `retrying`.
    pub(crate) fn attempt(
        &mut self,
        id: u64,
        state: &'static str,
        status: Option<u16>,
        error: Option<String>,
    ) {
        match state {
            "delivered" => {
                self.delivered += 1;
                self.open = self.open.saturating_sub(1);
            }
            "given_up" => self.open = self.open.saturating_sub(1),
            _ => self.failed_attempts += 1,
        }
        let first = self.records.front().map_or(0, |record| record.id);
        let at = id.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(record) = at.and_then(|at| self.records.get_mut(at)) {
            record.attempts += 1;
            record.state = state;
            record.status = status;
            record.error = error;
        }
    }

    /// Records after `after`, at most `limit`, with their bodies when asked.
    pub(crate) fn after(&self, after: u64, limit: usize, bodies: bool) -> Vec<DeliveryRecord> {
        let wanted = self.records.iter().filter(|record| record.id > after).take(limit);
        wanted
            .map(|record| {
                let text =
                    record.bytes.as_deref().filter(|_| bodies).and_then(|b| std::str::from_utf8(b).ok());
                let body = text.and_then(|text| RawValue::from_string(text.to_owned()).ok());
                DeliveryRecord { body, bytes: None, ..record.clone() }
            })
            .collect()
    }
}
