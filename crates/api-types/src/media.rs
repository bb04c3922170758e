//! Media: files sent and received.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::messages::Direction;

/// What is known of a file; `GET /media/{id}/content` has its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Media {
    pub id: i64,
    pub connection_id: i64,
    pub direction: Direction,
    #[schema(example = "image/jpeg")]
    pub mime_type: String,
    pub filename: Option<String>,
    /// Bytes; 0 until an inbound file was fetched.
    pub size: i64,
    /// Hexadecimal SHA-256 of the bytes.
    pub sha256: Option<String>,
    /// The bytes are here.
    pub available: bool,
    /// Why fetching an inbound file failed, when it did.
    pub failure: Option<String>,
    /// Why an uploaded file is not at Meta yet; it is brought there before it is sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
    pub created_at: Timestamp,
}

/// A file to be sent, as multipart form.
#[derive(Debug, ToSchema)]
pub struct UploadMedia {
    /// The bytes, with filename and content type.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    pub file: Vec<u8>,
    /// The number that will send it; absent: the default connection.
    pub connection_id: Option<i64>,
}
