//! `cargo xtask check`: all that can be wrong without a test failing.

use anyhow::{Result, bail};

use crate::command::{cargo, run as run_command, succeeds};
use crate::{arch, fuzz, openapi};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 6] = [
    ("formatting", || run_command(&mut cargo(["fmt", "--all", "--check"]))),
    ("architecture", arch::run),
    ("lints", lints),
    ("documentation", documentation),
    ("generated files", openapi::check),
    ("licences and advisories", deny),
];

/// Runs every step, also after one failed, and names those that did.
pub(crate) fn run(with_fuzz: bool) -> Result<()> {
    let mut steps = STEPS.to_vec();
    if with_fuzz {
        steps.push(("fuzzing", fuzzing));
    }
    let mut failed = Vec::new();
    for (name, step) in steps {
        println!("\n== {name}");
        if let Err(error) = step() {
            eprintln!("{name}: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("check failed: {}", failed.join(", "));
    }
    println!("\ncheck passed");
    Ok(())
}

fn lints() -> Result<()> {
    run_command(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn documentation() -> Result<()> {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    run_command(command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
}

fn deny() -> Result<()> {
    if !succeeds(&mut cargo(["deny", "--version"])) {
        println!("skipped: cargo-deny is not installed (`cargo install cargo-deny --locked`)");
        return Ok(());
    }
    run_command(&mut cargo(["deny", "check", "--hide-inclusion-graph"]))
}

/// A minute for all targets together.
fn fuzzing() -> Result<()> {
    fuzz::TARGETS.iter().try_for_each(|target| fuzz::run(target, 60 / fuzz::TARGETS.len() as u64, None))
}
