//! Broadcasts.

mod beginnings;
pub(crate) mod campaign;
mod chance;
mod feeding;
mod freezing;
mod gate;
mod hours;
mod joins;
mod lists;
mod races;
mod replies;
mod retries;
mod rows;
mod steps;
