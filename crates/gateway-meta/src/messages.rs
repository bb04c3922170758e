//! Sending, and marking as read.

use domain::messages::Content;
use domain::messages::content::{self, MediaKind, MediaSource, ReactionTarget};
use graph::paging::Success;
use graph::send::{
    Component, Content as Wire, Interactive, Language, Location, Media, Reaction, ReadReceipt, SendRequest,
    SendResponse, Template, Text,
};
use ports::gateway::{AcceptedByMeta, Access, GatewayError, Outgoing};
use serde_json::Value;

use crate::client::{MetaClient, address};
use crate::outcome::refused_here;

impl MetaClient {
    pub(crate) async fn send_message(
        &self,
        access: &Access,
        message: &Outgoing,
    ) -> Result<AcceptedByMeta, GatewayError> {
        let request = request(message)?;
        let url = address(access, &[&access.phone_number_id, "messages"])?;
        let mut response: SendResponse = self.post(access, url, &request).await?;
        let Some(wamid) = response.wamid().map(str::to_owned) else {
            return Err(GatewayError::Unknown("Meta's answer names no message".into()));
        };
        let held = response.is_held();
        let contact = if response.contacts.is_empty() { None } else { Some(response.contacts.remove(0)) };
        let (wa_id, user_id) = contact.map_or((None, None), |contact| (contact.wa_id, contact.user_id));
        Ok(AcceptedByMeta { wamid, wa_id, user_id, held })
    }

    pub(crate) async fn read_receipt(
        &self,
        access: &Access,
        wamid: &str,
        typing: bool,
    ) -> Result<(), GatewayError> {
        let receipt = ReadReceipt { message_id: wamid.to_owned(), typing };
        let url = address(access, &[&access.phone_number_id, "messages"])?;
        self.post::<Success>(access, url, &receipt).await.map(drop)
    }
}

fn request(message: &Outgoing) -> Result<SendRequest, GatewayError> {
    if message.to.is_empty() {
        return Err(refused_here(131_008, "the recipient has neither a number nor a user id"));
    }
    Ok(SendRequest {
        to: message.to.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        recipient: message.to.bsuid.clone(),
        recipient_type: Some("individual".into()),
        content: content(message)?,
        reply_to: message.reply_to.clone(),
        biz_opaque_callback_data: Some(message.callback_data.clone()),
        ..SendRequest::default()
    })
}

fn content(message: &Outgoing) -> Result<Wire, GatewayError> {
    Ok(match &message.content {
        Content::Text { body, preview_url } => {
            Wire::Text(Text { body: body.clone(), preview_url: preview_url.then_some(true) })
        }
        Content::Template { name, language, .. } => Wire::Template(Template {
            name: name.clone(),
            language: Language { code: language.clone(), policy: None },
            components: components(message.components.as_ref())?,
        }),
        Content::Media(file) => media(file, message.media_id.as_deref())?,
        Content::Interactive { interactive } => {
            Wire::Interactive(Box::new(Interactive::Other(interactive.clone())))
        }
        Content::Location(place) => Wire::Location(Location {
            latitude: place.latitude,
            longitude: place.longitude,
            name: place.name.clone(),
            address: place.address.clone(),
        }),
        Content::Contacts { contacts } => {
            Wire::Other { kind: Some("contacts".into()), value: Some(Value::from(contacts.clone())) }
        }
        Content::Reaction { target, emoji } => {
            let message_id = match (&message.reaction_to, target) {
                (Some(wamid), _) | (None, ReactionTarget::Wamid(wamid)) => wamid.clone(),
                (None, ReactionTarget::Message(_)) => {
                    return Err(refused_here(131_009, "the message of the reaction is not at Meta"));
                }
            };
            Wire::Reaction(Reaction { message_id, emoji: emoji.clone().unwrap_or_default() })
        }
        _ => return Err(refused_here(131_051, "this kind of content only comes in, it cannot be sent")),
    })
}

fn components(bound: Option<&Value>) -> Result<Vec<Component>, GatewayError> {
    let Some(bound) = bound else { return Ok(Vec::new()) };
    serde_json::from_value(bound.clone())
        .map_err(|_| refused_here(132_012, "the components of the template are not a list"))
}

/// A file with the members that its kind has; Meta refuses others.
fn media(file: &content::Media, uploaded: Option<&str>) -> Result<Wire, GatewayError> {
    let mut media = Media::default();
    match &file.source {
        MediaSource::MetaId(id) => media.id = Some(id.clone()),
        MediaSource::Link(link) => media.link = Some(link.clone()),
        MediaSource::Ours(_) => {
            let id = uploaded.ok_or_else(|| refused_here(131_053, "the file is not at Meta yet"))?;
            media.id = Some(id.to_owned());
        }
    }
    if matches!(file.kind, MediaKind::Image | MediaKind::Video | MediaKind::Document) {
        media.caption.clone_from(&file.caption);
    }
    Ok(match file.kind {
        MediaKind::Image => Wire::Image(media),
        MediaKind::Video => Wire::Video(media),
        MediaKind::Document => Wire::Document(Media { filename: file.filename.clone(), ..media }),
        MediaKind::Audio => Wire::Audio(Media { voice: file.voice.then_some(true), ..media }),
        MediaKind::Sticker => Wire::Sticker(media),
    })
}
