//! All that is known of a person, as a ZIP on its way: JSON that a program reads, and the files.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use domain::audit::{Action, NewEntry};
use domain::{ContactId, MediaId, TenantId};
use futures::{StreamExt as _, stream};
use ports::Paging;
use ports::conversations::ConversationFilter;
use ports::gateway::ByteStream;
use ports::messages::MessageFilter;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{ErasureError, Erasures};

/// Things read at a time.
const PAGE: u32 = 200;
/// Parts on their way to the packer, and from it.
const AHEAD: usize = 4;
/// Bytes of a packed part.
const CHUNK: usize = 64 * 1024;

/// What the packer is told.
enum Part {
    /// A file begins.
    File(String),
    Bytes(Bytes),
}

/// Towards the packer; an error ends the whole.
type Parts = mpsc::Sender<io::Result<Part>>;

impl Erasures {
    /// A ZIP of all that is known of a contact: `contact.json`, `consent.json`, `conversations.json` (with notes),
    /// `messages.json` (both ways), `broadcasts.json`, `media.json` and the files in `media/`. An error on the way
    /// breaks it off.
    ///
    /// # Errors
    /// [`ErasureError::ContactNotFound`], or the store's.
    pub async fn export(&self, tenant: TenantId, contact: ContactId) -> Result<ByteStream, ErasureError> {
        let found = self.deps.store.contact(tenant, contact).await?.ok_or(ErasureError::ContactNotFound)?;
        let entry = NewEntry::about(Action::PersonExported, "contact", found.id);
        self.deps.store.record_audit(tenant, vec![entry]).await?;
        let (parts, to_pack) = mpsc::channel(AHEAD);
        let (packed, out) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || pack(to_pack, packed));
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = this.gather(tenant, &found, &parts).await {
                // Nobody hears when the reader is gone: that is why it failed.
                let _ = parts.send(Err(error)).await;
            }
        });
        Ok(stream::unfold(out, |mut out| async move { Some((out.recv().await?, out)) }).boxed())
    }

    async fn gather(
        &self,
        tenant: TenantId,
        contact: &ports::contacts::Contact,
        parts: &Parts,
    ) -> io::Result<()> {
        let (store, id) = (&self.deps.store, contact.id);
        let about = json!({ "exported_at": self.deps.clock.now(), "tenant_id": tenant, "contact": contact });
        whole(parts, "contact.json", &about).await?;
        let mut array = Array::begin(parts, "consent.json").await?;
        let mut paging = Some(first());
        while let Some(page) = paging {
            let page = store.consent_records(tenant, id, &page).await.map_err(io::Error::other)?;
            array.add(&page.items).await?;
            paging = next(page.next_cursor);
        }
        array.end().await?;
        self.conversations(tenant, id, parts).await?;
        let files = self.messages(tenant, id, parts).await?;
        let broadcasts = store.participations(tenant, id).await.map_err(io::Error::other)?;
        whole(parts, "broadcasts.json", &broadcasts).await?;
        self.files(tenant, files, parts).await
    }

    async fn conversations(&self, tenant: TenantId, contact: ContactId, parts: &Parts) -> io::Result<()> {
        let store = &self.deps.store;
        let filter = ConversationFilter { contact_id: Some(contact), ..ConversationFilter::default() };
        let mut array = Array::begin(parts, "conversations.json").await?;
        let mut paging = Some(first());
        while let Some(page) = paging {
            let page = store.conversations(tenant, &filter, &page).await.map_err(io::Error::other)?;
            for thread in page.items {
                let notes = store.notes(tenant, thread.id).await.map_err(io::Error::other)?;
                array.add(&[json!({ "conversation": thread, "notes": notes })]).await?;
            }
            paging = next(page.next_cursor);
        }
        array.end().await
    }

    /// Answers the files that they name.
    async fn messages(
        &self,
        tenant: TenantId,
        contact: ContactId,
        parts: &Parts,
    ) -> io::Result<BTreeSet<MediaId>> {
        let store = &self.deps.store;
        let filter = MessageFilter { contact_id: Some(contact), ..MessageFilter::default() };
        let mut files = BTreeSet::new();
        let mut array = Array::begin(parts, "messages.json").await?;
        let mut paging = Some(first());
        while let Some(page) = paging {
            let page = store.messages(tenant, &filter, &page).await.map_err(io::Error::other)?;
            files.extend(page.items.iter().flat_map(|message| message.content.own_media()));
            array.add(&page.items).await?;
            paging = next(page.next_cursor);
        }
        array.end().await?;
        Ok(files)
    }

    async fn files(&self, tenant: TenantId, files: BTreeSet<MediaId>, parts: &Parts) -> io::Result<()> {
        let mut known = Vec::with_capacity(files.len());
        for file in files {
            known.extend(self.deps.store.media(tenant, file).await.map_err(io::Error::other)?);
        }
        whole(parts, "media.json", &known).await?;
        for media in known {
            // One that was not fetched, or is gone, stands in `media.json` all the same.
            let Ok((media, mut bytes)) = self.media.open(tenant, media.id).await else { continue };
            let name =
                format!("media/{}-{}", media.id, file_name(media.filename.as_deref(), &media.mime_type));
            send(parts, Part::File(name)).await?;
            while let Some(bytes) = bytes.next().await {
                send(parts, Part::Bytes(bytes?)).await?;
            }
        }
        Ok(())
    }
}

