//! See `ports::messages`.
