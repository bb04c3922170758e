//! How a backup lies on disk: `manifest.json`, its seal, `tables/NAME.jsonl.gz`, `files.jsonl.gz` and `files/`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::hmac;
use domain::Timestamp;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use store::backup::Table;

use crate::keys::{KEY_BYTES, SealingKeys};
use crate::private;

/// Of this layout; a later one has a higher number.
pub(super) const FORMAT: u32 = 1;
/// The list of files, one JSON object a line.
pub(super) const FILES: &str = "files.jsonl.gz";

/// What a backup holds, and how to tell that it is whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Manifest {
    pub(super) format: u32,
    /// The version of Waxwing that wrote it.
    pub(super) waxwing: String,
    pub(in crate::commands) made_at: Timestamp,
    /// The engine that it was read from; it goes into either.
    pub(super) engine: String,
    /// The steps that made the tables.
    pub(in crate::commands) schema: Vec<String>,
    pub(in crate::commands) tables: Vec<Listed>,
    /// The id that each kind goes on with.
    pub(in crate::commands) counters: BTreeMap<String, i64>,
    pub(super) files: Sum,
    /// Fingerprint of the key that opens the secrets.
    pub(in crate::commands) key: String,
}

/// A table and its file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::commands) struct Listed {
    #[serde(flatten)]
    pub(in crate::commands) table: Table,
    #[serde(flatten)]
    pub(in crate::commands) sum: Sum,
}

/// Lines in a file, and the SHA-256 of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct Sum {
    pub(in crate::commands) rows: u64,
    pub(in crate::commands) sha256: String,
}

/// A backup that was checked.
pub(in crate::commands) struct Archive {
    pub(in crate::commands) root: PathBuf,
    pub(in crate::commands) manifest: Manifest,
}

impl Manifest {
    /// For a person.
    pub(in crate::commands) fn summary(&self) -> String {
        let rows: u64 = self.tables.iter().map(|listed| listed.sum.rows).sum();
        format!(
            "{rows} rows of {} tables and {} files, of {} from {}",
            self.tables.len(),
            self.files.rows,
            self.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            self.engine
        )
    }

    /// Writes it and its seal.
    pub(super) fn write(&self, root: &Path, keys: &SealingKeys) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        durable(&root.join("manifest.json"), &text)?;
        durable(&root.join("manifest.seal"), seal(&keys.current, &text).as_bytes())
    }

    /// Reads it, and whether its seal is that of the key which it names.
    pub(super) fn read(root: &Path, keys: &SealingKeys) -> Result<Self> {
        let path = root.join("manifest.json");
        let text = std::fs::read(&path)
            .with_context(|| format!("{} is no backup: {} cannot be read", root.display(), path.display()))?;
        let damaged = || format!("{} is damaged", path.display());
        let outline: serde_json::Value = serde_json::from_slice(&text).with_context(damaged)?;
        if outline["format"].as_u64() > Some(FORMAT.into()) {
            bail!("{} was made by a newer version of Waxwing: restore it with that", root.display());
        }
        let manifest: Self = serde_json::from_slice(&text).with_context(damaged)?;
        let known =
            std::iter::once(&keys.current).chain(&keys.old).find(|key| fingerprint(key) == manifest.key);
        let Some(key) = known else {
            bail!(
                "the backup needs the key with the fingerprint {}, and the one here has {}: put the key file of the \
                 store that was backed up in its place (secret.key in the data folder, or WAXWING_KEY)",
                manifest.key,
                fingerprint(&keys.current)
            );
        };
        let told = std::fs::read_to_string(root.join("manifest.seal")).unwrap_or_default();
        if told.trim() != seal(key, &text) {
            bail!("{} was changed after it was made: do not use this backup", path.display());
        }
        Ok(manifest)
    }
}

/// Names a key without telling it: keys are random, so nothing can be guessed from the hash.
pub(super) fn fingerprint(key: &[u8; KEY_BYTES]) -> String {
    hex(&digest::digest(&SHA256, key).as_ref()[..8])
}

