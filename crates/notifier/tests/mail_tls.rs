//! Letters within TLS, and those that are not sent because of it.

#![allow(clippy::unwrap_used, reason = "a test may end by it")]

use std::path::Path;
use std::process::Command;

use notifier::SmtpMailer;
use ports::mail::{Mail, MailError, Mailer};
use test_smtp::{Authority, Certificate, Heard, MailServer, Setup};

const HOST: &str = "localhost";

/// Runs a test in a process of its own that trusts one authority alone: whom to trust is read from the environment, which
/// a test cannot change for itself.
fn trusting_one_authority(test: &str, body: impl AsyncFnOnce(Authority)) {
    if let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|_| is_inner()) {
        let authority = Authority::at(Path::new(&file).parent().unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(body(authority));
    }
    let folder = tempfile::tempdir().unwrap();
    Authority::at(folder.path()).unwrap();
    let inner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("SSL_CERT_FILE", Authority::file(folder.path()))
        .env(INNER, "yes")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&inner.stdout).into_owned() + &String::from_utf8_lossy(&inner.stderr);
    assert!(inner.status.success() && told.contains("1 passed"), "{told}");
}

const INNER: &str = "WAXWING_TEST_INNER";

fn is_inner() -> bool {
    std::env::var_os(INNER).is_some()
}

/// Gives a letter to a server, by the name that its certificate should bear.
async fn send(server: &MailServer, tls: &str) -> Result<(), MailError> {
    let url = server.url().replace("127.0.0.1", HOST).replace("://", "://ada:secret@") + tls;
    let mailer = SmtpMailer::new(&url, "Waxwing <alerts@example.com>").unwrap();
    let (to, subject) = ("eve@example.com".to_owned(), "Grüße".to_owned());
    mailer.send(Mail { to, subject, text: "Some words".into() }).await
}

/// The two ways into TLS, with what the URL says for each.
fn servers(certificate: &Certificate) -> [(MailServer, &'static str); 2] {
    let setup = || Setup::default().login("ada", "secret");
    [
        (setup().starttls(certificate).start(), "?tls=required"),
        (setup().implicit_tls(certificate).start(), ""),
    ]
}

fn was_told_nothing(server: &MailServer) -> bool {
    let secret = |heard: &Heard| ["AUTH", "MAIL", "RCPT", "DATA"].contains(&heard.word.as_str());
    server.letters().is_empty() && !server.heard().iter().any(secret)
}

#[test]
fn a_letter_and_its_password_go_within_tls_either_way() {
    trusting_one_authority("a_letter_and_its_password_go_within_tls_either_way", async |authority| {
        for (server, tls) in servers(&authority.certificate(HOST)) {
            send(&server, tls).await.unwrap();
            assert_eq!(server.letters().len(), 1);
            assert_eq!(server.letters()[0].subject(), "Grüße");
            let heard = server.heard();
            let sealed = |word: &str| heard.iter().find(|heard| heard.word == word).map(|heard| heard.sealed);
            assert_eq!((sealed("AUTH"), sealed("MAIL")), (Some(true), Some(true)));
        }
    });
}

async fn is_refused(certificate: &Certificate, advice: &str) {
    for (server, tls) in servers(certificate) {
        let told = send(&server, tls).await.unwrap_err();
        assert!(matches!(&told, MailError::Unavailable(why) if why.contains(advice)), "{told}");
        assert!(!told.to_string().contains("secret"), "{told}");
        assert!(was_told_nothing(&server), "{:?}", server.heard());
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_and_says_how_to_trust_it() {
    trusting_one_authority(
        "a_certificate_of_an_unknown_authority_is_refused_and_says_how_to_trust_it",
        async |_| is_refused(&Authority::new().certificate(HOST), "SSL_CERT_FILE").await,
    );
}

#[test]
fn a_certificate_that_has_ended_is_refused_and_says_to_renew_it() {
    trusting_one_authority(
        "a_certificate_that_has_ended_is_refused_and_says_to_renew_it",
        async |authority| is_refused(&authority.expired_certificate(HOST), "renew it").await,
    );
}

#[test]
fn a_certificate_for_another_host_is_refused_and_says_which_name_to_write() {
    trusting_one_authority(
        "a_certificate_for_another_host_is_refused_and_says_which_name_to_write",
        async |authority| {
            let certificate = authority.certificate("mail.example.com");
            is_refused(&certificate, "write the name that it is made for into smtp_url").await;
            is_refused(&certificate, "mail.example.com").await;
        },
    );
}

#[test]
fn a_server_that_offers_no_starttls_gets_no_letter_and_no_password_when_tls_is_demanded() {
    trusting_one_authority(
        "a_server_that_offers_no_starttls_gets_no_letter_and_no_password_when_tls_is_demanded",
        async |_| {
            let server = MailServer::with_login("ada", "secret");
            let told = send(&server, "?tls=required").await.unwrap_err();
            assert!(matches!(&told, MailError::Unavailable(why) if why.contains("no STARTTLS")), "{told}");
            assert!(was_told_nothing(&server), "{:?}", server.heard());
        },
    );
}
