//! A business phone number and its profile.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::config::PhoneConfig;

#[derive(Debug, Clone)]
pub(crate) struct Phone {
    /// Small number that stands for this phone in hot indices.
    pub(crate) index: u32,
    pub(crate) id: String,
    pub(crate) waba_id: String,
    pub(crate) display: String,
    /// The display number's digits.
    pub(crate) digits: String,
    pub(crate) verified_name: String,
    pub(crate) quality: String,
    pub(crate) status: String,
    pub(crate) throughput: String,
    pub(crate) override_callback: Option<String>,
    pub(crate) pin: Option<String>,
    pub(crate) code_status: String,
    pub(crate) registrations: Vec<i64>,
    pub(crate) onboarded_at: Timestamp,
    pub(crate) identity_check: bool,
    pub(crate) settings: Map<String, Value>,
    pub(crate) profile: Map<String, Value>,
    pub(crate) blocked: Vec<String>,
    pub(crate) health: String,
    pub(crate) health_errors: Vec<Value>,
}

impl Phone {
    pub(crate) fn new(index: u32, waba_id: &str, config: &PhoneConfig, now: Timestamp) -> Self {
        let profile = json!({"messaging_product": "whatsapp", "about": "Hey there! I am using WhatsApp."});
        Self {
            index,
            id: config.id.clone(),
            waba_id: waba_id.into(),
            display: config.display_phone_number.clone(),
            digits: config.display_phone_number.chars().filter(char::is_ascii_digit).collect(),
            verified_name: config.verified_name.clone(),
            quality: "GREEN".into(),
            status: "CONNECTED".into(),
            throughput: config.throughput.clone(),
            override_callback: None,
            pin: None,
            code_status: "VERIFIED".into(),
            registrations: Vec::new(),
            onboarded_at: now,
            identity_check: false,
            settings: Map::new(),
            profile: profile.as_object().cloned().unwrap_or_default(),
            blocked: Vec::new(),
            health: "AVAILABLE".into(),
            health_errors: Vec::new(),
        }
    }

    /// Messages per second that this number may send and receive together.
    pub(crate) fn throughput_per_second(&self) -> u32 {
        if self.throughput == "HIGH" { 1_000 } else { 80 }
    }

    /// The country code that numbers written without + are given; a guess from the number's first digits.
    pub(crate) fn country_code(&self) -> &str {
        let length = match self.digits.as_bytes() {
            [b'1' | b'7', ..] => 1,
            [b'2', b'0' | b'7', ..] | [b'3', b'0' | b'1' | b'2' | b'3' | b'4' | b'6' | b'9', ..] => 2,
            [b'4', b'2', ..] => 3,
            [b'4', ..] | [b'5', b'1'..=b'8', ..] | [b'6', b'0'..=b'6', ..] => 2,
            [b'8', b'1' | b'2' | b'4' | b'6', ..] | [b'9', b'0'..=b'5' | b'8', ..] => 2,
            _ => 3,
        };
        self.digits.get(..length).unwrap_or("1")
    }

    pub(crate) fn node(&self, tier: &str, callback: Option<&str>) -> Value {
        let mut configuration = Map::new();
        if let Some(url) = callback {
            configuration.insert("application".into(), url.into());
        }
        if let Some(url) = &self.override_callback {
            configuration.insert("phone_number".into(), url.as_str().into());
        }
        json!({
            "verified_name": self.verified_name,
            "code_verification_status": self.code_status,
            "display_phone_number": self.display,
            "quality_rating": self.quality,
            "platform_type": "CLOUD_API",
            "throughput": {"level": self.throughput},
            "last_onboarded_time": self.onboarded_at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
            "webhook_configuration": configuration,
            "id": self.id,
            "quality_score": {"score": self.quality},
            "status": self.status,
            "name_status": "APPROVED",
            "new_name_status": "NONE",
            "account_mode": "LIVE",
            "whatsapp_business_manager_messaging_limit": tier,
            "messaging_limit_tier": tier,
            "is_official_business_account": false,
            "is_on_biz_app": false,
            "is_pin_enabled": self.pin.is_some(),
            "is_preverified_number": false,
            "search_visibility": "VISIBLE",
            "certificate": "c2ltdWxhdGVk",
            "country_dial_code": self.country_code(),
        })
    }

    pub(crate) fn health_entity(&self) -> Value {
        let mut entity = json!({
            "entity_type": "PHONE_NUMBER", "id": self.id, "can_send_message": self.health,
            "can_receive_call_sip": "AVAILABLE",
        });
        if !self.health_errors.is_empty() {
            entity["errors"] = Value::Array(self.health_errors.clone());
        }
        entity
    }
}

/// Fields of a phone node that are given without `fields=`.
pub(crate) const DEFAULT_FIELDS: [&str; 9] = [
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
    "last_onboarded_time",
    "webhook_configuration",
    "id",
];
