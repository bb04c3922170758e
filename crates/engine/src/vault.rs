//! A folder of files: one per upload, under a name that nobody outside chose.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use domain::{Entropy, SignedDuration, TenantId, Timestamp};
use futures::StreamExt as _;
use ports::gateway::ByteStream;
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio_util::io::ReaderStream;

/// Files on their way in; whatever lies here is not known to anybody.
const INCOMING: &str = ".incoming";
/// Characters of a file's name: 16 random bytes.
const NAME: usize = 32;
/// Bytes at the beginning of a file that are kept at hand.
const HEAD: usize = 1024;
/// Bytes that go to the disk together.
const TOGETHER: usize = 256 * 1024;

/// The files of one column, each of a tenant.
#[derive(Debug)]
pub(crate) struct Vault {
    root: PathBuf,
    left_behind: SignedDuration,
}

/// A file all of whose bytes are on disk, not yet under its name: dropped, it is gone.
#[derive(Debug)]
pub struct Received {
    path: PathBuf,
    name: String,
    kept: bool,
    size: u64,
    sha256: [u8; 32],
    head: Vec<u8>,
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

    pub(crate) fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The first bytes, 1,024 at most.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
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

/// Why a file did not come in.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It has more bytes than `limit`.
    TooLarge {
        limit: u64,
    },
    /// The bytes stopped coming.
    CutOff(io::Error),
    Disk(io::Error),
}

impl Vault {
    /// Files in `root`, which is made when the first one comes. One that nobody touched for `left_behind` was left there by a
    /// crash, when nobody names it.
    pub(crate) fn new(root: PathBuf, left_behind: SignedDuration) -> Self {
        Self { root, left_behind }
    }

    /// Writes a stream of at most `limit` bytes to disk, and waits until the disk has them.
    pub(crate) async fn receive(
        &self,
        entropy: &dyn Entropy,
        mut bytes: ByteStream,
        limit: u64,
    ) -> Result<Received, Broken> {
        let name = random_name(entropy);
        let folder = self.root.join(INCOMING);
        fs::create_dir_all(&folder).await.map_err(Broken::Disk)?;
        let path = folder.join(&name);
        let mut file = BufWriter::with_capacity(TOGETHER, create(&path).await.map_err(Broken::Disk)?);
        let mut received =
            Received { path, name, kept: false, size: 0, sha256: [0; 32], head: Vec::with_capacity(HEAD) };
        let mut digest = Context::new(&SHA256);
        while let Some(part) = bytes.next().await {
            let part = part.map_err(Broken::CutOff)?;
            received.size += part.len() as u64;
            if received.size > limit {
                return Err(Broken::TooLarge { limit });
            }
            let room = HEAD - received.head.len();
            received.head.extend_from_slice(&part[..part.len().min(room)]);
            digest.update(&part);
            file.write_all(&part).await.map_err(Broken::Disk)?;
        }
        file.flush().await.map_err(Broken::Disk)?;
        file.get_ref().sync_all().await.map_err(Broken::Disk)?;
        received.sha256 = digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Ok(received)
    }

    /// Gives it its name, in one step; answers the path below the root.
    pub(crate) async fn keep(&self, tenant: TenantId, mut received: Received) -> io::Result<String> {
        let folder = self.root.join(tenant.to_string());
        fs::create_dir_all(&folder).await?;
        fs::rename(&received.path, folder.join(&received.name)).await?;
        received.kept = true;
        // The name is durable once the folder is.
        File::open(&folder).await?.sync_all().await?;
        Ok(format!("{tenant}/{}", received.name))
    }

    /// The bytes of a file of this tenant.
    pub(crate) async fn open(&self, tenant: TenantId, path: &str) -> io::Result<ByteStream> {
        let file = File::open(self.locate(tenant, path)?).await?;
        Ok(ReaderStream::with_capacity(file, 64 * 1024).boxed())
    }

