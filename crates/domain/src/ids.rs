//! Ids: integers on the wire, each its own type here, so that a contact is never looked up by a template's id.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    )+};
}

id! {
    /// One business using the server.
    TenantId,
    /// A tenant's link to one WhatsApp Business phone number.
    ConnectionId,
    /// A person, by phone number, by business-scoped user id, or both.
    ContactId,
    /// One entry of the append-only consent ledger.
    ConsentRecordId,
    /// The thread between one contact and one connection.
    ConversationId,
    /// A template in one language.
    TemplateId,
    /// A message, inbound or outbound.
    MessageId,
    /// A file sent or received.
    MediaId,
    /// A raw webhook body as Meta posted it.
    InboxId,
    /// One item of a webhook body that was set aside.
    InboxItemId,
    /// A condition that somebody should look at.
    AlertId,
    /// A rule by which a figure is judged; the same for every tenant.
    AlertRuleId,
    /// Where alerts are told.
    AlertChannelId,
    /// A rejected webhook, a refused key.
    SecurityEventId,
    /// An API key.
    ApiKeyId,
    /// A person with one e-mail address and one password.
    AccountId,
    /// An account's membership of a tenant.
    MemberId,
    /// A role that a tenant made.
    RoleId,
    /// Somebody logged in.
    SessionId,
    /// A note on a conversation, for colleagues only.
    NoteId,
    /// A prepared answer.
    CannedReplyId,
    /// A saved question about contacts.
    SegmentId,
    /// A list of contacts on its way in.
    ImportId,
    /// One template to many recipients.
    BroadcastId,
    /// The rows of a list that was uploaded for a broadcast; a new upload is a new list.
    ListId,
    /// A person who was erased.
    ErasureId,
}