/// By a key derived from the sealing key, for this purpose alone.
fn seal(key: &[u8; KEY_BYTES], text: &[u8]) -> String {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"waxwing backup manifest");
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), text).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn durable(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = private::create_new(path).with_context(|| format!("{} cannot be made", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

/// Writes lines, compressed, and sums up the bytes on their way to the disk.
pub(super) struct Writer {
    gzip: GzEncoder<Summing<BufWriter<File>>>,
    rows: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = private::create_new(path).with_context(|| format!("{} cannot be made", path.display()))?;
        let summing = Summing { inner: BufWriter::new(file), sum: digest::Context::new(&SHA256) };
        Ok(Self { gzip: GzEncoder::new(summing, Compression::fast()), rows: 0 })
    }

    pub(super) fn line(&mut self, line: &str) -> Result<()> {
        self.gzip.write_all(line.as_bytes())?;
        self.gzip.write_all(b"\n")?;
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Sum> {
        let Summing { inner, sum } = self.gzip.finish()?;
        inner.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        Ok(Sum { rows: self.rows, sha256: hex(sum.finish().as_ref()) })
    }
}

struct Summing<W> {
    inner: W,
    sum: digest::Context,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.sum.update(&into[..read]);
        Ok(read)
    }
}

/// Reads the lines of a file, one at a time.
pub(in crate::commands) struct Lines {
    lines: BufReader<GzDecoder<Summing<BufReader<File>>>>,
    path: PathBuf,
    rows: u64,
}

impl Lines {
    /// Of a table, or of the list of files.
    pub(in crate::commands) fn open(path: PathBuf) -> Result<Self> {
        let file = File::open(&path).with_context(|| format!("{} is missing", path.display()))?;
        let summing = Summing { inner: BufReader::new(file), sum: digest::Context::new(&SHA256) };
        Ok(Self { lines: BufReader::new(GzDecoder::new(summing)), path, rows: 0 })
    }

    /// The next one, without its end.
    pub(in crate::commands) fn next(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let read =
            self.lines.read_line(&mut line).with_context(|| format!("{} is damaged", self.path.display()))?;
        if read == 0 {
            return Ok(None);
        }
        self.rows += 1;
        line.truncate(line.trim_end_matches('\n').len());
        Ok(Some(line))
    }

    /// After the last line: what was read must be what was written, to the last byte of the file.
    pub(in crate::commands) fn verify(self, expected: &Sum) -> Result<()> {
        let mut file = self.lines.into_inner().into_inner();
        std::io::copy(&mut file, &mut std::io::sink())?;
        let found = Sum { rows: self.rows, sha256: hex(file.sum.finish().as_ref()) };
        if found != *expected {
            bail!("{} was changed after it was made: do not use this backup", self.path.display());
        }
        Ok(())
    }
}

impl Archive {
    /// The lines of a table.
    pub(in crate::commands) fn lines(&self, table: &str) -> Result<Lines> {
        Lines::open(table_file(&self.root, table))
    }
}

pub(super) fn table_file(root: &Path, table: &str) -> PathBuf {
    root.join("tables").join(format!("{table}.jsonl.gz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_anywhere_in_a_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl.gz");
        let mut writer = Writer::create(&path).unwrap();
        for number in 0..100 {
            writer.line(&format!("[{number},\"text\"]")).unwrap();
        }
        let sum = writer.finish().unwrap();
        assert_eq!(sum.rows, 100);
        let read = |path: &Path| {
            let mut lines = Lines::open(path.to_owned())?;
            while lines.next()?.is_some() {}
            lines.verify(&sum)
        };
        read(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            std::fs::write(&path, changed).unwrap();
            assert!(read(&path).is_err(), "byte {place}");
        }
        std::fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        assert!(read(&path).is_err(), "something behind it");
    }
}
