//! A simulator of Meta's Graph API for the WhatsApp Business Platform, as strict as Meta, over HTTP.
//!
//! Any Cloud API client can be pointed at it by changing the base URL. It accepts what Meta accepts, refuses what
//! Meta refuses with Meta's code, HTTP status and error body, keeps a ledger of every accepted message, and sends
//! signed webhooks for what follows. Faults, customers and the clock are moved by the handles under `/_sim` (see
//! [`control`]) and by magic numbers (see [`magic`]); a person plays a customer on the page at `/sim`.
//!
//! It shares no request or answer types with a client: requests are checked over raw JSON by rules of its own.

pub mod clock;
pub mod config;
pub mod control;
pub mod faults;

mod accounts;
mod connection;
mod customers;
mod entropy;
mod errors;
mod graph_api;
mod identifiers;
mod ledger;
mod limits;
mod media;
mod messages;
mod phone_page;
mod references;
mod running;
mod sim;
mod statuses;
mod templates;
mod webhooks;

pub use clock::SimClock;
pub use config::{AccountConfig, PhoneConfig, SimConfig};
pub use customers::magic;
pub use faults::{Faults, Latency, PairLimit, Review};
pub use ledger::LedgerEntry;
pub use running::{RunningSimulator, Simulator, StartError};
pub use webhooks::DeliveryRecord;
