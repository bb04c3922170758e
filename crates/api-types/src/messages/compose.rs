//! From a request to what is to be sent: which kind it is, whether its parts go together, whether Meta's limits hold.

use domain::messages::Content;
use domain::messages::content::{Location, Media, MediaSource, ReactionTarget};
use domain::templates::Params;
use serde_json::Value;

use super::{LocationInput, MediaInput, MediaKind, MessageRequest, MessageType, ReactionInput};
use crate::faults::Faults;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Draft {
    /// A template, still to be found.
    Template { name: String, language: Option<String>, params: Params },
    /// Anything else, within Meta's limits.
    Free(Content),
}

/// The members of a request that hold content, and the type that each stands for.
const PARTS: [(&str, Option<MessageType>); 7] = [
    ("content", Some(MessageType::Text)),
    ("template_name", Some(MessageType::Template)),
    ("media", None),
    ("interactive", Some(MessageType::Interactive)),
    ("location", Some(MessageType::Location)),
    ("contacts", Some(MessageType::Contacts)),
    ("reaction", Some(MessageType::Reaction)),
];

impl MessageRequest {
    /// What the request wants to be sent, the rest of it left in place.
    ///
    /// # Errors
    /// Every fault, with pointers into the request.
    pub fn take_draft(&mut self) -> Result<Draft, Faults> {
        let mut faults = Faults::default();
        let draft = self.draft(&mut faults);
        if let Some(Draft::Free(content)) = &draft {
            for fault in content.validate() {
                faults.add_at(pointer_in_request(content, &fault.pointer), fault.problem);
            }
        }
        match draft {
            Some(draft) if faults.is_empty() => Ok(draft),
            _ => Err(faults),
        }
    }

    fn draft(&mut self, faults: &mut Faults) -> Option<Draft> {
        let wanted = self.kind(faults)?;
        self.refuse_what_does_not_fit(wanted, faults);
        match wanted {
            MessageType::Text => self.content.take().map(|text| {
                let (body, preview_url) = text.into_parts();
                Draft::Free(Content::Text { body, preview_url })
            }),
            MessageType::Template => {
                let params = read_params(self.template_params.take(), faults);
                let (name, language) = (self.template_name.take()?, self.template_language.take());
                Some(Draft::Template { name, language, params: params? })
            }
            MessageType::Image
            | MessageType::Video
            | MessageType::Document
            | MessageType::Audio
            | MessageType::Sticker => media(wanted, self.media.take()?, faults),
            MessageType::Interactive => self.interactive.take().map(|interactive| {
                Draft::Free(Content::Interactive { interactive: Value::Object(interactive) })
            }),
            MessageType::Location => self.location.take().map(location),
            MessageType::Contacts => self.contacts.take().map(|contacts| {
                let contacts = contacts.into_iter().map(Value::Object).collect();
                Draft::Free(Content::Contacts { contacts })
            }),
            MessageType::Reaction => reaction(self.reaction.take()?, faults),
        }
    }

    fn given(&self) -> Vec<(&'static str, Option<MessageType>)> {
        let given = [
            self.content.is_some(),
            self.template_name.is_some(),
            self.media.is_some(),
            self.interactive.is_some(),
            self.location.is_some(),
            self.contacts.is_some(),
            self.reaction.is_some(),
        ];
        PARTS.into_iter().zip(given).filter_map(|(part, given)| given.then_some(part)).collect()
    }

    /// The type that is asked for, or else told by the one part that is given.
    fn kind(&self, faults: &mut Faults) -> Option<MessageType> {
        let media_type = self.media.as_ref().and_then(|media| media.r#type).map(type_of);
        match (self.message_type, self.given().as_slice()) {
            (None, []) => {
                let parts = PARTS.map(|part| part.0).join(", ");
                faults.add_at("", format!("says nothing to send; give one of {parts}"));
                None
            }
            (None, [(_, Some(kind))]) => Some(*kind),
            (None, [_]) => media_type.or_else(|| {
                faults.add_at("/media/type", "is missing; it may also be told by message_type");
                None
            }),
            (None, [first, rest @ ..]) => {
                for (name, _) in rest {
                    faults.add_at(format!("/{name}"), format!("does not go together with {}", first.0));
                }
                None
            }
            (Some(kind), given) => {
                let part = part_of(kind);
                if !given.iter().any(|(name, _)| *name == part) {
                    let problem = format!("is missing; a message of type {} needs it", kind.as_str());
                    faults.add_at(format!("/{part}"), problem);
                }
                if media_type.is_some_and(|named| part == "media" && named != kind) {
                    faults.add_at("/media/type", format!("contradicts message_type {}", kind.as_str()));
                }
                Some(kind)
            }
        }
    }

    fn refuse_what_does_not_fit(&self, kind: MessageType, faults: &mut Faults) {
        for (name, _) in self.given() {
            if name != part_of(kind) {
                let problem = format!("does not belong to a message of type {}", kind.as_str());
                faults.add_at(format!("/{name}"), problem);
            }
        }
        if kind != MessageType::Template {
            let strays = [
                ("template_language", self.template_language.is_some()),
                ("template_params", self.template_params.is_some()),
            ];
            for (name, _) in strays.into_iter().filter(|stray| stray.1) {
                faults.add_at(format!("/{name}"), "belongs to a template; template_name is missing");
            }
        }
    }
}

/// Parameters in any of their three forms; none at all is a form too.
pub fn read_params(params: Option<Value>, faults: &mut Faults) -> Option<Params> {
    match Params::read(&params.unwrap_or_default()) {
        Ok(params) => Some(params),
        Err(found) => {
            for fault in found {
                faults.add_at(format!("/template_params{}", fault.pointer), fault.problem);
            }
            None
        }
    }
}

fn type_of(kind: MediaKind) -> MessageType {
    match kind {
        MediaKind::Image => MessageType::Image,
        MediaKind::Video => MessageType::Video,
        MediaKind::Document => MessageType::Document,
        MediaKind::Audio => MessageType::Audio,
        MediaKind::Sticker => MessageType::Sticker,
    }
}

fn media_kind(kind: MessageType) -> Option<MediaKind> {
    MediaKind::ALL.iter().copied().find(|media| type_of(*media) == kind)
}

fn part_of(kind: MessageType) -> &'static str {
    PARTS.iter().find(|part| part.1 == Some(kind)).map_or("media", |part| part.0)
}

