//! What is asked of a contact.

use jiff::Timestamp;

use crate::BroadcastId;

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Of a text.
    Text { field: TextField, test: TextTest },
    /// Of the tags.
    Tags(TagTest),
    /// Of something that is so or is not.
    Flag { flag: Flag, value: bool },
    /// Of a moment.
    Time { field: TimeField, test: TimeTest },
    /// What became of a past broadcast; of one that recurs: of any of its turns.
    Broadcast { id: BroadcastId, outcome: Outcome },
}

/// Texts of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextField {
    Name,
    Phone,
    Bsuid,
    Username,
    Language,
    /// ISO 3166 alpha-2.
    Country,
    /// IANA name, when the contact has one of its own.
    TimeZone,
    /// A custom field, by its name.
    Custom(String),
}

impl TextField {
    /// All but the custom ones.
    pub const BUILT_IN: [Self; 7] =
        [Self::Name, Self::Phone, Self::Bsuid, Self::Username, Self::Language, Self::Country, Self::TimeZone];

    /// As a rule names it.
    pub fn name(&self) -> String {
        match self {
            Self::Name => "name".to_owned(),
            Self::Phone => "phone".to_owned(),
            Self::Bsuid => "bsuid".to_owned(),
            Self::Username => "username".to_owned(),
            Self::Language => "language".to_owned(),
            Self::Country => "country".to_owned(),
            Self::TimeZone => "time_zone".to_owned(),
            Self::Custom(name) => format!("fields.{name}"),
        }
    }
}

/// Questions to a text.
#[derive(Debug, Clone, PartialEq)]
pub enum TextTest {
    /// Is this, letter by letter.
    Is(String),
    /// Is something else, or absent.
    IsNot(String),
    /// Is one of these.
    In(Vec<String>),
    /// Has this in it; A to Z count as a to z.
    Contains(String),
    /// Begins with this; A to Z count as a to z.
    StartsWith(String),
    /// Is there and not empty.
    IsSet,
    /// Is absent or empty.
    IsNotSet,
    /// Is a number above this (custom fields alone); see [`is_numeric_text`].
    Greater(f64),
    /// Is a number below this.
    Less(f64),
}

/// Digits, perhaps a minus before them and a decimal point between them, at most thirty characters in all: what the
/// tests for greater and less take for a number. Anything else is neither greater nor less.
pub fn is_numeric_text(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 30 && only_digits(whole) && only_digits(part)
}

/// Questions to the tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagTest {
    Has(String),
    HasNot(String),
    /// At least one of these.
    HasAny(Vec<String>),
    /// Every one of these.
    HasAll(Vec<String>),
}

/// What is so or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    OptedIn,
    /// Marketing was stopped inside WhatsApp.
    MarketingStopped,
    /// Somebody should look at the contact.
    NeedsReview,
    /// A customer-service window of any connection is open.
    WindowOpen,
}

impl Flag {
    pub const ALL: [Self; 4] = [Self::OptedIn, Self::MarketingStopped, Self::NeedsReview, Self::WindowOpen];

    /// As a rule names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OptedIn => "opted_in",
            Self::MarketingStopped => "marketing_stopped",
            Self::NeedsReview => "needs_review",
            Self::WindowOpen => "window_open",
        }
    }
}

/// Moments of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    CreatedAt,
    LastInboundAt,
    /// The latest message of any conversation, in or out.
    LastMessageAt,
    OptedInAt,
    OptedOutAt,
}

impl TimeField {
    pub const ALL: [Self; 5] =
        [Self::CreatedAt, Self::LastInboundAt, Self::LastMessageAt, Self::OptedInAt, Self::OptedOutAt];

    /// As a rule names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::LastInboundAt => "last_inbound_at",
            Self::LastMessageAt => "last_message_at",
            Self::OptedInAt => "opted_in_at",
            Self::OptedOutAt => "opted_out_at",
        }
    }
}

/// Questions to a moment. What never was is neither before nor after anything, and not older than anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeTest {
    Before(Timestamp),
    After(Timestamp),
    /// At most so many times 24 hours ago.
    WithinDays(u32),
    /// More than so many times 24 hours ago.
    OlderThanDays(u32),
    Never,
}

/// What became of a broadcast's message to a contact; messages replaced by a later attempt do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Meta took it, and it did not fail afterwards.
    Sent,
    Delivered,
    Read,
    /// The contact wrote after it.
    Replied,
    Failed,
    /// Sent, but not read.
    NotRead,
    /// Sent, and the contact did not write after it.
    NotReplied,
    /// Not sent: failed, left out, still waiting, or never part of it.
    NotSent,
}

impl Outcome {
    pub const ALL: [Self; 8] = [
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Replied,
        Self::Failed,
        Self::NotRead,
        Self::NotReplied,
        Self::NotSent,
    ];

    /// As a rule names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Replied => "replied",
            Self::Failed => "failed",
            Self::NotRead => "not_read",
            Self::NotReplied => "not_replied",
            Self::NotSent => "not_sent",
        }
    }
}
