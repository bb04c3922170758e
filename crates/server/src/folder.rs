//! The data folder of an embedded database belongs to one server at a time.

use std::fs::{File, TryLockError};

use anyhow::{Context, Result, bail};

use crate::config::Config;
use crate::keys::make_folder;
use crate::private;

/// The name under which the only server of a folder holds its lanes: after a crash it goes on with its own at once,
/// instead of waiting for its former lease to run out.
pub(crate) const ONLY_NODE: &str = "only-node";

/// Held for as long as the server runs; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: Option<File>,
}

impl FolderLock {
    /// Takes the folder. With PostgreSQL many servers share a database, and there is nothing to take.
    pub(crate) fn take(config: &Config) -> Result<Self> {
        if !config.is_embedded() {
            return Ok(Self { _file: None });
        }
        make_folder(&config.data)
            .with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
        let path = config.data.join("serving.lock");
        let file = private::open_or_create(&path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => bail!(
                "another server is at work on {}: stop it first, choose another folder by --data, or put several \
                 servers on one PostgreSQL by WAXWING_DATABASE_URL",
                config.data.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}
