//! The simulator over real HTTP.
#![allow(clippy::unwrap_used, reason = "a failed step ends the test")]

mod accounts;
mod corpus;
mod customers;
mod faults;
mod first_steps;
mod limits;
mod media;
mod paging;
mod refusals;
mod support;
mod template_life;
mod template_sends;
mod tokens;
mod webhooks;
mod window;
