//! What a message says.

use serde::Serialize;
use serde_json::Value;

use super::interactive::InteractiveReply;
use crate::fields::Fields;

/// The content by the message's type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    Text {
        body: String,
    },
    Image(Media),
    Video(Media),
    Audio(Media),
    Document(Media),
    Sticker(Media),
    Location(Location),
    Contacts {
        cards: Value,
        /// `contact_request` when it answers a request for the number.
        origin: Option<String>,
    },
    /// A quick reply of a template.
    Button {
        text: Option<String>,
        payload: Option<String>,
    },
    Interactive(InteractiveReply),
    Reaction {
        message_id: String,
        /// Absent when a reaction was taken back.
        emoji: Option<String>,
    },
    Order(Order),
    System(System),
    /// The user opened the chat and wrote nothing.
    RequestWelcome,
    Edit {
        original_message_id: String,
        content: Option<Box<Content>>,
    },
    Revoke {
        original_message_id: String,
    },
    /// In a history: a file that is not part of it (yet).
    MediaPlaceholder,
    /// Something that the API does not show; the errors of the message say why.
    Unsupported {
        kind: Option<String>,
    },
    /// A type that is not known, or a known one without its object; the item's raw JSON has it all.
    Unknown {
        kind: Option<String>,
    },
}

/// A file, still at Meta: fetchable by id for seven days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Media {
    pub id: Option<String>,
    pub mime_type: Option<String>,
    pub sha256: Option<String>,
    /// Valid for minutes, and only with the access token.
    pub url: Option<String>,
    pub caption: Option<String>,
    pub filename: Option<String>,
    /// Recorded in the chat rather than attached.
    pub voice: bool,
    pub animated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
    pub name: Option<String>,
    pub address: Option<String>,
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    pub catalog_id: Option<String>,
    pub text: Option<String>,
    pub product_items: Value,
}

/// Something about the sender changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    pub kind: SystemKind,
    pub body: Option<String>,
    /// The new number, in digits.
    pub wa_id: Option<String>,
    /// The new business-scoped user id.
    pub user_id: Option<String>,
    pub parent_user_id: Option<String>,
    pub previous_user_id: Option<String>,
    pub previous_parent_user_id: Option<String>,
    /// The new identity key.
    pub identity_hash: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemKind {
    /// The message's `from` is the old number. Older senders call it `customer_changed_number`.
    UserChangedNumber,
    UserChangedUserId,
    CustomerIdentityChanged,
    Other(String),
}

const KINDS: [&str; 13] = [
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "button",
    "interactive",
    "reaction",
    "order",
    "system",
];

impl Content {
    pub(super) fn read(message: &Fields<'_>) -> Self {
        // Without a type, the member that is there tells it.
        let kind = message
            .text("type")
            .or_else(|| KINDS.iter().find(|kind| message.has(kind)).map(|&kind| kind.to_owned()));
        let known = kind.as_deref().and_then(|kind| Self::of_kind(kind, message));
        known.unwrap_or(Self::Unknown { kind })
    }

    fn of_kind(kind: &str, message: &Fields<'_>) -> Option<Self> {
        let object = || message.object(kind);
        Some(match kind {
            "text" => Self::Text { body: object()?.text("body")? },
            "image" => Self::Image(Media::read(&object()?)),
            "video" => Self::Video(Media::read(&object()?)),
            "audio" | "voice" => Self::Audio(Media::read(&object()?)),
            "document" => Self::Document(Media::read(&object()?)),
            "sticker" => Self::Sticker(Media::read(&object()?)),
            "location" => Self::Location(Location::read(&object()?)?),
            "contacts" => {
                Self::Contacts { cards: message.value("contacts")?, origin: message.text("origin") }
            }
            "button" => {
                let button = object()?;
                Self::Button { text: button.text("text"), payload: button.text("payload") }
            }
            "interactive" => Self::Interactive(InteractiveReply::read(&object()?)?),
            "reaction" => {
                let reaction = object()?;
                let emoji = reaction.text("emoji").filter(|emoji| !emoji.is_empty());
                Self::Reaction { message_id: reaction.text("message_id")?, emoji }
            }
            "order" => Self::Order(Order::read(&object()?)),
            "system" => Self::System(System::read(&object()?, message)),
            "request_welcome" => Self::RequestWelcome,
            "edit" => {
                let edit = object()?;
                let content = edit.object("message").map(|message| Box::new(Self::read(&message)));
                Self::Edit { original_message_id: edit.text("original_message_id")?, content }
            }
            "revoke" => Self::Revoke { original_message_id: object()?.text("original_message_id")? },
            "media_placeholder" => Self::MediaPlaceholder,
            "unsupported" | "unknown" => Self::Unsupported { kind: object().and_then(|it| it.text("type")) },
            _ => return None,
        })
    }

    /// The file, for the types that have one.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(media)
            | Self::Video(media)
            | Self::Audio(media)
            | Self::Document(media)
            | Self::Sticker(media) => Some(media),
            _ => None,
        }
    }

    /// The type as Meta names it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Document(_) => "document",
            Self::Sticker(_) => "sticker",
            Self::Location(_) => "location",
            Self::Contacts { .. } => "contacts",
            Self::Button { .. } => "button",
            Self::Interactive(_) => "interactive",
            Self::Reaction { .. } => "reaction",
            Self::Order(_) => "order",
            Self::System(_) => "system",
            Self::RequestWelcome => "request_welcome",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::MediaPlaceholder => "media_placeholder",
            Self::Unsupported { .. } => "unsupported",
            Self::Unknown { kind } => kind.as_deref().unwrap_or("unknown"),
        }
    }
}

impl Media {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            id: fields.text("id"),
            mime_type: fields.text("mime_type"),
            sha256: fields.text("sha256"),
            url: fields.text("url").or_else(|| fields.text("link")),
            caption: fields.text("caption"),
            filename: fields.text("filename"),
            voice: fields.flag("voice").unwrap_or(false),
            animated: fields.flag("animated").unwrap_or(false),
        }
    }
}

impl Location {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            latitude: fields.decimal("latitude")?,
            longitude: fields.decimal("longitude")?,
            name: fields.text("name"),
            address: fields.text("address"),
            url: fields.text("url"),
        })
    }
}

impl Order {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            catalog_id: fields.text("catalog_id"),
            text: fields.text("text"),
            product_items: fields.value("product_items").unwrap_or_default(),
        }
    }
}

impl System {
    fn read(fields: &Fields<'_>, message: &Fields<'_>) -> Self {
        let kind = match fields.text("type").as_deref() {
            Some("user_changed_number" | "customer_changed_number") => SystemKind::UserChangedNumber,
            Some("user_changed_user_id") => SystemKind::UserChangedUserId,
            Some("customer_identity_changed") => SystemKind::CustomerIdentityChanged,
            other => SystemKind::Other(other.unwrap_or_default().to_owned()),
        };
        let identity = message.object("identity").and_then(|identity| identity.text("hash"));
        Self {
            kind,
            body: fields.text("body"),
            wa_id: fields.text("wa_id").or_else(|| fields.text("new_wa_id")),
            user_id: fields.text("user_id"),
            parent_user_id: fields.text("parent_user_id"),
            previous_user_id: fields.text("previous_user_id"),
            previous_parent_user_id: fields.text("previous_parent_user_id"),
            identity_hash: identity.or_else(|| fields.text("identity")),
        }
    }
}
