//! `POST /{phone}/messages` and `/{phone}/marketing_messages`.
//!
//! Rules are checked over the raw JSON, apart from any client's types, so that no mistake is shared.

pub(crate) mod accept;
pub(crate) mod answer;
pub(crate) mod envelope;
pub(crate) mod fields;
pub(crate) mod gate;
pub(crate) mod interactive;
pub(crate) mod kinds;
pub(crate) mod mark_read;
pub(crate) mod recipient;
pub(crate) mod route;
pub(crate) mod template;
