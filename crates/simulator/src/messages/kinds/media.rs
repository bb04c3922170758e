//! Images, videos, audio, documents and stickers: by uploaded id or by link (WhatsApp, "Media messages").

use crate::errors::GraphError;
use crate::messages::fields::{Checked, Object, is_web_url};
use crate::references::References;

const CAPTION_MAX: usize = 1_024;
const FILENAME_MAX: usize = 240;

pub(crate) fn check(media: &Object<'_>, kind: &str, references: &References<'_>) -> Checked {
    source(media, kind, references)?;
    if media.optional_text_within("caption", CAPTION_MAX)?.is_some() && matches!(kind, "audio" | "sticker") {
        return Err(GraphError::param(format!("Unexpected key \"caption\" on param \"{kind}\".")));
    }
    if media.optional_text_within("filename", FILENAME_MAX)?.is_some() && kind != "document" {
        return Err(GraphError::param(format!("Unexpected key \"filename\" on param \"{kind}\".")));
    }
    Ok(())
}

/// Exactly one of `id` and `link`; an id must be known and of the right kind.
pub(crate) fn source(media: &Object<'_>, kind: &str, references: &References<'_>) -> Checked {
    match (media.optional_text("id")?, media.optional_text("link")?) {
        (None, None) => Err(GraphError::required(&format!("{}['id'] or {}['link']", media.path, media.path))),
        (Some(_), Some(_)) => {
            Err(GraphError::param(format!("Param {} must have one of {{id, link}}, not both.", media.path)))
        }
        (None, Some(link)) if is_web_url(link) => Ok(()),
        (None, Some(_)) => {
            Err(GraphError::param(format!("Param {} is not a valid URI.", media.param("link"))))
        }
        (Some(id), None) => references.media(id, kind).map_err(|fault| fault.refuse(&media.param("id"))),
    }
}
