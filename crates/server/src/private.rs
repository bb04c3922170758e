//! Files that hold what is known of persons, or secrets: for their owner alone, from the first byte.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A file that is not there yet.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

/// A file from its beginning. One that is there already is emptied, and keeps the permissions that it has.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    options().create(true).truncate(true).open(path)
}

/// A file as it is, made when it is not there.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    options().create(true).truncate(false).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
