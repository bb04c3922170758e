//! Reading a backup whole, before anything is believed of it.

use std::path::Path;

use anyhow::{Context, Result};

use super::archive::{Archive, Manifest};
use super::files;
use crate::keys::SealingKeys;

/// Checks the seal, every line, every count and every sum.
pub(in crate::commands) fn check(root: &Path, keys: &SealingKeys) -> Result<Archive> {
    let manifest = Manifest::read(root, keys)?;
    let archive = Archive { root: root.to_owned(), manifest };
    for listed in &archive.manifest.tables {
        let mut lines = archive.lines(&listed.table.name)?;
        while let Some(line) = lines.next()? {
            let row: Vec<&serde_json::value::RawValue> = serde_json::from_str(&line)
                .with_context(|| format!("a row of {} is damaged", listed.table.name))?;
            anyhow::ensure!(
                row.len() == listed.table.columns.len(),
                "a row of {} has another number of columns",
                listed.table.name
            );
        }
        lines.verify(&listed.sum)?;
    }
    files::check(root, &archive.manifest.files)?;
    Ok(archive)
}
