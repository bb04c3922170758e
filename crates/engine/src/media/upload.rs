//! A file that is to be sent: checked, kept, and brought to Meta.

use std::time::Duration;

use domain::messages::Direction;
use domain::messages::retry::FailureKind;
use domain::{ConnectionId, SignedDuration, TenantId};
use ports::connections::Connection;
use ports::gateway::{Access, ByteStream, GatewayError};
use ports::media::{Media, NewMedia};

use super::{MediaError, MediaFiles, limits};
use crate::connections::{access, note_refusal};
use crate::faults::Faults;

/// Meta keeps an uploaded file for 30 days ("Media").
pub(super) const KEPT_AT_META: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Characters of a document's name (Meta, "Document messages").
const FILENAME: usize = 240;
/// Calls to Meta for one upload while a client waits.
const TRIES: u32 = 3;
/// Pause before the second try; doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A file that a client brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// The number that will send it; `None`: the default one.
    pub connection_id: Option<ConnectionId>,
    pub mime_type: String,
    /// As the client names it; only its last part is kept.
    pub filename: Option<String>,
}

/// A file that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Uploaded {
    pub media: Media,
    /// Why it is not at Meta yet; it is brought there before it is sent.
    pub problem: Option<GatewayError>,
}

impl MediaFiles {
    /// Streams a file to disk under the limits of its kind, keeps it, then uploads it to Meta. When Meta cannot be
    /// reached the file is kept all the same.
    ///
    /// # Errors
    /// [`MediaError::UnsupportedType`], [`MediaError::TooLarge`], [`MediaError::Invalid`],
    /// [`MediaError::CutOff`], [`MediaError::Disk`]; [`MediaError::Gateway`] when Meta refuses the file itself;
    /// [`MediaError::NoConnection`], [`MediaError::ConnectionNotFound`]; or the store's.
    pub async fn upload(
        &self,
        tenant: TenantId,
        upload: Upload,
        bytes: ByteStream,
    ) -> Result<Uploaded, MediaError> {
        let mime_type = upload.mime_type.trim().to_owned();
        let kind =
            limits::kind_of(&mime_type).ok_or_else(|| MediaError::UnsupportedType(mime_type.clone()))?;
        let connection = self.connection(tenant, upload.connection_id).await?;
        let largest = limits::largest(kind);
        let incoming = self.vault.receive(self.deps.entropy.as_ref(), bytes, largest).await?;
        let limit = limits::limit_of(kind, incoming.head());
        if incoming.size() > limit {
            return Err(MediaError::TooLarge { limit });
        }
        let mut faults = Faults::default();
        if incoming.size() == 0 {
            faults.add("/file", "is empty");
        }
        limits::agrees(&mime_type, incoming.head(), &mut faults);
        faults.check()?;
        let (size, sha256) = (incoming.size(), hex::encode(incoming.sha256()));
        let path = self.vault.keep(tenant, incoming).await.map_err(MediaError::Disk)?;
        let new = NewMedia {
            connection_id: connection.id,
            direction: Direction::Outbound,
            mime_type,
            filename: upload.filename.as_deref().and_then(plain_filename),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            sha256: Some(sha256),
            meta_id: None,
            meta_expires_at: None,
            path: Some(path.clone()),
            at: self.deps.clock.now(),
        };
        let media = match self.deps.store.create_media(tenant, new).await {
            Ok(media) => media,
            Err(error) => {
                // No row names the file; should removing fail as well, it only takes room.
                let _ = self.vault.remove(tenant, &path).await;
                return Err(error.into());
            }
        };
        self.bring(tenant, media, &connection).await
    }

    /// To Meta, with a few tries; a file that Meta will never take is marked so.
    async fn bring(
        &self,
        tenant: TenantId,
        media: Media,
        connection: &Connection,
    ) -> Result<Uploaded, MediaError> {
        match self.meta_id_within(tenant, &media, connection.id, TRIES).await {
            Ok(_) => Ok(Uploaded { media: self.get(tenant, media.id).await?, problem: None }),
            Err(MediaError::Gateway(error)) if is_final(&error) => {
                self.deps.store.set_media_failed(tenant, media.id, &error.to_string(), None).await?;
                Err(MediaError::Gateway(error))
            }
            Err(MediaError::Gateway(error)) => Ok(Uploaded { media, problem: Some(error) }),
            Err(error) => Err(error),
        }
    }

