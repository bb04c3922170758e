//! Where each chain ended when this node last sealed it, in a file beside the database: whoever puts an older state
//! of the database back, chain and head together, finds a witness against it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::TenantId;
use domain::audit::verify::Known;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Least time between two writes.
const PAUSE: Duration = Duration::from_secs(5);

/// What was seen last.
#[derive(Default)]
pub(super) struct Witness {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    heads: BTreeMap<i64, Seen>,
    is_new: bool,
    written: Option<Instant>,
}

#[derive(Serialize, Deserialize)]
struct Seen {
    seq: i64,
    hash: String,
}

impl Witness {
    /// What the file holds; without one, nothing.
    pub(super) fn read(file: Option<PathBuf>) -> Self {
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let heads = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { file, state: Mutex::new(State { heads, ..State::default() }) }
    }

    /// The end of this chain as it was seen last.
    pub(super) fn known(&self, tenant: TenantId) -> Option<Known> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = state.heads.get(&tenant.0)?;
        Some(Known { seq: seen.seq, hash: hex::decode(&seen.hash).ok()? })
    }

    /// A chain ends here now.
    pub(super) fn saw(&self, tenant: TenantId, head: Known) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = Seen { seq: head.seq, hash: hex::encode(head.hash) };
        if state.heads.get(&tenant.0).is_none_or(|known| known.seq < seen.seq) {
            state.heads.insert(tenant.0, seen);
            state.is_new = true;
        }
    }

    /// Writes what is new, now and then; `now`: in any case.
    pub(super) fn write(&self, now: bool) {
        let Some(file) = &self.file else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now || state.written.is_none_or(|written| written.elapsed() >= PAUSE);
        if !state.is_new || !due {
            return;
        }
        let draft = file.with_extension("draft");
        let written = serde_json::to_vec(&state.heads)
            .map_err(io::Error::other)
            .and_then(|text| write_private(&draft, &text))
            .and_then(|()| std::fs::rename(&draft, file));
        if let Err(error) = written {
            tracing::warn!(%error, "the ends of the audit trails were not noted");
        }
        state.is_new = false;
        state.written = Some(Instant::now());
    }
}

/// For the eyes of this server's user alone.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId(1);

    fn head(seq: i64) -> Known {
        Known { seq, hash: vec![seq as u8; 32] }
    }

    #[tokio::test]
    async fn the_furthest_end_of_a_chain_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = Some(folder.path().join("audit-heads.json"));
        let witness = Witness::read(file.clone());
        assert_eq!(witness.known(TENANT), None);
        witness.saw(TENANT, head(7));
        witness.saw(TENANT, head(3));
        witness.write(false);
        assert_eq!(Witness::read(file).known(TENANT), Some(head(7)));
    }
}
