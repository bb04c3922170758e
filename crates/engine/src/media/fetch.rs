//! Inbound files: fetched from Meta before their ids end (7 days), verified, kept.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::messages::retry::FailureKind;
use domain::{SignedDuration, TenantId, Timestamp};
use futures::StreamExt as _;
use ports::StoreError;
use ports::gateway::{Access, GatewayError, MediaLocation};
use ports::media::{Media, PendingMedia};
use tokio_util::sync::CancellationToken;

use super::limits::LARGEST;
use super::upload::is_final;
use super::{MediaError, MediaFiles};
use crate::vault::Received;

/// How often is looked without having been woken.
const LOOK: Duration = Duration::from_secs(2);
/// Files taken at a time, and fetched at the same time.
const TAKEN: u32 = 16;
const FETCHING: usize = 4;
/// How long a taken file is this node's: longer than the slowest download.
const HOLD: SignedDuration = SignedDuration::from_mins(15);
/// Pause after the first failure; doubles up to the longest.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// When nobody told until when a file is good.
const ATTEMPTS: i32 = 24;

impl MediaFiles {
    /// Fetches inbound files of all tenants until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        if let Err(error) = self.vault.sweep(self.deps.clock.now()).await {
            tracing::warn!(%error, "files left behind on their way in were not removed");
        }
        while !shutdown.is_cancelled() {
            let more = tokio::select! {
                () = shutdown.cancelled() => return,
                taken = self.fetch_pending() => taken,
            };
            match more {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "inbound files were not looked for"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.arrivals.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// True when there may be more.
    async fn fetch_pending(&self) -> Result<bool, StoreError> {
        let now = self.deps.clock.now();
        let until = now.saturating_add(HOLD).unwrap_or(Timestamp::MAX);
        let taken = self.deps.store.take_pending_media(TAKEN, now, until).await?;
        let full = taken.len() == TAKEN as usize;
        futures::stream::iter(taken)
            .for_each_concurrent(FETCHING, |pending| async move {
                let (tenant, media) = (pending.tenant_id, pending.media.id);
                if let Err(error) = self.settle(pending).await {
                    tracing::warn!(tenant.id = %tenant, media.id = %media, %error, "an inbound file was not settled");
                }
            })
            .await;
        Ok(full)
    }

    /// Fetches one and notes what came of it.
    async fn settle(&self, pending: PendingMedia) -> Result<(), StoreError> {
        let PendingMedia { tenant_id: tenant, media, attempts } = pending;
        let now = self.deps.clock.now();
        if media.meta_expires_at.is_some_and(|end| end <= now) {
            let why = "Meta keeps inbound files for 7 days only";
            return self.deps.store.set_media_failed(tenant, media.id, why, None).await;
        }
        match self.fetch(tenant, &media).await {
            Ok((path, size, sha256)) => {
                let size = i64::try_from(size).unwrap_or(i64::MAX);
                self.deps.store.set_media_fetched(tenant, media.id, &path, size, &sha256).await
            }
            Err(failed) => {
                if let Failed::Media(MediaError::Store(error)) = failed {
                    return Err(error);
                }
                if let Failed::Media(error) = &failed
                    && let Err(MediaError::Store(error)) = self.note(tenant, media.connection_id, error).await
                {
                    return Err(error);
                }
                let next = failed.may_pass_later().then(|| next_try(attempts, &media, now)).flatten();
                tracing::warn!(tenant.id = %tenant, media.id = %media.id, error = %failed, again = ?next, "an inbound file was not fetched");
                self.deps.store.set_media_failed(tenant, media.id, &failed.to_string(), next).await
            }
        }
    }

    async fn fetch(&self, tenant: TenantId, media: &Media) -> Result<(String, u64, String), Failed> {
        let meta_id = media.meta_id.as_deref().ok_or(Failed::NoMetaId)?;
        let access = self.access(tenant, media.connection_id).await?;
        let location = self.deps.gateway.locate_media(&access, meta_id).await.map_err(MediaError::Gateway)?;
        let incoming = match self.download(&access, &location).await {
            Err(Failed::Media(MediaError::Gateway(GatewayError::Refused(refusal))))
                if refusal.http == 404 =>
            {
                // The address is good for five minutes; a new one is asked for, once.
                let fresh =
                    self.deps.gateway.locate_media(&access, meta_id).await.map_err(MediaError::Gateway)?;
                self.download(&access, &fresh).await?
            }
            other => other?,
        };
        let told = location.sha256.as_deref().or(media.sha256.as_deref());
        if told.is_some_and(|told| !is_digest(told, incoming.sha256())) {
            return Err(Failed::Altered);
        }
        let (size, sha256) = (incoming.size(), hex::encode(incoming.sha256()));
        let path = self.vault.keep(tenant, incoming).await.map_err(MediaError::Disk)?;
        Ok((path, size, sha256))
    }

    async fn download(&self, access: &Access, location: &MediaLocation) -> Result<Received, Failed> {
        let bytes = self.deps.gateway.fetch_media(access, location).await.map_err(MediaError::Gateway)?;
        let received = self.vault.receive(self.deps.entropy.as_ref(), bytes, LARGEST).await;
        let incoming = received.map_err(MediaError::from)?;
        match location.size {
            Some(size) if size != incoming.size() => Err(Failed::Altered),
            _ => Ok(incoming),
        }
    }
}

/// Why a file is not here.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("Meta's id of the file is not known")]
    NoMetaId,
    #[error("the bytes are not those that Meta announced")]
    Altered,
    #[error(transparent)]
    Media(#[from] MediaError),
}

impl Failed {
    fn may_pass_later(&self) -> bool {
        match self {
            Self::NoMetaId => false,
            Self::Altered => true,
            Self::Media(MediaError::TooLarge { .. } | MediaError::ConnectionNotFound) => false,
            // A broken connection may be mended before the file ends.
            Self::Media(MediaError::Gateway(GatewayError::Refused(refusal)))
                if refusal.kind == FailureKind::ConnectionBroken =>
            {
                true
            }
            Self::Media(MediaError::Gateway(error)) => !is_final(error),
            Self::Media(_) => true,
        }
    }
}

/// `None`: it would come too late.
fn next_try(attempts: i32, media: &Media, now: Timestamp) -> Option<Timestamp> {
    let doublings = u32::try_from(attempts.clamp(0, 20)).unwrap_or(0);
    let pause = PAUSE.saturating_mul(1 << doublings.min(10)).min(LONGEST);
    let next = now.saturating_add(pause).ok()?;
    match media.meta_expires_at {
        Some(end) => (next < end).then_some(next),
        None => (attempts < ATTEMPTS).then_some(next),
    }
}

/// Meta writes digests in hexadecimal here and in base64 there; what is neither says nothing.
fn is_digest(told: &str, digest: &[u8; 32]) -> bool {
    let told = told.trim();
    let bytes = hex::decode(told).ok().or_else(|| STANDARD.decode(told).ok());
    bytes.is_none_or(|bytes| bytes.len() != digest.len() || bytes == digest)
}

#[cfg(test)]
mod tests {
    use domain::messages::Direction;
    use domain::{ConnectionId, MediaId};

    use super::*;

    fn media(ends_in: Option<i64>, now: Timestamp) -> Media {
        Media {
            id: MediaId(1),
            connection_id: ConnectionId(1),
            direction: Direction::Inbound,
            mime_type: "image/jpeg".into(),
            filename: None,
            size: 0,
            sha256: None,
            meta_id: Some("1".into()),
            meta_expires_at: ends_in.map(|seconds| now + SignedDuration::from_secs(seconds)),
            path: None,
            failure: None,
            created_at: now,
        }
    }

    #[test]
    fn pauses_grow_and_end_with_the_file() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let pause = |attempts, ends_in| {
            next_try(attempts, &media(ends_in, now), now).map(|next| next.duration_since(now).as_secs())
        };
        assert_eq!(pause(0, Some(1_000)), Some(10));
        assert_eq!(pause(3, Some(1_000)), Some(80));
        assert_eq!(pause(3, Some(80)), None, "it would come too late");
        assert_eq!(pause(30, Some(100_000)), Some(3_600));
        assert_eq!(pause(30, None), None);
    }

    #[test]
    fn a_digest_is_read_in_both_of_metas_writings() {
        let digest = [7u8; 32];
        assert!(is_digest(&hex::encode(digest), &digest));
        assert!(is_digest(&STANDARD.encode(digest), &digest));
        assert!(!is_digest(&hex::encode([8u8; 32]), &digest));
        assert!(!is_digest(&STANDARD.encode([8u8; 32]), &digest));
        assert!(is_digest("not a digest", &digest), "says nothing");
    }
}
