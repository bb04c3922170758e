//! What is said on a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use rustls::{ServerConnection, StreamOwned};

use crate::letter::Letter;
use crate::{Heard, Secrecy, State, base64, locked};

/// The connection, in the clear or within TLS.
enum Wire {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(to),
            Self::Tls(stream) => stream.read(to),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn within_tls(stream: TcpStream, secrecy: &Secrecy) -> io::Result<Wire> {
    let config = match secrecy {
        Secrecy::None => return Err(io::ErrorKind::Unsupported.into()),
        Secrecy::StartTls(config) | Secrecy::Implicit(config) => config,
    };
    let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    Ok(Wire::Tls(Box::new(StreamOwned::new(session, stream))))
}

pub(crate) fn serve(stream: TcpStream, secrecy: &Secrecy, state: &Mutex<State>) -> io::Result<()> {
    let wire = match secrecy {
        Secrecy::Implicit(_) => within_tls(stream, secrecy)?,
        _ => Wire::Clear(stream),
    };
    let login = locked(state).login.clone();
    let mut wire = BufReader::new(wire);
    let (mut from, mut to, mut known) = (String::new(), Vec::new(), login.is_none());
    say(&mut wire, "220 test ESMTP")?;
    loop {
        let mut line = String::new();
        if wire.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let sealed = matches!(wire.get_ref(), Wire::Tls(_));
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        locked(state).heard.push(Heard { word: word.clone(), sealed });
        let offers_tls = !sealed && matches!(secrecy, Secrecy::StartTls(_));
        let answer = match word.as_str() {
            "EHLO" => greeting(login.is_some(), offers_tls),
            "STARTTLS" if offers_tls => {
                say(&mut wire, "220 go on")?;
                let Wire::Clear(stream) = wire.into_inner() else {
                    return Err(io::ErrorKind::InvalidInput.into());
                };
                wire = BufReader::new(within_tls(stream, secrecy)?);
                continue;
            }
            "AUTH" => {
                known = line.rsplit(' ').next().and_then(plain) == login;
                if known { "235 welcome".to_owned() } else { "535 5.7.8 wrong".to_owned() }
            }
            "MAIL" if known => {
                (from, to) = (address(line), Vec::new());
                "250 go on".to_owned()
            }
            "RCPT" if known && locked(state).strangers.contains(&address(line)) => {
                "550 5.1.1 no such user".to_owned()
            }
            "RCPT" if known => {
                to.push(address(line));
                "250 go on".to_owned()
            }
            "DATA" if known => {
                say(&mut wire, "354 tell")?;
                let raw = data(&mut wire)?;
                let mut state = locked(state);
                state.answers.pop_front().unwrap_or_else(|| {
                    state.letters.push(Letter { from: from.clone(), to: to.clone(), raw });
                    "250 taken".to_owned()
                })
            }
            "MAIL" | "RCPT" | "DATA" => "530 5.7.0 who are you?".to_owned(),
            "QUIT" => return say(&mut wire, "221 bye"),
            "HELO" | "RSET" | "NOOP" => "250 fine".to_owned(),
            _ => "502 what?".to_owned(),
        };
        say(&mut wire, &answer)?;
    }
}

fn say(wire: &mut BufReader<Wire>, answer: &str) -> io::Result<()> {
    let wire = wire.get_mut();
    wire.write_all(answer.as_bytes())?;
    wire.write_all(b"\r\n")?;
    wire.flush()
}

fn greeting(wants_login: bool, offers_tls: bool) -> String {
    let login = if wants_login { "250-AUTH PLAIN\r\n" } else { "" };
    let tls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
    format!("250-test\r\n{tls}{login}250 8BITMIME")
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
