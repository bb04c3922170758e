//! A mail server for tests: speaks SMTP (EHLO, AUTH PLAIN, MAIL, RCPT, DATA, RSET, QUIT) on a free port of this machine,
//! and keeps what it is given.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A letter as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: Vec<String>,
    /// Headers and body, lines ended by `\n`.
    pub raw: String,
}

/// A mail server. Serves as long as the process lives.
#[derive(Debug, Clone)]
pub struct MailServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    letters: Vec<Letter>,
    /// Given to the next senders instead of an ear.
    answers: VecDeque<String>,
    login: Option<(String, String)>,
}

impl MailServer {
    /// One that takes letters of anybody.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> Self {
        Self::of(State::default())
    }

    /// One that wants a name and a password first.
    ///
    /// # Panics
    /// When no port is free.
    pub fn with_login(name: &str, password: &str) -> Self {
        Self::of(State { login: Some((name.into(), password.into())), ..State::default() })
    }

    fn of(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(state));
        let server = Self { port, state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                // Whoever hangs up in the middle is no concern of the others.
                std::thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        server
    }

    /// `smtp://127.0.0.1:…`
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// All that came, in its order.
    pub fn letters(&self) -> Vec<Letter> {
        locked(&self.state).letters.clone()
    }

    /// The next letter is answered so (`451 …`: later; `550 …`: never) and not kept.
    pub fn answer_next(&self, answer: &str) {
        locked(&self.state).answers.push_back(answer.to_owned());
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    let login = locked(state).login.clone();
    let (mut from, mut to, mut known) = (String::new(), Vec::new(), login.is_none());
    out.write_all(b"220 test ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            "EHLO" if login.is_some() => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME".to_owned(),
            "EHLO" => "250-test\r\n250 8BITMIME".to_owned(),
            "AUTH" => {
                known = line.rsplit(' ').next().and_then(plain) == login;
                if known { "235 welcome".to_owned() } else { "535 5.7.8 wrong".to_owned() }
            }
            "MAIL" if known => {
                (from, to) = (address(line), Vec::new());
                "250 go on".to_owned()
            }
            "RCPT" if known => {
                to.push(address(line));
                "250 go on".to_owned()
            }
            "DATA" if known => {
                out.write_all(b"354 tell\r\n")?;
                let raw = data(&mut lines)?;
                let mut state = locked(state);
                state.answers.pop_front().unwrap_or_else(|| {
                    state.letters.push(Letter { from: from.clone(), to: to.clone(), raw });
                    "250 taken".to_owned()
                })
            }
            "MAIL" | "RCPT" | "DATA" => "530 5.7.0 who are you?".to_owned(),
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            "HELO" | "RSET" | "NOOP" => "250 fine".to_owned(),
            _ => "502 what?".to_owned(),
        };
        out.write_all(answer.as_bytes())?;
        out.write_all(b"\r\n")?;
    }
}

/// What stands between `<` and `>`.
fn address(line: &str) -> String {
    let behind = line.split_once('<').map_or("", |(_, rest)| rest);
    behind.split('>').next().unwrap_or_default().to_owned()
}

/// Up to the line with a single dot.
fn data(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line == "." {
            return Ok(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(line));
        raw.push('\n');
    }
}

/// Name and password out of AUTH PLAIN.
fn plain(text: &str) -> Option<(String, String)> {
    let bytes = base64(text);
    let mut parts = bytes.split(|byte| *byte == 0).skip(1);
    let mut part = || Some(String::from_utf8_lossy(parts.next()?).into_owned());
    Some((part()?, part()?))
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0_u32);
    for letter in text.bytes() {
        let Some(value) = LETTERS.iter().position(|known| *known == letter) else { continue };
        held = (held << 6) | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

fn quoted_printable(text: &str, underscores: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind) {
            (b'=', [b'\n', ..]) => rest = &behind[1..],
            (b'=', [high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                bytes.extend(u8::from_str_radix(digits, 16));
                rest = &behind[2..];
            }
            (b'_', _) if underscores => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Letter {
    fn parts(&self) -> (&str, &str) {
        self.raw.split_once("\n\n").unwrap_or((&self.raw, ""))
    }

    /// A header as it stands there, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.parts().0.replace("\n ", " ").replace("\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The subject as a person reads it.
    pub fn subject(&self) -> String {
        let raw = self.header("Subject").unwrap_or_default();
        let (mut subject, mut rest, mut after_word) = (String::new(), raw.as_str(), false);
        while let Some(start) = rest.find("=?") {
            let between = &rest[..start];
            // Blanks between two encoded words are none.
            if !(after_word && between.trim().is_empty()) {
                subject.push_str(between);
            }
            let mut parts = rest[start + 2..].splitn(4, '?');
            let (_, way, text) =
                (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            subject.push_str(&match way {
                "b" | "B" => String::from_utf8_lossy(&base64(text)).into_owned(),
                _ => quoted_printable(text, true),
            });
            rest = parts.next().unwrap_or_default().strip_prefix('=').unwrap_or_default();
            after_word = true;
        }
        subject.push_str(rest);
        subject
    }

    /// The text as a person reads it.
    pub fn text(&self) -> String {
        let body = self.parts().1;
        match self.header("Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
            "base64" => String::from_utf8_lossy(&base64(body)).replace("\r\n", "\n"),
            "quoted-printable" => quoted_printable(body, false),
            _ => body.to_owned(),
        }
    }
}
