//! See `ports::conversations`.
