//! See `ports::contacts`.
