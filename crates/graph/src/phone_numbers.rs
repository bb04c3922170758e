//! A phone number of the business, as Meta describes it. Every member depends on the fields asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::health::HealthStatus;
use crate::loose;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PhoneNumber {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// As printed for people.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub display_phone_number: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub verified_name: Option<String>,
    /// GREEN, YELLOW, RED, NA, UNKNOWN.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub quality_rating: Option<String>,
    /// Only CONNECTED can send.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub name_status: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub code_verification_status: Option<String>,
    /// LIVE, SANDBOX.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub account_mode: Option<String>,
    /// CLOUD_API, ON_PREMISE, NOT_APPLICABLE.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<String>,
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Throughput>,
    /// TIER_250 ... TIER_UNLIMITED.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub whatsapp_business_manager_messaging_limit: Option<String>,
    /// The older name of the same.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub messaging_limit_tier: Option<String>,
    #[serde(default, deserialize_with = "loose::flag", skip_serializing_if = "Option::is_none")]
    pub is_official_business_account: Option<bool>,
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub webhook_configuration: Option<WebhookConfiguration>,
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub health_status: Option<HealthStatus>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// STANDARD (80 messages a second), HIGH (1,000), NOT_APPLICABLE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    #[serde(deserialize_with = "loose::required")]
    pub level: String,
}

/// Where webhooks go, the first that is set: number, account, app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookConfiguration {
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub whatsapp_business_account: Option<String>,
}

impl PhoneNumber {
    /// The messaging limit under either of its names.
    #[must_use]
    pub fn messaging_limit(&self) -> Option<&str> {
        self.whatsapp_business_manager_messaging_limit.as_deref().or(self.messaging_limit_tier.as_deref())
    }
}