    /// All bytes of a file of this tenant.
    pub(crate) async fn read(&self, tenant: TenantId, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.locate(tenant, path)?).await
    }

    /// Whether this node sees a file of this tenant.
    pub(crate) async fn has(&self, tenant: TenantId, path: &str) -> bool {
        match self.locate(tenant, path) {
            Ok(path) => fs::try_exists(path).await.unwrap_or(false),
            Err(_) => false,
        }
    }

    /// Removes a file that no row names.
    pub(crate) async fn remove(&self, tenant: TenantId, path: &str) -> io::Result<()> {
        fs::remove_file(self.locate(tenant, path)?).await
    }

    /// Where a file of this tenant lies. A path leads there or nowhere: it has two parts, the tenant and a name of ours.
    pub(crate) fn locate(&self, tenant: TenantId, path: &str) -> io::Result<PathBuf> {
        match path.split_once('/') {
            Some((owner, name)) if owner == tenant.to_string() && is_name(name) => {
                Ok(self.root.join(owner).join(name))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of this tenant's files")),
        }
    }

    /// Whether nobody touched a file for so long that nobody can be on the way with it. One that is gone is not.
    pub(crate) async fn is_left_behind(&self, path: &str, now: Timestamp) -> io::Result<bool> {
        let touched = match fs::metadata(self.root.join(path)).await {
            Ok(metadata) => metadata.modified()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(Timestamp::try_from(touched).is_ok_and(|touched| now.duration_since(touched) > self.left_behind))
    }

    /// Folders of tenants.
    pub(crate) async fn tenants(&self) -> io::Result<Vec<TenantId>> {
        // Whatever is not called like a tenant is not one's folder.
        let folders = entries(&self.root).await?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Paths of a tenant's files.
    pub(crate) async fn files(&self, tenant: TenantId) -> io::Result<Vec<String>> {
        let names = entries(&self.root.join(tenant.to_string())).await?;
        Ok(names.into_iter().map(|name| format!("{tenant}/{name}")).collect())
    }

    /// Removes what a crash left behind on its way in.
    pub(crate) async fn sweep(&self, now: Timestamp) -> io::Result<()> {
        for name in entries(&self.root.join(INCOMING)).await? {
            let path = format!("{INCOMING}/{name}");
            if self.is_left_behind(&path, now).await? {
                gone(fs::remove_file(self.root.join(path)).await)?;
            }
        }
        Ok(())
    }

    /// Removes what a crash left behind, on its way in or kept: all but `wanted`.
    pub(crate) async fn sweep_all_but(&self, wanted: &[String], now: Timestamp) -> io::Result<()> {
        self.sweep(now).await?;
        for tenant in self.tenants().await? {
            for path in self.files(tenant).await? {
                if !wanted.contains(&path) && self.is_left_behind(&path, now).await? {
                    gone(fs::remove_file(self.root.join(path)).await)?;
                }
            }
        }
        Ok(())
    }
}

/// A new file that nobody but this server's user may read.
async fn create(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}

/// Names in a folder; none when there is no such folder.
async fn entries(folder: &Path) -> io::Result<Vec<String>> {
    let mut entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// What somebody else removed meanwhile is gone as well.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
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

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

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
        let vault = Vault::new(folder.path().to_owned(), HOUR);
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
        let vault = Vault::new(folder.path().to_owned(), HOUR);
        let too_large = vault.receive(&SystemEntropy, stream_of(&[b"hello ", b"world"]), 10).await;
        assert!(matches!(too_large, Err(Broken::TooLarge { limit: 10 })));
        let parts = vec![Ok(Bytes::from_static(b"hel")), Err(io::Error::other("gone"))];
        let cut = vault.receive(&SystemEntropy, stream::iter(parts).boxed(), 10).await;
        assert!(matches!(cut, Err(Broken::CutOff(_))));
        drop((too_large, cut));
        assert_eq!(incoming(&vault), 0);
    }

    #[test]
    fn no_path_leads_out_of_the_tenants_folder() {
        let vault = Vault::new("/media".into(), HOUR);
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

    #[tokio::test]
    async fn only_what_is_old_and_not_wanted_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(folder.path().to_owned(), HOUR);
        let receive = || async { vault.receive(&SystemEntropy, stream_of(&[b"x"]), 10).await.unwrap() };
        let (wanted, other) = (
            vault.keep(TenantId(7), receive().await).await.unwrap(),
            vault.keep(TenantId(8), receive().await).await.unwrap(),
        );
        let on_its_way = receive().await;
        let touched = Timestamp::try_from(std::fs::metadata(on_its_way.path()).unwrap().modified().unwrap());
        let sweep = |later: SignedDuration| {
            let now = touched.as_ref().unwrap().saturating_add(later).unwrap();
            let (vault, wanted) = (&vault, vec![wanted.clone()]);
            async move { vault.sweep_all_but(&wanted, now).await.unwrap() }
        };
        sweep(SignedDuration::from_mins(59)).await;
        assert!(vault.has(TenantId(8), &other).await && on_its_way.path().exists());
        sweep(SignedDuration::from_mins(61)).await;
        assert!(vault.has(TenantId(7), &wanted).await);
        assert!(!vault.has(TenantId(8), &other).await && !on_its_way.path().exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_is_for_the_eyes_of_the_servers_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(folder.path().to_owned(), HOUR);
        let received = vault.receive(&SystemEntropy, stream_of(&[b"x"]), 10).await.unwrap();
        assert_eq!(received.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
