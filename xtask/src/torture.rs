//! `cargo xtask torture`: a broadcast, killed again and again.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{cargo, run as run_command, target_folder};
use crate::packages::POSTGRES;

/// On which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    Both,
}

/// How hard.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Who is to get it.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..))]
    recipients: u32,
    /// How often the server is killed.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    #[arg(long, value_enum, default_value = "both")]
    database: Database,
    /// Servers on one PostgreSQL, each of which is killed and taken over by another; by default one, and then two.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4))]
    nodes: Option<u32>,
    /// Repeats an earlier run; by default another one each time.
    #[arg(long)]
    seed: Option<u64>,
}

/// Builds for release, runs it, and names the seed when it failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    POSTGRES.ensure()?;
    run_command(&mut cargo(["build", "--release", "--package", "server"]))?;
    let seed = options.seed.unwrap_or_else(|| u64::from(std::process::id()));
    let binary = target_folder().join("release").join("waxwing");
    // One server sends from one number; several from as many, so that each has a lane to lose.
    for (database, name, nodes) in [
        (Database::Sqlite, "sqlite", 1),
        (Database::Postgres, "postgres", 1),
        (Database::Postgres, "postgres", 2),
    ] {
        let wanted = options.nodes.unwrap_or(nodes);
        let is_wanted = wanted == nodes || (nodes > 1 && wanted > 1);
        if is_wanted && [database, Database::Both].contains(&options.database) {
            one(options, name, wanted, seed, &binary)?;
        }
    }
    Ok(())
}

fn one(options: &Options, database: &str, nodes: u32, seed: u64, binary: &Path) -> Result<()> {
    println!("torture on {database}, {nodes} node(s), seed {seed}");
    let mut command = cargo([
        "test",
        "--package",
        "e2e",
        "--test",
        "torture",
        "--",
        "--ignored",
        "--nocapture",
        "as_asked_for",
    ]);
    command
        .env("WAXWING_BINARY", binary)
        .env("TORTURE_RECIPIENTS", options.recipients.to_string())
        .env("TORTURE_KILLS", options.kills.to_string())
        .env("TORTURE_DATABASE", database)
        .env("TORTURE_NODES", nodes.to_string())
        .env("TORTURE_NUMBERS", nodes.to_string())
        .env("TORTURE_SEED", seed.to_string());
    if let Err(error) = run_command(&mut command) {
        bail!(
            "{error}\nrepeat it by: cargo xtask torture --database {database} --nodes {nodes} --recipients {} --kills {} --seed {seed}",
            options.recipients,
            options.kills
        );
    }
    Ok(())
}
