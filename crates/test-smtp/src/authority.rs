//! Who signs the certificates of tests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority that nobody knows.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    chain: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When this machine makes no keys.
    #[must_use]
    pub fn new() -> Self {
        Self::of(KeyPair::generate().expect("a key"))
    }

    /// The one that lies in a folder; a new one is put there when there is none.
    ///
    /// # Errors
    /// Those of the disk.
    ///
    /// # Panics
    /// When the file there is not one of [`Self::at`].
    pub fn at(folder: &Path) -> io::Result<Self> {
        let key = folder.join("authority.key");
        if key.exists() {
            let key = KeyPair::from_pem(&std::fs::read_to_string(key)?);
            return Ok(Self::of(key.expect("a key of ours")));
        }
        let new = Self::new();
        std::fs::write(key, new.issuer.key().serialize_pem())?;
        std::fs::write(Self::file(folder), new.issuer.pem())?;
        Ok(new)
    }

    /// Where [`Self::at`] leaves what its clients trust.
    #[must_use]
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("authority.pem")
    }

    fn of(key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Authority of tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a key that signs") }
    }

    /// A certificate for a host, by name or address.
    ///
    /// # Panics
    /// When `host` is neither.
    #[must_use]
    pub fn certificate(&self, host: &str) -> Certificate {
        self.signed(params(host))
    }

    /// One that has ended long ago.
    ///
    /// # Panics
    /// When `host` is neither a name nor an address.
    #[must_use]
    pub fn expired_certificate(&self, host: &str) -> Certificate {
        let mut params = params(host);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.signed(params)
    }

    fn signed(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a key that signs");
        Certificate { chain: signed.der().clone(), key: key.serialize_der() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).expect("a host")
}

impl Certificate {
    /// Settings of a server that shows it.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![self.chain.clone()], key)
            .expect("a key of its certificate");
        Arc::new(config)
    }
}
