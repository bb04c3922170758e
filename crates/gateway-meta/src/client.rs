//! The client: one pool of connections for all numbers of all tenants.

use std::sync::Arc;
use std::time::Duration;

use domain::addresses::Networks;
use outbound::Guard;
use ports::gateway::{Access, GatewayError};
use reqwest::Url;

use crate::outcome;

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For a whole call without a file.
    pub answer: Duration,
    /// For a whole call with a file.
    pub transfer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            transfer: Duration::from_secs(600),
        }
    }
}

/// Idle connections are given up before Meta's side does so: a request on a connection that is just being closed
/// would end in doubt.
const IDLE: Duration = Duration::from_secs(15);
/// Idle connections kept; as many as one busy number has requests under way.
const IDLE_PER_HOST: usize = 1024;

/// Calls the Graph API.
#[derive(Debug, Clone)]
pub struct MetaClient {
    pub(crate) http: reqwest::Client,
    pub(crate) patience: Patience,
    pub(crate) guard: Guard,
}

impl MetaClient {
    /// A client with the usual patience, which calls the open internet and `allowed`.
    ///
    /// # Errors
    /// [`GatewayError::NotSent`] if TLS cannot be set up on this machine.
    pub fn new(allowed: Networks) -> Result<Self, GatewayError> {
        Self::with_patience(Patience::default(), allowed)
    }

    /// A client that waits as long as told.
    ///
    /// # Errors
    /// As [`MetaClient::new`].
    pub fn with_patience(patience: Patience, allowed: Networks) -> Result<Self, GatewayError> {
        let guard = Guard::new(allowed);
        let http = reqwest::Client::builder()
            // One HTTP/2 connection is capped by the peer's limit of streams; many HTTP/1.1 ones are not.
            .http1_only()
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .connect_timeout(patience.connect)
            .dns_resolver(Arc::new(guard.clone()))
            // Where a redirect leads nobody has judged; Meta's API has none.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("waxwing/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(outcome::not_sent)?;
        Ok(Self { http, patience, guard })
    }
}

/// `{graph_url}/{version}/{segments}`, each segment escaped.
pub(crate) fn address(access: &Access, segments: &[&str]) -> Result<Url, GatewayError> {
    let mut url = base(access)?;
    url.path_segments_mut().map_err(|()| outcome::unusable_address())?.extend(segments);
    Ok(url)
}

/// `{graph_url}/{version}`.
pub(crate) fn base(access: &Access) -> Result<Url, GatewayError> {
    let mut url: Url = access.graph_url.parse().map_err(|_| outcome::unusable_address())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(outcome::unusable_address());
    }
    url.path_segments_mut()
        .map_err(|()| outcome::unusable_address())?
        .pop_if_empty()
        .push(graph::API_VERSION);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(graph_url: &str) -> Access {
        Access {
            graph_url: graph_url.into(),
            phone_number_id: "1".into(),
            waba_id: "2".into(),
            app_id: None,
            token: "t".to_owned().into(),
        }
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_address() {
        let url = address(&access("https://graph.example.org/"), &["1/../../x?y#z", "messages"]).unwrap();
        assert_eq!(url.as_str(), "https://graph.example.org/v25.0/1%2F..%2F..%2Fx%3Fy%23z/messages");
        let nested = address(&access("http://127.0.0.1:9/meta"), &["1"]).unwrap();
        assert_eq!(nested.as_str(), "http://127.0.0.1:9/meta/v25.0/1");
    }

    #[test]
    fn what_is_no_web_address_is_refused_without_a_call() {
        for wrong in ["", "graph.facebook.com", "ftp://x", "data:,x"] {
            assert!(matches!(address(&access(wrong), &["1"]), Err(GatewayError::NotSent(_))), "{wrong}");
        }
    }
}
