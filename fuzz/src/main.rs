//! Fuzz targets on stable Rust: own seeds, mutated by structure and by byte, against properties that must hold for
//! every input. A run is repeated by its seed; an input that breaks a property is kept in `target/fuzz/`.

mod mutate;
mod run;
mod targets;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
#[command(
    about = "Feeds a target with mutated inputs",
    after_help = "Example:\n  cargo run -p fuzz -- webhook_body --seconds 30"
)]
struct Cli {
    target: Target,
    /// How long to run.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Repeats an earlier run; by default another one each time.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    #[value(name = "webhook_body")]
    WebhookBody,
    #[value(name = "signature_header")]
    SignatureHeader,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (name, target): (_, run::Target) = match cli.target {
        Target::WebhookBody => ("webhook_body", targets::webhook_body::check),
        Target::SignatureHeader => ("signature_header", targets::signature_header::check),
    };
    let seed = cli.seed.unwrap_or_else(run::fresh_seed);
    match run::run(name, target, seed, Duration::from_secs(cli.seconds)) {
        Ok(inputs) => {
            println!("{name}: {inputs} inputs, no property broken (seed {seed})");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("{name}: {broken} (seed {seed})");
            ExitCode::FAILURE
        }
    }
}
