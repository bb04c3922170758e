//! See `ports::templates`.
