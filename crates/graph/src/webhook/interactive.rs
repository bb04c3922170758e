//! Answers to interactive messages.

use serde::Serialize;
use serde_json::Value;

use crate::fields::Fields;

/// What the user chose or filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "interactive_type", rename_all = "snake_case")]
pub enum InteractiveReply {
    /// A reply button.
    Button { id: Option<String>, title: Option<String> },
    /// A row of a list.
    List { id: Option<String>, title: Option<String>, description: Option<String> },
    /// A completed Flow (`nfm_reply`); the response is JSON within a string.
    Flow { name: Option<String>, body: Option<String>, response_json: Option<String> },
    /// Whether the business may call.
    CallPermission {
        response: Option<String>,
        is_permanent: bool,
        /// UNIX seconds.
        expires_at: Option<i64>,
    },
    /// Any other (payment method, address, ...), with its object.
    Other { kind: String, value: Value },
}

impl InteractiveReply {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let kind = fields.text("type").or_else(|| fields.names().next().map(str::to_owned))?;
        let reply = fields.object(&kind).unwrap_or_default();
        Some(match kind.as_str() {
            "button_reply" => Self::Button { id: reply.text("id"), title: reply.text("title") },
            "list_reply" => Self::List {
                id: reply.text("id"),
                title: reply.text("title"),
                description: reply.text("description"),
            },
            "nfm_reply" => Self::Flow {
                name: reply.text("name"),
                body: reply.text("body"),
                response_json: reply
                    .text("response_json")
                    .or_else(|| Some(reply.raw("response_json")?.get().to_owned())),
            },
            "call_permission_reply" => Self::CallPermission {
                response: reply.text("response"),
                is_permanent: reply.flag("is_permanent").unwrap_or(false),
                expires_at: reply.integer("expiration_timestamp"),
            },
            _ => Self::Other { value: fields.value(&kind).unwrap_or_default(), kind },
        })
    }
}
