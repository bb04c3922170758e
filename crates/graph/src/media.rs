//! Files at Meta, and the handles of resumable uploads.

use serde::{Deserialize, Serialize};

use crate::loose;

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaInfo {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Valid for five minutes, and only with the access token.
    #[serde(deserialize_with = "loose::required")]
    pub url: String,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Bytes.
    #[serde(default, deserialize_with = "loose::count", skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub messaging_product: Option<String>,
}

/// The answer to an upload; the file is kept for 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaUploaded {
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
}

/// A resumable upload that was begun: `upload:<session>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadSession {
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
    /// Bytes received so far.
    #[serde(default, deserialize_with = "loose::count", skip_serializing_if = "Option::is_none")]
    pub file_offset: Option<u64>,
}

/// The handle of a finished resumable upload, for `example.header_handle`; no media id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadHandle {
    #[serde(deserialize_with = "loose::required")]
    pub h: String,
}
