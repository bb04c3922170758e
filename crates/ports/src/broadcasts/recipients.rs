//! Recipients: frozen, on their way, looked at.

use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use domain::broadcasts::schedule::FrequencyCap;
use domain::messages::gate::Recipient;
use domain::messages::{Content, Status};
use domain::templates::{Category, Params};
use domain::{BroadcastId, ConnectionId, ContactId, MessageId, TemplateId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contacts::Contact;
use crate::messages::Failure;

/// A share of the recipients: those whose id leaves `index` when divided by `of`. Several numbers work on one
/// broadcast, each on its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub index: i64,
    pub of: i64,
}

/// A recipient whose turn has come.
#[derive(Debug, Clone, PartialEq)]
pub struct DueRecipient {
    /// See the column `recipients.id`.
    pub id: i64,
    pub contact: Contact,
    /// What the gate asks, about the number that is to send.
    pub gate: Recipient,
    pub row: Option<Map<String, Value>>,
    /// See [`DueTimes`](super::DueTimes); as it is now, like at the claim.
    pub zone: Option<String>,
    /// Marketing templates sent to it within the cap's days; 0 when no cap was given.
    pub marketing_sent: i64,
    /// It had a template outside a window within 24 hours, or has an open window: Meta's limit does not count it again.
    pub known_today: bool,
}

/// What becomes of a recipient.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    Send { content: Content, template_id: TemplateId },
    LeaveOut { reason: LeftOut, detail: Option<String> },
    Wait { until: Timestamp },
}

impl Turn {
    /// The parameters of what would be sent.
    pub fn params(&self) -> Option<&Params> {
        match self {
            Self::Send { content: Content::Template { params, .. }, .. } => Some(params),
            _ => None,
        }
    }
}

/// What waits of a broadcast in the queue of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InQueue {
    pub broadcast: BroadcastId,
    /// Messages.
    pub waiting: i64,
    /// Of these: due by the time that was asked for. The others were put off.
    pub due: i64,
}

/// Recipients on their way into the queue of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct EnqueueBatch {
    pub tenant_id: TenantId,
    pub broadcast_id: BroadcastId,
    pub connection_id: ConnectionId,
    /// By `recipients.id`.
    pub turns: Vec<(i64, Turn)>,
    /// How much marketing a contact gets at most. Asked once more in the commit that queues: other broadcasts may have
    /// written to the same contacts since the turns were decided.
    pub cap: Option<FrequencyCap>,
    pub at: Timestamp,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    pub queued: u32,
    pub left_out: u32,
    pub waiting: u32,
    /// The broadcast is not sending any more: nothing was written.
    pub stopped: bool,
}

/// How a recipient stands, for lists and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    Pending,
    Queued,
    Sending,
    Sent,
    Delivered,
    Read,
    Failed,
    InDoubt,
    Cancelled,
    LeftOut,
}

/// Where a message's status puts its recipient.
impl From<Status> for RecipientState {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Sending => Self::Sending,
            Status::Sent => Self::Sent,
            Status::Delivered => Self::Delivered,
            Status::Read => Self::Read,
            Status::Failed => Self::Failed,
            Status::InDoubt => Self::InDoubt,
            Status::Cancelled => Self::Cancelled,
            // No outbound message is ever so.
            Status::Received => Self::Read,
        }
    }
}

/// A recipient, for lists.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientRow {
    /// See the column `recipients.id`.
    pub id: i64,
    /// `None`: a row of a list that fits no contact.
    pub contact_id: Option<ContactId>,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub state: RecipientState,
    /// Why it was left out.
    pub left_out: Option<LeftOut>,
    pub detail: Option<String>,
    pub failure: Option<Failure>,
    pub row_number: Option<i64>,
    pub message_id: Option<MessageId>,
    pub wamid: Option<String>,
    /// 1 for the first message.
    pub attempt: i64,
    /// The message that this one, or the one that is waited for, takes the place of.
    pub retry_of: Option<MessageId>,
    pub due_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub replied_at: Option<Timestamp>,
    pub opted_out_at: Option<Timestamp>,
}

/// Which recipients are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecipientFilter {
    pub state: Option<RecipientState>,
    pub left_out: Option<LeftOut>,
    pub failed_by: Option<FailedBy>,
    pub replied: Option<bool>,
}

/// Which failed recipients are to get a new attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Those that failed in one of these ways; empty: in any, but for `OutcomeUnknown`.
    pub failed_by: Vec<FailedBy>,
    /// Those named as `OutcomeUnknown` too, although they may have got it.
    pub accept_duplicate: bool,
    /// What the template is now, for a broadcast that had ended; `None` leaves what is kept.
    pub category: Option<Category>,
    /// Only those whose messages come behind this one ([`Retried::last`]): whoever falls back while a retry goes on in parts
    /// gets no second attempt by it.
    pub after: Option<MessageId>,
    /// How many at most, in the order of their messages.
    pub limit: u32,
    pub at: Timestamp,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retried {
    /// They wait for a new message.
    pub retried: u32,
    /// Of these: not before a time that Meta asks for.
    pub waiting: u32,
    /// The last of the messages whose place a new one takes.
    pub last: Option<MessageId>,
    /// When the first and the last of those that wait are due.
    pub waiting_until: Option<(Timestamp, Timestamp)>,
    /// The broadcast had ended and is sending again.
    pub reopened: bool,
    /// Who was asked for and stays failed; empty while `limit` was reached.
    pub skipped: Vec<(NotRetried, i64)>,
}

impl Retried {
    /// Takes in what came of the next part.
    pub fn add(&mut self, next: Self) {
        self.retried += next.retried;
        self.waiting += next.waiting;
        self.last = next.last.or(self.last);
        self.waiting_until = match (self.waiting_until, next.waiting_until) {
            (Some((first, last)), Some(until)) => Some((first.min(until.0), last.max(until.1))),
            (known, until) => known.or(until),
        };
        self.reopened |= next.reopened;
        self.skipped.extend(next.skipped);
    }
}

/// Why somebody who failed gets no new attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotRetried {
    /// Nobody knows whether it arrived, and nobody said that it may arrive twice.
    OutcomeUnknown,
    /// The old message is beyond the time for which contents are kept.
    ContentPurged,
}
