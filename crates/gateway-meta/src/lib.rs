//! Meta's Graph API over HTTP: [`ports::gateway::MetaGateway`] on a pool of HTTP/1.1 connections.
//!
//! One rule stands above all: after a call it must be known whether Meta may have taken the request. No connection
//! means [`NotSent`](ports::gateway::GatewayError::NotSent); a timeout, a cut or an unreadable answer after that
//! means [`Unknown`](ports::gateway::GatewayError::Unknown); an error of Meta's means
//! [`Refused`](ports::gateway::GatewayError::Refused). Nothing is retried here.
//!
//! Addresses come from tenants (`graph_url`) and from answers (files): the [`Guard`](outbound::Guard) stands before each
//! of them.
//!
//! Secrets are in headers (or, for `debug_token`, in a query as Meta wants it) and never in an error or a log line:
//! every error is stripped of its URL.

mod call;
mod client;
mod connections;
mod gateway;
mod media;
mod messages;
mod outcome;
mod templates;

pub use client::{MetaClient, Patience};
