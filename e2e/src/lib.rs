//! The black-box harness
