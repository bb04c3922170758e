//! Templates.

use domain::ConnectionId;
use domain::templates::{Category, Status, preview};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

words! {
    /// How the parameters of a template are told apart.
    ParameterFormat = domain::templates::ParameterFormat {
        /// `{{1}}`, `{{2}}`, …
        Positional = "positional",
        /// `{{first_name}}`
        Named = "named",
    }
}

read_by_word!(Category, Status);

/// A template in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Template {
    pub id: i64,
    /// The WhatsApp Business Account that owns it.
    pub waba_id: String,
    #[schema(example = "order_shipped")]
    pub name: String,
    #[schema(example = "en_US")]
    pub language: String,
    /// `marketing`, `utility`, `authentication`, or what Meta invents.
    #[schema(example = "utility")]
    pub category: String,
    /// `draft`, `pending`, `approved`, `rejected`, `paused`, `disabled`, `deleted`, or what Meta invents.
    #[schema(example = "approved")]
    pub status: String,
    pub rejection_reason: Option<String>,
    #[schema(example = "GREEN")]
    pub quality: Option<String>,
    /// Meta's id, once submitted.
    pub meta_id: Option<String>,
    pub parameter_format: ParameterFormat,
    /// Meta's `components`.
    #[schema(value_type = Vec<Object>)]
    pub components: Value,
    /// Names of the parameters that a send gives, in order.
    pub param_names: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

request! {
    /// A template to be made and submitted to Meta.
    CreateTemplate {
        /// Lower-case letters, digits and `_`.
        #[schema(example = "order_shipped")]
        name: String [1, 512],
        #[schema(example = "en_US")]
        language: String [2, 20],
        /// `marketing`, `utility` or `authentication`.
        #[schema(value_type = String, example = "utility")]
        category: Category,
        /// Absent: told by the placeholders.
        parameter_format: Option<ParameterFormat>,
        /// Meta's `components`: header, body, footer, buttons. The sample of a media header may be an uploaded file:
        /// `"example": {"media_id": 12}`.
        #[schema(value_type = Vec<Object>)]
        components: Vec<Map<String, Value>>,
        /// Names for positional body parameters, in order.
        param_names: Option<Vec<String>>,
        /// Whose account gets it; absent: that of the default connection.
        #[schema(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
        /// `false` keeps a draft; absent: it is submitted.
        submit: Option<bool>,
    }
}

request! {
    /// What to change; the template is submitted again.
    UpdateTemplate {
        #[schema(value_type = Option<String>)]
        category: Option<Category>,
        #[schema(value_type = Option<Vec<Object>>)]
        components: Option<Vec<Map<String, Value>>>,
        param_names: Option<Vec<String>>,
    }
}

request! {
    /// Which account to ask.
    SyncTemplates {
        /// Absent: that of the default connection.
        #[schema(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
    }
}

/// What a sync changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncResult {
    pub added: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Known here, gone at Meta.
    pub removed: u64,
    /// Rows of Meta's list that could not be read, with why.
    pub unreadable: Vec<String>,
}

words! {
    /// How bad a finding is.
    FindingSeverity = domain::templates::Severity {
        /// Meta refuses it.
        Error = "error",
        /// Meta may refuse it.
        Warning = "warning",
    }
}

/// Something that Meta refuses or may refuse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    pub severity: FindingSeverity,
    /// JSON pointer into the request.
    #[schema(example = "/components/0/text")]
    pub pointer: String,
    /// A stable word for the rule.
    #[schema(example = "variable_at_edge")]
    pub rule: String,
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl From<domain::templates::Finding> for Finding {
    fn from(finding: domain::templates::Finding) -> Self {
        Self {
            severity: finding.severity.into(),
            pointer: finding.pointer,
            rule: finding.rule,
            problem: finding.problem,
            fix: finding.fix,
        }
    }
}

/// A template that was made or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateSubmission {
    #[serde(flatten)]
    pub template: Template,
    /// What Meta may refuse, or what should be looked at.
    pub warnings: Vec<Finding>,
    /// What was asked for, when Meta put the template into another category.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_category: Option<String>,
}

/// What was found in a template before submitting it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LintResult {
    /// Nothing that Meta refuses.
    pub ok: bool,
    pub findings: Vec<Finding>,
}

request! {
    /// Values to fill a template with.
    PreviewTemplate {
        /// As in a send; absent: the template's own samples.
        #[schema(value_type = Option<Value>)]
        template_params: Option<Value>,
    }
}

/// A template as the customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplatePreview {
    pub header: Option<PreviewHeader>,
    pub body: String,
    pub footer: Option<String>,
    /// The text of an offer.
    pub offer: Option<String>,
    pub buttons: Vec<PreviewButton>,
    /// The cards of a carousel.
    pub cards: Vec<PreviewCard>,
}

/// A header as the customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewHeader {
    /// `text`, `image`, `video`, `document`, `location`, …
    #[schema(example = "text")]
    pub kind: String,
    /// Its text; for others a word in brackets.
    pub text: String,
}

/// A button as the customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewButton {
    #[schema(example = "url")]
    pub kind: String,
    pub text: String,
    /// The address it opens, the number it calls, the code it copies.
    pub value: Option<String>,
}

/// A card of a carousel as the customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewCard {
    pub header: Option<PreviewHeader>,
    pub body: Option<String>,
    pub buttons: Vec<PreviewButton>,
}

impl From<preview::Preview> for TemplatePreview {
    fn from(preview: preview::Preview) -> Self {
        Self {
            header: preview.header.map(Into::into),
            body: preview.body,
            footer: preview.footer,
            offer: preview.offer,
            buttons: preview.buttons.into_iter().map(Into::into).collect(),
            cards: preview.cards.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<preview::PreviewHeader> for PreviewHeader {
    fn from(header: preview::PreviewHeader) -> Self {
        Self { kind: header.kind, text: header.text }
    }
}

impl From<preview::PreviewButton> for PreviewButton {
    fn from(button: preview::PreviewButton) -> Self {
        Self { kind: button.kind, text: button.text, value: button.value }
    }
}

impl From<preview::PreviewCard> for PreviewCard {
    fn from(card: preview::PreviewCard) -> Self {
        Self {
            header: card.header.map(Into::into),
            body: card.body,
            buttons: card.buttons.into_iter().map(Into::into).collect(),
        }
    }
}

request! {
    /// A template to be sent to oneself.
    TestSendTemplate {
        /// Phone number (E.164) of a contact who opted in.
        #[schema(example = "+15551234567")]
        to: String,
        #[schema(value_type = Option<Value>)]
        template_params: Option<Value>,
        #[schema(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
    }
}

query! {
    /// Which templates are wanted; all conditions must hold.
    TemplateQuery {
        #[param(value_type = Option<String>)]
        status: Option<Status>,
        #[param(value_type = Option<String>)]
        category: Option<Category>,
        language: Option<String>,
        /// Part of the name.
        search: Option<String>,
        waba_id: Option<String>,
    }
}
