//! `waxwing restore`: a backup into an empty store, of either engine.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use domain::audit::{Action, NewEntry};
use ports::audit::AuditStore;
use ports::operator::OperatorStore;
use store::SqlStore;
use store::backup::{RestoreError, Restored, Waiting};

use super::backup::{Archive, check, copy_back, existing_keys};
use super::output::say;
use crate::config::{CommonFlags, Config};
use crate::folder::FolderLock;
use crate::node::{AUDIT_HEADS, Parts, database_name, open_store};

/// Bytes of rows written at a time.
const PAGE_BYTES: usize = 1 << 20;
/// And rows.
const PAGE_ROWS: usize = 500;

#[derive(Args)]
#[command(
    after_help = "The store must be empty, and the key file of the old one must be in the data folder (or WAXWING_KEY be \
                  set). A backup of SQLite goes into PostgreSQL and back. The old server may have gone on after the backup \
                  was made: what waited to be sent then is in doubt now, and running broadcasts are paused. When the old \
                  server was stopped before, --resume sends them.\n\n\
                  Examples:\n  waxwing restore /backups/2026-11-22 --data /var/lib/waxwing\n  \
                  waxwing restore /backups/2026-11-22 --check"
)]
pub(crate) struct Restore {
    /// The folder that `waxwing backup` made
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Checks the backup and changes nothing
    #[arg(long)]
    check: bool,
    /// Sends what waited: the old server was stopped before the backup was made
    #[arg(long, conflicts_with = "check")]
    resume: bool,
}

impl Restore {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        let keys = existing_keys(&config)?;
        let archive = check(&self.from, &keys)?;
        if self.check {
            say!("{} is whole: {}", self.from.display(), archive.manifest.summary())?;
            return Ok(());
        }
        let _folder = FolderLock::take(&config)?;
        let store = open_store(&config).await?;
        let waiting = if self.resume { Waiting::Send } else { Waiting::InDoubt };
        let restored = fill(&store, &archive, waiting, &config).await;
        if restored.is_ok() {
            note(&store, &config).await?;
        }
        store.close().await?;
        let restored = restored?;
        say!("{} holds {}", database_name(&config), archive.manifest.summary())?;
        if restored.in_doubt > 0 || restored.paused > 0 {
            say!(
                "{} message(s) are in doubt, {} broadcast(s) paused: they may have been sent after the backup was made. \
                 Look at them before sending again.",
                restored.in_doubt,
                restored.paused
            )?;
        }
        Ok(())
    }
}

/// Every tenant's audit trail says that it was put back; where it ended before, nobody looks for any more.
async fn note(store: &SqlStore, config: &Config) -> Result<()> {
    let at = Parts::of(config).clock.now();
    for tenant in store.tenants().await? {
        store.record_audit(tenant.id, vec![NewEntry::new(Action::Restored, "store").at(at)]).await?;
    }
    match std::fs::remove_file(config.data.join(AUDIT_HEADS)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

async fn fill(store: &SqlStore, archive: &Archive, waiting: Waiting, config: &Config) -> Result<Restored> {
    let manifest = &archive.manifest;
    let tables: Vec<_> = manifest.tables.iter().map(|listed| listed.table.clone()).collect();
    let restoring = store.restore(&manifest.schema, &tables).await.map_err(explained)?;
    for listed in &manifest.tables {
        let mut lines = archive.lines(&listed.table.name)?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while let Some(line) = lines.next()? {
            bytes += line.len();
            page.push(line);
            if bytes >= PAGE_BYTES || page.len() >= PAGE_ROWS {
                restoring.load(&listed.table, &page).await?;
                page.clear();
                bytes = 0;
            }
        }
        restoring.load(&listed.table, &page).await?;
        // Nobody changed it between the check and now.
        lines.verify(&listed.sum)?;
    }
    copy_back(archive, &config.data)
        .context("the files were not put back; the store is as empty as before")?;
    let counts = manifest.tables.iter().map(|listed| (listed.table.name.clone(), listed.sum.rows)).collect();
    let now = Parts::of(config).clock.now();
    restoring.finish(&counts, &manifest.counters, waiting, now).await.map_err(explained)
}

fn explained(error: RestoreError) -> anyhow::Error {
    let what = match &error {
        RestoreError::NotEmpty(_) | RestoreError::Ahead => {
            "restore into an empty store: another folder by --data, or another database by --database-url"
        }
        RestoreError::Newer(_) => "restore it with the version of Waxwing that made it, or a later one",
        RestoreError::Differs(_) | RestoreError::Miscounted { .. } => "nothing was restored",
        RestoreError::Store(_) => "nothing was restored; `waxwing doctor` may tell more",
    };
    anyhow!(error).context(what)
}
