//! The key that seals secrets at rest: from the setting `key`, else from a file that only its owner may read.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use domain::Entropy;
use secrecy::{ExposeSecret, SecretString};

use crate::config::Config;
use crate::private;

/// Bytes of a key (AES-256).
pub(crate) const KEY_BYTES: usize = 32;

/// The key in use and those that may still have sealed something.
#[derive(Clone)]
pub(crate) struct SealingKeys {
    pub(crate) current: [u8; KEY_BYTES],
    pub(crate) old: Vec<[u8; KEY_BYTES]>,
    pub(crate) source: KeySource,
}

/// Where the key in use comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// The setting `key`.
    Setting,
    /// This file; `made`: by this start.
    File { path: PathBuf, made: bool },
}

/// The key file of a data folder: a key a line, the first one in use, the others old.
pub(crate) fn key_file(data: &Path) -> PathBuf {
    data.join("secret.key")
}

impl SealingKeys {
    /// From the settings, else from the key file, which is made when it is not there.
    pub(crate) fn load(config: &Config, entropy: &dyn Entropy) -> Result<Self> {
        let mut keys = match &config.key {
            Some(key) => Self { current: parse(key, "key")?, old: Vec::new(), source: KeySource::Setting },
            None => Self::from_file(&config.data, entropy)?,
        };
        for key in &config.old_keys {
            keys.old.push(parse(key, "old_keys")?);
        }
        Ok(keys)
    }

    fn from_file(data: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let path = key_file(data);
        let made = if path.exists() { false } else { make_file(&path, entropy)? };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("the key file {} cannot be read", path.display()))?;
        let what = path.display().to_string();
        let mut keys = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| parse(&SecretString::from(line), &what))
            .collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            bail!("the key file {what} is empty: put the key back, or the secrets that it sealed are lost");
        }
        Ok(Self { current: keys.remove(0), old: keys, source: KeySource::File { path, made } })
    }
}

/// Puts a new key first in the key file; the others stay, to open what they sealed.
pub(crate) fn add_new_key(data: &Path, entropy: &dyn Entropy) -> Result<PathBuf> {
    let path = key_file(data);
    let kept = std::fs::read_to_string(&path)
        .with_context(|| format!("the key file {} cannot be read", path.display()))?;
    replace_file(&path, &format!("{}{kept}", fresh_line(entropy)), entropy)?;
    Ok(path)
}

/// Leaves only the first key in the key file.
pub(crate) fn drop_old_keys(path: &Path, entropy: &dyn Entropy) -> Result<()> {
    let kept = std::fs::read_to_string(path)?;
    let first = kept.lines().next().unwrap_or_default();
    replace_file(path, &format!("{first}\n"), entropy)
}

/// Whether others than the owner may read the file.
pub(crate) fn readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

fn fresh_line(entropy: &dyn Entropy) -> String {
    format!("{}\n", digits::<KEY_BYTES>(entropy))
}

fn digits<const N: usize>(entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; N];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the file whole or not at all; false when somebody else was faster (then theirs counts).
fn make_file(path: &Path, entropy: &dyn Entropy) -> Result<bool> {
    let what = || format!("the key file {} cannot be made", path.display());
    make_folder(path.parent().unwrap_or(Path::new("."))).with_context(what)?;
    let draft = draft(path, &fresh_line(entropy), entropy).with_context(what)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).with_context(what)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(what),
    }
}

fn replace_file(path: &Path, text: &str, entropy: &dyn Entropy) -> Result<()> {
    let draft = draft(path, text, entropy)?;
    std::fs::rename(&draft, path).with_context(|| format!("{} cannot be replaced", path.display()))?;
    Ok(File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?)
}

/// A file beside it, under a name that nobody else uses.
fn draft(path: &Path, text: &str, entropy: &dyn Entropy) -> std::io::Result<PathBuf> {
    let draft = path.with_extension(format!("{}.draft", digits::<8>(entropy)));
    let mut file = private::create_new(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(draft)
}

/// Makes the data folder, for its owner alone.
pub(crate) fn make_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// 64 hexadecimal digits. The error never repeats them.
fn parse(key: &SecretString, what: &str) -> Result<[u8; KEY_BYTES]> {
    let text = key.expose_secret().trim();
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let pairs = digits.filter(|digits| digits.len() == 2 * KEY_BYTES).with_context(|| {
        format!("{what}: a key is 64 hexadecimal digits (make one with `openssl rand -hex 32`)")
    })?;
    let mut bytes = [0_u8; KEY_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(pairs.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use domain::SystemEntropy;

    use super::*;

    fn from_file(data: &Path) -> Result<SealingKeys> {
        SealingKeys::from_file(data, &SystemEntropy)
    }

    #[test]
    fn the_first_start_makes_a_key_that_only_the_owner_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = from_file(&data).unwrap();
        assert_eq!(first.source, KeySource::File { path: key_file(&data), made: true });
        assert!(!readable_by_others(&key_file(&data)));
        let second = from_file(&data).unwrap();
        assert_eq!(second.current, first.current);
        assert_eq!(second.source, KeySource::File { path: key_file(&data), made: false });
    }

    #[test]
    fn of_many_first_starts_at_once_all_get_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<[u8; KEY_BYTES]> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| from_file(folder.path()).unwrap().current)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_new_key_comes_first_and_the_old_one_stays_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let before = from_file(folder.path()).unwrap();
        let path = add_new_key(folder.path(), &SystemEntropy).unwrap();
        let between = from_file(folder.path()).unwrap();
        assert_ne!(between.current, before.current);
        assert_eq!(between.old, [before.current]);
        drop_old_keys(&path, &SystemEntropy).unwrap();
        let after = from_file(folder.path()).unwrap();
        assert_eq!((after.current, after.old.len()), (between.current, 0));
        assert!(!readable_by_others(&path));
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_repeated() {
        for text in ["", "secret", &"g".repeat(64), &"0".repeat(63), &"é".repeat(64)] {
            let error = parse(&SecretString::from(text), "key").unwrap_err().to_string();
            assert!(error.starts_with("key: a key is 64 hexadecimal digits"), "{error}");
        }
        assert_eq!(parse(&SecretString::from("0F".repeat(32)), "key").unwrap(), [15; 32]);
    }

    #[test]
    fn an_empty_key_file_is_an_error_and_not_a_new_key() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(key_file(folder.path()), "\n").unwrap();
        assert!(from_file(folder.path()).is_err());
    }
}
