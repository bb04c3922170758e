//! Benchmarks: the real binary over loopback, beside floors measured in the same run.
//!
//! A figure of one machine says little about another; its ratio to a floor (the least that any server must do for
//! the same promise) says more. So each round drives the floors and Waxwing one after the other, the order turning
//! from round to round, and the tables show medians and ratios. See `README.md`.

mod bodies;
mod broadcast;
mod clock;
mod floors;
mod imports;
mod lists;
mod load;
mod options;
mod report;
mod seed;
mod sends;
mod webhooks;
mod world;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use options::Options;

/// The allocator of the server, so that the floors differ from it in what they do alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "bench", about = "Measures Waxwing against floors")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Webhooks acknowledged, and statuses acknowledged and projected
    #[command(after_help = "Example:\n  cargo xtask bench webhooks --store sqlite --rounds 5")]
    Webhooks(Options),
    /// Sends accepted, and sends that reach Meta
    #[command(after_help = "Example:\n  cargo xtask bench sends --store sqlite")]
    Sends(Options),
    /// A list of contacts, with validation, duplicates and consent
    #[command(after_help = "Example:\n  cargo xtask bench import --store sqlite --rows 1000000 --rounds 1")]
    Import(imports::Options),
    /// The floors alone: what this machine and its disk can do
    #[command(after_help = "Example:\n  cargo xtask bench floors")]
    Floors(Options),
    /// Fills a store with what a large business has, within minutes
    #[command(
        after_help = "Example:\n  cargo xtask bench seed --contacts 1000000 --messages 5000000 --data /tmp/seed"
    )]
    Seed(seed::Options),
    /// Broadcasts: freezing, sending, memory, pace
    #[command(
        after_help = "Example:\n  cargo xtask bench broadcast --store sqlite --recipients 1000000 --no-pace"
    )]
    Broadcast(broadcast::Options),
    /// Each list view on a large store
    #[command(
        after_help = "Example:\n  cargo xtask bench lists --store sqlite --contacts 100000 --messages 500000"
    )]
    Lists(lists::Options),
    /// A floor's server; the benchmarks start it themselves
    #[command(hide = true)]
    Floor(floors::FloorOptions),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Floor(options) => tokio::runtime::Runtime::new()?.block_on(floors::serve(options)),
        Command::Floors(options) => measure(async move { floors::alone::run(&options).await }),
        Command::Webhooks(options) => measure(async move { webhooks::run(&options).await }),
        Command::Broadcast(options) => measure(async move { broadcast::run(&options).await }),
        Command::Lists(options) => measure(async move { lists::run(&options).await }),
        Command::Seed(options) => measure(async move { seed::run(&options).await }),
        Command::Import(options) => measure(async move { imports::run(&options).await }),
        Command::Sends(options) => measure(async move { sends::run(&options).await }),
    }
}

/// One thread for the load: it shares the machine with what it measures. An interrupt ends it as the end does, with
/// every process stopped.
fn measure(bench: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            outcome = bench => outcome,
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
            _ = terminated.recv() => anyhow::bail!("terminated"),
        }
    });
    runtime.shutdown_background();
    outcome
}
