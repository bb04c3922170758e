//! `debug_token`: what an access token is and may do. An invalid token is answered with 200 and `is_valid: false`.

use serde::{Deserialize, Serialize};

use crate::loose;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebugToken {
    pub data: TokenInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenInfo {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// SYSTEM_USER, USER.
    #[serde(
        default,
        rename = "type",
        deserialize_with = "loose::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    #[serde(default, deserialize_with = "loose::flag")]
    pub is_valid: Option<bool>,
    /// UNIX seconds.
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
    /// UNIX seconds; 0 means never. [`TokenInfo::expiry`] tells both apart.
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// UNIX seconds.
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub data_access_expires_at: Option<i64>,
    #[serde(default, deserialize_with = "loose::list")]
    pub scopes: Vec<String>,
    #[serde(default, deserialize_with = "loose::list")]
    pub granular_scopes: Vec<GranularScope>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub error: Option<TokenError>,
}

/// A scope that holds for these assets only; for all when there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GranularScope {
    #[serde(deserialize_with = "loose::required")]
    pub scope: String,
    #[serde(default, deserialize_with = "loose::list", skip_serializing_if = "Vec::is_empty")]
    pub target_ids: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenError {
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub subcode: Option<i64>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl TokenInfo {
    /// When the token expires, in UNIX seconds; `None` if never.
    #[must_use]
    pub fn expiry(&self) -> Option<i64> {
        self.expires_at.filter(|at| *at > 0)
    }
}
