//! What happened to the WhatsApp Business Account.

use serde::Serialize;

use crate::fields::Fields;

/// `account_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountUpdate {
    /// ACCOUNT_VIOLATION, ACCOUNT_RESTRICTION, DISABLED_UPDATE, ACCOUNT_DELETED, PARTNER_REMOVED ...
    pub event: String,
    pub phone_number: Option<String>,
    /// SCHEDULE_FOR_DISABLE, DISABLE, REINSTATE.
    pub ban_state: Option<String>,
    /// As Meta prints it, for people.
    pub ban_date: Option<String>,
    pub violation_type: Option<String>,
    pub restrictions: Vec<Restriction>,
    /// Of the events about partners.
    pub waba_id: Option<String>,
    pub owner_business_id: Option<String>,
    pub partner_app_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restriction {
    /// RESTRICTED_BIZ_INITIATED_MESSAGING ...
    pub restriction_type: String,
    /// UNIX seconds.
    pub expires_at: Option<i64>,
}

/// `account_review_update`: APPROVED, REJECTED, PENDING, DEFERRED.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountReview {
    pub decision: String,
}

/// `account_alerts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountAlert {
    pub entity_type: Option<String>,
    pub entity_id: Option<String>,
    /// CRITICAL, WARNING, INFORMATIONAL.
    pub severity: Option<String>,
    pub status: Option<String>,
    pub alert_type: Option<String>,
    pub description: Option<String>,
}

/// `business_capability_update`; limits are numbers or TIER_ names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusinessCapability {
    pub max_daily_conversations_per_business: Option<String>,
    pub max_daily_conversation_per_phone: Option<String>,
    pub max_phone_numbers_per_business: Option<i64>,
    pub max_phone_numbers_per_waba: Option<i64>,
}

/// `security`: PIN_CHANGED, PIN_RESET_REQUEST, PIN_REQUEST_SUCCESS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Security {
    pub event: String,
    pub display_phone_number: Option<String>,
    pub requester: Option<String>,
}

impl AccountUpdate {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let inner = |object: &str, name: &str| fields.object(object).and_then(|object| object.text(name));
        let restrictions = fields.objects("restriction_info");
        Some(Self {
            event: fields.text("event")?,
            phone_number: fields.text("phone_number"),
            ban_state: inner("ban_info", "waba_ban_state"),
            ban_date: inner("ban_info", "waba_ban_date"),
            violation_type: inner("violation_info", "violation_type"),
            restrictions: restrictions.iter().filter_map(Restriction::read).collect(),
            waba_id: inner("waba_info", "waba_id"),
            owner_business_id: inner("waba_info", "owner_business_id"),
            partner_app_id: inner("waba_info", "partner_app_id"),
        })
    }
}

impl Restriction {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            restriction_type: fields.text("restriction_type")?,
            expires_at: fields.integer("expiration"),
        })
    }
}

impl AccountReview {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self { decision: fields.text("decision")? })
    }
}

impl AccountAlert {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        // Older samples have the members of alert_info directly in the value.
        let info = fields.object("alert_info").unwrap_or_else(|| fields.clone());
        let alert = Self {
            entity_type: fields.text("entity_type"),
            entity_id: fields.text("entity_id"),
            severity: info.text("alert_severity"),
            status: info.text("alert_status"),
            alert_type: info.text("alert_type"),
            description: info.text("alert_description"),
        };
        (alert.severity.is_some() || alert.alert_type.is_some()).then_some(alert)
    }
}

impl BusinessCapability {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let capability = Self {
            max_daily_conversations_per_business: fields.text("max_daily_conversations_per_business"),
            max_daily_conversation_per_phone: fields.text("max_daily_conversation_per_phone"),
            max_phone_numbers_per_business: fields.integer("max_phone_numbers_per_business"),
            max_phone_numbers_per_waba: fields.integer("max_phone_numbers_per_waba"),
        };
        let known = fields.names().any(|name| name.starts_with("max_"));
        known.then_some(capability)
    }
}

impl Security {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            event: fields.text("event")?,
            display_phone_number: fields.text("display_phone_number"),
            requester: fields.text("requester"),
        })
    }
}
