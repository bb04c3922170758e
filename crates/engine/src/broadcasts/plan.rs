//! Whether a plan can be sent.
