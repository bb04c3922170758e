//! How an input is changed: as a tree of JSON values, and as bytes.

pub(crate) mod bytes;
pub(crate) mod tree;
