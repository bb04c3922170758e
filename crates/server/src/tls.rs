//! TLS by the server itself, for whoever runs it without a proxy. A renewed certificate is taken up while it runs.

mod expiry;
mod listener;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

pub(crate) use listener::TlsListener;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The certificate in use, and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// What the settings name; `None` when they name nothing.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>> {
        let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(None) };
        Self::load(cert, key).map(Some)
    }

    fn load(cert: &Path, key: &Path) -> Result<Self> {
        let current = Arc::new(Current(RwLock::new(Arc::new(read(cert, key)?))));
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), current })
    }

    /// Until when the certificate is good, as far as it can be read.
    pub(crate) fn ends_at(&self) -> Option<domain::Timestamp> {
        let current = self.current.0.read().unwrap_or_else(PoisonError::into_inner);
        current.cert.first().and_then(|first| expiry::not_after(first))
    }

    /// HTTP/2 for whoever asks for it, else HTTP/1.1.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes up new files, on SIGHUP and when they change. Files that do not fit together leave all as it is: they
    /// may be half written.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let mut seen = self.stamp();
        let mut hangups = Hangups::listen();
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = hangups.next() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let stamp = self.stamp();
            if (asked || stamp != seen) && self.reload() {
                seen = stamp;
            }
        }
    }

    /// Whether the files were taken up.
    fn reload(&self) -> bool {
        match read(&self.cert, &self.key) {
            Ok(fresh) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                tracing::info!(until = ?self.ends_at(), "the certificate was read again");
                true
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "the certificate cannot be taken up; the last one stays in use");
                false
            }
        }
    }

    /// Changes when a file does.
    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.cert, &self.key].map(|path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        })
    }
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey> {
    let unread = |what: &str, path: &Path| format!("{what}: {} cannot be read as PEM", path.display());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| unread("tls_cert", cert))?;
    if chain.is_empty() {
        bail!("tls_cert: there is no certificate in {}", cert.display());
    }
    let secret = PrivateKeyDer::from_pem_file(key).with_context(|| unread("tls_key", key))?;
    CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider())
        .with_context(|| format!("tls_key: {} is not the key of {}", key.display(), cert.display()))
}

/// SIGHUP, where there is such a thing.
struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use axum::serve::ListenerExt;
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// A certificate for `localhost`, in files.
    struct Files {
        folder: tempfile::TempDir,
    }

    impl Files {
        fn make() -> Self {
            let files = Self { folder: tempfile::tempdir().unwrap() };
            files.renew();
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn renew(&self) -> Vec<u8> {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            std::fs::write(self.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
            std::fs::write(self.path("cert.pem"), made.cert.pem()).unwrap();
            made.cert.der().to_vec()
        }

        fn load(&self) -> Result<Tls> {
            Tls::load(&self.path("cert.pem"), &self.path("key.pem"))
        }
    }

    async fn serve(tls: &Tls) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let listener = TlsListener::start(listener, tls.acceptor().unwrap()).unwrap().tap_io(|_| {});
        let router = Router::new().route("/", get(|| async { "hello" }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Connects as whoever trusts this certificate alone.
    async fn connect(
        address: &str,
        trusted: &[u8],
        protocol: &[u8],
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(trusted.to_vec())).unwrap();
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    #[tokio::test]
    async fn http_1_and_2_are_spoken_as_the_client_asks() {
        let files = Files::make();
        let der = files.renew();
        let address = serve(&files.load().unwrap()).await;

        let mut stream = connect(&address, &der, b"http/1.1").await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"), "{answer}");

        let mut stream = connect(&address, &der, b"h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[3], 4, "the server's first frame is its settings");
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_keeps_nobody_else_waiting() {
        let files = Files::make();
        let der = files.renew();
        let address = serve(&files.load().unwrap()).await;
        let _silent = TcpStream::connect(&address).await.unwrap();
        connect(&address, &der, b"http/1.1").await.unwrap();
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
        let files = Files::make();
        let first = files.renew();
        let tls = files.load().unwrap();
        let address = serve(&tls).await;
        connect(&address, &first, b"h2").await.unwrap();
        let second = files.renew();
        assert!(tls.reload());
        connect(&address, &second, b"h2").await.unwrap();
        assert!(connect(&address, &first, b"h2").await.is_err());
        std::fs::write(files.path("key.pem"), "half a k").unwrap();
        assert!(!tls.reload());
        connect(&address, &second, b"h2").await.unwrap();
    }

    #[test]
    fn a_key_of_another_certificate_is_told() {
        let files = Files::make();
        let key = std::fs::read(files.path("key.pem")).unwrap();
        files.renew();
        std::fs::write(files.path("key.pem"), key).unwrap();
        let error = files.load().unwrap_err().to_string();
        assert!(error.starts_with("tls_key: ") && error.contains("is not the key of"), "{error}");
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        assert_eq!(expiry::not_after(cert.der()), Some("2031-02-03T00:00:00Z".parse().unwrap()));
        params.not_after = rcgen::date_time_ymd(2071, 2, 3);
        let cert = params.self_signed(&key).unwrap();
        assert_eq!(expiry::not_after(cert.der()), Some("2071-02-03T00:00:00Z".parse().unwrap()));
        for cut in 0..cert.der().len() {
            let _ = expiry::not_after(&cert.der()[..cut]);
        }
    }
}
