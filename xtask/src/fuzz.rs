//! The fuzz targets of `fuzz/`.

use std::process::Command;

use anyhow::Result;

use crate::command::{built, run as run_command};

/// Every target.
pub(crate) const TARGETS: [&str; 2] = ["webhook_body", "signature_header"];

/// Runs one for a time.
pub(crate) fn run(target: &str, seconds: u64, seed: Option<u64>) -> Result<()> {
    let mut command = Command::new(built("fuzz")?);
    command.arg(target).arg("--seconds").arg(seconds.to_string());
    if let Some(seed) = seed {
        command.arg("--seed").arg(seed.to_string());
    }
    run_command(&mut command)
}
