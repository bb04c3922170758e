//! Log lines on standard error, so that what a command prints stays clean.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Libraries that tell at `info` what only their authors want to know.
const QUIET: &str = "sea_orm_migration=warn,sqlx=warn";

/// Starts logging for this process.
pub(crate) fn start(config: &Config) -> Result<()> {
    // First, so that whoever names these libraries is heard.
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log))
        .with_context(|| format!("log: \"{}\" is neither a level nor a filter", config.log))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
