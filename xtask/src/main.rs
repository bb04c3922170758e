//! `cargo xtask`: the one tool of this repository.

mod arch;
mod bench;
mod check;
mod command;
mod demo;
mod fuzz;
mod openapi;
mod packages;
mod schemathesis;
mod test;
mod torture;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests and checks Waxwing")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds Waxwing and runs `waxwing demo`; arguments are passed on.
    #[command(after_help = "Example:\n  cargo xtask demo --listen 127.0.0.1:9000")]
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs every test, on SQLite and on PostgreSQL; installs what is missing.
    #[command(after_help = "Example:\n  cargo xtask test\n  cargo xtask test -p store a_repeat")]
    Test {
        /// Passed on to the test runner.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Formatting, lints, docs, architecture, generated files, licences, a minute of fuzzing.
    #[command(after_help = "Example:\n  cargo xtask check --no-fuzz")]
    Check {
        /// Leaves the minute of fuzzing out.
        #[arg(long)]
        no_fuzz: bool,
    },
    /// Holds the crates against the grid of ARCHITECTURE.md.
    #[command(after_help = "Example:\n  cargo xtask arch")]
    Arch,
    /// Builds for release and runs a benchmark of `bench/`; arguments are passed on.
    #[command(after_help = "Example:\n  cargo xtask bench webhooks")]
    Bench {
        /// Which one, e.g. `webhooks` or `sends`.
        name: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Asks a demo of its own, with what Schemathesis makes up out of the OpenAPI document; installs that below target/.
    #[command(after_help = "Example:\n  cargo xtask schemathesis --seconds 600 --path /contacts")]
    Schemathesis(schemathesis::Options),
    /// Writes docs/openapi.json anew from the code.
    #[command(after_help = "Example:\n  cargo xtask openapi")]
    Openapi,
    /// Kills the server again and again under a broadcast; the simulator's ledger is the judge.
    #[command(after_help = "Example:\n  cargo xtask torture --recipients 20000 --kills 20 --database sqlite")]
    Torture(torture::Options),
    /// Feeds a fuzz target with mutated bodies.
    #[command(after_help = "Example:\n  cargo xtask fuzz webhook_body --seconds 3600")]
    Fuzz {
        /// `webhook_body` or `signature_header`.
        target: String,
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Repeats an earlier run; by default another one each time.
        #[arg(long)]
        seed: Option<u64>,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Demo { args } => demo::run(&args),
        Command::Test { args } => test::run(&args),
        Command::Check { no_fuzz } => check::run(!no_fuzz),
        Command::Arch => arch::run(),
        Command::Bench { name, args } => bench::run(&name, &args),
        Command::Openapi => openapi::write(),
        Command::Schemathesis(options) => schemathesis::ask(&options),
        Command::Torture(options) => torture::run(&options),
        Command::Fuzz { target, seconds, seed } => fuzz::run(&target, seconds, seed),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
