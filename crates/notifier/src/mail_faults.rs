//! Why a letter did not go out, and what to do about it.

use std::error::Error;
use std::io;

use lettre::transport::smtp;
use ports::mail::MailError;
use rustls::CertificateError;

/// Answers about who we are, not about the letter (RFC 4954, section 6).
const LOGIN: [u16; 4] = [530, 534, 535, 538];

pub(crate) fn fault(error: &smtp::Error) -> MailError {
    if let Some(why) = certificate_fault(error) {
        return MailError::Unavailable(why);
    }
    let told = error.to_string();
    match error.status().map(u16::from) {
        Some(code) if LOGIN.contains(&code) => MailError::Login(told),
        Some(_) if error.is_permanent() => MailError::Refused(told),
        None if error.is_client() && told.contains("STARTTLS") => MailError::Unavailable(
            "it offers no STARTTLS, so that nothing was sent to it; where it speaks TLS from the first byte, write \
             smtps:// and its port (465, mostly) into smtp_url"
                .into(),
        ),
        None if error.is_client() && told.contains("authentication mechanism") => {
            MailError::Login("it offers no way to log in that is known here (PLAIN, LOGIN)".into())
        }
        _ => MailError::Unavailable(told),
    }
}

/// What is wrong with the server's certificate, when it is that.
fn certificate_fault(error: &smtp::Error) -> Option<String> {
    use CertificateError as Is;
    let rustls::Error::InvalidCertificate(fault) = tls_fault(error)? else { return None };
    let advice = match fault {
        Is::Expired | Is::ExpiredContext { .. } => "renew it on the mail server",
        Is::NotValidYet | Is::NotValidYetContext { .. } => "look at the clocks of both machines",
        Is::NotValidForName | Is::NotValidForNameContext { .. } => {
            "write the name that it is made for into smtp_url, instead of the one that is there"
        }
        _ => {
            "if it is of an authority of your own, add that authority to those that this machine trusts, or name a file \
             with its certificate in the environment variable SSL_CERT_FILE, and start again"
        }
    };
    Some(format!("its certificate is not good, so that nothing was sent to it ({fault}): {advice}"))
}

/// The library of TLS speaks through errors of the network.
fn tls_fault(error: &smtp::Error) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref() {
            return Some(fault);
        }
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match within {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}
