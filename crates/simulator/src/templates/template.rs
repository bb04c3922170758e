//! One template in one language.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Shape;

#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) waba_id: String,
    pub(crate) name: String,
    pub(crate) language: String,
    /// MARKETING, UTILITY or AUTHENTICATION.
    pub(crate) category: String,
    pub(crate) previous_category: Option<String>,
    pub(crate) correct_category: Option<String>,
    /// APPROVED, PENDING, REJECTED, PAUSED, DISABLED, IN_APPEAL, ...
    pub(crate) status: String,
    pub(crate) rejected_reason: String,
    /// UNKNOWN, GREEN, YELLOW, RED.
    pub(crate) quality: String,
    /// POSITIONAL or NAMED.
    pub(crate) parameter_format: String,
    pub(crate) components: Vec<Value>,
    pub(crate) shape: Shape,
    pub(crate) ttl_seconds: Option<i64>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// Times of edits while approved (milliseconds), for the quota.
    pub(crate) edits_ms: Vec<i64>,
    pub(crate) pauses: u32,
    /// Counts changes, so that a verdict for an older text is dropped.
    pub(crate) version: u32,
}

impl Template {
    /// The pricing category of a message made from it.
    pub(crate) fn pricing(&self) -> &'static str {
        match self.category.as_str() {
            "MARKETING" => "marketing",
            "AUTHENTICATION" => "authentication",
            _ => "utility",
        }
    }

    /// Puts components in place and works out what a send must fill in.
    pub(crate) fn set_components(&mut self, components: Vec<Value>) {
        self.shape = Shape::of(&components, &self.category, &self.parameter_format);
        self.components = components;
    }

    /// The node with the asked fields; `id` is always given.
    pub(crate) fn node(&self, fields: &[String]) -> Value {
        let all = self.all_fields();
        let defaults =
            ["name", "parameter_format", "components", "language", "status", "category", "sub_category"];
        let wanted = |key: &str| match fields {
            [] => defaults.contains(&key),
            asked => asked.iter().any(|field| field == key),
        };
        let mut node: Map<String, Value> = all.into_iter().filter(|(key, _)| wanted(key)).collect();
        node.retain(|_, value| !value.is_null());
        node.insert("id".into(), self.id.as_str().into());
        Value::Object(node)
    }

    fn all_fields(&self) -> Map<String, Value> {
        let error = json!({
            "error_code": 141002,
            "error_description": "Message templates can only be sent out if they are approved.",
            "possible_solution": "Edit or appeal the message template review decision.",
        });
        let sendable = self.status == "APPROVED";
        let mut entity = json!({
            "entity_type": "MESSAGE_TEMPLATE", "id": self.id,
            "can_send_message": if sendable { "AVAILABLE" } else { "BLOCKED" },
        });
        if !sendable {
            entity["errors"] = json!([error]);
        }
        let fields = json!({
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "previous_category": self.previous_category,
            "correct_category": self.correct_category,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "rejected_reason": self.rejected_reason,
            "quality_score": {"score": self.quality, "date": self.updated_ms / 1_000},
            "message_send_ttl_seconds": self.ttl_seconds,
            "last_updated_time": seconds(self.updated_ms),
            "cta_url_link_tracking_opted_out": false,
            "health_status": {"can_send_message": entity["can_send_message"], "entities": [entity]},
        });
        fields.as_object().cloned().unwrap_or_default()
    }
}

fn seconds(ms: i64) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}