    /// Puts the bytes to Meta, up to `tries` times; answers Meta's id.
    pub(super) async fn put(
        &self,
        tenant: TenantId,
        media: &Media,
        access: &Access,
        tries: u32,
    ) -> Result<String, MediaError> {
        let Some(path) = &media.path else {
            return Err(MediaError::NotFetched(media.failure.clone()));
        };
        let filename = media.filename.clone().unwrap_or_else(|| format!("file-{}", media.id));
        let size = u64::try_from(media.size).unwrap_or(0);
        let mut pause = PAUSE;
        for again in (0..tries).rev() {
            let bytes = self.vault.open(tenant, path).await.map_err(MediaError::Disk)?;
            let answer =
                self.deps.gateway.upload_media(access, &media.mime_type, &filename, size, bytes).await;
            match answer {
                Ok(meta_id) => return Ok(meta_id),
                // An upload that came twice leaves an unused copy at Meta, nothing else.
                Err(error) if again > 0 && may_pass_later(&error) => {
                    tracing::debug!(media.id = %media.id, %error, "upload is tried again");
                    tokio::time::sleep(pause.mul_f64(0.5 + self.deps.entropy.fraction())).await;
                    pause *= 2;
                }
                Err(error) => return Err(MediaError::Gateway(error)),
            }
        }
        Err(MediaError::Gateway(GatewayError::NotSent("no try was left".to_owned())))
    }

    /// What a call for a connection needs, and the note when its token turns out to be over.
    pub(super) async fn access(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> Result<Access, MediaError> {
        let found =
            self.deps.store.connection(tenant, connection).await?.ok_or(MediaError::ConnectionNotFound)?;
        let secrets = self
            .deps
            .store
            .connection_secrets(tenant, connection)
            .await?
            .ok_or(MediaError::ConnectionNotFound)?;
        Ok(access(&found, &secrets))
    }

    pub(super) async fn note(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        error: &MediaError,
    ) -> Result<(), MediaError> {
        if let MediaError::Gateway(error) = error {
            note_refusal(&self.deps, tenant, connection, error).await?;
        }
        Ok(())
    }

    async fn connection(
        &self,
        tenant: TenantId,
        wanted: Option<ConnectionId>,
    ) -> Result<Connection, MediaError> {
        match wanted {
            Some(id) => self.deps.store.connection(tenant, id).await?.ok_or(MediaError::ConnectionNotFound),
            None => {
                let all = self.deps.store.connections(tenant).await?;
                all.into_iter().find(|connection| connection.is_default).ok_or(MediaError::NoConnection)
            }
        }
    }
}

/// Whether the same call may pass without anybody doing anything.
pub(super) fn may_pass_later(error: &GatewayError) -> bool {
    match error {
        GatewayError::NotSent(_) | GatewayError::Unknown(_) => true,
        GatewayError::Refused(refusal) => {
            matches!(refusal.kind, FailureKind::Retryable | FailureKind::Throttled { .. })
        }
    }
}

/// Whether Meta refuses the file itself, whenever and by whomever it is brought.
pub(super) fn is_final(error: &GatewayError) -> bool {
    match error {
        GatewayError::NotSent(_) | GatewayError::Unknown(_) => false,
        GatewayError::Refused(refusal) => {
            matches!(refusal.kind, FailureKind::MediaFault | FailureKind::Rejected)
        }
    }
}

/// The last part of a name, without control characters, at most as long as Meta takes it.
fn plain_filename(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|character| !character.is_control()).collect();
    let clean = clean.trim().trim_start_matches('.');
    let kept: String = clean.chars().take(FILENAME).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_filename_only_the_last_part_is_kept() {
        assert_eq!(plain_filename("C:\\Users\\me\\Offer 2026.pdf").as_deref(), Some("Offer 2026.pdf"));
        assert_eq!(plain_filename("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(plain_filename("a\r\nb.pdf").as_deref(), Some("ab.pdf"));
        assert_eq!(plain_filename("..").as_deref(), None);
        assert_eq!(plain_filename(&"x".repeat(500)).map(|name| name.len()), Some(FILENAME));
    }
}
