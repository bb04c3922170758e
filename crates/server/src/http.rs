//! Serving: the HTTP server and the engine's own tasks, started together and stopped in the right order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use crate::tls::{Tls, TlsListener};

/// Binds; the error names the flag that chooses another address.
pub(crate) async fn bind(address: &str, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another address with {flag}"))
}

/// The URL under which this machine reaches a listener.
pub(crate) fn url_of(listener: &TcpListener) -> Result<String> {
    let mut address: SocketAddr = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        });
    }
    Ok(format!("http://{address}"))
}

/// A server at work.
pub(crate) struct Server {
    url: String,
    pub(crate) node: Node,
    running: JoinHandle<()>,
    serving: JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
}

impl Server {
    /// Starts the engine's tasks and answers requests until `stop` is cancelled.
    pub(crate) fn start(
        listener: TcpListener,
        tls: Option<Tls>,
        node: Node,
        mut settings: api::Settings,
        stop: CancellationToken,
    ) -> Result<Self> {
        let mut url = url_of(&listener)?;
        let engine = node.engine.clone();
        let until = stop.clone();
        let running = tokio::spawn(async move { engine.run(until).await });
        settings.closing = stop.clone();
        let service =
            api::router(node.engine.clone(), settings).into_make_service_with_connect_info::<SocketAddr>();
        let stopped = stop.clone().cancelled_owned();
        let serving =
            match tls {
                None => tokio::spawn(async move {
                    axum::serve(listener, service).with_graceful_shutdown(stopped).await
                }),
                Some(tls) => {
                    url = url.replacen("http", "https", 1);
                    // Tapped for its address alone: that is how axum tells it to the handlers.
                    let listener = TlsListener::start(listener, tls.acceptor()?)?.tap_io(|_| {});
                    tokio::spawn(tls.watch(stop.clone()));
                    tokio::spawn(async move {
                        axum::serve(listener, service).with_graceful_shutdown(stopped).await
                    })
                }
            };
        Ok(Self { url, node, running, serving, stop })
    }

    /// Where this machine reaches it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops taking requests, lets those at work and the calls to Meta end within `limit`, closes the store.
    pub(crate) async fn stop(self, limit: Duration) {
        self.stop.cancel();
        let ended = tokio::time::timeout(limit, async {
            let (served, ran) = tokio::join!(self.serving, self.running);
            if let Ok(Err(error)) = served {
                tracing::warn!(%error, "the HTTP server ended badly");
            }
            if let Err(error) = ran {
                tracing::error!(%error, "the server's tasks ended badly");
            }
        });
        if ended.await.is_err() {
            tracing::warn!(
                seconds = limit.as_secs(),
                "not everything ended in time; what was being sent is in doubt"
            );
        }
        if let Err(error) = self.node.store.close().await {
            tracing::warn!(%error, "the store did not close well");
        }
        tracing::info!("stopped");
    }
}
