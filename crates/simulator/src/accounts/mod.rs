//! Apps, portfolios, WhatsApp Business Accounts, numbers and tokens.

pub(crate) mod app;
pub(crate) mod book;
pub(crate) mod callback;
pub(crate) mod phone;
pub(crate) mod token;
pub(crate) mod waba;

pub(crate) use app::App;
pub(crate) use book::Accounts;
pub(crate) use phone::Phone;
pub(crate) use token::Token;
pub(crate) use waba::{Subscription, Waba};
