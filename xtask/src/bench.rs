//! `cargo xtask bench`.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::{cargo, root, run as run_command, target_folder};

/// Builds `waxwing` and `bench` for release and runs one benchmark.
pub(crate) fn run(name: &str, args: &[OsString]) -> Result<()> {
    run_command(&mut cargo(["build", "--release", "--package", "server", "--package", "bench"]))?;
    let folder = target_folder().join("release");
    let mut command = std::process::Command::new(folder.join("bench"));
    command.env("WAXWING_BINARY", folder.join("waxwing")).current_dir(root());
    run_command(command.arg(name).args(args))
}
