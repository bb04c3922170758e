//! Traces by OTLP: the steps of a message (see `engine::telemetry`) as spans of one trace.
//!
//! The ids are not carried along, they follow from the message: trace and root span are made of its id and the key
//! that seals secrets, which all nodes share. So the send, the lane's turn, the call to Meta and the webhook that comes
//! a week later, on another node, stand in one trace, and no column keeps it. Nothing here runs unless a collector is
//! configured.

mod export;
mod layer;
mod span;

use anyhow::{Context, Result};
use domain::SystemEntropy;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::keys::SealingKeys;
use export::Exporter;
pub(crate) use layer::StepLayer;
use span::{Ids, Step};

/// Steps that wait to be sent; when the collector is slow, later ones are dropped and counted.
const WAITING: usize = 8_192;

/// Steps on their way to a collector.
pub(crate) struct Steps {
    taken: mpsc::Receiver<Step>,
    dropped: layer::Dropped,
}

/// A layer that takes steps, and where they come out; nothing when no collector is configured.
pub(crate) fn layer(config: &Config) -> Option<(StepLayer, Steps)> {
    config.otlp_endpoint.as_ref()?;
    let (give, taken) = mpsc::channel(WAITING);
    let layer = StepLayer::new(give);
    let dropped = layer.dropped();
    Some((layer, Steps { taken, dropped }))
}

impl Steps {
    /// Sends steps to the collector until `stop`, then what is left.
    ///
    /// # Errors
    /// When the endpoint is no address, or the key cannot be read.
    pub(crate) fn send(self, config: &Config, node: &str, stop: CancellationToken) -> Result<JoinHandle<()>> {
        let endpoint = config.otlp_endpoint.as_deref().unwrap_or_default();
        let headers = config.otlp_headers.iter().map(|header| header.expose_secret().to_owned());
        let exporter = Exporter::new(endpoint, headers.collect(), node)
            .with_context(|| format!("otlp_endpoint: \"{endpoint}\""))?;
        let ids = Ids::of(&SealingKeys::load(config, &SystemEntropy)?.current);
        tracing::info!(endpoint, "traces are sent");
        Ok(tokio::spawn(exporter.run(self.taken, self.dropped, ids, stop)))
    }
}
