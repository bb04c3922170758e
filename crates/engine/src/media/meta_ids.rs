//! Meta's ids of our files: good for 30 days and for one number; asked for by every send, uploaded once.

use std::sync::Arc;

use dashmap::DashMap;
use domain::messages::Direction;
use domain::{ConnectionId, MediaId, SignedDuration, TenantId, Timestamp};
use ports::media::Media;
use tokio::sync::Mutex;

use super::upload::KEPT_AT_META;
use super::{MediaError, MediaFiles};

/// An id that ends sooner is not used any more: the message may wait at Meta for the customer's phone.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);
/// Ids remembered; beyond it, those not in use are forgotten (and read from the store again).
const REMEMBERED: usize = 10_000;

type Slot = Arc<Mutex<Option<(String, Timestamp)>>>;

/// One slot per file and number; whoever holds it uploads, the others wait for the outcome.
#[derive(Default)]
pub(super) struct MetaIds(DashMap<(TenantId, MediaId, ConnectionId), Slot>);

impl MetaIds {
    fn slot(&self, key: (TenantId, MediaId, ConnectionId)) -> Slot {
        if self.0.len() > REMEMBERED {
            self.0.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        self.0.entry(key).or_default().clone()
    }
}

/// When a file was last noted to be in use, to the day.
#[derive(Default)]
pub(super) struct Used(DashMap<(TenantId, MediaId), i64>);

impl Used {
    fn is_news(&self, file: (TenantId, MediaId), now: Timestamp) -> bool {
        let day = now.as_second().div_euclid(24 * 3_600);
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        self.0.insert(file, day) != Some(day)
    }
}

impl MediaFiles {
    /// Meta's id of a file for sending it from a connection; uploads the file when there is none that is good for
    /// another day. One call to Meta at most: whoever sends has a retry of his own.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::NotFetched`], [`MediaError::ConnectionNotFound`],
    /// [`MediaError::Disk`], [`MediaError::Gateway`], or the store's.
    pub async fn meta_id_for(
        &self,
        tenant: TenantId,
        media: MediaId,
        connection: ConnectionId,
    ) -> Result<String, MediaError> {
        self.touch(tenant, media).await?;
        let slot = self.ids.slot((tenant, media, connection));
        if let Some((meta_id, until)) = &*slot.lock().await
            && self.is_good(*until)
        {
            return Ok(meta_id.clone());
        }
        let media = self.get(tenant, media).await?;
        self.meta_id_within(tenant, &media, connection, 1).await
    }

    /// Notes, once a day, that a file is in use: it is kept as long as the messages that it was sent with.
    async fn touch(&self, tenant: TenantId, media: MediaId) -> Result<(), MediaError> {
        let now = self.deps.clock.now();
        if self.used.is_news((tenant, media), now) {
            self.deps.store.touch_media(tenant, media, now).await?;
        }
        Ok(())
    }

    pub(super) async fn meta_id_within(
        &self,
        tenant: TenantId,
        media: &Media,
        connection: ConnectionId,
        tries: u32,
    ) -> Result<String, MediaError> {
        let slot = self.ids.slot((tenant, media.id, connection));
        let mut kept = slot.lock().await;
        if let Some((meta_id, until)) = &*kept
            && self.is_good(*until)
        {
            return Ok(meta_id.clone());
        }
        // The id of an inbound file is for fetching it, and that of another number is not ours to use.
        let own = media.direction == Direction::Outbound && media.connection_id == connection;
        if let (true, Some(meta_id), Some(until)) = (own, &media.meta_id, media.meta_expires_at)
            && self.is_good(until)
        {
            *kept = Some((meta_id.clone(), until));
            return Ok(meta_id.clone());
        }
        let access = self.access(tenant, connection).await?;
        let meta_id = match self.put(tenant, media, &access, tries).await {
            Ok(meta_id) => meta_id,
            Err(error) => {
                self.note(tenant, connection, &error).await?;
                return Err(error);
            }
        };
        let until = self.deps.clock.now().saturating_add(KEPT_AT_META).unwrap_or(Timestamp::MAX);
        if own {
            self.deps.store.set_media_uploaded(tenant, media.id, &meta_id, until).await?;
        }
        *kept = Some((meta_id.clone(), until));
        Ok(meta_id)
    }

    fn is_good(&self, until: Timestamp) -> bool {
        until.duration_since(self.deps.clock.now()) > MARGIN
    }

    /// All bytes of a file that can be the sample of a template's header, with its type and name.
    pub(crate) async fn sample(
        &self,
        tenant: TenantId,
        media: MediaId,
    ) -> Result<(Media, bytes::Bytes), MediaError> {
        let media = self.get(tenant, media).await?;
        let Some(path) = &media.path else {
            return Err(MediaError::NotFetched(media.failure));
        };
        let bytes = self.vault.read(tenant, path).await.map_err(MediaError::Disk)?;
        Ok((media, bytes.into()))
    }
}
