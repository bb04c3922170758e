//! A floor at work.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::Kind;

/// A floor's process, ended with this value.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Floor {
    /// `database` is where `durable` keeps bodies.
    pub(crate) fn start(kind: Kind, secret: &str, database: &str) -> Result<Self> {
        let word = match kind {
            Kind::Receiver => "receiver",
            Kind::Durable => "durable",
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["floor", word, "--secret", secret, "--database", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("a floor does not start")?;
        let mut line = String::new();
        let output = child.stdout.take().context("the floor has no output")?;
        let mut floor = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child };
        BufReader::new(output).read_line(&mut line)?;
        floor.address =
            line.trim().parse().with_context(|| format!("the floor \"{word}\" does not serve"))?;
        Ok(floor)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