/// A name without anything that an unpacker could take for a path.
fn file_name(filename: Option<&str>, mime_type: &str) -> String {
    let kind = mime_type.split(['/', ';']).nth(1).unwrap_or("bin");
    let name = filename.map_or_else(|| format!("file.{kind}"), str::to_owned);
    name.chars()
        .map(|letter| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' })
        .take(100)
        .collect()
}

fn first() -> Paging {
    Paging { page: 1, page_size: PAGE, cursor: None }
}

fn next(cursor: Option<String>) -> Option<Paging> {
    cursor.map(|cursor| Paging { cursor: Some(cursor), ..first() })
}

async fn send(parts: &Parts, part: Part) -> io::Result<()> {
    parts.send(Ok(part)).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
}

/// A file of one JSON value.
async fn whole(parts: &Parts, name: &str, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(value)?;
    send(parts, Part::File(name.to_owned())).await?;
    send(parts, Part::Bytes(text.into())).await
}

/// A file of a JSON array, one line a member.
struct Array<'a> {
    parts: &'a Parts,
    is_empty: bool,
}

impl<'a> Array<'a> {
    async fn begin(parts: &'a Parts, name: &str) -> io::Result<Self> {
        send(parts, Part::File(name.to_owned())).await?;
        Ok(Self { parts, is_empty: true })
    }

    async fn add(&mut self, members: &[impl Serialize]) -> io::Result<()> {
        let mut lines = Vec::new();
        for member in members {
            lines.extend_from_slice(if self.is_empty { b"[\n" } else { b",\n" });
            serde_json::to_writer(&mut lines, member)?;
            self.is_empty = false;
        }
        send(self.parts, Part::Bytes(lines.into())).await
    }

    async fn end(self) -> io::Result<()> {
        let end: &'static [u8] = if self.is_empty { b"[]\n" } else { b"\n]\n" };
        send(self.parts, Part::Bytes(Bytes::from_static(end))).await
    }
}

/// Packs until there is no more; an error on either side ends it.
fn pack(mut parts: mpsc::Receiver<io::Result<Part>>, out: mpsc::Sender<io::Result<Bytes>>) {
    let broken = Arc::new(AtomicBool::new(false));
    let chunks = Chunks { out: out.clone(), buffer: Vec::with_capacity(CHUNK), broken: Arc::clone(&broken) };
    let mut zip = ZipWriter::new_stream(chunks);
    let options = SimpleFileOptions::default().large_file(true);
    let mut packed = || -> io::Result<()> {
        while let Some(part) = parts.blocking_recv() {
            match part? {
                Part::File(name) => zip.start_file(name, options).map_err(io::Error::other)?,
                Part::Bytes(bytes) => zip.write_all(&bytes)?,
            }
        }
        Ok(())
    };
    let ended = match packed() {
        Ok(()) => zip.finish().map_err(io::Error::other).and_then(|end| end.into_inner().flush()),
        Err(error) => {
            // Dropped, the writer would end the archive, and an unpacker would take it for whole.
            broken.store(true, Ordering::Relaxed);
            Err(error)
        }
    };
    if let Err(error) = ended {
        // A reader that is gone hears nothing.
        let _ = out.blocking_send(Err(error));
    }
}

/// What is packed, in pieces of a fair size.
struct Chunks {
    out: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
    /// Nothing that comes now is passed on.
    broken: Arc<AtomicBool>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.out.blocking_send(Ok(full.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_in_the_archive_leads_out_of_its_folder() {
        assert_eq!(file_name(Some("../../etc/passwd"), "text/plain"), ".._.._etc_passwd");
        assert_eq!(file_name(Some("Größe 1.pdf"), "application/pdf"), "Größe_1.pdf");
        assert_eq!(file_name(None, "image/jpeg"), "file.jpeg");
    }
}