fn media(kind: MessageType, media: MediaInput, faults: &mut Faults) -> Option<Draft> {
    let source = match (media.media_id, media.id, media.link) {
        (Some(id), None, None) => MediaSource::Ours(id),
        (None, Some(id), None) => MediaSource::MetaId(id),
        (None, None, Some(link)) => MediaSource::Link(link),
        _ => {
            faults.add_at("/media", "needs exactly one of media_id, id and link");
            return None;
        }
    };
    Some(Draft::Free(Content::Media(Media {
        kind: media_kind(kind)?.into(),
        source,
        caption: media.caption,
        filename: media.filename,
        voice: media.voice.unwrap_or_default(),
        mime_type: None,
    })))
}

fn location(location: LocationInput) -> Draft {
    Draft::Free(Content::Location(Location {
        latitude: location.latitude,
        longitude: location.longitude,
        name: location.name,
        address: location.address,
    }))
}

fn reaction(reaction: ReactionInput, faults: &mut Faults) -> Option<Draft> {
    let target = match (reaction.message_id, reaction.wamid) {
        (Some(id), None) => ReactionTarget::Message(id),
        (None, Some(wamid)) => ReactionTarget::Wamid(wamid),
        _ => {
            faults.add_at("/reaction", "needs exactly one of message_id and wamid");
            return None;
        }
    };
    let emoji = reaction.emoji.filter(|emoji| !emoji.is_empty());
    Some(Draft::Free(Content::Reaction { target, emoji }))
}

/// Content keeps its parts elsewhere than a request does.
fn pointer_in_request(content: &Content, pointer: &str) -> String {
    match content {
        Content::Text { .. } => "/content".into(),
        Content::Media(_) => format!("/media{}", pointer.strip_prefix("/source").unwrap_or(pointer)),
        Content::Location(_) => format!("/location{pointer}"),
        Content::Reaction { .. } => {
            format!("/reaction{}", pointer.strip_prefix("/target").unwrap_or(pointer))
        }
        _ => pointer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read::read;

    fn draft(body: Value) -> Result<Draft, Vec<String>> {
        let mut request: MessageRequest = read(body).expect("well-formed");
        request
            .take_draft()
            .map_err(|faults| faults.into_vec().into_iter().map(|fault| fault.pointer).collect())
    }

    fn kind(body: Value) -> String {
        match draft(body).expect("a draft") {
            Draft::Template { name, .. } => format!("template {name}"),
            Draft::Free(content) => content.message_type().into(),
        }
    }

    #[test]
    fn the_type_is_told_by_the_part_that_is_given() {
        assert_eq!(kind(json!({"content": "hi"})), "text");
        assert_eq!(kind(json!({"content": {"body": "hi", "preview_url": true}})), "text");
        assert_eq!(kind(json!({"template_name": "hello", "template_params": ["a"]})), "template hello");
        assert_eq!(kind(json!({"media": {"type": "image", "media_id": 4}})), "image");
        assert_eq!(kind(json!({"message_type": "video", "media": {"link": "https://e.x/v.mp4"}})), "video");
        assert_eq!(kind(json!({"location": {"latitude": 1.5, "longitude": 2}})), "location");
        assert_eq!(kind(json!({"reaction": {"message_id": 7, "emoji": "👍"}})), "reaction");
    }

    #[test]
    fn parts_that_do_not_go_together_are_all_named() {
        assert_eq!(draft(json!({})), Err(vec![String::new()]));
        assert_eq!(
            draft(json!({"content": "a", "template_name": "b", "location": {"latitude": 1, "longitude": 1}})),
            Err(vec!["/template_name".into(), "/location".into()])
        );
        assert_eq!(
            draft(json!({"message_type": "text", "media": {"link": "https://e.x"}, "template_params": []})),
            Err(vec!["/content".into(), "/media".into(), "/template_params".into()])
        );
        assert_eq!(
            draft(json!({"template_name": "a", "template_params": 3})),
            Err(vec!["/template_params".into()])
        );
        assert_eq!(draft(json!({"media": {"media_id": 1}})), Err(vec!["/media/type".into()]));
        assert_eq!(
            draft(json!({"media": {"type": "image", "media_id": 1, "link": "https://e.x"}})),
            Err(vec!["/media".into()])
        );
        assert_eq!(
            draft(json!({"message_type": "audio", "media": {"type": "image", "media_id": 1}})),
            Err(vec!["/media/type".into()])
        );
    }

    #[test]
    fn metas_limits_are_told_with_pointers_into_the_request() {
        assert_eq!(draft(json!({"content": " "})), Err(vec!["/content".into()]));
        assert_eq!(
            draft(json!({"message_type": "sticker", "media": {"link": "ftp://x", "caption": "c"}})),
            Err(vec!["/media/link".into(), "/media/caption".into()])
        );
        assert_eq!(
            draft(json!({"location": {"latitude": 91, "longitude": 181}})),
            Err(vec!["/location/latitude".into(), "/location/longitude".into()])
        );
    }
}
