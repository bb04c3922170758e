//! Customers: who they are, how they behave, what they write.

pub(crate) mod behaviour;
pub(crate) mod conversation;
pub(crate) mod inbound;
pub mod magic;
pub(crate) mod profile;
pub(crate) mod thread;
pub(crate) mod user_key;

pub(crate) use behaviour::Behaviour;
pub(crate) use conversation::Conversations;
pub(crate) use profile::{Customer, Customers};
pub(crate) use user_key::UserKey;
