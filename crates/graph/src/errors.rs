//! Errors as Meta sends them, and what each of its codes means for us.
//!
//! Three shapes: the `error` object of a Graph reply ([`GraphError`]), the richer one of the management calls (same
//! type, more members), and the error objects inside webhooks ([`WebhookError`]). [`classify`] turns a code into
//! [`CodeFacts`]. Source: WhatsApp Business Platform, "Error codes" (15 May 2026); titles are ours, in short.

mod body;
mod facts;
mod table;

pub use body::{GraphError, WebhookError};
pub use facts::{CodeFacts, ErrorKind, ThrottleScope, classify};
pub use table::known;
