//! What happened to a phone number of the business.

use serde::Serialize;

use crate::fields::Fields;

/// `phone_number_quality_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneQuality {
    pub display_phone_number: Option<String>,
    /// ONBOARDING, THROUGHPUT_UPGRADE; older UPGRADE, DOWNGRADE, FLAGGED, UNFLAGGED.
    pub event: String,
    pub current_limit: Option<String>,
    pub old_limit: Option<String>,
    /// TIER_250 ... TIER_UNLIMITED.
    pub max_daily_conversations_per_business: Option<String>,
}

/// `phone_number_name_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneName {
    pub display_phone_number: Option<String>,
    /// APPROVED, DEFERRED, PENDING, REJECTED.
    pub decision: String,
    pub requested_verified_name: Option<String>,
    pub rejection_reason: Option<String>,
}

impl PhoneQuality {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            display_phone_number: fields.text("display_phone_number"),
            event: fields.text("event")?,
            current_limit: fields.text("current_limit"),
            old_limit: fields.text("old_limit"),
            max_daily_conversations_per_business: fields.text("max_daily_conversations_per_business"),
        })
    }
}

impl PhoneName {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            display_phone_number: fields.text("display_phone_number"),
            decision: fields.text("decision")?,
            requested_verified_name: fields.text("requested_verified_name"),
            rejection_reason: fields.text("rejection_reason"),
        })
    }
}
