//! See `ports::webhooks`.
