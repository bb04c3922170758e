//! Webhooks as Meta sends them: escaped, signed, batched, repeated until 200.

pub(crate) mod change;
pub(crate) mod delivery;
pub(crate) mod escape;
pub(crate) mod handshake;
pub(crate) mod hub;
pub(crate) mod log;
pub(crate) mod signing;
pub(crate) mod status_value;

pub(crate) use change::Change;
pub(crate) use hub::WebhookHub;
pub use log::DeliveryRecord;
