//! Broadcasts.

pub(crate) mod campaign;
mod chance;
mod feeding;
mod freezing;
mod hours;
mod joins;
mod lists;
mod races;
mod replies;
mod steps;
