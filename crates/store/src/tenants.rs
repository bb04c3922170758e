//! See `ports::tenants`.
