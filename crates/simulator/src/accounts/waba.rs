//! A WhatsApp Business Account and the apps subscribed to it.

use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Waba {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) business_id: String,
    pub(crate) tier: String,
    pub(crate) subscriptions: Vec<Subscription>,
    /// `/messages` refuses marketing templates with 131063.
    pub(crate) no_marketing_on_cloud_api: bool,
    /// Errors shown by `health_status`, set through `/_sim/accounts/{waba}`.
    pub(crate) health_errors: Vec<Value>,
    /// AVAILABLE, LIMITED or BLOCKED.
    pub(crate) health: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) app_id: String,
    pub(crate) override_callback: Option<String>,
}

impl Waba {
    pub(crate) fn node(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "currency": "USD",
            "timezone_id": "1",
            "country": "US",
            "account_review_status": "APPROVED",
            "business_verification_status": "verified",
            "ownership_type": "SELF",
            "owner_business_info": {"name": self.name, "id": self.business_id},
            "message_template_namespace": format!("{}_namespace", self.id),
            "marketing_messages_onboarding_status": "ONBOARDED",
            "disable_marketing_messages_on_cloud_api": self.no_marketing_on_cloud_api,
            "whatsapp_business_manager_messaging_limit": self.tier,
        })
    }

    pub(crate) fn health_entity(&self) -> Value {
        let mut entity = json!({"entity_type": "WABA", "id": self.id, "can_send_message": self.health});
        if !self.health_errors.is_empty() {
            entity["errors"] = Value::Array(self.health_errors.clone());
        }
        entity
    }
}
