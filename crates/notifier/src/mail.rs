//! Mail by SMTP.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use ports::mail::{Mail, MailError, Mailer};

use crate::mail_faults::fault;

/// For each answer of the mail server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hands letters to a mail server, over a few connections that are kept open for a minute.
#[derive(Debug, Clone)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// What is wrong with the settings of mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailSettingsFault {
    /// Not like `smtps://name:password@mail.example.com:465`. Does not repeat it: there is a password in it.
    #[error("smtp_url: {0}")]
    Url(String),
    /// Not like `Waxwing <alerts@example.com>`.
    #[error("smtp_from: {0}")]
    From(String),
}

impl SmtpMailer {
    /// For the server at `url`: `smtps://…` (TLS from the start), `smtp://…?tls=required` (STARTTLS), `smtp://…` (without
    /// TLS: inside one machine or network alone), each with `name:password@` where the server wants it. Connects when
    /// there is something to send.
    ///
    /// A certificate is judged as for every call to the outside: by the authorities that this machine trusts, or those
    /// in the file that `SSL_CERT_FILE` names. They are read here, once.
    ///
    /// # Errors
    /// [`MailSettingsFault`].
    pub fn new(url: &str, from: &str) -> Result<Self, MailSettingsFault> {
        let from = from.parse().map_err(|error| MailSettingsFault::From(format!("{error}")))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| MailSettingsFault::Url(error.to_string()))?
            .timeout(Some(PATIENCE))
            .build();
        Ok(Self { transport, from })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: Mail) -> Result<(), MailError> {
        let message = letter(&self.from, mail)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(fault(&error)),
        }
    }
}

fn letter(from: &Mailbox, mail: Mail) -> Result<Message, MailError> {
    let to: Address = mail.to.parse().map_err(|error| MailError::Refused(format!("{error}")))?;
    // One line, whatever comes from outside.
    let subject: String =
        mail.subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .message_id(None)
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text)
        .map_err(|error| MailError::Refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_right_are_refused_without_telling_the_password() {
        let fault = SmtpMailer::new("imap://ada:secret@mail.example.com", "a@example.com").unwrap_err();
        assert!(matches!(fault, MailSettingsFault::Url(_)));
        assert!(!fault.to_string().contains("secret"), "{fault}");
        let fault = SmtpMailer::new("smtp://mail.example.com", "nobody").unwrap_err();
        assert!(matches!(fault, MailSettingsFault::From(_)));
    }

    #[test]
    fn a_subject_cannot_add_a_header() {
        let mail = Mail {
            to: "ada@example.com".into(),
            subject: "a\r\nBcc: eve@example.com".into(),
            text: "x".into(),
        };
        let letter = letter(&"a@example.com".parse().unwrap(), mail).unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        assert!(!text.contains("\r\nBcc:"), "{text}");
    }
}
