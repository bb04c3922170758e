//! Templates.

use domain::ConnectionId;
use domain::templates::{Category, Status};
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
        /// Meta's `components`: header, body, footer, buttons.
        #[schema(value_type = Vec<Object>)]
        components: Vec<Map<String, Value>>,
        /// Names for positional body parameters, in order.
        param_names: Option<Vec<String>>,
        /// Whose account gets it; absent: that of the default connection.
        #[schema(value_type = Option<i64>)]
        connection_id: Option<ConnectionId>,
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
    FindingSeverity {
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
    pub problem: String,
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
    /// `text`, `image`, `video`, `document`, `location`; absent: no header.
    pub header_type: Option<String>,
    /// The text, or where the file is.
    pub header: Option<String>,
    pub body: String,
    pub footer: Option<String>,
    pub buttons: Vec<PreviewButton>,
}

/// A button as the customer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewButton {
    #[schema(example = "url")]
    pub kind: String,
    pub text: String,
    /// Where it leads, or what it copies or sends back.
    pub value: Option<String>,
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
