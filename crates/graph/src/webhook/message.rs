//! A message from a customer.

use serde::Serialize;

use super::content::{Content, Media};
use super::interactive::InteractiveReply;
use super::profile::Profiles;
use crate::errors::WebhookError;
use crate::fields::Fields;

/// One element of `value.messages`, joined with its sender's profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InboundMessage {
    /// Meta's id of the message; the key to tell repeats by.
    pub wamid: String,
    /// The sender's number in digits without `+`. Absent for users known by user id only.
    pub from: Option<String>,
    /// The sender's business-scoped user id.
    pub from_user_id: Option<String>,
    pub from_parent_user_id: Option<String>,
    /// UNIX seconds.
    pub timestamp: Option<i64>,
    /// The group in which it was written; such a message opens no window with the sender alone.
    pub group_id: Option<String>,
    /// The name that the sender shows.
    pub profile_name: Option<String>,
    pub username: Option<String>,
    pub identity_key_hash: Option<String>,
    pub context: Option<Context>,
    /// The ad or post that the sender came from.
    pub referral: Option<Referral>,
    pub content: Content,
    pub errors: Vec<WebhookError>,
}

/// What the message refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The message that is answered; absent when forwarded.
    pub id: Option<String>,
    pub from: Option<String>,
    pub forwarded: bool,
    pub frequently_forwarded: bool,
    pub referred_product: Option<ReferredProduct>,
}

/// The product of a catalogue that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferredProduct {
    pub catalog_id: Option<String>,
    pub product_retailer_id: Option<String>,
}

/// The ad or post that led to the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Referral {
    pub source_url: Option<String>,
    pub source_id: Option<String>,
    pub source_type: Option<String>,
    pub headline: Option<String>,
    pub body: Option<String>,
    pub media_type: Option<String>,
    pub image_url: Option<String>,
    pub video_url: Option<String>,
    pub thumbnail_url: Option<String>,
    pub ctwa_clid: Option<String>,
    pub welcome_message: Option<String>,
}

impl InboundMessage {
    /// `None` without an id, since repeats could not be told.
    pub(super) fn read(fields: &Fields<'_>, profiles: &Profiles) -> Option<Self> {
        let (from, user_id) = (fields.text("from"), fields.text("from_user_id"));
        let profile = profiles.of(from.as_deref(), user_id.as_deref());
        Some(Self {
            wamid: fields.text("id").filter(|id| !id.is_empty())?,
            from: from.or_else(|| profile?.wa_id.clone()),
            from_user_id: user_id.or_else(|| profile?.user_id.clone()),
            from_parent_user_id: fields
                .text("from_parent_user_id")
                .or_else(|| profile?.parent_user_id.clone()),
            timestamp: fields.integer("timestamp"),
            group_id: fields.text("group_id"),
            profile_name: profile.and_then(|profile| profile.name.clone()),
            username: profile.and_then(|profile| profile.username.clone()),
            identity_key_hash: profile.and_then(|profile| profile.identity_key_hash.clone()),
            context: fields.object("context").map(|context| Context::read(&context)),
            referral: fields.object("referral").map(|referral| Referral::read(&referral)),
            content: Content::read(fields),
            errors: WebhookError::all(fields),
        })
    }

    /// Whether the message opens (or renews) the 24-hour window with its sender. Meta: any user message does, taps
    /// and reactions too. Conservatively not: system notes, edits, revocations, a removed reaction, a chat that was
    /// opened without a word, and what was written in a group (a group has a window of its own).
    #[must_use]
    pub fn opens_window(&self) -> bool {
        let silent = match &self.content {
            Content::System(_) | Content::Edit { .. } | Content::Revoke { .. } | Content::RequestWelcome => {
                true
            }
            Content::Reaction { emoji, .. } => emoji.is_none(),
            _ => false,
        };
        !silent && self.group_id.is_none()
    }

    /// The texts that may be an opt-in or opt-out word: the body of a text, the text and payload of a template
    /// button, the title and id of a reply button or list row.
    #[must_use]
    pub fn texts_for_consent(&self) -> Vec<&str> {
        match &self.content {
            Content::Text { body } => vec![body],
            Content::Button { text, payload } => {
                [text, payload].into_iter().filter_map(|text| text.as_deref()).collect()
            }
            Content::Interactive(
                InteractiveReply::Button { id, title } | InteractiveReply::List { id, title, .. },
            ) => [title, id].into_iter().filter_map(|text| text.as_deref()).collect(),
            _ => Vec::new(),
        }
    }

    /// The file that came with the message.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        self.content.media()
    }
}

impl Context {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            id: fields.text("id").or_else(|| fields.text("message_id")),
            from: fields.text("from"),
            forwarded: fields.flag("forwarded").unwrap_or(false),
            frequently_forwarded: fields.flag("frequently_forwarded").unwrap_or(false),
            referred_product: fields.object("referred_product").map(|product| ReferredProduct {
                catalog_id: product.text("catalog_id"),
                product_retailer_id: product.text("product_retailer_id"),
            }),
        }
    }
}

impl Referral {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            source_url: fields.text("source_url"),
            source_id: fields.text("source_id"),
            source_type: fields.text("source_type"),
            headline: fields.text("headline"),
            body: fields.text("body"),
            media_type: fields.text("media_type"),
            image_url: fields.text("image_url"),
            video_url: fields.text("video_url"),
            thumbnail_url: fields.text("thumbnail_url"),
            ctwa_clid: fields.text("ctwa_clid"),
            welcome_message: fields.object("welcome_message").and_then(|welcome| welcome.text("text")),
        }
    }
}
