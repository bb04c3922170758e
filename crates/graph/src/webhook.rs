//! A webhook body as a flat list of items, in the order of the body.
//!
//! [`parse`] reads each item on its own: what is malformed, missing or new costs the item that it belongs to, which
//! is then [`ItemKind::Unrecognised`] with its raw JSON, and never a neighbour. Only a body that is no JSON at all
//! is refused. Source: WhatsApp Business Platform, "Webhooks" (overview and reference of fields).

mod account;
mod business;
mod call;
mod content;
mod group;
mod history;
mod interactive;
mod message;
mod person;
mod phone;
mod profile;
mod status;
mod surrogates;
mod template;
mod walk;

use serde_json::Value;
use serde_json::value::RawValue;

pub use crate::errors::WebhookError;
pub use account::{AccountAlert, AccountReview, AccountUpdate, BusinessCapability, Restriction, Security};
pub use business::{AutomaticEvent, BusinessUsername, PartnerSolution, PaymentConfiguration};
pub use call::Call;
pub use content::{Content, Location, Media, Order, System, SystemKind};
pub use group::Group;
pub use history::{Echo, HistoryChunk, HistoryMessage};
pub use interactive::InteractiveReply;
pub use message::{Context, InboundMessage, Referral, ReferredProduct};
pub use person::{SmbContact, UserIdUpdate, UserPreference};
pub use phone::{PhoneName, PhoneQuality};
pub use status::{Conversation, DeliveryStatus, Pricing, StatusUpdate};
pub use template::{
    TemplateButtonText, TemplateCategory, TemplateComponents, TemplateQuality, TemplateStatus,
};

/// The body is not JSON; nothing of it can be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON: {0}")]
pub struct NotJson(String);

/// What a webhook body held.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// `whatsapp_business_account` for everything of WhatsApp; some senders omit it.
    pub object: Option<String>,
    /// In the order of the body.
    pub items: Vec<Item>,
}

/// One thing that happened, and where it came from.
#[derive(Debug, Clone)]
pub struct Item {
    /// JSON pointer of the item in the body, for example `/entry/0/changes/0/value/statuses/2`.
    pub pointer: String,
    /// `entry[].id`.
    pub waba_id: Option<String>,
    /// `value.metadata.phone_number_id`.
    pub phone_number_id: Option<String>,
    /// Digits as Meta prints them, without `+`.
    pub display_phone_number: Option<String>,
    /// The webhook field, for example `messages`.
    pub field: Option<String>,
    /// UNIX seconds; absent for the field `messages`.
    pub entry_time: Option<i64>,
    pub kind: ItemKind,
    /// The item's own JSON.
    pub raw: Box<RawValue>,
}

impl Item {
    /// The item's own JSON as a value; `null` if it nests too deeply or holds a number out of range.
    #[must_use]
    pub fn raw_value(&self) -> Value {
        serde_json::from_str(self.raw.get()).unwrap_or_default()
    }

    /// Why the item was not understood, if it was not.
    #[must_use]
    pub fn unrecognised(&self) -> Option<&str> {
        match &self.kind {
            ItemKind::Unrecognised { reason } => Some(reason),
            _ => None,
        }
    }
}

/// What an item is.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// A customer wrote.
    Message(Box<InboundMessage>),
    /// An outbound message went on, or failed.
    Status(Box<StatusUpdate>),
    /// The same shape, for a call.
    CallStatus(Box<StatusUpdate>),
    /// An error of the account or system (`value.errors`).
    Error(WebhookError),
    TemplateStatus(Box<TemplateStatus>),
    TemplateQuality(TemplateQuality),
    TemplateCategory(TemplateCategory),
    TemplateComponents(Box<TemplateComponents>),
    PhoneQuality(PhoneQuality),
    PhoneName(PhoneName),
    AccountUpdate(Box<AccountUpdate>),
    AccountReview(AccountReview),
    AccountAlert(AccountAlert),
    /// Settings of a number changed; only the raw JSON tells which.
    AccountSettings,
    BusinessCapability(BusinessCapability),
    Security(Security),
    /// A user stopped, resumed or signed up for marketing.
    UserPreference(Box<UserPreference>),
    /// A user's business-scoped id changed.
    UserIdUpdate(UserIdUpdate),
    /// A message that the business sent by another way (Business app, another API client).
    Echo(Box<Echo>),
    /// A message that passes while another party handles the number; it is not ours to answer.
    Standby(Box<InboundMessage>),
    /// A message from before the number came to the API.
    HistoryMessage(Box<HistoryMessage>),
    /// A part of the history without messages: progress, or a refusal.
    HistoryChunk(HistoryChunk),
    /// A contact of the Business app was added, edited or removed.
    SmbContact(Box<SmbContact>),
    Call(Box<Call>),
    Group(Group),
    AutomaticEvent(AutomaticEvent),
    PartnerSolution(PartnerSolution),
    PaymentConfiguration(PaymentConfiguration),
    BusinessUsername(BusinessUsername),
    /// Something about a Flow; only the raw JSON tells what.
    Flow,
    /// Kept raw: a field, shape or place that is not known.
    Unrecognised {
        reason: String,
    },
}

/// Reads a body. Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD first, since Meta cuts texts
/// without regard to them.
///
/// # Errors
/// [`NotJson`] if the body is not JSON; every JSON, of whatever shape, is an [`Envelope`].
pub fn parse(body: &[u8]) -> Result<Envelope, NotJson> {
    let text = String::from_utf8_lossy(body);
    let text = surrogates::repaired(&text);
    let root: &RawValue = serde_json::from_str(&text).map_err(|fault| NotJson(fault.to_string()))?;
    Ok(walk::envelope(root))
}
