//! Segments.

pub(crate) mod compile;
