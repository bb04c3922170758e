//! Which files WhatsApp takes, and how large. Source: Meta, "Media" (supported media types).

use domain::messages::content::MediaKind;

use crate::faults::Faults;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// A sticker that moves; one that does not has a fifth of it.
const ANIMATED_STICKER: u64 = 500 * KIB;
const STICKER: u64 = 100 * KIB;
/// The largest file of any kind; also what an inbound file may have.
pub(super) const LARGEST: u64 = 100 * MIB;

/// The types that can be sent.
pub const SUPPORTED: [&str; 18] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/3gpp",
    "audio/aac",
    "audio/amr",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "application/pdf",
    "text/plain",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];

/// The type without its parameters, in lower case: `audio/ogg` of `audio/ogg; codecs=opus`.
pub(super) fn essence(mime_type: &str) -> String {
    mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// As what a file of this type is sent; `None`: not at all.
pub fn kind_of(mime_type: &str) -> Option<MediaKind> {
    let essence = essence(mime_type);
    if !SUPPORTED.contains(&essence.as_str()) {
        return None;
    }
    Some(match essence.split_once('/') {
        Some(("image", "webp")) => MediaKind::Sticker,
        Some(("image", _)) => MediaKind::Image,
        Some(("video", _)) => MediaKind::Video,
        Some(("audio", _)) => MediaKind::Audio,
        _ => MediaKind::Document,
    })
}

/// The largest file of a kind, in bytes.
pub fn largest(kind: MediaKind) -> u64 {
    match kind {
        MediaKind::Image => 5 * MIB,
        MediaKind::Video | MediaKind::Audio => 16 * MIB,
        MediaKind::Document => LARGEST,
        MediaKind::Sticker => ANIMATED_STICKER,
    }
}

/// The limit for this very file: a sticker's depends on whether it moves.
pub(super) fn limit_of(kind: MediaKind, head: &[u8]) -> u64 {
    match kind {
        MediaKind::Sticker if !is_animated(head) => STICKER,
        kind => largest(kind),
    }
}

/// WebP container specification: `VP8X` is the first chunk of an extended file, its flag 0x02 says animation.
fn is_animated(head: &[u8]) -> bool {
    head.get(12..16) == Some(b"VP8X") && head.get(20).is_some_and(|flags| flags & 0x02 != 0)
}

/// Refuses bytes that are plainly of another type than they are said to be: Meta would take the upload and fail
/// each message that carries it (131053). Bytes that are not known pass.
pub(super) fn agrees(mime_type: &str, head: &[u8], faults: &mut Faults) {
    let Some(found) = sniff(head) else { return };
    let said = essence(mime_type);
    if !found.contains(&said.as_str()) {
        faults.add("/file", format!("is said to be {said}, but its content is {}", found[0]));
    }
}

/// The types that a content can be, when its first bytes tell.
fn sniff(head: &[u8]) -> Option<&'static [&'static str]> {
    const OFFICE: &[&str] = &[
        "a zip or Office file",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ];
    let starts = |mark: &[u8]| head.starts_with(mark);
    if starts(&[0xFF, 0xD8, 0xFF]) {
        Some(&["image/jpeg"])
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Some(&["image/png"])
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Some(&["image/gif"])
    } else if starts(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Some(&["image/webp"])
    } else if starts(b"%PDF-") {
        Some(&["application/pdf"])
    } else if head.get(4..8) == Some(b"ftyp") {
        Some(&["video/mp4", "video/3gpp", "audio/mp4"])
    } else if starts(b"OggS") {
        Some(&["audio/ogg"])
    } else if starts(b"#!AMR") {
        Some(&["audio/amr"])
    } else if starts(b"PK\x03\x04") {
        Some(OFFICE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_type_has_a_kind_and_others_have_none() {
        for mime_type in SUPPORTED {
            assert!(kind_of(mime_type).is_some(), "{mime_type}");
        }
        assert_eq!(kind_of("Audio/OGG; codecs=opus"), Some(MediaKind::Audio));
        assert_eq!(kind_of("image/webp"), Some(MediaKind::Sticker));
        for other in ["image/gif", "text/html", "application/x-msdownload", ""] {
            assert_eq!(kind_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_sticker_that_moves_may_be_larger() {
        let mut head = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0".to_vec();
        assert_eq!(limit_of(MediaKind::Sticker, &head), 500 * 1024);
        head[20] = 0x10;
        assert_eq!(limit_of(MediaKind::Sticker, &head), 100 * 1024);
        assert_eq!(limit_of(MediaKind::Image, &head), 5 * 1024 * 1024);
    }

    #[test]
    fn a_file_that_is_plainly_something_else_is_refused() {
        let refused = |mime_type, head: &[u8]| {
            let mut faults = Faults::default();
            agrees(mime_type, head, &mut faults);
            faults.check().is_err()
        };
        assert!(refused("image/jpeg", b"\x89PNG\r\n\x1a\n"));
        assert!(refused("application/pdf", b"PK\x03\x04"));
        assert!(!refused("audio/mp4", b"\0\0\0\x20ftypM4A "));
        assert!(!refused("image/jpeg", b"nothing that is known"));
    }
}
