//! The list: a file, or what comes through a pipe.

use std::io::{self, Seek as _};
use std::path::Path;

use anyhow::{Context, Result};

/// Ready to be sent.
pub(super) struct Source {
    pub(super) file: tokio::fs::File,
    /// Bytes.
    pub(super) size: u64,
    pub(super) name: String,
}

impl Source {
    /// `-`: standard input. What is no file with an end that is known is kept in a nameless one first.
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || Self::open_file(&path)).await?;
        opened.with_context(|| format!("{shown} cannot be read"))
    }

    fn open_file(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::spooled(&mut io::stdin().lock(), "stdin".to_owned());
        }
        let name = path.file_name().map_or_else(|| "list".into(), |name| name.to_string_lossy().into_owned());
        let mut file = std::fs::File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Self::spooled(&mut file, name);
        }
        Ok(Self { file: tokio::fs::File::from_std(file), size: about.len(), name })
    }

    fn spooled(from: &mut impl io::Read, name: String) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        let size = io::copy(from, &mut file)?;
        file.rewind()?;
        Ok(Self { file: tokio::fs::File::from_std(file), size, name })
    }
}
