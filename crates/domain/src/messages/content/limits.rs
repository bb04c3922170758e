//! Meta's limits on what a message may hold, all faults at once.
//!
//! Source: Meta, "Cloud API, Messages" and the page of each message type. Lengths are in characters.

use serde::{Deserialize, Serialize};

use super::interactive::check_interactive;
use super::{Content, MediaKind, MediaSource};

/// Something wrong with a request, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// JSON pointer into the content.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Fault {
    /// A fault at a pointer.
    pub fn at(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), problem: problem.into() }
    }
}

/// Meta's limits.
pub mod limit {
    /// Text of a text message.
    pub const TEXT: usize = 4096;
    /// Caption of an image, video or document.
    pub const CAPTION: usize = 1024;
    /// Contact cards in one message.
    pub const CONTACTS: usize = 257;
    /// An address of a file.
    pub const LINK: usize = 2048;
    /// A file's name.
    pub const FILENAME: usize = 240;
}

impl Content {
    /// Everything that Meta would refuse, before the call. Empty: good. Inbound kinds cannot be sent at all.
    pub fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        match self {
            Self::Text { body, .. } => length(&mut faults, "/body", body, limit::TEXT),
            // A template's parameters are checked against its definition, not alone.
            Self::Template { name, .. } => {
                if name.trim().is_empty() {
                    faults.push(Fault::at("/name", "names no template"));
                }
            }
            Self::Media { kind, source, caption, filename, voice } => {
                media(&mut faults, *kind, source, caption.as_deref(), filename.as_deref(), *voice);
            }
            Self::Interactive { interactive } => check_interactive(&mut faults, interactive),
            Self::Location { latitude, longitude, .. } => {
                degrees(&mut faults, "/latitude", *latitude, 90.0);
                degrees(&mut faults, "/longitude", *longitude, 180.0);
            }
            Self::Contacts { contacts } => cards(&mut faults, contacts),
            Self::Reaction { emoji, .. } => {
                if emoji.as_deref().is_some_and(|emoji| emoji.chars().count() > 16) {
                    faults.push(Fault::at("/emoji", "is not one emoji; leave it out to take a reaction back"));
                }
            }
            Self::Button { .. }
            | Self::InteractiveReply { .. }
            | Self::Order { .. }
            | Self::System { .. }
            | Self::Edit { .. }
            | Self::Revoke { .. }
            | Self::Unsupported { .. } => {
                faults.push(Fault::at("/type", format!("\"{}\" can be received, not sent", self.kind())));
            }
        }
        faults
    }
}

/// Between 1 and `most` characters.
pub(super) fn length(faults: &mut Vec<Fault>, pointer: &str, text: &str, most: usize) {
    if text.trim().is_empty() {
        faults.push(Fault::at(pointer, format!("is empty; give 1 to {most} characters")));
    }
    let count = text.chars().count();
    if count > most {
        faults.push(Fault::at(pointer, format!("has {count} characters; WhatsApp takes {most} at most")));
    }
}

fn media(
    faults: &mut Vec<Fault>,
    kind: MediaKind,
    source: &MediaSource,
    caption: Option<&str>,
    filename: Option<&str>,
    voice: bool,
) {
    if let MediaSource::Link(link) = source {
        if !(link.starts_with("https://") || link.starts_with("http://")) || link.len() > limit::LINK {
            faults.push(Fault::at("/source/link", "is not an http(s) address that Meta can fetch"));
        }
    }
    if let MediaSource::MetaId(id) = source {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            faults.push(Fault::at("/source/meta_id", "is not a media id of Meta (digits)"));
        }
    }
    if let Some(caption) = caption {
        match kind {
            MediaKind::Image | MediaKind::Video | MediaKind::Document => {
                length(faults, "/caption", caption, limit::CAPTION);
            }
            MediaKind::Audio | MediaKind::Sticker => {
                let problem = format!("{} takes no caption; send a text besides", kind.as_str());
                faults.push(Fault::at("/caption", problem));
            }
        }
    }
    if let Some(filename) = filename {
        if kind == MediaKind::Document {
            length(faults, "/filename", filename, limit::FILENAME);
        } else {
            faults.push(Fault::at("/filename", "only a document has a file name"));
        }
    }
    if voice && kind != MediaKind::Audio {
        faults.push(Fault::at("/voice", "only audio can be a voice message"));
    }
}

fn degrees(faults: &mut Vec<Fault>, pointer: &str, value: f64, most: f64) {
    if !value.is_finite() || value.abs() > most {
        faults.push(Fault::at(pointer, format!("{value} is not between -{most} and {most} degrees")));
    }
}

fn cards(faults: &mut Vec<Fault>, contacts: &[serde_json::Value]) {
    if contacts.is_empty() || contacts.len() > limit::CONTACTS {
        let problem = format!("holds {} cards; give 1 to {}", contacts.len(), limit::CONTACTS);
        faults.push(Fault::at("/contacts", problem));
    }
    for (index, card) in contacts.iter().enumerate() {
        let name = card.get("name");
        let formatted = name.and_then(|name| name.get("formatted_name")).and_then(|name| name.as_str());
        if formatted.is_none_or(|name| name.trim().is_empty()) {
            let pointer = format!("/contacts/{index}/name/formatted_name");
            faults.push(Fault::at(pointer, "is missing; WhatsApp shows it as the card's title"));
        }
        let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
        if name.is_some_and(|name| parts.iter().all(|part| name.get(*part).is_none())) {
            let problem = "needs first_name, last_name, middle_name, suffix or prefix besides formatted_name";
            faults.push(Fault::at(format!("/contacts/{index}/name"), problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: serde_json::Value) -> Vec<String> {
        let content: Content = serde_json::from_value(json).unwrap();
        content.validate().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn good_content_has_no_fault() {
        for json in [
            serde_json::json!({"type": "text", "body": "hi"}),
            serde_json::json!({"type": "location", "latitude": 37.4, "longitude": -122.1}),
            serde_json::json!({"type": "media", "kind": "audio", "source": {"meta_id": "12"}, "voice": true}),
            serde_json::json!({"type": "contacts", "contacts": [{"name": {"formatted_name": "A B", "first_name": "A"}}]}),
            serde_json::json!({"type": "reaction", "target": {"wamid": "wamid.x"}}),
        ] {
            assert_eq!(faults(json.clone()), Vec::<String>::new(), "{json}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let image = serde_json::json!({
            "type": "media", "kind": "sticker", "source": {"link": "ftp://x"},
            "caption": "c", "filename": "f", "voice": true
        });
        assert_eq!(faults(image), ["/source/link", "/caption", "/filename", "/voice"]);
        assert_eq!(faults(serde_json::json!({"type": "text", "body": "x".repeat(4097)})), ["/body"]);
        assert_eq!(faults(serde_json::json!({"type": "text", "body": " "})), ["/body"]);
        assert_eq!(
            faults(serde_json::json!({"type": "location", "latitude": 91.0, "longitude": 181.0})),
            ["/latitude", "/longitude"]
        );
        assert_eq!(faults(serde_json::json!({"type": "revoke", "original": "wamid.x"})), ["/type"]);
    }
}
