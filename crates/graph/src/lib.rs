//! Meta's wire, whole: what the WhatsApp Cloud API and its webhooks look like in bytes, and nothing else.
//!
//! No I/O, no clock, no rule of ours. Everything that arrives is read tolerantly: a field that is missing, new,
//! renamed or of another JSON type costs that field and never its neighbours, and what is not understood is kept
//! raw. Everything that leaves is typed.
//!
//! - [`signature`]: `X-Hub-Signature-256` over the exact bytes.
//! - [`errors`]: error bodies, webhook errors, and the table of Meta's codes.
//! - [`webhook`]: a webhook body as a flat list of items.
//! - [`send`]: what is posted to `/{PHONE_NUMBER_ID}/messages`, and its answer.
//! - the rest: replies of the management calls, one noun a file.

pub mod accounts;
pub mod errors;
mod fields;
pub mod health;
mod loose;
pub mod media;
pub mod paging;
pub mod phone_numbers;
pub mod profile;
pub mod send;
pub mod signature;
pub mod subscribed_apps;
pub mod templates;
pub mod token;
pub mod webhook;

/// The version of the Graph API that these shapes were written and checked against. It lives until about July 2028.
pub const API_VERSION: &str = "v25.0";

/// Where the Graph API is.
pub const GRAPH_URL: &str = "https://graph.facebook.com";
