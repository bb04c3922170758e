//! Use cases, column by column, over a SQLite file, the client for Meta and the simulator, with one movable clock.

#![allow(clippy::unwrap_used)]

mod house;
mod post;

mod access;
mod alerts;
mod broadcasts;
mod connections;
mod consent;
mod contacts;
mod conversations;
mod hooks;
mod imports;
mod lanes;
mod login;
mod media;
mod retention;
mod segments;
mod tell;
mod templates;
mod tenants;
mod watch;
