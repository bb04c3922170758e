//! Running the binary, and asking a server that it became.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// `waxwing`, with nothing of this shell's own settings.
pub(crate) fn waxwing(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxwing"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAXWING_")) {
        command.env_remove(name);
    }
    command.args(arguments).arg("--data").arg(data).env("RUST_BACKTRACE", "0");
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str], data: &Path) -> Output {
    waxwing(arguments, data).output().expect("the binary runs")
}

/// What it printed; it must have succeeded.
#[track_caller]
pub(crate) fn printed(arguments: &[&str], data: &Path) -> String {
    let output = run(arguments, data);
    assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
    String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
}

/// What it said on standard error.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server, killed when dropped.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        Self(silent.spawn().expect("the binary starts"))
    }

    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// SIGTERM; whether it then ended well.
    pub(crate) fn stop(mut self) -> bool {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        asked.success() && self.0.wait().expect("it ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `data` of a GET; panics on anything but success.
#[track_caller]
pub(crate) fn get(base: &str, path: &str, key: &str) -> Value {
    let address = base.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the request goes out");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    let (_, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
    assert_eq!(body["success"], true, "{path}: {body}");
    body["data"].clone()
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("{what} did not happen within a minute");
}
