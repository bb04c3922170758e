//! Tenants and their settings.

use async_trait::async_trait;
use domain::broadcasts::schedule::{FrequencyCap, QuietHours};
use domain::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreResult;

/// One business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub settings: TenantSettings,
    pub created_at: Timestamp,
}

/// What a tenant may choose. Unknown members are refused by the API, absent ones take these defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantSettings {
    /// Words that opt out; empty: the built-in ones.
    pub opt_out_words: Vec<String>,
    /// Words that opt in again; empty: the built-in ones.
    pub opt_in_words: Vec<String>,
    /// The one message that passes after an opt-out; `None` sends none.
    pub opt_out_confirmation: Option<String>,
    /// Sent after an opt-in by keyword; `None` sends none.
    pub opt_in_confirmation: Option<String>,
    /// Two letters; helps to read numbers written without `+`.
    pub default_country: Option<String>,
    /// Seconds after which an `in_doubt` message that no webhook settled is ruled on.
    pub in_doubt_after_seconds: u32,
    /// The ruling.
    pub in_doubt_ruling: InDoubtRuling,
    /// Languages of templates, the best first, for contacts whose own language a template does not have.
    pub languages: Vec<String>,
    /// IANA name, for what recurs; `None`: UTC.
    pub time_zone: Option<String>,
    /// When no marketing of broadcasts goes out, by each recipient's own clock.
    pub quiet_hours: Option<QuietHours>,
    /// How much marketing of broadcasts a contact gets at most.
    pub frequency_cap: Option<FrequencyCap>,
}

/// What becomes of a message of which nobody ever heard again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InDoubtRuling {
    /// It counts as failed (and is not sent again).
    Fail,
    /// It waits for an operator.
    Wait,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            opt_out_words: Vec::new(),
            opt_in_words: Vec::new(),
            opt_out_confirmation: Some(
                "You have been unsubscribed and will get no more messages from us. Reply START to subscribe again."
                    .into(),
            ),
            opt_in_confirmation: Some("You are subscribed again. Reply STOP to unsubscribe.".into()),
            default_country: None,
            in_doubt_after_seconds: 24 * 3600,
            in_doubt_ruling: InDoubtRuling::Fail,
            languages: Vec::new(),
            time_zone: None,
            quiet_hours: None,
            frequency_cap: None,
        }
    }
}

/// Verbs on one tenant.
#[async_trait]
pub trait TenantStore: Send + Sync {
    /// The tenant, if it exists.
    async fn tenant(&self, tenant: TenantId) -> StoreResult<Option<Tenant>>;
    /// Replaces the settings; `None` when the tenant does not exist.
    async fn set_tenant_settings(
        &self,
        tenant: TenantId,
        settings: &TenantSettings,
    ) -> StoreResult<Option<Tenant>>;
}
