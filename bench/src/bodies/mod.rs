//! Bodies as Meta and clients send them.

mod sends;
mod webhooks;

pub(crate) use sends::Sends;
pub(crate) use webhooks::{Customers, Statuses};
