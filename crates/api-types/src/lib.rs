//! The words of the HTTP API: request and response bodies, their envelopes, and the closed table of errors.
//!
//! Floor 2: no HTTP library, no store. One file per column, as on every floor. A request is written down once, with
//! [`request!`](crate::request), which makes the struct, its OpenAPI schema and its reader; the reader reports every
//! fault of a body at once (see [`read`]). Errors stand in [`errors`]; a new one does not compile until it has its
//! code, its status, its details and its sentence.

#[macro_use]
mod macros;

pub mod access;
pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod auth;
pub mod broadcasts;
pub mod connections;
pub mod consent;
pub mod contacts;
pub mod conversations;
pub mod envelope;
pub mod erasure;
pub mod errors;
pub mod events;
pub mod faults;
pub mod health;
pub mod imports;
pub mod list;
pub mod media;
pub mod messages;
pub mod place;
pub mod read;
pub mod retention;
pub mod segments;
pub mod templates;
pub mod tenants;
pub mod webhooks;

pub use envelope::{ErrorBody, Failure, Success};
pub use errors::{ErrorCode, Problem};
pub use faults::{Fault, Faults};
pub use list::{List, PagingQuery};
pub use place::Place;
