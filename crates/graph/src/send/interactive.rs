//! Interactive messages. The types that are not modelled pass as raw JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Media;
use crate::loose;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Interactive {
    /// One to three reply buttons.
    Button {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        body: TextPart,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<TextPart>,
        action: ButtonAction,
    },
    /// A menu of up to ten rows.
    List {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        body: TextPart,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<TextPart>,
        action: ListAction,
    },
    /// One button that opens a page.
    CtaUrl {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        body: TextPart,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<TextPart>,
        action: CtaUrlAction,
    },
    /// One button that opens a Flow.
    Flow {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<Header>,
        body: TextPart,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<TextPart>,
        action: FlowAction,
    },
    /// Asks where the user is.
    LocationRequestMessage { body: TextPart, action: SendLocation },
    /// Products, catalogues, addresses, calls, carousels, and whatever comes.
    #[serde(untagged)]
    Other(Value),
}

/// Body: up to 1,024 characters (4,096 in a list); footer: 60.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPart {
    pub text: String,
}

impl From<String> for TextPart {
    fn from(text: String) -> Self {
        Self { text }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Header {
    /// Up to 60 characters.
    Text {
        text: String,
    },
    Image {
        image: Media,
    },
    Video {
        video: Media,
    },
    Document {
        document: Media,
    },
    #[serde(untagged)]
    Other(Value),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonAction {
    pub buttons: Vec<ReplyButton>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReplyButton {
    Reply { reply: Reply },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Up to 256 characters, unique in the message.
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
    /// Up to 20 characters.
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAction {
    /// Up to 20 characters.
    pub button: String,
    pub sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Up to 24 characters; needed from two sections on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Up to 200 characters.
    #[serde(deserialize_with = "loose::required")]
    pub id: String,
    /// Up to 24 characters.
    pub title: String,
    /// Up to 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum CtaUrlAction {
    CtaUrl { parameters: CallToAction },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallToAction {
    /// Up to 20 characters.
    pub display_text: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum FlowAction {
    Flow { parameters: FlowParameters },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowParameters {
    #[serde(deserialize_with = "loose::required")]
    pub flow_message_version: String,
    /// Up to 20 characters, no emoji.
    pub flow_cta: String,
    #[serde(default, deserialize_with = "loose::text", skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_token: Option<String>,
    /// `published` (also when absent) or `draft`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `navigate` (also when absent) or `data_exchange`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_action_payload: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum SendLocation {
    SendLocation,
}
