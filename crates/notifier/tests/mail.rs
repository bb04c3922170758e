//! Letters, as a real mail server gets them.

#![allow(clippy::unwrap_used, reason = "a test may end by it")]

use notifier::SmtpMailer;
use ports::mail::{Mail, MailError, Mailer};
use test_smtp::MailServer;

fn mail(to: &str) -> Mail {
    Mail { to: to.into(), subject: "Grüße".into(), text: "Line one\n.\nÜber line three".into() }
}

fn mailer(server: &MailServer) -> SmtpMailer {
    SmtpMailer::new(&server.url(), "Waxwing <alerts@example.com>").unwrap()
}

#[tokio::test]
async fn a_letter_arrives_whole() {
    let server = MailServer::start();
    mailer(&server).send(mail("ada@example.com")).await.unwrap();
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].from.as_str(), letters[0].to.as_slice()),
        ("alerts@example.com", &["ada@example.com".to_owned()][..])
    );
    assert_eq!(letters[0].header("From").unwrap(), "Waxwing <alerts@example.com>");
    assert_eq!(letters[0].subject(), "Grüße");
    assert_eq!(letters[0].text().trim_end(), "Line one\n.\nÜber line three");
    assert!(letters[0].header("Date").is_some() && letters[0].header("Message-ID").is_some());
}

#[tokio::test]
async fn a_server_that_says_later_is_told_from_one_that_says_never() {
    let server = MailServer::start();
    let mailer = mailer(&server);
    server.answer_next("451 4.3.0 try again later");
    assert!(matches!(mailer.send(mail("ada@example.com")).await, Err(MailError::Unavailable(_))));
    server.answer_next("550 5.1.1 no such user");
    assert!(matches!(mailer.send(mail("ada@example.com")).await, Err(MailError::Refused(_))));
    mailer.send(mail("ada@example.com")).await.unwrap();
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn a_name_and_a_password_are_given_to_a_server_that_wants_them() {
    let server = MailServer::with_login("ada", "p w");
    let with = |login: &str| {
        let url = server.url().replace("smtp://", &format!("smtp://{login}@"));
        SmtpMailer::new(&url, "alerts@example.com").unwrap()
    };
    with("ada:p%20w").send(mail("eve@example.com")).await.unwrap();
    let wrong = with("ada:wrong").send(mail("eve@example.com")).await.unwrap_err();
    assert!(matches!(&wrong, MailError::Login(why) if why.contains("535")), "{wrong}");
    assert!(!wrong.to_string().contains("ada:wrong"), "{wrong}");
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_from_a_recipient_that_is() {
    let server = MailServer::with_login("ada", "secret");
    server.refuse("nobody@example.com");
    let nobody = mailer(&server).send(mail("ada@example.com")).await.unwrap_err();
    assert!(matches!(&nobody, MailError::Login(why) if why.contains("530")), "{nobody}");
    let url = server.url().replace("smtp://", "smtp://ada:secret@");
    let somebody = SmtpMailer::new(&url, "alerts@example.com").unwrap();
    let stranger = somebody.send(mail("nobody@example.com")).await.unwrap_err();
    assert!(matches!(&stranger, MailError::Refused(why) if why.contains("no such user")), "{stranger}");
    somebody.send(mail("ada@example.com")).await.unwrap();
    assert_eq!(server.letters().len(), 1);
}

#[tokio::test]
async fn a_server_without_logins_gets_no_password() {
    let server = MailServer::start();
    let url = server.url().replace("smtp://", "smtp://ada:secret@");
    let refused =
        SmtpMailer::new(&url, "alerts@example.com").unwrap().send(mail("ada@example.com")).await.unwrap_err();
    assert!(matches!(&refused, MailError::Login(why) if why.contains("no way to log in")), "{refused}");
    assert!(server.heard().iter().all(|heard| !["AUTH", "MAIL"].contains(&heard.word.as_str())));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mailer = SmtpMailer::new(&format!("smtp://{address}"), "alerts@example.com").unwrap();
    assert!(matches!(mailer.send(mail("ada@example.com")).await, Err(MailError::Unavailable(_))));
}
