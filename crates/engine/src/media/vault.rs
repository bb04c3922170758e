//! The media folder: one file per upload, under a name that nobody outside chose.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use domain::{Entropy, SignedDuration, TenantId, Timestamp};
use futures::StreamExt as _;
use ports::gateway::ByteStream;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::limits::HEAD;

/// Files on their way in; whatever lies here is not known to anybody.
const INCOMING: &str = ".incoming";
/// Age from which a file on its way in was left by a crash.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_hours(24);
/// Characters of a file's name: 16 random bytes.
const NAME: usize = 32;

#[derive(Debug)]
pub(super) struct Vault {
    root: PathBuf,
}

/// A file all of whose bytes are on disk, not yet under its name: dropped, it is gone.
#[derive(Debug)]
pub(super) struct Incoming {
    from: PathBuf,
    name: String,
    kept: bool,
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
    /// The first bytes.
    pub(super) head: Vec<u8>,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // Whatever cannot be removed now is removed as left behind.
            let _ = std::fs::remove_file(&self.from);
        }
    }
}

/// Why a file did not come in.
#[derive(Debug)]
pub(super) enum Broken {
    TooLarge,
    /// The bytes stopped coming.
    CutOff(io::Error),
    Disk(io::Error),
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
    ) -> Result<Incoming, Broken> {
        let name = random_name(entropy);
        let folder = self.root.join(INCOMING);
        fs::create_dir_all(&folder).await.map_err(Broken::Disk)?;
        let from = folder.join(&name);
        let mut file = File::create_new(&from).await.map_err(Broken::Disk)?;
        let mut incoming =
            Incoming { from, name, kept: false, size: 0, sha256: [0; 32], head: Vec::with_capacity(HEAD) };
        let mut digest = Context::new(&SHA256);
        while let Some(part) = bytes.next().await {
            let part = part.map_err(Broken::CutOff)?;
            incoming.size += part.len() as u64;
            if incoming.size > limit {
                return Err(Broken::TooLarge);
            }
            let room = HEAD - incoming.head.len();
            incoming.head.extend_from_slice(&part[..part.len().min(room)]);
            digest.update(&part);
            file.write_all(&part).await.map_err(Broken::Disk)?;
        }
        file.flush().await.map_err(Broken::Disk)?;
        file.sync_all().await.map_err(Broken::Disk)?;
        incoming.sha256 = digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Ok(incoming)
    }

    /// Gives it its name, in one step; answers the path below the root.
    pub(super) async fn keep(&self, tenant: TenantId, mut incoming: Incoming) -> io::Result<String> {
        let folder = self.root.join(tenant.to_string());
        fs::create_dir_all(&folder).await?;
        fs::rename(&incoming.from, folder.join(&incoming.name)).await?;
        incoming.kept = true;
        // The name is durable once the folder is.
        File::open(&folder).await?.sync_all().await?;
        Ok(format!("{tenant}/{}", incoming.name))
    }

    /// The bytes of a file of this tenant.
    pub(super) async fn open(&self, tenant: TenantId, path: &str) -> io::Result<ByteStream> {
        let file = File::open(self.locate(tenant, path)?).await?;
        Ok(ReaderStream::with_capacity(file, 64 * 1024).boxed())
    }

    /// All bytes of a file of this tenant.
    pub(super) async fn read(&self, tenant: TenantId, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.locate(tenant, path)?).await
    }

    /// Removes a file that no row names.
    pub(super) async fn remove(&self, tenant: TenantId, path: &str) -> io::Result<()> {
        fs::remove_file(self.locate(tenant, path)?).await
    }

    /// A path leads to a file of this tenant or nowhere: it has two parts, the tenant and a name of ours.
    fn locate(&self, tenant: TenantId, path: &str) -> io::Result<PathBuf> {
        match path.split_once('/') {
            Some((owner, name)) if owner == tenant.to_string() && is_name(name) => {
                Ok(self.root.join(owner).join(name))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of this tenant's files")),
        }
    }

    /// Removes what a crash left behind on its way in.
    pub(super) async fn sweep(&self, now: Timestamp) -> io::Result<()> {
        let mut entries = match fs::read_dir(self.root.join(INCOMING)).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        while let Some(entry) = entries.next_entry().await? {
            if is_left_behind(&entry.path(), now).await? {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }
}

/// Whether nobody touched the file for so long that nobody can be on the way with it.
pub(super) async fn is_left_behind(path: &Path, now: Timestamp) -> io::Result<bool> {
    let touched = fs::metadata(path).await?.modified()?;
    Ok(Timestamp::try_from(touched).is_ok_and(|touched| now.duration_since(touched) > LEFT_BEHIND))
}

fn random_name(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; NAME / 2];
    entropy.fill(&mut bytes);
    hex::encode(bytes)
}

fn is_name(name: &str) -> bool {
    name.len() == NAME && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::SystemEntropy;
    use futures::stream;

    use super::*;

    fn stream_of(parts: &[&'static [u8]]) -> ByteStream {
        let parts: Vec<io::Result<Bytes>> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        stream::iter(parts).boxed()
    }

    fn incoming(vault: &Vault) -> usize {
        std::fs::read_dir(vault.root.join(INCOMING)).map_or(0, Iterator::count)
    }

    #[tokio::test]
    async fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(folder.path().to_owned());
        let tenant = TenantId(7);
        let received = vault.receive(&SystemEntropy, stream_of(&[b"hello ", b"world"]), 11).await.unwrap();
        assert_eq!((received.size, received.head.as_slice()), (11, b"hello world".as_slice()));
        assert_eq!(
            hex::encode(received.sha256),
            "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
        );
        let path = vault.keep(tenant, received).await.unwrap();
        assert_eq!(vault.read(tenant, &path).await.unwrap(), b"hello world");
        assert_eq!(incoming(&vault), 0);
    }

    #[tokio::test]
    async fn what_is_too_large_or_cut_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(folder.path().to_owned());
        let too_large = vault.receive(&SystemEntropy, stream_of(&[b"hello ", b"world"]), 10).await;
        assert!(matches!(too_large, Err(Broken::TooLarge)));
        let parts = vec![Ok(Bytes::from_static(b"hel")), Err(io::Error::other("gone"))];
        let cut = vault.receive(&SystemEntropy, stream::iter(parts).boxed(), 10).await;
        assert!(matches!(cut, Err(Broken::CutOff(_))));
        drop((too_large, cut));
        assert_eq!(incoming(&vault), 0);
    }

    #[test]
    fn no_path_leads_out_of_the_tenants_folder() {
        let vault = Vault::new("/media".into());
        let name = "0123456789abcdef0123456789abcdef";
        assert!(vault.locate(TenantId(7), &format!("7/{name}")).is_ok());
        for path in [
            format!("8/{name}"),
            format!("7/../8/{name}"),
            format!("../7/{name}"),
            format!("/7/{name}"),
            "7/..".to_owned(),
            "7/0123456789ABCDEF0123456789ABCDEF".to_owned(),
            name.to_owned(),
        ] {
            assert!(vault.locate(TenantId(7), &path).is_err(), "{path}");
        }
    }
}
