//! Waxwing: a server for the WhatsApp Business Cloud API.
//!
//! Floor 5: settings, commands, and the choice of store and gateway. No rule of the product stands here.

mod bar;
mod client;
mod commands;
mod config;
mod folder;
mod http;
mod keys;
mod logging;
mod metrics;
mod node;
mod private;
mod shutdown;
mod telemetry;
mod tls;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // Where nobody reads any more the exit code has to do.
            let _ = writeln!(std::io::stderr(), "waxwing: {error:#}");
            ExitCode::FAILURE
        }
    }
}
