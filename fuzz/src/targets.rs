//! The targets: an input, and the properties that every input must keep.

pub(crate) mod signature_header;
pub(crate) mod webhook_body;
