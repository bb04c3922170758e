//! Which media types WhatsApp takes, and how large they may be (WhatsApp, "Supported media types").

const MB: usize = 1_024 * 1_024;

#[rustfmt::skip]
const TYPES: &[(&str, &str, usize)] = &[
    ("audio/aac", "audio", 16 * MB), ("audio/amr", "audio", 16 * MB), ("audio/mpeg", "audio", 16 * MB),
    ("audio/mp4", "audio", 16 * MB), ("audio/ogg", "audio", 16 * MB), ("audio/opus", "audio", 16 * MB),
    ("image/jpeg", "image", 5 * MB), ("image/png", "image", 5 * MB),
    ("image/webp", "sticker", 500 * 1_024),
    ("video/mp4", "video", 16 * MB), ("video/3gp", "video", 16 * MB), ("video/3gpp", "video", 16 * MB),
    ("text/plain", "document", 100 * MB), ("application/pdf", "document", 100 * MB),
    ("application/msword", "document", 100 * MB), ("application/vnd.ms-excel", "document", 100 * MB),
    ("application/vnd.ms-powerpoint", "document", 100 * MB),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document", 100 * MB),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document", 100 * MB),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "document", 100 * MB),
];

fn bare(mime: &str) -> String {
    mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The size limit of a media type; None when it is not supported.
pub(crate) fn limit(mime: &str) -> Option<usize> {
    let mime = bare(mime);
    TYPES.iter().find(|(known, ..)| *known == mime).map(|(.., limit)| *limit)
}

/// Whether a medium of this type may be sent as `kind`. A document may be anything that can be uploaded.
pub(crate) fn fits(kind: &str, mime: &str) -> bool {
    let mime = bare(mime);
    let own = TYPES.iter().find(|(known, ..)| *known == mime).map(|(_, kind, _)| *kind);
    match kind {
        "document" => own.is_some(),
        "gif" => own == Some("video"),
        kind => own == Some(kind),
    }
}

/// All supported types, for the error text.
pub(crate) fn supported() -> String {
    TYPES.iter().map(|(mime, ..)| *mime).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_fits_its_own_kind_only() {
        assert!(fits("image", "image/png"));
        assert!(fits("audio", "audio/ogg; codecs=opus"));
        assert!(!fits("image", "image/webp"));
        assert!(!fits("video", "image/png"));
        assert!(fits("document", "image/png"));
        assert_eq!(limit("application/x-msdownload"), None);
    }
}
