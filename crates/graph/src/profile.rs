//! The business profile that customers see.

use serde::{Deserialize, Serialize};

use crate::loose;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BusinessProfile {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub messaging_product: Option<String>,
    /// 1 to 139 characters.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Up to 256 characters.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Up to 512 characters.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Up to 128 characters.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Up to two of 256 characters.
    #[serde(default, deserialize_with = "loose::list", skip_serializing_if = "Vec::is_empty")]
    pub websites: Vec<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub vertical: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub profile_picture_url: Option<String>,
    /// For setting it: the handle of a resumable upload.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub profile_picture_handle: Option<String>,
}
