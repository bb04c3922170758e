//! Erasing persons.

use std::collections::BTreeMap;

use domain::{ContactId, ErasureId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

words! {
    /// How far an erasure is.
    ErasureState {
        /// Nobody finds the person any more; the last traces are being removed.
        Running = "running",
        Done = "done",
    }
}

/// What is kept, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptItem {
    pub what: String,
    pub why: String,
}

/// An erasure with its receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    pub erasure_id: i64,
    /// The id that the person had; it means nobody any more.
    pub contact_id: i64,
    pub state: ErasureState,
    pub at: Timestamp,
    /// The following are there once it is done.
    pub finished_at: Option<Timestamp>,
    /// Rows and files by kind.
    #[schema(value_type = Object, example = json!({"messages": 12, "media": 2}))]
    pub removed: BTreeMap<String, i64>,
    pub kept: Vec<KeptItem>,
    /// HMAC-SHA-256 over all of the above, by a key that only the server has.
    pub digest: Option<String>,
}

request! {
    /// A receipt to be checked, as `GET /erasures/{id}` gave it.
    ErasureReceipt {
        #[schema(value_type = i64)]
        erasure_id: ErasureId,
        #[schema(value_type = i64)]
        contact_id: ContactId,
        state: Option<ErasureState>,
        at: Timestamp,
        finished_at: Timestamp,
        #[schema(value_type = Object)]
        removed: Map<String, Value>,
        /// Objects with `what` and `why`.
        #[schema(value_type = Vec<KeptItem>)]
        kept: Vec<Map<String, Value>>,
        digest: String [1, 200],
    }
}

/// What a check of a receipt found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptCheck {
    /// This server wrote it, and nobody changed it since.
    pub genuine: bool,
}
