//! Where the binary is, and a process of it that ends with its owner.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// The `waxwing` binary beside the test's own: `target/<profile>/waxwing`.
///
/// # Panics
/// When it was not built.
pub(crate) fn path() -> PathBuf {
    if let Some(given) = std::env::var_os("WAXWING_BINARY") {
        return given.into();
    }
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
    let binary = profile.join("waxwing");
    assert!(binary.exists(), "{} is missing: build it by `cargo build --package server`", binary.display());
    binary
}

/// Runs a command of the binary to its end, without the machine's own settings.
///
/// # Panics
/// When it cannot be started.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(arguments, environment).output().expect("the command runs")
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).stdin(Stdio::null());
    // The machine's own settings must not reach into a test.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WAXWING_")) {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    command
}

/// A process that is killed when dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts `waxwing` with these arguments; what it prints goes to `log`.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)], log: &std::path::Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("the log can be written");
        let errors = log.try_clone().expect("a file handle can be cloned");
        let mut command = command(arguments, environment);
        command.stdout(log).stderr(errors);
        Self(command.spawn().expect("the binary starts"))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// The most memory that it ever had, in bytes.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak is told");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// SIGTERM, then waits for the end; true when it ended well.
    pub fn terminate(&mut self) -> bool {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().is_ok_and(|it| it.success());
        asked && self.0.wait().is_ok_and(|status| status.success())
    }

    /// SIGHUP.
    pub fn hang_up(&self) {
        let _ = Command::new("kill").args(["-HUP", &self.0.id().to_string()]).status();
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
