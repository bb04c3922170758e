//! What lets others watch a running server: metrics and traces, as far as the settings open them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::node::Node;
use crate::telemetry::Steps;
use crate::{logging, metrics};

/// How long the last spans may take to reach the collector.
const PATIENCE: Duration = Duration::from_secs(3);

/// Counting and logging have begun; nothing is told yet.
pub(crate) struct Begun {
    metrics: Option<PrometheusHandle>,
    steps: Option<Steps>,
}

/// At work.
pub(crate) struct Watch {
    stop: CancellationToken,
    sending: Option<JoinHandle<()>>,
}

/// Starts logging and counting; before anything else, so that nothing is missed.
pub(crate) fn begin(config: &Config) -> Result<Begun> {
    let steps = logging::start(config)?;
    Ok(Begun { metrics: metrics::start(config)?, steps })
}

impl Begun {
    /// Opens what the settings open, for this node; `settings` learn what the API has to do for it.
    pub(crate) async fn open(
        self,
        config: &Config,
        node: &Node,
        settings: &mut api::Settings,
    ) -> Result<Watch> {
        let stop = CancellationToken::new();
        if let Some(handle) = self.metrics {
            let page = metrics::Page::new(handle, node.engine.health.clone(), node.store.clone(), config);
            page.keep_up(stop.clone());
            settings.measured = true;
            settings.metrics = config.metrics_token.clone().map(|token| {
                let page = page.clone();
                api::metrics::Page {
                    token: Arc::new(token),
                    text: Arc::new(move || {
                        let page = page.clone();
                        Box::pin(async move { page.text().await })
                    }),
                }
            });
            if let Some(address) = &config.metrics_listen {
                metrics::serve(address, page, stop.clone()).await?;
            }
        }
        let name = &node.engine.deps().settings.node;
        let sending = self.steps.map(|steps| steps.send(config, name, stop.clone())).transpose()?;
        Ok(Watch { stop, sending })
    }
}

impl Watch {
    /// After the server has stopped: sends the last spans.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        if let Some(sending) = self.sending
            && tokio::time::timeout(PATIENCE, sending).await.is_err()
        {
            tracing::warn!("the last spans could not be sent to the collector in time");
        }
    }
}
