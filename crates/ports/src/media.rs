//! Media: files sent and received; the bytes lie in files, the store knows where.

use async_trait::async_trait;
use domain::messages::Direction;
use domain::{ConnectionId, MediaId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreResult;

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Media {
    pub id: MediaId,
    pub connection_id: ConnectionId,
    pub direction: Direction,
    pub mime_type: String,
    pub filename: Option<String>,
    /// Bytes; 0 until an inbound file was fetched.
    pub size: i64,
    /// Hexadecimal SHA-256 of the bytes.
    pub sha256: Option<String>,
    /// Meta's id and until when it is good.
    pub meta_id: Option<String>,
    pub meta_expires_at: Option<Timestamp>,
    /// Where the bytes are, relative to the media folder; `None`: not fetched yet.
    pub path: Option<String>,
    /// Why fetching failed, when it did.
    pub failure: Option<String>,
    pub created_at: Timestamp,
}

/// A file to be known.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMedia {
    pub connection_id: ConnectionId,
    pub direction: Direction,
    pub mime_type: String,
    pub filename: Option<String>,
    pub size: i64,
    pub sha256: Option<String>,
    pub meta_id: Option<String>,
    pub meta_expires_at: Option<Timestamp>,
    pub path: Option<String>,
    pub at: Timestamp,
}

/// An inbound file still at Meta.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingMedia {
    pub tenant_id: TenantId,
    pub media: Media,
    pub attempts: i32,
}

/// Verbs on media.
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Makes one.
    async fn create_media(&self, tenant: TenantId, media: NewMedia) -> StoreResult<Media>;
    /// One.
    async fn media(&self, tenant: TenantId, media: MediaId) -> StoreResult<Option<Media>>;
    /// Those of these that are there, in one trip; a tenant sees its own alone.
    async fn media_of(&self, tenant: TenantId, media: &[MediaId]) -> StoreResult<Vec<Media>>;
    /// Keeps Meta's id after an upload.
    async fn set_media_uploaded(
        &self,
        tenant: TenantId,
        media: MediaId,
        meta_id: &str,
        expires_at: Timestamp,
    ) -> StoreResult<()>;
    /// Keeps where the fetched bytes are.
    async fn set_media_fetched(
        &self,
        tenant: TenantId,
        media: MediaId,
        path: &str,
        size: i64,
        sha256: &str,
    ) -> StoreResult<()>;
    /// Notes that it is sent at this moment; the latest counts.
    async fn touch_media(&self, tenant: TenantId, media: MediaId, at: Timestamp) -> StoreResult<()>;
    /// Notes a failed fetch and when to try again (`None`: never).
    async fn set_media_failed(
        &self,
        tenant: TenantId,
        media: MediaId,
        failure: &str,
        next_at: Option<Timestamp>,
    ) -> StoreResult<()>;
}
