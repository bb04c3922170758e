//! See `ports::consent`.
