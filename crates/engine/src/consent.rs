//! Consent given and taken back through the API or the console, and the ledger of it. Words written by customers
//! come in through webhooks and are applied there.

use domain::consent::{ConsentKind, ConsentSource};
use domain::{ApiKeyId, ContactId, TenantId};
use ports::consent::{ConsentOutcome, ConsentRecord, NewConsent};
use ports::{Page, Paging, StoreError};
use serde_json::{Map, Value};

use crate::Deps;
use crate::faults::Faults;

/// Bytes of evidence per entry, as JSON.
const EVIDENCE: usize = 16 * 1024;

/// How recording consent fails.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    #[error("there is no such contact")]
    ContactNotFound,
    #[error(transparent)]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who says so, and what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Testimony {
    /// [`ConsentSource::Api`] or [`ConsentSource::Console`]: the others speak through their own doors.
    pub source: ConsentSource,
    /// The key that called.
    pub api_key: Option<ApiKeyId>,
    /// What the caller gave: wording, form address, time of the original consent.
    pub evidence: Option<Value>,
}

impl Testimony {
    /// By a call, with this key or by a member.
    pub fn by_call(api_key: Option<ApiKeyId>, evidence: Option<Value>) -> Self {
        Self { source: ConsentSource::Api, api_key, evidence }
    }

    /// `evidence` is where in the request it stands.
    pub(crate) fn check(&self, evidence: &str, faults: &mut Faults) {
        if !matches!(self.source, ConsentSource::Api | ConsentSource::Console) {
            faults.add("/source", "must be api or console");
        }
        let size = self.evidence.as_ref().map_or(0, |evidence| evidence.to_string().len());
        if size > EVIDENCE {
            faults.add(evidence, format!("must have at most {EVIDENCE} bytes as JSON, has {size}"));
        }
    }

    /// As it is kept: the given evidence, and beside it the key.
    pub(crate) fn into_evidence(self) -> Value {
        let mut kept = match self.evidence {
            Some(Value::Object(members)) => members,
            Some(Value::Null) | None => Map::new(),
            Some(other) => Map::from_iter([("note".to_owned(), other)]),
        };
        // Set last: a caller cannot claim to be another key.
        kept.remove("api_key_id");
        if let Some(key) = self.api_key {
            kept.insert("api_key_id".to_owned(), key.0.into());
        }
        Value::Object(kept)
    }
}

/// Use cases on consent.
#[derive(Clone)]
pub struct Consent {
    deps: Deps,
}

impl Consent {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// The contact wants messages. Recorded only when it changes something.
    ///
    /// # Errors
    /// [`ConsentError::ContactNotFound`], [`ConsentError::Invalid`], or the store's.
    pub async fn opt_in(
        &self,
        tenant: TenantId,
        contact: ContactId,
        testimony: Testimony,
    ) -> Result<ConsentOutcome, ConsentError> {
        self.record(tenant, contact, ConsentKind::OptIn, testimony).await
    }

    /// The contact wants none. Recorded only when it changes something; sends no confirmation.
    ///
    /// # Errors
    /// [`ConsentError::ContactNotFound`], [`ConsentError::Invalid`], or the store's.
    pub async fn opt_out(
        &self,
        tenant: TenantId,
        contact: ContactId,
        testimony: Testimony,
    ) -> Result<ConsentOutcome, ConsentError> {
        self.record(tenant, contact, ConsentKind::OptOut, testimony).await
    }

    async fn record(
        &self,
        tenant: TenantId,
        contact_id: ContactId,
        kind: ConsentKind,
        testimony: Testimony,
    ) -> Result<ConsentOutcome, ConsentError> {
        let mut faults = Faults::default();
        testimony.check("/evidence", &mut faults);
        faults.check()?;
        let source = testimony.source;
        let at = self.deps.clock.now();
        let consent = NewConsent { contact_id, kind, source, at, evidence: testimony.into_evidence() };
        self.deps.store.record_consent(tenant, consent).await?.ok_or(ConsentError::ContactNotFound)
    }

    /// The ledger of a contact, newest first.
    ///
    /// # Errors
    /// [`ConsentError::ContactNotFound`], or the store's.
    pub async fn ledger(
        &self,
        tenant: TenantId,
        contact: ContactId,
        paging: &Paging,
    ) -> Result<Page<ConsentRecord>, ConsentError> {
        let found = self.deps.store.contact(tenant, contact).await?.ok_or(ConsentError::ContactNotFound)?;
        Ok(self.deps.store.consent_records(tenant, found.id, paging).await?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evidence_names_the_key_that_called_and_no_other() {
        let given = json!({"form": "https://example.com/join", "api_key_id": 99});
        let kept = Testimony::by_call(Some(ApiKeyId(7)), Some(given)).into_evidence();
        assert_eq!(kept, json!({"form": "https://example.com/join", "api_key_id": 7}));
        let kept = Testimony::by_call(Some(ApiKeyId(7)), Some(json!("by phone"))).into_evidence();
        assert_eq!(kept, json!({"note": "by phone", "api_key_id": 7}));
    }

    #[test]
    fn a_caller_cannot_speak_for_the_customer() {
        for source in [ConsentSource::Keyword, ConsentSource::MetaPreference, ConsentSource::Import] {
            let mut faults = Faults::default();
            Testimony { source, api_key: None, evidence: None }.check("/evidence", &mut faults);
            assert!(faults.check().is_err(), "{source:?}");
        }
    }
}
