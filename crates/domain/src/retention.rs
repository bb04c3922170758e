//! How long what is kept.
//!
//! Message content goes first, the log of deliveries later, consent records never: they prove who agreed to what.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::messages::Content;
use crate::messages::content::{Location, Media, MediaSource};
use crate::templates::Params;

/// The longest that anything but consent is kept, in days.
pub const LONGEST_DAYS: u32 = 3_650;
/// The longest that raw webhooks are kept, in days: as long as Meta repeats them ("Webhooks").
pub const LONGEST_WEBHOOK_DAYS: u32 = 7;

/// What a tenant chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// What messages say: their text and files, previews, notes, uploaded lists, template parameters.
    pub message_content_days: u32,
    /// That messages went: ids, statuses, times, failure codes.
    pub delivery_log_days: u32,
    /// Bodies of webhooks as Meta posted them.
    pub webhook_days: u32,
}

impl Default for Periods {
    fn default() -> Self {
        Self { message_content_days: 90, delivery_log_days: 365, webhook_days: LONGEST_WEBHOOK_DAYS }
    }
}

/// What is older than these moments goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutoffs {
    pub content: Timestamp,
    pub deliveries: Timestamp,
    pub webhooks: Timestamp,
}

impl Periods {
    /// What is wrong with them: the name of the setting and a sentence. A delivery log must outlive the content of its
    /// messages, or a message would be gone before its words are.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut check = |name, days: u32, longest: u32| {
            if !(1..=longest).contains(&days) {
                faults.push((name, format!("must lie between 1 and {longest}")));
            }
        };
        check("message_content_days", self.message_content_days, LONGEST_DAYS);
        check("delivery_log_days", self.delivery_log_days, LONGEST_DAYS);
        check("webhook_days", self.webhook_days, LONGEST_WEBHOOK_DAYS);
        if self.delivery_log_days < self.message_content_days {
            let least = self.message_content_days;
            faults.push((
                "delivery_log_days",
                format!("must not be less than message_content_days, which is {least}"),
            ));
        }
        faults
    }

    /// What goes at `now`.
    pub fn cutoffs(&self, now: Timestamp) -> Cutoffs {
        let before = |days: u32| {
            now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
        };
        Cutoffs {
            content: before(self.message_content_days),
            deliveries: before(self.delivery_log_days),
            webhooks: before(self.webhook_days),
        }
    }
}

/// What is purged, each counted for itself; the purge goes through them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What messages say, and the previews of their conversations.
    MessageContent,
    /// Notes on conversations.
    Notes,
    /// Files of messages.
    Media,
    /// Bodies of webhooks.
    Webhooks,
    /// Items of webhooks that were set aside.
    WebhookItems,
    /// Rows of lists that were uploaded for broadcasts.
    ListRows,
    /// Rows of imports that became no contacts.
    ImportRows,
    /// Messages, their steps, and the recipients that they were.
    Deliveries,
    /// Recipients of broadcasts that got no message.
    Recipients,
    /// Imports that ended.
    Imports,
}

impl Class {
    /// In the order of the purge.
    pub const ALL: [Self; 10] = [
        Self::MessageContent,
        Self::Notes,
        Self::Media,
        Self::Webhooks,
        Self::WebhookItems,
        Self::ListRows,
        Self::ImportRows,
        Self::Deliveries,
        Self::Recipients,
        Self::Imports,
    ];

    /// The one after this.
    pub fn next(self) -> Option<Self> {
        Self::ALL.iter().skip_while(|class| **class != self).nth(1).copied()
    }

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageContent => "message_content",
            Self::Notes => "notes",
            Self::Media => "media",
            Self::Webhooks => "webhooks",
            Self::WebhookItems => "webhook_items",
            Self::ListRows => "list_rows",
            Self::ImportRows => "import_rows",
            Self::Deliveries => "deliveries",
            Self::Recipients => "recipients",
            Self::Imports => "imports",
        }
    }

    /// Its moment among these.
    pub fn cutoff(self, cutoffs: &Cutoffs) -> Timestamp {
        match self {
            Self::Webhooks => cutoffs.webhooks,
            Self::Deliveries | Self::Recipients | Self::Imports => cutoffs.deliveries,
            _ => cutoffs.content,
        }
    }
}

