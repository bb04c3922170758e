//! `cargo xtask demo`.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::{cargo, run as run_command};

/// Builds Waxwing and runs `waxwing demo`.
pub(crate) fn run(args: &[OsString]) -> Result<()> {
    println!("The first build takes some minutes, later ones seconds.");
    let mut command = cargo(["run", "--package", "server", "--bin", "waxwing", "--", "demo"]);
    run_command(command.args(args))
}
