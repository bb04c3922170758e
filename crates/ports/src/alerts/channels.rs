//! Channels: where alerts are told, and what is still to be told there.

use async_trait::async_trait;
use domain::alerts::Severity;
use domain::{AlertChannelId, TenantId, Timestamp};
use secrecy::SecretString;

use super::{Alert, AlertEvent};
use crate::{Page, Paging, StoreResult};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Mail to one or more addresses.
    Email,
    /// A Slack-compatible webhook.
    Slack,
    /// A webhook signed as by the Standard Webhooks specification.
    Webhook,
}

impl ChannelKind {
    /// The store's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }
}

impl std::str::FromStr for ChannelKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Email, Self::Slack, Self::Webhook]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| format!("there is no channel kind \"{word}\""))
    }
}

/// A channel without its secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    pub id: AlertChannelId,
    pub tenant_id: TenantId,
    pub name: String,
    pub kind: ChannelKind,
    /// What may be shown of where it leads.
    pub shown: String,
    /// Less severe alerts are not told here.
    pub min_severity: Severity,
    /// Only alerts of these kinds; none: of every kind.
    pub kinds: Vec<String>,
    pub enabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The last time that something was taken.
    pub delivered_at: Option<Timestamp>,
    /// Why the last try failed, and when; `None` after one that did not.
    pub error: Option<String>,
    pub error_at: Option<Timestamp>,
}

/// Where a channel leads. Sealed at rest.
#[derive(Debug, Clone)]
pub struct Target {
    /// Addresses with commas between them, or a URL.
    pub address: SecretString,
    /// What webhooks are signed with.
    pub secret: Option<SecretString>,
}

/// A channel to be made.
#[derive(Debug, Clone)]
pub struct NewChannel {
    pub name: String,
    pub kind: ChannelKind,
    pub shown: String,
    pub target: Target,
    pub min_severity: Severity,
    pub kinds: Vec<String>,
    pub enabled: bool,
    pub at: Timestamp,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct ChannelPatch {
    pub name: Option<String>,
    /// The address, and what may be shown of it.
    pub address: Option<(SecretString, String)>,
    pub min_severity: Option<Severity>,
    pub kinds: Option<Vec<String>>,
    pub enabled: Option<bool>,
}

/// What is to be told on one channel, all of it in one message.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub channel: Channel,
    pub target: Target,
    /// In their order.
    pub news: Vec<(AlertEvent, Alert)>,
    /// The most tries that one of them had.
    pub attempts: u32,
    /// When the oldest of them happened.
    pub since: Timestamp,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Taken.
    Done,
    /// Once more at this time.
    Again { due_at: Timestamp, why: String },
    /// No more.
    GivenUp { why: String },
}

/// Verbs on channels.
#[async_trait]
pub trait ChannelStore: Send + Sync {
    /// Makes a channel.
    async fn create_channel(&self, tenant: TenantId, channel: NewChannel) -> StoreResult<Channel>;
    /// All of a tenant, by id.
    async fn channels(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Channel>>;
    /// One, with where it leads.
    async fn channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
    ) -> StoreResult<Option<(Channel, Target)>>;
    /// Changes it; `None` when there is none.
    async fn update_channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
        patch: ChannelPatch,
        at: Timestamp,
    ) -> StoreResult<Option<Channel>>;
    /// Removes it with what was still to be told there; false when there is none.
    async fn delete_channel(&self, tenant: TenantId, channel: AlertChannelId) -> StoreResult<bool>;

    /// What is due, of every tenant: at most `limit` channels, each with at most a hundred pieces of news, taken until
    /// `until`: nobody else is given them before. With what is due comes what was never tried, so that it is told
    /// together.
    async fn take_parcels(&self, now: Timestamp, until: Timestamp, limit: u32) -> StoreResult<Vec<Parcel>>;
    /// Writes down what came of one; one commit. A repeat changes nothing once it is [`Delivery::Done`] or given up.
    async fn settle_parcel(&self, parcel: &Parcel, delivery: Delivery, at: Timestamp) -> StoreResult<()>;
    /// When something is due next, over all tenants.
    async fn next_parcel(&self) -> StoreResult<Option<Timestamp>>;
}
