//! Contacts.

use async_trait::async_trait;
use domain::consent::{ConsentSource, ConsentState};
use domain::contacts::{Identity, Review};
use domain::segments::Rule;
use domain::{ContactId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Page, Paging, StoreResult};

/// A contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub id: ContactId,
    pub identity: Identity,
    pub username: Option<String>,
    pub name: Option<String>,
    /// Language code such as `pt_BR`.
    pub language: Option<String>,
    /// ISO 3166 alpha-2, out of the identity; see [`Identity::country`].
    pub country: Option<String>,
    /// IANA name; `None`: the main one of the country, see `domain::contacts::zones`.
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    /// Custom fields, each a string.
    pub fields: serde_json::Map<String, serde_json::Value>,
    pub consent: ConsentState,
    /// Set while somebody should look at it; see [`Review`].
    pub review: Option<Review>,
    pub last_inbound_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A contact to be made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewContact {
    pub identity: Identity,
    pub name: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    pub fields: serde_json::Map<String, serde_json::Value>,
    /// Given consent, with its source and evidence: the entry is written in the same commit.
    pub opt_in: Option<(ConsentSource, serde_json::Value)>,
}

/// What came of making one.
#[derive(Debug, Clone, PartialEq)]
pub enum CreatedContact {
    Created(Contact),
    /// The phone number or the BSUID is taken, by this contact.
    Exists(ContactId),
}

/// What to change; `None` leaves as it is, `Some(None)` takes away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContactPatch {
    pub identity: Option<Identity>,
    pub name: Option<Option<String>>,
    pub language: Option<Option<String>>,
    pub time_zone: Option<Option<String>>,
    pub tags: Option<Vec<String>>,
    /// Members to set (`null` removes).
    pub fields: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdatedContact {
    Updated(Contact),
    NotFound,
    /// The new phone number or BSUID belongs to this other contact.
    Taken(ContactId),
}

/// Which contacts are wanted; all given conditions must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContactFilter {
    pub opted_in: Option<bool>,
    pub needs_review: Option<bool>,
    /// Has every one of these.
    pub tags: Vec<String>,
    /// Part of name, phone number or username, case-insensitive.
    pub search: Option<String>,
    /// Answers to this rule, its days and windows reckoned from this moment.
    pub rule: Option<(Rule, Timestamp)>,
}

/// Verbs on contacts.
#[async_trait]
pub trait ContactStore: Send + Sync {
    /// Makes one, with its consent entry when consent is given; one commit. Somebody who was erased after an opt-out
    /// starts opted out, whatever is given.
    async fn create_contact(
        &self,
        tenant: TenantId,
        contact: NewContact,
        at: Timestamp,
    ) -> StoreResult<CreatedContact>;
    /// One; the id of a contact that was merged into another finds that other.
    async fn contact(&self, tenant: TenantId, contact: ContactId) -> StoreResult<Option<Contact>>;
    /// By phone number or BSUID.
    async fn contact_by_identity(
        &self,
        tenant: TenantId,
        identity: &Identity,
    ) -> StoreResult<Option<Contact>>;
    /// Newest first; knows cursors.
    async fn contacts(
        &self,
        tenant: TenantId,
        filter: &ContactFilter,
        paging: &Paging,
    ) -> StoreResult<Page<Contact>>;
    /// Changes it in one commit.
    async fn update_contact(
        &self,
        tenant: TenantId,
        contact: ContactId,
        patch: ContactPatch,
        at: Timestamp,
    ) -> StoreResult<UpdatedContact>;
    /// Takes the flag off that keeps the contact from being sent to; `None`: no such contact.
    async fn clear_review(
        &self,
        tenant: TenantId,
        contact: ContactId,
        at: Timestamp,
    ) -> StoreResult<Option<Contact>>;
    /// Removes the contact with all that were merged into it, its conversations, messages, inbound files and
    /// queue, in one commit; the consent ledger keeps its entries. An opt-out or a marketing stop in force is kept
    /// under the keyed hash of number and user id, as by an erasure, and whoever comes back under one of them
    /// starts with it. Of a contact that had not said no nothing is kept, and what was kept of an earlier no is
    /// lifted. False when there is none.
    async fn delete_contact(&self, tenant: TenantId, contact: ContactId, at: Timestamp) -> StoreResult<bool>;
}
