//! A process of the binary, which ends with its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::until;

/// The `waxwing` binary: `WAXWING_BINARY`, else the one beside this program.
pub(super) fn command() -> Result<Command> {
    let binary = match std::env::var_os("WAXWING_BINARY") {
        Some(given) => PathBuf::from(given),
        None => std::env::current_exe()?.with_file_name("waxwing"),
    };
    if !binary.exists() {
        bail!("{} is missing; type: cargo build --release --package server", binary.display());
    }
    let mut command = Command::new(binary);
    // The machine's own settings must not reach into a measurement.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAXWING_")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// A running process.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn start(arguments: &[&str], environment: &[(&str, &str)], log: &Path) -> Result<Self> {
        let output = File::create(log)?;
        let errors = output.try_clone()?;
        let child = command()?
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .context("the binary does not start")?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Waits until a GET of this address is answered well.
    pub(super) async fn answers(&mut self, url: &str) -> Result<()> {
        let client = reqwest::Client::new();
        let child = &mut self.child;
        let log = &self.log;
        until(Duration::from_secs(30), url, async || {
            if let Some(status) = child.try_wait()? {
                bail!("a process ended ({status}):\n{}", tail(log));
            }
            let good = client.get(url).send().await.is_ok_and(|answer| answer.status().is_success());
            Ok(good.then_some(()))
        })
        .await
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        tail(&self.log)
    }

    /// Memory, in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most memory so far, in bytes.
    pub(super) fn peak(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kibibytes.context("the process has no memory")? * 1024)
    }

    /// Processor time so far, user's and system's.
    pub(super) fn worked(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name in brackets, which may hold spaces; the 14th and 15th field of all, in ticks of 10 ms.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
        let ticks: u64 = fields.into_iter().flatten().filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
