//! Ids, taken before their rows are written, so that rows of one batch can name each other.

use crate::db::{Fault, Tx};

/// What is counted. Each kind counts from 1 over all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Tenant,
    ApiKey,
    SecurityEvent,
    Alert,
    Connection,
    Contact,
    ConsentRecord,
    Conversation,
    Note,
    CannedReply,
    Template,
    Message,
    MessageEvent,
    Inbox,
    InboxItem,
    Media,
    Segment,
    Import,
    Broadcast,
    AuditEntry,
    Account,
    Member,
    Role,
    Session,
    Erasure,
    AlertEvent,
    AlertChannel,
}

impl Kind {
    /// Those of the first schema; a later migration makes the counters of the kinds that it brings.
    pub(crate) const FIRST: [Self; 16] = [
        Self::Tenant,
        Self::ApiKey,
        Self::SecurityEvent,
        Self::Alert,
        Self::Connection,
        Self::Contact,
        Self::ConsentRecord,
        Self::Conversation,
        Self::Note,
        Self::CannedReply,
        Self::Template,
        Self::Message,
        Self::MessageEvent,
        Self::Inbox,
        Self::InboxItem,
        Self::Media,
    ];

    /// Its name in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::ApiKey => "api_key",
            Self::SecurityEvent => "security_event",
            Self::Alert => "alert",
            Self::Connection => "connection",
            Self::Contact => "contact",
            Self::ConsentRecord => "consent_record",
            Self::Conversation => "conversation",
            Self::Note => "note",
            Self::CannedReply => "canned_reply",
            Self::Template => "template",
            Self::Message => "message",
            Self::MessageEvent => "message_event",
            Self::Inbox => "inbox",
            Self::InboxItem => "inbox_item",
            Self::Media => "media",
            Self::Segment => "segment",
            Self::Import => "import",
            Self::Broadcast => "broadcast",
            Self::AuditEntry => "audit_entry",
            Self::Account => "account",
            Self::Member => "member",
            Self::Role => "role",
            Self::Session => "session",
            Self::Erasure => "erasure",
            Self::AlertEvent => "alert_event",
            Self::AlertChannel => "alert_channel",
        }
    }
}

/// Ids to be given out one by one, ascending.
#[derive(Debug, Default)]
pub(crate) struct Ids(std::vec::IntoIter<i64>);

impl Ids {
    /// The next one.
    pub(crate) fn next(&mut self) -> Result<i64, Fault> {
        self.0.next().ok_or_else(|| Fault::internal("more ids were used than taken"))
    }
}

/// Takes so many ids of each kind, in one statement (none when nothing is wanted).
pub(crate) async fn take<const N: usize>(tx: &Tx, wants: [(Kind, usize); N]) -> Result<[Ids; N], Fault> {
    let asked: Vec<(Kind, usize)> = wants.into_iter().filter(|(_, count)| *count > 0).collect();
    let mut taken =
        if asked.is_empty() { Vec::new() } else { tx.dialect.take_ids(tx, &asked).await? }.into_iter();
    Ok(wants.map(|(_, count)| {
        let ids = if count > 0 { taken.next() } else { None };
        Ids(ids.unwrap_or_default().into_iter())
    }))
}

/// Takes one id.
pub(crate) async fn take_one(tx: &Tx, kind: Kind) -> Result<i64, Fault> {
    let [mut ids] = take(tx, [(kind, 1)]).await?;
    ids.next()
}
