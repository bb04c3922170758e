//! Whether Meta would take a message. Source: Meta, "Messages" (limits of each type).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Location, Media, MediaKind, MediaSource, ReactionTarget, interactive};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// JSON pointer inside the content.
    pub pointer: String,
    /// What is wrong, in words.
    pub problem: String,
}

/// Limits in characters, but for the number of contacts.
const TEXT: usize = 4_096;
const CAPTION: usize = 1_024;
const FILENAME: usize = 240;
const LINK: usize = 2_048;
const CONTACTS: usize = 257;
const TEMPLATE_NAME: usize = 512;
/// A family emoji with skin tones has eleven code points.
const EMOJI: usize = 12;

/// Collects faults.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, pointer: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Fault { pointer: pointer.into(), problem: problem.into() });
    }

    /// A text that must be there and not be too long.
    pub(super) fn required(&mut self, pointer: &str, text: Option<&str>, longest: usize) {
        match text {
            Some(text) if !text.trim().is_empty() => self.short(pointer, text, longest),
            Some(_) => self.add(pointer, "must not be empty"),
            None => self.add(pointer, "is missing"),
        }
    }

    /// A text that must not be too long.
    pub(super) fn short(&mut self, pointer: &str, text: &str, longest: usize) {
        let length = text.chars().count();
        if length > longest {
            self.add(pointer, format!("has {length} characters, at most {longest} are allowed"));
        }
    }

    /// An address that WhatsApp can open.
    pub(super) fn link(&mut self, pointer: &str, link: &str) {
        let web = link.starts_with("https://") || link.starts_with("http://");
        if !web || link.chars().any(char::is_whitespace) {
            self.add(pointer, "must be an address that begins with http:// or https:// and has no spaces");
        } else {
            self.short(pointer, link, LINK);
        }
    }
}

pub(super) fn faults(content: &Content) -> Vec<Fault> {
    let mut faults = Faults::default();
    match content {
        Content::Text { body, .. } => faults.required("/body", Some(body), TEXT),
        Content::Template { name, language, .. } => {
            faults.required("/name", Some(name), TEMPLATE_NAME);
            faults.required("/language", Some(language), 20);
        }
        Content::Media(media) => self::media(&mut faults, media),
        Content::Interactive { interactive } => interactive::check(&mut faults, interactive),
        Content::Location(location) => self::location(&mut faults, location),
        Content::Contacts { contacts } => self::contacts(&mut faults, contacts),
        Content::Reaction { target, emoji } => reaction(&mut faults, target, emoji.as_deref()),
        _ => faults.add("/type", "is something that customers send and a business cannot"),
    }
    faults.0
}

fn media(faults: &mut Faults, media: &Media) {
    match &media.source {
        MediaSource::Link(link) => faults.link("/source/link", link),
        MediaSource::MetaId(id) if id.trim().is_empty() => faults.add("/source/id", "must not be empty"),
        MediaSource::MetaId(_) | MediaSource::Ours(_) => {}
    }
    let kind = media.kind;
    if let Some(caption) = &media.caption {
        match kind {
            MediaKind::Image | MediaKind::Video | MediaKind::Document => {
                faults.short("/caption", caption, CAPTION);
            }
            _ => faults.add("/caption", format!("a file of kind {} takes no caption", kind.as_str())),
        }
    }
    match &media.filename {
        Some(filename) if kind == MediaKind::Document => faults.short("/filename", filename, FILENAME),
        Some(_) => faults.add("/filename", "only a document has a file name"),
        None => {}
    }
    if media.voice && kind != MediaKind::Audio {
        faults.add("/voice", "only audio can be a voice note");
    }
}

fn location(faults: &mut Faults, location: &Location) {
    if !(-90.0..=90.0).contains(&location.latitude) {
        faults.add("/latitude", "must lie between -90 and 90 degrees");
    }
    if !(-180.0..=180.0).contains(&location.longitude) {
        faults.add("/longitude", "must lie between -180 and 180 degrees");
    }
    for (pointer, text) in [("/name", &location.name), ("/address", &location.address)] {
        if let Some(text) = text {
            faults.short(pointer, text, 1_000);
        }
    }
}

fn contacts(faults: &mut Faults, contacts: &[Value]) {
    if contacts.is_empty() || contacts.len() > CONTACTS {
        faults.add("/contacts", format!("must hold 1 to {CONTACTS} contacts, has {}", contacts.len()));
    }
    for (index, contact) in contacts.iter().enumerate() {
        let name = contact.pointer("/name/formatted_name").and_then(Value::as_str);
        faults.required(&format!("/contacts/{index}/name/formatted_name"), name, 1_000);
    }
}

fn reaction(faults: &mut Faults, target: &ReactionTarget, emoji: Option<&str>) {
    if matches!(target, ReactionTarget::Wamid(wamid) if wamid.trim().is_empty()) {
        faults.add("/target/wamid", "must not be empty");
    }
    let emoji = emoji.unwrap_or_default();
    // Keycaps (#️⃣, 1️⃣) and the copyright sign are the only emoji that begin with a plain character.
    let plain = |text: &str| text.is_ascii() || text.chars().any(char::is_alphabetic);
    if !emoji.is_empty() && (plain(emoji) || emoji.chars().count() > EMOJI) {
        faults.add("/emoji", "must be one emoji, or empty to take the reaction back");
    }
}
