//! Message templates: what is submitted, what Meta answers, what it lists.
//!
//! Source: WhatsApp Business Platform, "Templates", and the Graph reference of `message_templates`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::loose;
pub use crate::paging::{Page, Paging};

/// A template to be created or put in place of another's content.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TemplateDefinition {
    /// Lower-case letters, digits and underscores, up to 512.
    pub name: String,
    #[serde(deserialize_with = "loose::required")]
    pub language: String,
    /// MARKETING, UTILITY, AUTHENTICATION.
    #[serde(deserialize_with = "loose::required")]
    pub category: String,
    /// POSITIONAL (also when absent) or NAMED.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub parameter_format: Option<String>,
    #[serde(default)]
    pub components: Vec<TemplateComponent>,
    /// Seconds after which an undelivered message is dropped.
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub message_send_ttl_seconds: Option<i64>,
    /// `allow_category_change`, `sub_category`, ...
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One part of a template. Which members count depends on the type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TemplateComponent {
    /// HEADER, BODY, FOOTER, BUTTONS, CAROUSEL, LIMITED_TIME_OFFER; also in lower case.
    #[serde(rename = "type", deserialize_with = "loose::required")]
    pub kind: String,
    /// Of a header: TEXT, IMAGE, VIDEO, DOCUMENT, GIF, LOCATION, PRODUCT.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, deserialize_with = "loose::list", skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<TemplateButton>,
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub example: Option<TemplateExample>,
    #[serde(default, deserialize_with = "loose::list", skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<TemplateCard>,
    /// Of the body of an authentication template.
    #[serde(default, deserialize_with = "loose::flag", skip_serializing_if = "Option::is_none")]
    pub add_security_recommendation: Option<bool>,
    /// Of the footer of an authentication template, 1 to 90.
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub code_expiration_minutes: Option<i64>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TemplateButton {
    /// QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, OTP, FLOW, CATALOG, MPM, SPM, VOICE_CALL, ...
    #[serde(rename = "type", deserialize_with = "loose::required")]
    pub kind: String,
    /// Up to 25 characters.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// May end with one variable.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// COPY_CODE, ONE_TAP, ZERO_TAP.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub otp_type: Option<String>,
    /// A text (coupon) or a list of one (URL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
    /// Members of the rarer kinds.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Samples for the reviewer, one for each variable or file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TemplateExample {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_text: Option<Value>,
    /// Handles of resumable uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_handle: Option<Value>,
    /// A list in a list; some send one list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_text: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_text_named_params: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_text_named_params: Option<Value>,
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TemplateCard {
    #[serde(default, deserialize_with = "loose::list")]
    pub components: Vec<TemplateComponent>,
}

/// Meta's answer to a creation; the category may be another than asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateCreated {
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// A template as Meta lists it. Statuses and categories stay texts, for the new ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateRow {
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
    #[serde(deserialize_with = "loose::required")]
    pub name: String,
    #[serde(deserialize_with = "loose::required")]
    pub language: String,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub previous_category: Option<String>,
    /// The category that it will get.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub correct_category: Option<String>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub sub_category: Option<String>,
    /// NONE when there is none.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub rejected_reason: Option<String>,
    #[serde(default, deserialize_with = "loose::object", skip_serializing_if = "Option::is_none")]
    pub quality_score: Option<QualityScore>,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub parameter_format: Option<String>,
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub message_send_ttl_seconds: Option<i64>,
    /// As Meta prints them; [`TemplateRow::parts`] reads them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub components: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityScore {
    /// UNKNOWN, GREEN, YELLOW, RED.
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// UNIX seconds.
    #[serde(default, deserialize_with = "loose::int", skip_serializing_if = "Option::is_none")]
    pub date: Option<i64>,
}

impl TemplateRow {
    /// The readable components.
    #[must_use]
    pub fn parts(&self) -> Vec<TemplateComponent> {
        let parts = loose::elements(self.components.clone()).into_iter();
        parts.filter_map(|part| serde_json::from_value(part).ok()).collect()
    }
}
