//! `waxwing backup`: everything as of one moment, into a folder of its own, while the server goes on.

mod archive;
mod check;
mod files;
mod write;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::SystemEntropy;

use super::output::say;
use crate::config::{CommonFlags, Config};
use crate::keys::{KeySource, SealingKeys, key_file};
use crate::node::{Parts, database_name, open_store};

pub(super) use archive::Archive;
pub(super) use check::check;
pub(super) use files::copy_back;

#[derive(Args)]
#[command(
    after_help = "Reads one moment of the store while servers go on, with the files of messages and imports, and reads \
                  the backup again before it says that it is one. The key that opens the secrets in it is left out: \
                  keep a copy of it elsewhere.\n\nExample:\n  waxwing backup /backups/2026-11-22 --data /var/lib/waxwing"
)]
pub(crate) struct Backup {
    /// The folder to make; it must not be there
    #[arg(value_name = "TO")]
    to: PathBuf,
}

impl Backup {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        if self.to.exists() {
            bail!(
                "{} is there already: name a folder that is not, so that no backup is overwritten",
                self.to.display()
            );
        }
        let keys = existing_keys(&config)?;
        if config.database_url.is_none() && !config.data.join("waxwing.db").exists() {
            bail!("there is no store in {}: name its folder by --data", config.data.display());
        }
        let store = open_store(&config).await?;
        let pending = store.pending_migrations().await.context("the store's tables cannot be read")?;
        if !pending.is_empty() {
            bail!("the tables are not up to date: type `waxwing migrate` first");
        }
        let made_at = Parts::of(&config).clock.now();
        let draft = draft_of(&self.to);
        let written = write::write(&draft, &store, &config, &keys, made_at).await;
        store.close().await?;
        let checked = written.and_then(|()| check(&draft, &keys));
        let archive = match checked {
            Ok(archive) => archive,
            Err(error) => {
                let _ = std::fs::remove_dir_all(&draft);
                return Err(error.context("the backup failed; nothing of it was kept"));
            }
        };
        std::fs::rename(&draft, &self.to).with_context(|| format!("{} cannot be made", self.to.display()))?;
        say!("{}: {}", self.to.display(), archive.manifest.summary())?;
        match keys.source {
            KeySource::File { path, .. } => say!(
                "It needs the key in {} (fingerprint {}), which is not in it: keep a copy of that file elsewhere.",
                path.display(),
                archive.manifest.key
            )?,
            KeySource::Setting => say!(
                "It needs the key of the setting `key` (fingerprint {}), which is not in it.",
                archive.manifest.key
            )?,
        }
        tracing::debug!(database = database_name(&config), "backed up");
        Ok(())
    }
}

/// The keys in use; none is made: a new one would open nothing.
pub(super) fn existing_keys(config: &Config) -> Result<SealingKeys> {
    let path = key_file(&config.data);
    if config.key.is_none() && !path.exists() {
        bail!("there is no key: put the key file of the store at {}, or set WAXWING_KEY", path.display());
    }
    SealingKeys::load(config, &SystemEntropy)
}

fn draft_of(to: &std::path::Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".draft-{}", std::process::id()));
    to.with_file_name(name)
}
