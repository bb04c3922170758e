//! See `ports::alerts`.
