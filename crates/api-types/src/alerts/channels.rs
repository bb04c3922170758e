//! Channels: where alerts are told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Severity;

words! {
    /// Which way.
    ChannelKind {
        /// Mail; the server must know a mail server.
        Email = "email",
        /// A Slack-compatible webhook.
        Slack = "slack",
        /// A webhook signed as by the Standard Webhooks specification: `webhook-id`, `webhook-timestamp`,
        /// `webhook-signature`.
        Webhook = "webhook",
    }
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertChannel {
    pub id: i64,
    pub name: String,
    pub kind: ChannelKind,
    /// Where it leads, as far as that is no secret.
    #[schema(example = "https://hooks.slack.com/…")]
    pub target: String,
    /// Less severe alerts are not told here.
    pub min_severity: Severity,
    /// Only alerts of these kinds; none: of every kind.
    pub kinds: Vec<String>,
    pub enabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The last time that something was taken.
    pub last_delivered_at: Option<Timestamp>,
    /// Why the last try failed; `null` after one that did not.
    pub last_error: Option<String>,
    pub last_error_at: Option<Timestamp>,
}

/// A channel that was just made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedAlertChannel {
    #[serde(flatten)]
    pub channel: AlertChannel,
    /// What webhooks are signed with (`whsec_…`): shown here and never again. `null` for other kinds.
    pub secret: Option<String>,
}

request! {
    /// A channel to be made.
    CreateAlertChannel {
        name: String [1, 100],
        kind: ChannelKind,
        /// Of kind `email`: one to ten addresses.
        to: Option<Vec<String>>,
        /// Of the other kinds: the address that is called.
        url: Option<String>,
        /// Without it `warning`.
        min_severity: Option<Severity>,
        kinds: Option<Vec<String>>,
        /// Without it true.
        enabled: Option<bool>,
    }
}

request! {
    /// What to change in a channel; its kind and its secret stay.
    UpdateAlertChannel {
        name: Option<String> [1, 100],
        to: Option<Vec<String>>,
        url: Option<String>,
        min_severity: Option<Severity>,
        kinds: Option<Vec<String>>,
        enabled: Option<bool>,
    }
}

/// What came of trying a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelTest {
    pub delivered: bool,
    /// Why not.
    pub error: Option<String>,
}
