//! See `ports::media`.
