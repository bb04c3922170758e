//! What a simulator is started with.

use std::net::{Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::SimClock;
use crate::faults::Faults;

/// Settings of one simulator. The default listens on a free port of the loopback address with one account.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The shared clock.
    pub clock: SimClock,
    /// Seed of all randomness.
    pub seed: u64,
    /// The accounts that exist from the start.
    pub accounts: Vec<AccountConfig>,
    /// Templates of the first account, in the form of `POST /_sim/templates`; a reset brings them back.
    pub templates: Vec<Value>,
    /// Faults and settings in force from the start; `DELETE /_sim/faults` goes back to them.
    pub faults: Faults,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: SimClock::system(),
            seed: 1,
            accounts: vec![AccountConfig::default()],
            templates: Vec::new(),
            faults: Faults::default(),
        }
    }
}

/// One WhatsApp Business Account with its app, numbers and token. Apps and businesses named twice are shared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountConfig {
    /// The Meta app.
    pub app_id: String,
    /// Its name.
    pub app_name: String,
    /// Its secret, which signs webhooks.
    pub app_secret: String,
    /// Where the app's webhooks go; none yet when unset.
    pub callback_url: Option<String>,
    /// The app's verify token.
    pub verify_token: String,
    /// The business portfolio, which the messaging limit belongs to.
    pub business_id: String,
    /// TIER_250, TIER_2K, TIER_10K, TIER_100K or TIER_UNLIMITED.
    pub tier: String,
    /// The WhatsApp Business Account.
    pub waba_id: String,
    /// Its name.
    pub waba_name: String,
    /// Its numbers; the first is the one customers write to unless told.
    pub phones: Vec<PhoneConfig>,
    /// An access token of a system user with both WhatsApp permissions.
    pub token: String,
    /// When that token expires; never when unset.
    pub token_expires_at: Option<Timestamp>,
}

impl Default for AccountConfig {
    fn default() -> Self {
        Self {
            app_id: "634974688087057".into(),
            app_name: "Simulated app".into(),
            app_secret: "simulated-app-secret".into(),
            callback_url: None,
            verify_token: "simulated-verify-token".into(),
            business_id: "506914307656634".into(),
            tier: "TIER_100K".into(),
            waba_id: "102290129340398".into(),
            waba_name: "Simulated business".into(),
            phones: vec![PhoneConfig::default()],
            token: "EAASIMULATEDACCESSTOKEN".into(),
            token_expires_at: None,
        }
    }
}

/// One business phone number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhoneConfig {
    /// The phone number id.
    pub id: String,
    /// The number itself, with + and country code.
    pub display_phone_number: String,
    /// The verified name.
    pub verified_name: String,
    /// STANDARD (80 messages a second) or HIGH (1,000).
    pub throughput: String,
}

impl Default for PhoneConfig {
    fn default() -> Self {
        Self {
            id: "106540352242922".into(),
            display_phone_number: "+1 555-078-3881".into(),
            verified_name: "Simulated business".into(),
            throughput: "STANDARD".into(),
        }
    }
}
