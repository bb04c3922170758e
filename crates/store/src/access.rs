//! See `ports::access`.
