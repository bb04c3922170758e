//! Media: files sent and received. The bytes lie in files under the media folder, the store knows where.

mod fetch;
mod leftovers;
mod limits;
mod meta_ids;
mod upload;

use std::sync::Arc;

use domain::{MediaId, SignedDuration, TenantId};
use ports::StoreError;
use ports::gateway::{ByteStream, GatewayError};
use ports::media::Media;
use tokio::sync::Notify;

use crate::Deps;
use crate::faults::Faults;
use crate::vault::{Broken, Vault};

pub use limits::{SUPPORTED, kind_of, largest};
pub use upload::{Upload, Uploaded};

/// Age from which a file that nobody names was left by a crash.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_hours(24);

/// How dealing with files fails.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("there is no such file")]
    NotFound,
    #[error("there is no such connection")]
    ConnectionNotFound,
    /// No connection was named and the tenant has none.
    #[error("there is no connection to send files from")]
    NoConnection,
    /// WhatsApp takes no files of this type; [`SUPPORTED`] lists those that it takes.
    #[error("files of type \"{0}\" cannot be sent")]
    UnsupportedType(String),
    /// In bytes.
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// An inbound file that is not here (yet), and why not.
    #[error("the file was not fetched from Meta: {}", .0.as_deref().unwrap_or("not yet"))]
    NotFetched(Option<String>),
    /// The caller's bytes stopped coming.
    #[error("the upload was cut off: {0}")]
    CutOff(std::io::Error),
    #[error("the media folder failed: {0}")]
    Disk(std::io::Error),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Broken> for MediaError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge { limit } => Self::TooLarge { limit },
            Broken::CutOff(error) => Self::CutOff(error),
            Broken::Disk(error) => Self::Disk(error),
        }
    }
}

/// Use cases on files.
#[derive(Clone)]
pub struct MediaFiles {
    deps: Deps,
    vault: Arc<Vault>,
    ids: Arc<meta_ids::MetaIds>,
    used: Arc<meta_ids::Used>,
    arrivals: Arc<Notify>,
}

impl MediaFiles {
    /// Over these parts; the folder is made when the first file comes.
    pub fn new(deps: Deps) -> Self {
        let vault = Arc::new(Vault::new(deps.settings.media_dir.clone(), LEFT_BEHIND));
        Self { deps, vault, ids: Arc::default(), used: Arc::default(), arrivals: Arc::default() }
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, media: MediaId) -> Result<Media, MediaError> {
        self.deps.store.media(tenant, media).await?.ok_or(MediaError::NotFound)
    }

    /// A file and its bytes.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::NotFetched`], [`MediaError::Disk`], or the store's.
    pub async fn open(&self, tenant: TenantId, media: MediaId) -> Result<(Media, ByteStream), MediaError> {
        let found = self.get(tenant, media).await?;
        let Some(path) = &found.path else {
            return Err(MediaError::NotFetched(found.failure));
        };
        let bytes = self.vault.open(tenant, path).await.map_err(MediaError::Disk)?;
        Ok((found, bytes))
    }

    /// An inbound file waits at Meta: fetch it now rather than at the next look.
    pub fn arrived(&self) {
        self.arrivals.notify_one();
    }
}
