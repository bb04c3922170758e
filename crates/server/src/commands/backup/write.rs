//! Writing a backup: tables first, files after, so that every file of a row is there.

use std::path::Path;

use anyhow::{Context, Result};
use domain::Timestamp;
use store::SqlStore;
use store::backup::{Snapshot, Table};

use super::archive::{FILES, FORMAT, Listed, Manifest, Sum, Writer, fingerprint, table_file};
use super::files;
use crate::config::Config;
use crate::keys::{SealingKeys, make_folder};

pub(super) async fn write(
    root: &Path,
    store: &SqlStore,
    config: &Config,
    keys: &SealingKeys,
    made_at: Timestamp,
) -> Result<()> {
    for folder in [root, &root.join("tables"), &root.join("files")] {
        make_folder(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let snapshot = store.snapshot().await?;
    let mut tables = Vec::new();
    for table in snapshot.tables() {
        let sum = lines(&snapshot, table, &table_file(root, &table.name)).await?;
        tables.push(Listed { table: table.clone(), sum });
    }
    let manifest = Manifest {
        format: FORMAT,
        waxwing: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        engine: snapshot.engine().to_owned(),
        schema: snapshot.schema().to_vec(),
        tables,
        counters: snapshot.counters().await?,
        files: files::copy(&config.data, root, Writer::create(&root.join(FILES))?)?,
        key: fingerprint(&keys.current),
    };
    manifest.write(root, keys)
}

async fn lines(snapshot: &Snapshot, table: &Table, path: &Path) -> Result<Sum> {
    let mut writer = Writer::create(path)?;
    let mut last: Option<String> = None;
    loop {
        let page = snapshot.lines(table, last.as_deref()).await?;
        for line in &page {
            writer.line(line)?;
        }
        match page.into_iter().next_back() {
            Some(line) => last = Some(line),
            None => return writer.finish(),
        }
    }
}
