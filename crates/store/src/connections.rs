//! See `ports::connections`.
