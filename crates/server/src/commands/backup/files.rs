//! The files beside the store: those of messages and of imports. They are written once and never changed.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use aws_lc_rs::digest::{self, SHA256};
use serde::{Deserialize, Serialize};

use super::archive::{Archive, FILES, Lines, Sum, Writer, hex};
use crate::keys::make_folder;
use crate::private;

/// Folders in the data folder whose files belong to rows.
const FOLDERS: [&str; 2] = ["media", "imports"];

/// A file, by its place below the data folder.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: String,
    /// Bytes.
    size: u64,
    sha256: String,
}

/// Copies all of them, listing each.
pub(super) fn copy(data: &Path, root: &Path, mut list: Writer) -> Result<Sum> {
    let mut waiting: Vec<PathBuf> = FOLDERS.iter().map(PathBuf::from).collect();
    while let Some(folder) = waiting.pop() {
        let found = match std::fs::read_dir(data.join(&folder)) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", folder.display())),
        };
        for entry in found {
            let entry = entry?;
            let name = entry.file_name();
            // What begins with a dot is on its way in and belongs to nobody yet.
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = folder.join(&name);
            if entry.file_type()?.is_dir() {
                waiting.push(path);
            } else if let Some((size, sha256)) = copy_one(&data.join(&path), &root.join("files").join(&path))?
            {
                let path = path.to_str().context("a file's name is no text")?.to_owned();
                list.line(&serde_json::to_string(&Entry { path, size, sha256 })?)?;
            }
        }
    }
    list.finish()
}

/// `None`: it was removed a moment ago, together with its row.
fn copy_one(from: &Path, to: &Path) -> Result<Option<(u64, String)>> {
    let source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", from.display())),
    };
    make_folder(to.parent().unwrap_or(to))?;
    let mut target = private::create_new(to).with_context(|| format!("{} cannot be made", to.display()))?;
    let sum = sum(source, &mut target)?;
    target.sync_all()?;
    Ok(Some(sum))
}

fn sum(mut from: impl Read, to: &mut impl Write) -> Result<(u64, String)> {
    let (mut digest, mut size) = (digest::Context::new(&SHA256), 0);
    let mut part = vec![0; 128 * 1024];
    loop {
        let read = from.read(&mut part)?;
        if read == 0 {
            return Ok((size, hex(digest.finish().as_ref())));
        }
        digest.update(&part[..read]);
        to.write_all(&part[..read])?;
        size += read as u64;
    }
}

/// Reads every file of a backup and compares.
pub(super) fn check(root: &Path, expected: &Sum) -> Result<()> {
    each(root, Some(expected), |entry| {
        let path = root.join("files").join(&entry.path);
        let file = File::open(&path).with_context(|| format!("{} is missing", path.display()))?;
        if sum(file, &mut std::io::sink())? != (entry.size, entry.sha256.clone()) {
            bail!("{} was changed after it was made: do not use this backup", path.display());
        }
        Ok(())
    })
}

/// Puts the files of a checked backup into the data folder.
pub(in crate::commands) fn copy_back(archive: &Archive, data: &Path) -> Result<()> {
    each(&archive.root, None, |entry| {
        let to = data.join(&entry.path);
        if to.exists() {
            // Left by a try that was broken off, or somebody else's.
            if sum(File::open(&to)?, &mut std::io::sink())? == (entry.size, entry.sha256.clone()) {
                return Ok(());
            }
            bail!("{} is there already, and another one: restore into an empty data folder", to.display());
        }
        let copied = copy_one(&archive.root.join("files").join(&entry.path), &to)?;
        if copied.is_none_or(|copied| copied != (entry.size, entry.sha256.clone())) {
            bail!("{} changed while it was read", entry.path);
        }
        Ok(())
    })
}

fn each(root: &Path, expected: Option<&Sum>, mut with: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
    let mut lines = Lines::open(root.join(FILES))?;
    while let Some(line) = lines.next()? {
        let entry: Entry = serde_json::from_str(&line).context("the list of files is damaged")?;
        let parts: Vec<Component<'_>> = Path::new(&entry.path).components().collect();
        let inside = parts.iter().all(|part| matches!(part, Component::Normal(_)))
            && FOLDERS.iter().any(|folder| parts.first() == Some(&Component::Normal(folder.as_ref())));
        if !inside {
            bail!("the list of files names {}, which is no place of a file", entry.path);
        }
        with(&entry)?;
    }
    expected.map_or(Ok(()), |expected| lines.verify(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_outside_of_its_folders_is_refused() {
        for path in ["../secret.key", "/etc/passwd", "media/../../x", "secret.key"] {
            let folder = tempfile::tempdir().unwrap();
            let mut list = Writer::create(&folder.path().join(FILES)).unwrap();
            let entry = Entry { path: path.into(), size: 0, sha256: String::new() };
            list.line(&serde_json::to_string(&entry).unwrap()).unwrap();
            list.finish().unwrap();
            assert!(each(folder.path(), None, |_| Ok(())).is_err(), "{path}");
        }
    }
}
