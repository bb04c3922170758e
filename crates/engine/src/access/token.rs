//! Secrets that this server gives out: a mark, by which scanners of leaked secrets know them, and 256 random bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Entropy;

/// Of a session.
pub(super) const SESSION: &str = "wxs_";
/// Of a link in a letter.
pub(super) const LINK: &str = "wxl_";
/// Random bytes in each.
const BYTES: usize = 32;

/// A new one.
pub(super) fn generate(entropy: &dyn Entropy, mark: &str) -> String {
    let mut bytes = [0u8; BYTES];
    entropy.fill(&mut bytes);
    format!("{mark}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether it could be one at all: what is not never reaches the store.
pub(super) fn plausible(token: &str, mark: &str) -> bool {
    token.strip_prefix(mark).is_some_and(|rest| {
        rest.len() == 43
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// SHA-256 of the whole: 256 random bits need no slow hash.
pub(super) fn hash(token: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What a page that uses a session by cookie has to send with each change. A page of somebody else cannot read it, and
/// it does not tell the session's token.
pub(super) fn csrf(session: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(&format!("csrf/{session}")))
}
