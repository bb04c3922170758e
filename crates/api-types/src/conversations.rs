//! Conversations, notes, canned replies.

use domain::{ConnectionId, ContactId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::read::Change;

words! {
    /// Where a conversation stands in the team's work.
    ConversationStatus = domain::conversations::ConversationStatus {
        Open = "open",
        /// Waits for the customer.
        Pending = "pending",
        /// Done; a new message of the customer opens it again.
        Closed = "closed",
    }
}

/// The thread between one contact and one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    pub id: i64,
    pub contact_id: i64,
    pub connection_id: i64,
    pub contact_name: Option<String>,
    pub contact_phone: Option<String>,
    pub status: ConversationStatus,
    pub assignee: Option<String>,
    pub labels: Vec<String>,
    /// Whether anything but a template can be sent now.
    pub window_open: bool,
    /// 24 h after the customer's last message; `null`: the customer never wrote.
    pub window_expires_at: Option<Timestamp>,
    pub last_inbound_at: Option<Timestamp>,
    pub last_message_at: Option<Timestamp>,
    pub last_message_id: Option<i64>,
    /// One line of the last message.
    pub last_message_preview: Option<String>,
    /// Messages of the customer since it was last read.
    pub unread: i64,
    pub created_at: Timestamp,
}

request! {
    /// What to change; an absent member stays as it is, `null` takes away.
    UpdateConversation {
        status: Option<ConversationStatus>,
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        #[schema(value_type = Option<String>, required = false)]
        assignee: Change<String> [1, 256],
        /// Replaces all labels.
        labels: Option<Vec<String>>,
    }
}

query! {
    /// Which conversations are wanted; all conditions must hold.
    ConversationQuery {
        #[param(value_type = Option<i64>)]
        contact_id: Option<ContactId>,
        #[param(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
        #[param(inline)]
        status: Option<ConversationStatus>,
        /// Only those with, or only those without, unread messages.
        unread: Option<bool>,
        assignee: Option<String>,
        /// Has this label.
        label: Option<String>,
    }
}

request! {
    /// How to mark a conversation read.
    MarkRead {
        /// Also show the customer "typing…" for up to 25 s.
        typing: Option<bool>,
    }
}

/// A conversation that was marked read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MarkedRead {
    pub conversation: Conversation,
    /// Whether the customer's phone was told.
    pub told: Told,
    /// Why it was not, when Meta did not take it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

words! {
    /// Whether the customer's phone was told.
    Told {
        Yes = "yes",
        /// Everything was read before.
        NothingNew = "nothing_new",
        /// Meta did not take it; here it is marked read all the same.
        Failed = "failed",
        /// The connection is gone.
        NoConnection = "no_connection",
    }
}

/// A note for colleagues; the customer never sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    pub id: i64,
    pub conversation_id: i64,
    pub author: String,
    pub text: String,
    pub created_at: Timestamp,
}

request! {
    /// A note to be added.
    CreateNote {
        text: String [1, 10000],
        /// Who writes; absent: the name of the API key.
        author: Option<String> [1, 256],
    }
}

/// A prepared answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CannedReply {
    pub id: i64,
    pub shortcut: String,
    pub text: String,
    pub created_at: Timestamp,
}

request! {
    /// A prepared answer to be kept; the shortcut is unique.
    CreateCannedReply {
        shortcut: String [1, 64],
        text: String [1, 4096],
    }
}
