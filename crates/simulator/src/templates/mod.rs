//! Message templates: their book, their rules, their life.

pub(crate) mod book;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod edit;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod review;
pub(crate) mod rules;
pub(crate) mod shape;
pub(crate) mod template;
pub(crate) mod variables;

pub(crate) use book::Templates;
pub(crate) use shape::{ButtonShape, Parameters, Shape};
pub(crate) use template::Template;
