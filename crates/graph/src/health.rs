//! `health_status` of a node: whether messages can be sent, and what stands in the way.

use serde::{Deserialize, Serialize};

use crate::loose;

/// The reply to `?fields=health_status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReply {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub health_status: HealthStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// AVAILABLE, LIMITED, BLOCKED: the worst of the entities.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub can_send_message: Option<String>,
    #[serde(default, deserialize_with = "loose::list")]
    pub entities: Vec<HealthEntity>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthEntity {
    /// PHONE_NUMBER, MESSAGE_TEMPLATE, WABA, BUSINESS, APP.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub can_send_message: Option<String>,
    #[serde(default, deserialize_with = "loose::list", skip_serializing_if = "Vec::is_empty")]
    pub additional_info: Vec<String>,
    #[serde(default, deserialize_with = "loose::list", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<HealthError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthError {
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i64>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub possible_solution: Option<String>,
}
