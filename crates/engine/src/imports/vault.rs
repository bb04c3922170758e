//! The imports folder: one file per import, under a name that nobody outside chose.

use std::io;
use std::path::{Path, PathBuf};

use domain::{Entropy, SignedDuration, TenantId, Timestamp};
use futures::StreamExt as _;
use ports::gateway::ByteStream;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

use super::ImportError;
use crate::faults::Faults;

/// Files on their way in.
const INCOMING: &str = ".incoming";
/// A file that no import names is left behind after so long.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_hours(1);

/// A file all of whose bytes are on disk: dropped, it is gone.
#[derive(Debug)]
pub struct Received {
    path: PathBuf,
    name: String,
    size: u64,
    kept: bool,
}

impl Received {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.kept {
            // Whatever cannot be removed now is swept away.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[derive(Debug)]
pub(super) struct Vault {
    root: PathBuf,
}

impl Vault {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Writes a stream of at most `limit` bytes to disk, and waits until the disk has them.
    pub(super) async fn receive(
        &self,
        entropy: &dyn Entropy,
        mut bytes: ByteStream,
        limit: u64,
    ) -> Result<Received, ImportError> {
        let mut random = [0u8; 16];
        entropy.fill(&mut random);
        let name = hex::encode(random);
        let folder = self.root.join(INCOMING);
        fs::create_dir_all(&folder).await.map_err(ImportError::Disk)?;
        let path = folder.join(&name);
        let file = File::create_new(&path).await.map_err(ImportError::Disk)?;
        let mut file = tokio::io::BufWriter::with_capacity(256 * 1024, file);
        let mut received = Received { path, name, size: 0, kept: false };
        while let Some(part) = bytes.next().await {
            let part = part.map_err(ImportError::CutOff)?;
            received.size += part.len() as u64;
            if received.size > limit {
                return Err(ImportError::TooLarge { limit });
            }
            file.write_all(&part).await.map_err(ImportError::Disk)?;
        }
        file.flush().await.map_err(ImportError::Disk)?;
        file.get_ref().sync_all().await.map_err(ImportError::Disk)?;
        if received.size == 0 {
            return Err(ImportError::Invalid(Faults::one("/file", "is empty")));
        }
        Ok(received)
    }

    /// Gives it its name, in one step; answers the path below the root.
    pub(super) async fn keep(&self, tenant: TenantId, mut received: Received) -> io::Result<String> {
        let folder = self.root.join(tenant.to_string());
        fs::create_dir_all(&folder).await?;
        fs::rename(&received.path, folder.join(&received.name)).await?;
        received.kept = true;
        // The name is durable once the folder is.
        File::open(&folder).await?.sync_all().await?;
        Ok(format!("{tenant}/{}", received.name))
    }

    /// Where a kept file lies.
    pub(super) fn locate(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Whether this node sees it.
    pub(super) async fn has(&self, file: &str) -> bool {
        fs::try_exists(self.locate(file)).await.unwrap_or(false)
    }

    pub(super) async fn remove(&self, file: &str) -> io::Result<()> {
        fs::remove_file(self.locate(file)).await
    }

    /// Removes what nobody will ask for again: all but `wanted`.
    pub(super) async fn sweep(&self, wanted: &[String], now: Timestamp) -> io::Result<()> {
        let mut folders = match fs::read_dir(&self.root).await {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        while let Some(folder) = folders.next_entry().await? {
            if !folder.file_type().await?.is_dir() {
                continue;
            }
            let mut files = fs::read_dir(folder.path()).await?;
            while let Some(file) = files.next_entry().await? {
                let name = format!("{}/{}", folder.file_name().display(), file.file_name().display());
                let touched = file.metadata().await?.modified()?;
                let is_old = Timestamp::try_from(touched)
                    .is_ok_and(|touched| now.duration_since(touched) > LEFT_BEHIND);
                if is_old && !wanted.contains(&name) {
                    fs::remove_file(file.path()).await?;
                }
            }
        }
        Ok(())
    }
}
