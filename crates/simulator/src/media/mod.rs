//! Media: uploaded by the business (30 days), sent by customers (7 days), fetched by a URL of 5 minutes.

pub(crate) mod resumable;
pub(crate) mod routes;
pub(crate) mod rules;
mod store;

pub(crate) use store::{MediaStore, Medium};
