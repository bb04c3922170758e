//! The way to Meta.

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use domain::contacts::Identity;
use domain::messages::Content;
use domain::messages::retry::FailureKind;
use domain::templates::{Category, ParameterFormat};
use futures::stream::BoxStream;
use secrecy::SecretString;

/// What is needed to call Meta for a connection.
#[derive(Debug, Clone)]
pub struct Access {
    /// E.g. `https://graph.facebook.com`.
    pub graph_url: String,
    pub phone_number_id: String,
    pub waba_id: String,
    pub app_id: Option<String>,
    pub token: SecretString,
}

/// Meta said no.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaRefusal {
    pub kind: FailureKind,
    pub http: u16,
    pub code: i64,
    pub subcode: Option<i64>,
    pub message: String,
    pub details: Option<String>,
    /// Title and text that Meta wrote for a person (template management).
    pub user_title: Option<String>,
    pub user_message: Option<String>,
    pub fbtrace_id: Option<String>,
    /// What to do, from our table.
    pub advice: String,
}

/// What a code of Meta means to our rules: the wire's word for it in the rules' words. Exhaustive, so that a new
/// kind on the wire does not compile until it has its meaning.
pub fn failure_kind(kind: graph::errors::ErrorKind) -> FailureKind {
    use domain::messages::retry::ThrottleScope as Scope;
    use graph::errors::{ErrorKind as Wire, ThrottleScope as WireScope};
    match kind {
        Wire::Throttled { scope } => FailureKind::Throttled {
            scope: match scope {
                WireScope::Number => Scope::Number,
                WireScope::Pair => Scope::Pair,
                WireScope::Account => Scope::Account,
                WireScope::App => Scope::App,
            },
        },
        Wire::Retryable => FailureKind::Retryable,
        Wire::RecipientUnreachable => FailureKind::RecipientUnreachable,
        Wire::WindowClosed => FailureKind::WindowClosed,
        Wire::TemplateUnusable => FailureKind::TemplateUnusable,
        Wire::TemplateParams => FailureKind::TemplateParams,
        Wire::ConnectionBroken => FailureKind::ConnectionBroken,
        Wire::AccountRestricted => FailureKind::AccountRestricted,
        Wire::PaymentRequired => FailureKind::PaymentRequired,
        Wire::MarketingLimited => FailureKind::MarketingLimited,
        Wire::MarketingStopped => FailureKind::MarketingStopped,
        Wire::MediaFault => FailureKind::MediaFault,
        Wire::Rejected => FailureKind::Rejected,
    }
}

/// How a call to Meta can fail.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GatewayError {
    /// Meta answered with an error.
    #[error("Meta refused: ({}) {}", .0.code, .0.message)]
    Refused(Box<MetaRefusal>),
    /// The request certainly did not reach Meta (no connection, no name). Never holds a URL's query or a token.
    #[error("Meta could not be reached: {0}")]
    NotSent(String),
    /// The request may have been accepted: the answer was lost, cut or unreadable.
    #[error("Meta's answer was lost: {0}")]
    Unknown(String),
}

/// A message on its way out, its parameters bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub to: Identity,
    pub content: Content,
    /// For a template: Meta's `components`, bound to the parameters.
    pub components: Option<serde_json::Value>,
    /// For media kept by us: Meta's id of the upload.
    pub media_id: Option<String>,
    pub reply_to: Option<String>,
    /// For a reaction: the wamid it is on.
    pub reaction_to: Option<String>,
    /// Comes back in every status.
    pub callback_data: String,
}

/// Meta took a message.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedByMeta {
    pub wamid: String,
    /// The recipient's number as Meta knows it.
    pub wa_id: Option<String>,
    /// The recipient's business-scoped id, when Meta tells it.
    pub user_id: Option<String>,
    /// Held for quality assessment (template pacing).
    pub held: bool,
}

/// A template as Meta lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaTemplate {
    pub meta_id: String,
    pub name: String,
    pub language: String,
    /// Upper-case as Meta writes it.
    pub status: String,
    pub category: Category,
    pub rejected_reason: Option<String>,
    pub quality: Option<String>,
    pub parameter_format: ParameterFormat,
    pub components: serde_json::Value,
}

/// A page of Meta's template list.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaTemplatePage {
    pub templates: Vec<MetaTemplate>,
    /// Rows that could not be read, with why: never an error for their neighbours.
    pub unreadable: Vec<String>,
    /// `None` on the last page.
    pub after: Option<String>,
}

/// A template to be submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateSubmission {
    pub name: String,
    pub language: String,
    pub category: Category,
    pub parameter_format: ParameterFormat,
    pub components: serde_json::Value,
}

