//! Erasing persons: everything that tells who they are goes, the ledger of their consent stays under a keyed hash.

use async_trait::async_trait;
use domain::consent::ConsentState;
use domain::contacts::Identity;
use domain::erasure::Receipt;
use domain::{BroadcastId, ContactId, ErasureId, MessageId, TenantId, Timestamp};
use serde::Serialize;

use crate::{Page, Paging, StoreResult};

/// An erasure.
#[derive(Debug, Clone, PartialEq)]
pub struct Erasure {
    pub id: ErasureId,
    pub contact_id: ContactId,
    pub at: Timestamp,
    /// The receipt and the HMAC over its [text](Receipt::text), in hexadecimal; `None` while there is more to remove.
    pub receipt: Option<(Receipt, String)>,
}

/// A person in a broadcast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Participation {
    pub broadcast_id: BroadcastId,
    pub broadcast_name: String,
    pub message_id: Option<MessageId>,
    /// Why the person got nothing.
    pub reason: Option<String>,
    pub due_at: Timestamp,
    pub replied_at: Option<Timestamp>,
    pub opted_out_at: Option<Timestamp>,
}

/// Verbs on erasures.
#[async_trait]
pub trait ErasureStore: Send + Sync {
    /// Takes the identity away, in one commit and under the contact's lock: the contact with all that were merged into
    /// it, its conversations, notes, queue and places in broadcasts are gone, an opt-out is kept under the keyed hash
    /// of number and user id, evidence in the consent ledger is replaced by its keyed digest. From the commit on nobody
    /// finds the person; a message that they wrote before `at` and that is projected later is dropped. Answers the
    /// erasure, which [`ErasureStore::erase_batch`] finishes. A contact that was erased before answers that erasure;
    /// `None`: there is no such contact.
    async fn begin_erasure(
        &self,
        tenant: TenantId,
        contact: ContactId,
        at: Timestamp,
    ) -> StoreResult<Option<Erasure>>;
    /// Removes the next batch (about `limit` rows) and moves the cursor, in one commit; the last one writes the
    /// receipt. One that is finished is answered as it is. `None`: there is no such erasure.
    async fn erase_batch(
        &self,
        tenant: TenantId,
        erasure: ErasureId,
        limit: u32,
        now: Timestamp,
    ) -> StoreResult<Option<Erasure>>;
    /// One.
    async fn erasure(&self, tenant: TenantId, erasure: ErasureId) -> StoreResult<Option<Erasure>>;
    /// Newest first.
    async fn erasures(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Erasure>>;
    /// Those of all tenants that are not finished.
    async fn unfinished_erasures(&self, limit: u32) -> StoreResult<Vec<(TenantId, ErasureId)>>;
    /// Whether this store wrote this receipt with this digest.
    async fn is_genuine(&self, tenant: TenantId, receipt: &Receipt, digest: &str) -> StoreResult<bool>;
    /// With which consent persons who were erased would start again, in the order of these identities, which no contact
    /// has; `None`: nothing is kept of that one.
    async fn kept_consent(
        &self,
        tenant: TenantId,
        identities: &[Identity],
    ) -> StoreResult<Vec<Option<ConsentState>>>;
    /// The broadcasts that a contact is or was in.
    async fn participations(&self, tenant: TenantId, contact: ContactId) -> StoreResult<Vec<Participation>>;
}
