//! Requests to addresses that tenants gave.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::addresses::Networks;
use outbound::Guard;
use ports::notifier::{Post, PostError, Poster};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

/// For a connection, and for the whole call.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);

/// Posts to the open internet, and to the networks that the operator allows.
#[derive(Debug, Clone)]
pub struct HttpPoster {
    http: reqwest::Client,
    guard: Guard,
}

impl HttpPoster {
    /// A poster that may call the open internet and `allowed`.
    ///
    /// # Errors
    /// [`PostError::NoAnswer`] if TLS cannot be set up on this machine.
    pub fn new(allowed: Networks) -> Result<Self, PostError> {
        let guard = Guard::new(allowed);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .dns_resolver(Arc::new(guard.clone()))
            // Where a redirect leads nobody has judged.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("waxwing/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(no_answer)?;
        Ok(Self { http, guard })
    }
}

#[async_trait]
impl Poster for HttpPoster {
    async fn post(&self, post: Post) -> Result<(), PostError> {
        let url: Url = post.url.parse().map_err(|_| PostError::NotAllowed("not an address".into()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(PostError::NotAllowed("not an address of the web".into()));
        }
        self.guard.check(&url).map_err(|refused| PostError::NotAllowed(refused.to_string()))?;
        let mut request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(post.body);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let status = request.send().await.map_err(no_answer)?.status();
        if status.is_success() { Ok(()) } else { Err(PostError::Refused { status: status.as_u16() }) }
    }
}

/// Without the address: it may be a secret.
fn no_answer(error: reqwest::Error) -> PostError {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        told = deeper.to_string();
        source = deeper.source();
    }
    PostError::NoAnswer(told)
}