/// Meta's answer to a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    pub meta_id: String,
    /// Upper-case as Meta writes it, e.g. `PENDING`.
    pub status: String,
    /// May differ from what was asked.
    pub category: Option<Category>,
}

/// Where to fetch a file.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaLocation {
    /// Good for 5 minutes.
    pub url: String,
    pub mime_type: String,
    pub sha256: Option<String>,
    pub size: Option<u64>,
}

/// Bytes on their way; each part may fail.
pub type ByteStream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// What Meta says of a token (`debug_token`).
#[derive(Debug, Clone, PartialEq)]
pub struct TokenFacts {
    pub is_valid: bool,
    pub app_id: Option<String>,
    /// `None`: never expires.
    pub expires_at: Option<Timestamp>,
    pub scopes: Vec<String>,
    /// Why it is not valid.
    pub problem: Option<String>,
}

/// What Meta says of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberFacts {
    pub display_phone_number: Option<String>,
    pub verified_name: Option<String>,
    pub quality_rating: Option<String>,
    /// Only `CONNECTED` can send.
    pub status: Option<String>,
    /// `STANDARD` (80 per second) or `HIGH` (1,000).
    pub throughput: Option<String>,
    pub messaging_limit: Option<String>,
    /// The business portfolio that owns the number's account; `None` also when Meta did not tell.
    pub business_id: Option<String>,
    /// `AVAILABLE`, `LIMITED`, `BLOCKED` and what Meta says about it.
    pub can_send: Option<String>,
    pub health_problems: Vec<String>,
}

/// Calls to Meta's Graph API. Source: Meta, "WhatsApp Business Platform, Cloud API".
#[async_trait]
pub trait MetaGateway: Send + Sync + std::fmt::Debug {
    /// Why this address of a Graph API is never called (it leads into a network that is not the internet and that the
    /// operator does not allow); `None`: nothing speaks against it now. A name is looked up, and judged again at
    /// each call.
    async fn refused_address(&self, graph_url: &str) -> Option<String>;

    /// Sends one message, once: no retry inside.
    async fn send(&self, access: &Access, message: &Outgoing) -> Result<AcceptedByMeta, GatewayError>;
    /// Marks a message and all earlier ones read; with `typing` also shows "typing…" for up to 25 s.
    async fn mark_read(&self, access: &Access, wamid: &str, typing: bool) -> Result<(), GatewayError>;

    /// Submits a template.
    async fn create_template(
        &self,
        access: &Access,
        template: &TemplateSubmission,
    ) -> Result<Submitted, GatewayError>;
    /// Replaces the components (and, where Meta allows, the category) of a template.
    async fn edit_template(
        &self,
        access: &Access,
        meta_id: &str,
        template: &TemplateSubmission,
    ) -> Result<(), GatewayError>;
    /// Deletes one language of a template.
    async fn delete_template(&self, access: &Access, meta_id: &str, name: &str) -> Result<(), GatewayError>;
    /// A page of the list, from the start or after a cursor.
    async fn list_templates(
        &self,
        access: &Access,
        after: Option<&str>,
    ) -> Result<MetaTemplatePage, GatewayError>;

    /// Uploads a file; answers Meta's id, good for 30 days.
    async fn upload_media(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        size: u64,
        bytes: ByteStream,
    ) -> Result<String, GatewayError>;
    /// Uploads a sample for a template's header; answers the handle. Needs the app id.
    async fn upload_sample(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Result<String, GatewayError>;
    /// Where a file is.
    async fn locate_media(&self, access: &Access, meta_id: &str) -> Result<MediaLocation, GatewayError>;
    /// The file's bytes.
    async fn fetch_media(
        &self,
        access: &Access,
        location: &MediaLocation,
    ) -> Result<ByteStream, GatewayError>;

    /// What Meta says of the token.
    async fn debug_token(&self, access: &Access) -> Result<TokenFacts, GatewayError>;
    /// What Meta says of the number.
    async fn number(&self, access: &Access) -> Result<NumberFacts, GatewayError>;
    /// Phone number ids of the account (proves that the account is reachable).
    async fn account_numbers(&self, access: &Access) -> Result<Vec<String>, GatewayError>;
    /// Ids of the apps subscribed to the account's webhooks.
    async fn subscribed_apps(&self, access: &Access) -> Result<Vec<String>, GatewayError>;
    /// Subscribes the token's app; with a callback URL Meta performs the handshake on it at once.
    async fn subscribe_app(
        &self,
        access: &Access,
        callback: Option<(&str, &SecretString)>,
    ) -> Result<(), GatewayError>;
}
