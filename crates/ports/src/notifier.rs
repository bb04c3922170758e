//! Telling somebody outside: a POST to an address that a tenant gave.

use async_trait::async_trait;

/// A request that tells something.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// `https://…`; may itself be a secret (Slack's are).
    pub url: String,
    /// Besides `content-type: application/json`.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

/// How telling fails. The texts name no address: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The address is none, or leads where this server does not call.
    #[error("not called: {0}")]
    NotAllowed(String),
    /// Whoever is there did not take it.
    #[error("answered with status {status}")]
    Refused { status: u16 },
    /// No connection, no answer, or an answer that was cut.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// Makes such requests.
#[async_trait]
pub trait Poster: Send + Sync {
    /// Delivers once; an answer of 2xx means that it was taken. Redirects are not followed.
    async fn post(&self, post: Post) -> Result<(), PostError>;
}
