//! One accepted message, kept lean: the message id is computed, the body can be left out.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::accounts::Accounts;
use crate::customers::UserKey;
use crate::identifiers::wamid;

/// How far a message came. Bits, because statuses may be skipped or come in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Sent = 1,
    Delivered = 2,
    Read = 4,
    Failed = 8,
    /// A voice note was listened to.
    Played = 16,
}

pub(crate) struct Entry {
    /// Microseconds: a limit per second is judged by it.
    pub(crate) at_us: i64,
    pub(crate) phone: u32,
    pub(crate) nonce: u32,
    pub(crate) user: UserKey,
    pub(crate) kind: &'static str,
    /// Pricing category: service, marketing, utility, authentication.
    pub(crate) category: &'static str,
    /// Whether the customer-service window was open when it was accepted.
    pub(crate) in_window: bool,
    pub(crate) stages: u8,
    /// Meta's code when the message failed later.
    pub(crate) failure: i32,
    /// The message before this one in the same conversation (0: none).
    pub(crate) previous: u64,
    pub(crate) to: Box<str>,
    pub(crate) template: Option<Box<str>>,
    pub(crate) callback: Option<Box<str>>,
    pub(crate) body: Option<Box<str>>,
}

/// A ledger line as `GET /_sim/ledger` gives it.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerEntry {
    /// Order of acceptance, from 1.
    pub seq: u64,
    /// Simulated time of acceptance.
    pub at: Timestamp,
    /// The sending number.
    pub phone_number_id: String,
    /// The recipient as the request wrote it.
    pub to: String,
    /// The recipient's WhatsApp id, absent for a customer known by BSUID alone.
    pub wa_id: Option<String>,
    /// Message type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Template name, for templates.
    pub template: Option<String>,
    /// The message id that was (or would have been) answered.
    pub wamid: String,
    /// `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// The request body; null when bodies are not kept.
    pub body: Option<Box<RawValue>>,
    /// Statuses emitted so far.
    pub statuses: Vec<&'static str>,
    /// Meta's code of a later failure.
    pub failure: Option<i32>,
}

impl Entry {
    /// The number, or for a customer without one the BSUID, that the message id is made of.
    pub(crate) fn party(&self) -> String {
        self.user.digits().unwrap_or_else(|| self.to.to_string())
    }

    pub(crate) fn wamid(&self, seq: u64) -> String {
        wamid(&self.party(), seq, self.nonce, true)
    }

    pub(crate) fn at_ms(&self) -> i64 {
        self.at_us / 1_000
    }

    pub(crate) fn mark(&mut self, stage: Stage) {
        self.stages |= stage as u8;
    }

    pub(crate) fn has(&self, stage: Stage) -> bool {
        self.stages & stage as u8 != 0
    }

    pub(crate) fn show(&self, seq: u64, accounts: &Accounts) -> LedgerEntry {
        let names = [
            (Stage::Sent, "sent"),
            (Stage::Delivered, "delivered"),
            (Stage::Read, "read"),
            (Stage::Failed, "failed"),
            (Stage::Played, "played"),
        ];
        LedgerEntry {
            seq,
            at: Timestamp::from_microsecond(self.at_us).unwrap_or(Timestamp::UNIX_EPOCH),
            phone_number_id: accounts.phone_at(self.phone).map(|phone| phone.id.clone()).unwrap_or_default(),
            to: self.to.to_string(),
            wa_id: self.user.digits(),
            kind: self.kind,
            template: self.template.as_deref().map(Into::into),
            wamid: self.wamid(seq),
            callback_data: self.callback.as_deref().map(Into::into),
            body: self.body.as_deref().and_then(|body| RawValue::from_string(body.into()).ok()),
            statuses: names.iter().filter(|(stage, _)| self.has(*stage)).map(|(_, name)| *name).collect(),
            failure: (self.failure != 0).then_some(self.failure),
        }
    }
}
