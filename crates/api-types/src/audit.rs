//! The audit trail.

use domain::audit::Action;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

read_by_word!(Action);

/// Who did it, and from where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditActor {
    /// `api_key`, `member`, `command` (on the server's machine), `system` (the server by itself), `customer` (by something
    /// written or chosen in WhatsApp) or `meta` (by a webhook).
    #[schema(example = "api_key")]
    pub kind: String,
    /// Of the key, the member, or the customer's contact.
    pub id: Option<i64>,
    /// What the key, the member or the command is called.
    pub name: Option<String>,
    /// The client's address as seen.
    pub address: Option<String>,
    /// The request that caused it.
    pub request_id: Option<String>,
}

/// An entry of the audit trail. It never holds a secret, nor anything of a customer but the id of the contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// From 1, without a gap.
    pub seq: i64,
    /// Null only where it cannot be read any more.
    pub at: Option<Timestamp>,
    pub actor: AuditActor,
    #[schema(example = "api_key_created")]
    pub action: String,
    /// What it was done to.
    #[schema(example = "api_key:3")]
    pub subject: String,
    /// What there was before; of a change, the members that differ.
    #[schema(value_type = Option<Object>)]
    pub before: serde_json::Value,
    /// What there is after.
    #[schema(value_type = Option<Object>)]
    pub after: serde_json::Value,
    /// The hash of the entry before this one, hexadecimal.
    pub prev: String,
    /// The hash of this entry.
    pub hash: String,
    /// Only of an entry of which something cannot be read, or means nothing to this version: what is wrong, in words. What
    /// is left of it stands in the other members. Whether somebody changed it tells `GET …/audit/verify`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schema(required = false)]
    pub unreadable: Vec<String>,
}

/// The end of the chain. Noted somewhere else, it proves later that nothing up to it was rolled back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    pub seq: i64,
    pub hash: String,
}

/// A place where the chain is broken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditBroken {
    /// The entry; for what the head shows, the last one.
    pub seq: i64,
    /// `unreadable`, `changed`, `moved`, `repeated`, `missing`, `cut`, `beyond`, `no_head`, `head_changed`, `no_key` or
    /// `rolled_back`.
    #[schema(example = "changed")]
    pub what: String,
    pub message: String,
}

/// What verifying the whole chain found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    pub valid: bool,
    /// Entries that were looked at.
    pub entries: u64,
    /// Absent while there is no entry.
    pub head: Option<AuditHead>,
    /// The first hundred.
    pub broken: Vec<AuditBroken>,
    /// All of them.
    pub broken_total: u64,
    /// Entries that wait for their place in the chain.
    pub unsealed: u64,
}

query! {
    /// Which entries are wanted; all conditions must hold.
    AuditQuery {
        /// `api_key_created`, `opted_out`, `messages_sent`, …
        #[param(value_type = Option<String>)]
        action: Option<Action>,
        /// A kind of actor, or kind and id: `system`, `api_key:3`.
        actor: Option<String>,
        /// What it was done to, or a kind of it: `contact:7`, `broadcast`.
        subject: Option<String>,
        /// At or after this time.
        since: Option<Timestamp>,
        /// Before this time.
        until: Option<Timestamp>,
    }
}

query! {
    /// The end of the chain as it was noted earlier; both or none.
    AuditKnownQuery {
        /// Its number.
        seq: Option<u32>,
        /// Its hash.
        hash: Option<String>,
    }
}
