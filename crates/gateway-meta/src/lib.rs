//! gateway-meta
