//! The fuzz targets of `fuzz/`.

use anyhow::Result;

use crate::command::{cargo, run as run_command};

/// Every target.
pub(crate) const TARGETS: [&str; 2] = ["webhook_body", "signature_header"];

/// Runs one for a time.
pub(crate) fn run(target: &str, seconds: u64, seed: Option<u64>) -> Result<()> {
    let seconds = seconds.to_string();
    let mut command =
        cargo(["run", "--quiet", "--package", "fuzz", "--", target, "--seconds", seconds.as_str()]);
    if let Some(seed) = seed {
        command.arg("--seed").arg(seed.to_string());
    }
    run_command(&mut command)
}
