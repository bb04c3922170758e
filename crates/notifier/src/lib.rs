//! Telling people and their systems: mail by SMTP ([`ports::mail::Mailer`]), and requests to addresses that tenants gave
//! ([`ports::notifier::Poster`]), before each of which stands the guard. Nothing is retried here.

mod mail;
mod mail_faults;
mod post;

pub use mail::{MailSettingsFault, SmtpMailer};
pub use post::HttpPoster;
