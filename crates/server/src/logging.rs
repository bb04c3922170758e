//! Log lines on standard error, so that what a command prints stays clean.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Config, LogFormat};
use crate::telemetry::{self, Steps};

/// Libraries that tell at `info` what only their authors want to know; and what is told to a collector alone.
const QUIET: &str = "sea_orm_migration=warn,sqlx=warn,waxwing::steps=off";

/// Starts logging for this process; answers where steps come out, when a collector is configured.
pub(crate) fn start(config: &Config) -> Result<Option<Steps>> {
    // First, so that whoever names these libraries is heard.
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log))
        .with_context(|| format!("log: \"{}\" is neither a level nor a filter", config.log))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let started = match telemetry::layer(config) {
        None => tracing_subscriber::registry().with(lines).try_init().map(|()| None),
        Some((layer, steps)) => {
            let heard = Targets::new().with_target(engine::telemetry::STEPS, LevelFilter::TRACE);
            tracing_subscriber::registry()
                .with(lines.and_then(layer.with_filter(heard)))
                .try_init()
                .map(|()| Some(steps))
        }
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
