//! Letters to people: invitations, ways back in, alerts.

use async_trait::async_trait;

/// A letter in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One address, as people write it: `ada@example.com`.
    pub to: String,
    /// One line.
    pub subject: String,
    pub text: String,
}

/// Why a letter did not go out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Nobody told this server how to send e-mail.
    #[error("no mail server is configured")]
    NotConfigured,
    /// The address, or the letter, will never be taken.
    #[error("the letter was refused: {0}")]
    Refused(String),
    /// The mail server does not let us in: nobody's letters will be taken until the operator mends the settings.
    #[error("the mail server does not take the name and password in smtp_url: {0}")]
    Login(String),
    /// The mail server cannot be reached or trusted, or says later.
    #[error("the mail server is not available: {0}")]
    Unavailable(String),
}

/// What carries letters.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a letter to the mail server. Tries once: repeating is the caller's affair.
    async fn send(&self, mail: Mail) -> Result<(), MailError>;
}

/// A server without e-mail: every letter fails by [`MailError::NotConfigured`], so that whoever wrote it can choose
/// another way.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _: Mail) -> Result<(), MailError> {
        Err(MailError::NotConfigured)
    }
}
