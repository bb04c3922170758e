//! What is stored, and for how long.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

const DAY_MS: i64 = 24 * 3_600_000;
const URL_MS: i64 = 5 * 60_000;

/// One stored file.
#[derive(Debug, Clone)]
pub(crate) struct Medium {
    pub(crate) id: String,
    pub(crate) waba_id: String,
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    pub(crate) sha256: String,
    pub(crate) created_ms: i64,
    /// Sent by a customer: kept 7 days instead of 30, and not usable in sends.
    pub(crate) inbound: bool,
}

impl Medium {
    pub(crate) fn new(
        id: String,
        waba_id: &str,
        mime: &str,
        bytes: Bytes,
        created_ms: i64,
        inbound: bool,
    ) -> Self {
        let sha256 = hex::encode(digest(&SHA256, &bytes));
        Self { id, waba_id: waba_id.into(), mime: mime.into(), bytes, sha256, created_ms, inbound }
    }

    fn alive(&self, now_ms: i64) -> bool {
        now_ms - self.created_ms < if self.inbound { 7 * DAY_MS } else { 30 * DAY_MS }
    }
}

/// A resumable upload: a session until it is complete, then a handle.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) length: usize,
    pub(crate) mime: String,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct MediaStore {
    media: HashMap<String, Medium>,
    /// Ticket of a URL to media id and end of validity.
    tickets: HashMap<String, (String, i64)>,
    pub(crate) uploads: HashMap<String, Upload>,
    pub(crate) handles: HashMap<String, String>,
}

impl MediaStore {
    pub(crate) fn put(&mut self, medium: Medium) {
        self.media.insert(medium.id.clone(), medium);
    }

    pub(crate) fn get(&self, id: &str, now_ms: i64) -> Option<&Medium> {
        self.media.get(id).filter(|medium| medium.alive(now_ms))
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.media.contains_key(id)
    }

    /// The type of a medium that the account may send.
    pub(crate) fn usable(&self, id: &str, waba_id: &str, now_ms: i64) -> Option<String> {
        let medium = self.get(id, now_ms)?;
        (medium.waba_id == waba_id && !medium.inbound).then(|| medium.mime.clone())
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.media.remove(id).is_some()
    }

    /// Makes a URL ticket that is good for five minutes.
    pub(crate) fn ticket(&mut self, id: &str, ticket: String, now_ms: i64) -> String {
        self.tickets.retain(|_, (_, end)| *end > now_ms);
        self.tickets.insert(ticket.clone(), (id.to_owned(), now_ms + URL_MS));
        ticket
    }

    /// The medium behind a ticket that is still good.
    pub(crate) fn redeem(&self, ticket: &str, now_ms: i64) -> Option<&Medium> {
        let (id, end) = self.tickets.get(ticket)?;
        if *end > now_ms { self.get(id, now_ms) } else { None }
    }

    pub(crate) fn len(&self) -> usize {
        self.media.len()
    }
}
