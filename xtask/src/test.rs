//! `cargo xtask test`: everything, on both stores.

use std::ffi::OsString;

use anyhow::Result;

use crate::command::{built, cargo, run as run_command, succeeds};
use crate::packages::{POSTGRES, PROMTOOL};

/// Installs what is missing, builds the binary that the black-box tests start, runs the tests and the examples in
/// the docs. The runner's own summary is the last thing printed.
pub(crate) fn run(args: &[OsString]) -> Result<()> {
    POSTGRES.ensure()?;
    PROMTOOL.ensure()?;
    built("waxwing")?;
    if args.is_empty() {
        run_command(&mut cargo(["test", "--doc", "--workspace"]))?;
    }
    run_tests(args)
}

/// How the runner is told how many tests run at once; `--test-threads` goes before it.
const AT_ONCE: &str = "NEXTEST_TEST_THREADS";

fn run_tests(args: &[OsString]) -> Result<()> {
    let whole = if args.is_empty() { &["--workspace"][..] } else { &[] };
    let mut command = if has_nextest() {
        let mut command = cargo(["nextest", "run", "--profile", "ci"]);
        if std::env::var_os(AT_ONCE).is_none() {
            // Many tests wait for times that pass: one more than there are cores.
            let cores = std::thread::available_parallelism().map_or(2, usize::from);
            command.env(AT_ONCE, (cores + 1).to_string());
        }
        command
    } else {
        println!("cargo-nextest cannot be installed here: `cargo test` runs the tests instead, slower");
        cargo(["test", "--lib", "--bins", "--tests", "--no-fail-fast"])
    };
    run_command(command.args(whole).args(args))
}

fn has_nextest() -> bool {
    let installed = || succeeds(&mut cargo(["nextest", "--version"]));
    installed() || (run_command(&mut cargo(["install", "cargo-nextest", "--locked"])).is_ok() && installed())
}
