//! A mail server for tests: speaks SMTP (EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, RSET, QUIT) on a free port of this
//! machine, in the clear or by TLS, and keeps what it is given; and an authority that signs its certificates.

mod authority;
mod base64;
mod letter;
mod talk;

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;

pub use authority::{Authority, Certificate};
use base64::base64;
pub use letter::Letter;

/// A command that came. What was said with it is not kept: it may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// `EHLO`, `AUTH`, …
    pub word: String,
    /// Whether it came within TLS.
    pub sealed: bool,
}

/// A mail server. Serves as long as the process lives.
#[derive(Debug, Clone)]
pub struct MailServer {
    port: u16,
    is_implicit: bool,
    state: Arc<Mutex<State>>,
}

/// How a mail server is to be.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    login: Option<(String, String)>,
    secrecy: Secrecy,
}

#[derive(Debug, Clone, Default)]
enum Secrecy {
    #[default]
    None,
    /// Offered in the clear.
    StartTls(Arc<ServerConfig>),
    /// From the first byte.
    Implicit(Arc<ServerConfig>),
}

#[derive(Debug, Default)]
struct State {
    letters: Vec<Letter>,
    heard: Vec<Heard>,
    /// Given to the next senders instead of an ear.
    answers: VecDeque<String>,
    /// Recipients that are refused.
    strangers: Vec<String>,
    login: Option<(String, String)>,
}

impl Setup {
    /// Wants a name and a password first.
    #[must_use]
    pub fn login(self, name: &str, password: &str) -> Self {
        Self { login: Some((name.into(), password.into())), ..self }
    }

    /// Offers STARTTLS.
    #[must_use]
    pub fn starttls(self, certificate: &Certificate) -> Self {
        Self { secrecy: Secrecy::StartTls(certificate.server()), ..self }
    }

    /// Speaks TLS from the first byte.
    #[must_use]
    pub fn implicit_tls(self, certificate: &Certificate) -> Self {
        Self { secrecy: Secrecy::Implicit(certificate.server()), ..self }
    }

    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(self) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State { login: self.login, ..State::default() }));
        let is_implicit = matches!(self.secrecy, Secrecy::Implicit(_));
        let server = MailServer { port, is_implicit, state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, secrecy) = (Arc::clone(&state), self.secrecy.clone());
                // Whoever hangs up in the middle is no concern of the others.
                std::thread::spawn(move || drop(talk::serve(stream, &secrecy, &state)));
            }
        });
        server
    }
}

impl MailServer {
    /// One that takes letters of anybody, in the clear.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// One that wants a name and a password first, in the clear.
    ///
    /// # Panics
    /// When no port is free.
    pub fn with_login(name: &str, password: &str) -> Self {
        Setup::default().login(name, password).start()
    }

    /// `smtp://127.0.0.1:…`; `smtps://…` where TLS is spoken from the first byte.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.is_implicit { "smtps" } else { "smtp" }, self.port)
    }

    /// All letters that came, in their order.
    pub fn letters(&self) -> Vec<Letter> {
        locked(&self.state).letters.clone()
    }

    /// All commands that came, in their order.
    pub fn heard(&self) -> Vec<Heard> {
        locked(&self.state).heard.clone()
    }

    /// The next letter is answered so (`451 …`: later; `550 …`: never) and not kept.
    pub fn answer_next(&self, answer: &str) {
        locked(&self.state).answers.push_back(answer.to_owned());
    }

    /// Nobody of this address is known from now on.
    pub fn refuse(&self, recipient: &str) {
        locked(&self.state).strangers.push(recipient.to_owned());
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
