//! The contracts between the rules and the outside: what a store and a gateway must do, and the words they speak.
//!
//! How to add a verb: put it into the column's file here with a doc that says what is atomic, in what order, and
//! what a repeat does; implement it in `store`; add its case to the conformance suite, which runs on both engines.
//!
//! Rules of the house: [`TenantId`](domain::TenantId) comes first in every verb; verbs on the hot ways take batches,
//! whose items each carry their tenant, because one commit serves all who wait for it. What crosses tenants stands
//! in [`operator`]. "Not found" is `None`, "exists already" is a result; [`StoreError`] is only "unavailable" or
//! "internal". Every instant that a verb writes is passed in: a store has no clock.

pub mod access;
pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod broadcasts;
pub mod connections;
pub mod consent;
pub mod contacts;
pub mod conversations;
pub mod duties;
pub mod erasure;
pub mod error;
pub mod gateway;
pub mod health;
pub mod idempotency;
pub mod imports;
pub mod lanes;
pub mod mail;
pub mod media;
pub mod messages;
pub mod notifier;
pub mod operator;
pub mod page;
pub mod retention;
pub mod segments;
pub mod templates;
pub mod tenants;
pub mod webhooks;

pub use error::StoreError;
pub use page::{Page, Paging};

/// Result of every verb.
pub type StoreResult<T> = Result<T, StoreError>;

/// Everything a store does.
pub trait Store:
    access::AccessStore
    + access::accounts::AccountStore
    + access::members::MemberStore
    + alerts::AlertStore
    + alerts::channels::ChannelStore
    + alerts::rules::RuleStore
    + analytics::AnalyticsStore
    + audit::AuditStore
    + broadcasts::BroadcastStore
    + connections::ConnectionStore
    + consent::ConsentStore
    + contacts::ContactStore
    + conversations::ConversationStore
    + duties::DutyStore
    + erasure::ErasureStore
    + health::HealthStore
    + idempotency::IdempotencyStore
    + imports::ImportStore
    + lanes::LaneStore
    + media::MediaStore
    + messages::MessageStore
    + operator::OperatorStore
    + retention::RetentionStore
    + segments::SegmentStore
    + templates::TemplateStore
    + tenants::TenantStore
    + webhooks::WebhookStore
{
}

impl<T> Store for T where
    T: access::AccessStore
        + access::accounts::AccountStore
        + access::members::MemberStore
        + alerts::AlertStore
        + alerts::channels::ChannelStore
        + alerts::rules::RuleStore
        + analytics::AnalyticsStore
        + audit::AuditStore
        + broadcasts::BroadcastStore
        + connections::ConnectionStore
        + consent::ConsentStore
        + contacts::ContactStore
        + conversations::ConversationStore
        + duties::DutyStore
        + erasure::ErasureStore
        + health::HealthStore
        + idempotency::IdempotencyStore
        + imports::ImportStore
        + lanes::LaneStore
        + media::MediaStore
        + messages::MessageStore
        + operator::OperatorStore
        + retention::RetentionStore
        + segments::SegmentStore
        + templates::TemplateStore
        + tenants::TenantStore
        + webhooks::WebhookStore
{
}
