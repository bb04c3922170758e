//! Messages.

mod compose;
mod parts;

use domain::{BroadcastId, ConnectionId, ContactId, ConversationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use compose::{Draft, read_params};
pub use parts::{LocationInput, MediaInput, ReactionInput, ReplyTo, TextInput, TextWithSettings};

words! {
    /// Which way a message went.
    Direction = domain::messages::Direction {
        Inbound = "inbound",
        Outbound = "outbound",
    }
}

words! {
    /// Where a message stands. An outbound one only moves up: `queued`, `sending`, `sent`, `delivered`, `read`.
    MessageStatus = domain::messages::Status {
        Queued = "queued",
        Sending = "sending",
        /// WhatsApp may or may not have accepted it; a later status settles it.
        InDoubt = "in_doubt",
        Sent = "sent",
        Failed = "failed",
        Delivered = "delivered",
        Read = "read",
        Cancelled = "cancelled",
        /// Inbound.
        Received = "received",
    }
}

words! {
    /// Who goes first when a number can only send so much.
    Priority = domain::messages::Priority {
        Reply = "reply",
        Transactional = "transactional",
        Bulk = "bulk",
    }
}

words! {
    /// What can be sent.
    MessageType {
        Text = "text",
        Template = "template",
        Image = "image",
        Video = "video",
        Document = "document",
        Audio = "audio",
        Sticker = "sticker",
        Interactive = "interactive",
        Location = "location",
        Contacts = "contacts",
        Reaction = "reaction",
    }
}

words! {
    /// What kind of file.
    MediaKind = domain::messages::content::MediaKind {
        Image = "image",
        Video = "video",
        Document = "document",
        Audio = "audio",
        Sticker = "sticker",
    }
}

/// What both ways of sending have in common, behind what each has of its own.
macro_rules! message_request {
    ($(#[$meta:meta])* $name:ident { $($(#[$own_meta:meta])* $own:ident : $own_type:ty,)* }) => {
        request! {
            $(#[$meta])*
            $name {
                $($(#[$own_meta])* $own: $own_type,)*
                /// Told by what is given when absent.
                message_type: Option<MessageType>,
                /// Text, plain or with settings.
                content: Option<TextInput>,
                template_name: Option<String> [1, 512],
                /// May be left out when the template exists in one language.
                #[schema(example = "en_US")]
                template_language: Option<String> [2, 20],
                /// An array of values in order, an object of values by name, or an object with the members `header`,
                /// `body`, `buttons`, `cards` and `expiration_time_ms`; or Meta's own list of `components`.
                #[schema(value_type = Option<Value>)]
                template_params: Option<Value>,
                media: Option<MediaInput>,
                /// Meta's `interactive` object: buttons, lists, …
                #[schema(value_type = Option<Object>)]
                interactive: Option<serde_json::Map<String, Value>>,
                location: Option<LocationInput>,
                /// Meta's contact cards.
                #[schema(value_type = Option<Vec<Object>>)]
                contacts: Option<Vec<serde_json::Map<String, Value>>>,
                reaction: Option<ReactionInput>,
                /// The message that this one answers, by its id here or its wamid.
                reply_to: Option<ReplyTo>,
                /// Not before this time.
                send_at: Option<Timestamp>,
            }
        }
    };
}

message_request! {
    #[derive(Default)]
    /// A message to be sent; exactly one of `contact_id` and `to`.
    MessageRequest {
        #[schema(value_type = Option<i64>)]
        contact_id: Option<ContactId>,
        /// Phone number (E.164), or Meta's business-scoped user id.
        #[schema(example = "+15551234567")]
        to: Option<String>,
        /// The number to send from; absent: the default connection.
        #[schema(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
    }
}

message_request! {
    /// A message to be sent in a conversation: to its contact, from its number.
    ConversationMessageRequest {}
}

impl From<ConversationMessageRequest> for MessageRequest {
    fn from(request: ConversationMessageRequest) -> Self {
        Self {
            contact_id: None,
            to: None,
            connection_id: None,
            message_type: request.message_type,
            content: request.content,
            template_name: request.template_name,
            template_language: request.template_language,
            template_params: request.template_params,
            media: request.media,
            interactive: request.interactive,
            location: request.location,
            contacts: request.contacts,
            reaction: request.reaction,
            reply_to: request.reply_to,
            send_at: request.send_at,
        }
    }
}

request! {
    /// How to retry.
    RetryMessage {
        /// Also send again a message that is `in_doubt`, or that failed with SEND_OUTCOME_UNKNOWN (else refused as
        /// `outcome_unknown`), knowing that it may arrive twice.
        accept_duplicate: Option<bool>,
    }
}

/// What became of a send so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SentMessage {
    pub message_id: i64,
    /// Meta's id; absent until Meta accepted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wamid: Option<String>,
    pub status: MessageStatus,
    /// When Meta accepted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_at: Option<Timestamp>,
    /// When it will go out, when it was scheduled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub send_at: Option<Timestamp>,
    pub contact_id: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conversation_id: Option<i64>,
    pub connection_id: i64,
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageFailure {
    /// From the table of error codes.
    #[schema(example = "RECIPIENT_NOT_ON_WHATSAPP")]
    pub code: String,
    pub message: String,
    pub meta_error_code: Option<i64>,
    pub meta_message: Option<String>,
    pub fbtrace_id: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// Another attempt is not allowed before this time.
    pub not_before: Option<Timestamp>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    pub id: i64,
    pub contact_id: i64,
    pub conversation_id: Option<i64>,
    pub connection_id: i64,
    pub direction: Direction,
    pub status: MessageStatus,
    pub priority: Priority,
    /// `text`, `template`, `image`, …
    #[schema(example = "text")]
    pub message_type: String,
    /// What it says; the member `type` tells the shape. `null` once it was purged.
    #[schema(value_type = Option<Object>)]
    pub content: Value,
    /// One line of it.
    pub preview: String,
    pub template_id: Option<i64>,
    /// Meta's id.
    pub wamid: Option<String>,
    /// The wamid that this one answers.
    pub reply_to: Option<String>,
    pub error: Option<MessageFailure>,
    /// What Meta charges by.
    pub pricing_category: Option<String>,
    /// Calls to Meta that were made for it (throttled ones not counted).
    pub attempts: i32,
    pub retry_of: Option<i64>,
    /// The broadcast that it is part of.
    pub broadcast_id: Option<i64>,
    pub created_at: Timestamp,
    /// Not before this time, when scheduled.
    pub send_at: Option<Timestamp>,
    /// When it is due next, while it waits.
    pub due_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    /// When what it said was removed, because its time was over (see `/retention`).
    pub content_purged_at: Option<Timestamp>,
}

/// A step in a message's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageEvent {
    #[schema(example = "delivered")]
    pub status: String,
    pub at: Timestamp,
    #[schema(value_type = Object)]
    pub details: Value,
}

/// A message with its life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageWithEvents {
    #[serde(flatten)]
    pub message: Message,
    /// Oldest first.
    pub events: Vec<MessageEvent>,
}

query! {
    /// Which messages are wanted; all conditions must hold.
    MessageQuery {
        #[param(value_type = Option<i64>)]
        contact_id: Option<ContactId>,
        #[param(value_type = Option<i64>)]
        conversation_id: Option<ConversationId>,
        #[param(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
        #[param(inline)]
        direction: Option<Direction>,
        #[param(inline)]
        status: Option<MessageStatus>,
        /// Made at or after this time.
        since: Option<Timestamp>,
        /// Part of this broadcast; then ordered by contact.
        #[param(value_type = Option<i64>)]
        broadcast_id: Option<BroadcastId>,
    }
}
