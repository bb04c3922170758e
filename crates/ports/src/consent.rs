//! The consent ledger: append-only.

use async_trait::async_trait;
use domain::consent::{ConsentKind, ConsentSource};
use domain::{ConsentRecordId, ContactId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::contacts::Contact;
use crate::{Page, Paging, StoreResult};

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConsentRecord {
    pub id: ConsentRecordId,
    pub contact_id: ContactId,
    pub kind: ConsentKind,
    pub source: ConsentSource,
    pub at: Timestamp,
    /// What proves it: the wamid and text of a keyword, the form's address, the key that called, the file and row.
    pub evidence: serde_json::Value,
}

/// An entry to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConsent {
    pub contact_id: ContactId,
    pub kind: ConsentKind,
    pub source: ConsentSource,
    pub at: Timestamp,
    pub evidence: serde_json::Value,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsentOutcome {
    pub contact: Contact,
    /// False when the contact was in that state already: then nothing was written.
    pub changed: bool,
    pub record_id: Option<ConsentRecordId>,
}

/// Verbs on consent.
#[async_trait]
pub trait ConsentStore: Send + Sync {
    /// Applies a decision to the contact's state (`domain::consent::ConsentState::apply`, under the contact's row
    /// lock) and, only when it changed something, appends the entry; all in one commit. `None`: no such contact.
    async fn record_consent(
        &self,
        tenant: TenantId,
        consent: NewConsent,
    ) -> StoreResult<Option<ConsentOutcome>>;
    /// Newest first, entries of contacts merged into this one included.
    async fn consent_records(
        &self,
        tenant: TenantId,
        contact: ContactId,
        paging: &Paging,
    ) -> StoreResult<Page<ConsentRecord>>;
}
