//! Connections whose handshake is over. Handshakes go on side by side: a client that says nothing delays itself alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// For one handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at a time.
const HANDSHAKES: usize = 512;

type Ready = (TlsStream<TcpStream>, SocketAddr);

/// Accepts TLS connections.
pub(crate) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<Ready>,
    accepting: AbortHandle,
}

impl TlsListener {
    /// Begins to accept.
    pub(crate) fn start(listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(HANDSHAKES);
        let accepting = tokio::spawn(accept(listener, acceptor, sender)).abort_handle();
        Ok(Self { address, ready, accepting })
    }
}

async fn accept(mut listener: TcpListener, acceptor: TlsAcceptor, ready: mpsc::Sender<Ready>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = Listener::accept(&mut listener).await;
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(ready.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
            drop(place);
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // Only at the end of the process.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