/// What is left of a message's content: its type, and of a template its name and language, which are the business's
/// own words.
pub fn emptied(content: &Content) -> Content {
    match content {
        Content::Text { .. } => Content::Text { body: String::new(), preview_url: false },
        Content::Template { name, language, .. } => {
            Content::Template { name: name.clone(), language: language.clone(), params: Params::default() }
        }
        Content::Media(media) => Content::Media(Media {
            kind: media.kind,
            source: MediaSource::MetaId(String::new()),
            caption: None,
            filename: None,
            voice: media.voice,
            mime_type: None,
        }),
        Content::Interactive { .. } => Content::Interactive { interactive: Value::Null },
        Content::Location(_) => {
            Content::Location(Location { latitude: 0.0, longitude: 0.0, name: None, address: None })
        }
        Content::Contacts { .. } => Content::Contacts { contacts: Vec::new() },
        Content::Reaction { target, .. } => Content::Reaction { target: target.clone(), emoji: None },
        Content::Button { .. } => Content::Button { payload: None, text: None },
        Content::ButtonReply { .. } => Content::ButtonReply { id: String::new(), title: String::new() },
        Content::ListReply { .. } => {
            Content::ListReply { id: String::new(), title: String::new(), description: None }
        }
        Content::FlowReply { .. } => Content::FlowReply { name: None, body: None, response: Value::Null },
        Content::Order { .. } => Content::Order { order: Value::Null },
        Content::System { .. } => Content::System { text: None, system: Value::Null },
        Content::Unsupported { kind, .. } => Content::Unsupported { kind: kind.clone(), raw: Value::Null },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_log_that_ends_before_its_content_is_a_fault() {
        let faults = |content, log, webhooks| {
            let periods =
                Periods { message_content_days: content, delivery_log_days: log, webhook_days: webhooks };
            periods.faults().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(faults(90, 365, 7), [""; 0]);
        assert_eq!(faults(90, 90, 1), [""; 0]);
        assert_eq!(faults(90, 89, 7), ["delivery_log_days"]);
        assert_eq!(faults(0, 365, 8), ["message_content_days", "webhook_days"]);
        assert_eq!(faults(3_651, 3_651, 7), ["message_content_days", "delivery_log_days"]);
    }

    #[test]
    fn each_class_has_its_own_moment() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let cutoffs = Periods::default().cutoffs(now);
        assert_eq!(Class::MessageContent.cutoff(&cutoffs).to_string(), "2026-08-24T12:00:00Z");
        assert_eq!(Class::Deliveries.cutoff(&cutoffs).to_string(), "2025-11-22T12:00:00Z");
        assert_eq!(Class::Webhooks.cutoff(&cutoffs).to_string(), "2026-11-15T12:00:00Z");
    }

    #[test]
    fn the_purge_goes_through_every_class_once() {
        let mut seen = vec![Class::ALL[0]];
        while let Some(next) = seen.last().and_then(|last| last.next()) {
            seen.push(next);
        }
        assert_eq!(seen, Class::ALL);
        let words: std::collections::HashSet<_> = Class::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(words.len(), Class::ALL.len());
        for class in Class::ALL {
            assert_eq!(json!(class), class.as_str());
        }
    }

    #[test]
    fn nothing_that_was_said_is_left_and_the_type_is() {
        let said = "SECRET";
        let contents = [
            json!({"type": "text", "body": said}),
            json!({"type": "template", "name": "hello", "language": "en", "params": {"body": [said]}}),
            json!({"type": "media", "kind": "image", "source": {"link": said}, "caption": said, "filename": said}),
            json!({"type": "interactive", "interactive": {"body": said}}),
            json!({"type": "location", "latitude": 1.5, "longitude": 2.5, "name": said}),
            json!({"type": "contacts", "contacts": [{"name": said}]}),
            json!({"type": "button", "payload": said, "text": said}),
            json!({"type": "button_reply", "id": said, "title": said}),
            json!({"type": "list_reply", "id": said, "title": said, "description": said}),
            json!({"type": "flow_reply", "name": said, "body": said, "response": {"a": said}}),
            json!({"type": "order", "order": {"text": said}}),
            json!({"type": "system", "text": said, "system": {"body": said}}),
            json!({"type": "unsupported", "kind": "poll", "raw": {"text": said}}),
        ];
        for given in contents {
            let content: Content = serde_json::from_value(given.clone()).unwrap();
            let left = emptied(&content);
            let text = serde_json::to_string(&left).unwrap();
            assert!(!text.contains(said) && !text.contains("1.5"), "{given}: {text}");
            assert_eq!(left.message_type(), content.message_type());
            assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), left, "it can be read again");
        }
    }
}
