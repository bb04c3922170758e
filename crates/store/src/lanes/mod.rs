//! See `ports::lanes`.
