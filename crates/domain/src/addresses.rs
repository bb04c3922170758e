//! Network addresses: which of them a tenant may make the server call, and whose word about a client's address counts.
//!
//! The rules alone; names are resolved, and calls made, on the floors above.

mod client;
mod network;
mod reach;

pub use client::client_address;
pub use network::{BadNetwork, Network, Networks};
pub use reach::{Refused, refused, refused_unless};
