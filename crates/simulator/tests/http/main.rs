//! The simulator over real HTTP.

mod first_steps;
mod support;
