//! See `ports::idempotency`.
