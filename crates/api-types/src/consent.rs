//! Consent: the append-only ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contacts::Contact;

words! {
    /// What an entry says.
    ConsentKind = domain::consent::ConsentKind {
        OptIn = "opt_in",
        OptOut = "opt_out",
        /// Marketing stopped inside WhatsApp.
        MarketingStop = "marketing_stop",
        /// Marketing allowed again inside WhatsApp.
        MarketingResume = "marketing_resume",
    }
}

words! {
    /// Where an entry came from.
    ConsentSource = domain::consent::ConsentSource {
        Api = "api",
        Import = "import",
        /// A word that the person wrote, or a button tapped.
        Keyword = "keyword",
        Console = "console",
        MetaPreference = "meta_preference",
    }
}

request! {
    /// A decision of a contact, told by the tenant's own system.
    RecordConsent {
        /// `api` (when absent) or `console`.
        source: Option<ConsentSource>,
        /// What proves it: a form's address, a ticket, a recording.
        #[schema(value_type = Option<Object>)]
        evidence: Option<serde_json::Map<String, serde_json::Value>>,
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsentOutcome {
    pub contact: Contact,
    /// False when the contact was in that state already: then nothing was written.
    pub changed: bool,
    pub record_id: Option<i64>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsentRecord {
    pub id: i64,
    pub contact_id: i64,
    pub kind: ConsentKind,
    pub source: ConsentSource,
    pub at: Timestamp,
    #[schema(value_type = Object)]
    pub evidence: serde_json::Value,
}
