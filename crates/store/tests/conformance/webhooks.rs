//! The inbox, and what its items do.

mod account;
mod consent;
mod identities;
mod inbound;
mod inbox;
mod statuses;
