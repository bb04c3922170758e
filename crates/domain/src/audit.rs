//! The audit trail: who did what, when and from where, in a chain that shows every change to itself.
//!
//! Entries of a tenant are numbered from 1 without a gap. Each carries a hash over itself and the hash of the one
//! before it ([`chain`]), made with a key that is not in the database, and the head of the chain carries one of its
//! own: so a changed, removed, added or moved entry, and a tail cut off, are found by [`verify`].
//!
//! An entry never holds a secret, and of a person nothing but the id of its contact: forgetting a person must not
//! need a change to the trail.

pub mod action;
pub mod chain;
pub mod change;
mod spans;
mod torn;
pub mod verify;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{TenantId, Timestamp};

pub use action::Action;
pub use change::change;
pub use spans::spans;
pub use torn::{Found, Torn};

/// What kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A client with an API key.
    ApiKey,
    /// A member who is logged in.
    Member,
    /// A command on the server's machine.
    Command,
    /// Whoever runs the server, by the operator's token.
    Operator,
    /// The server by itself.
    #[default]
    System,
    /// A customer, by something written or chosen in WhatsApp.
    Customer,
    /// Meta, by a webhook.
    Meta,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::ApiKey, Self::Member, Self::Command, Self::Operator, Self::System, Self::Customer, Self::Meta];

    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Member => "member",
            Self::Command => "command",
            Self::Operator => "operator",
            Self::System => "system",
            Self::Customer => "customer",
            Self::Meta => "meta",
        }
    }
}

impl std::str::FromStr for ActorKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("\"{text}\" is no kind of actor"))
    }
}

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// Of the key, the member or (of a customer) the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// What the key, the member or the command is called; never a customer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The client's address as seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The request that caused it, as in the answer's `X-Request-Id` and in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Actor {
    /// The server by itself.
    pub fn system() -> Self {
        Self::default()
    }

    /// Meta, by a webhook.
    pub fn meta() -> Self {
        Self { kind: ActorKind::Meta, ..Self::default() }
    }

    /// A client with this API key.
    pub fn api_key(id: i64, name: impl Into<String>) -> Self {
        Self { kind: ActorKind::ApiKey, id: Some(id), name: Some(name.into()), ..Self::default() }
    }

    /// A member who is logged in.
    pub fn member(id: i64, name: impl Into<String>) -> Self {
        Self { kind: ActorKind::Member, id: Some(id), name: Some(name.into()), ..Self::default() }
    }

    /// A command on the server's machine.
    pub fn command(name: impl Into<String>) -> Self {
        Self { kind: ActorKind::Command, name: Some(name.into()), ..Self::default() }
    }

    /// Whoever runs the server.
    pub fn operator() -> Self {
        Self { kind: ActorKind::Operator, ..Self::default() }
    }

    /// The customer who is this contact.
    pub fn customer(contact: i64) -> Self {
        Self { kind: ActorKind::Customer, id: Some(contact), ..Self::default() }
    }

    /// The same, from this address.
    #[must_use]
    pub fn from_address(mut self, address: Option<impl Into<String>>) -> Self {
        self.address = address.map(Into::into);
        self
    }

    /// The same, in this request.
    #[must_use]
    pub fn in_request(mut self, request: Option<impl Into<String>>) -> Self {
        self.request_id = request.map(Into::into);
        self
    }

    /// Kind and id, as a filter names it: `api_key:3`, `system`.
    pub fn key(&self) -> String {
        self.id.map_or_else(|| self.kind.as_str().to_owned(), |id| format!("{}:{id}", self.kind.as_str()))
    }
}

/// An entry to be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEntry {
    /// `None`: whoever is acting when it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// `None`: when it gets its place in the chain, about a second later at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    pub action: Action,
    /// What it was done to: `contact:7`, `api_key:3`, `settings`.
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl NewEntry {
    /// By whoever is acting, with nothing to tell of before and after.
    pub fn new(action: Action, subject: impl Into<String>) -> Self {
        Self { actor: None, at: None, action, subject: subject.into(), before: None, after: None }
    }

    /// About the thing of this kind with this id: `contact:7`.
    pub fn about(action: Action, kind: &str, id: impl std::fmt::Display) -> Self {
        Self::new(action, format!("{kind}:{id}"))
    }

    /// The same, at this time.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// The same, by this actor and not by whoever is acting.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The same, with what there was before.
    #[must_use]
    pub fn before(mut self, before: Value) -> Self {
        self.before = Some(before);
        self
    }

    /// The same, with what there is after.
    #[must_use]
    pub fn after(mut self, after: Value) -> Self {
        self.after = Some(after);
        self
    }

    /// The same, with what differs between both (see [`change()`]).
    #[must_use]
    pub fn changed(mut self, before: &Value, after: &Value) -> Self {
        let (before, after) = change(before, after);
        self.before = Some(before);
        self.after = Some(after);
        self
    }
}

/// An entry with its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub tenant_id: TenantId,
    /// From 1, without a gap.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: Actor,
    /// A word of [`Action`], or one of a later version.
    pub action: String,
    pub subject: String,
    /// JSON, exactly as it is hashed.
    pub before: Option<String>,
    /// JSON, exactly as it is hashed.
    pub after: Option<String>,
}

/// An entry as it is kept: with the hash that ties it to the one before, and its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub entry: Entry,
    pub prev: Vec<u8>,
    pub hash: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_action_is_read_back_from_its_word() {
        for kind in ActorKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let mut words = std::collections::HashSet::new();
        for action in Action::ALL {
            assert_eq!(action.as_str().parse::<Action>().as_ref(), Ok(action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
            assert!(words.insert(action.as_str()), "{} occurs twice", action.as_str());
        }
        assert!("nothing".parse::<Action>().is_err() && "nobody".parse::<ActorKind>().is_err());
    }

    #[test]
    fn an_actor_is_named_by_kind_and_id() {
        assert_eq!(Actor::api_key(3, "shop").key(), "api_key:3");
        assert_eq!(Actor::system().key(), "system");
        let there = Actor::member(1, "ana").from_address(Some("10.0.0.1")).in_request(None::<String>);
        assert_eq!((there.address.as_deref(), there.request_id), (Some("10.0.0.1"), None));
    }
}
