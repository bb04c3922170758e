//! The form of a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Entropy;

/// What every key begins with, so that scanners of leaked secrets can know it.
const MARK: &str = "wxk_";
/// Random bytes in a key.
const BYTES: usize = 32;
/// Characters shown in lists.
const PREFIX: usize = 12;

/// A new key.
pub(super) fn generate(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; BYTES];
    entropy.fill(&mut bytes);
    format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether it could be a key at all: what is not never reaches the store.
pub(super) fn plausible(key: &str) -> bool {
    key.strip_prefix(MARK).is_some_and(|rest| {
        rest.len() == 43
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// The first characters, so that a person can tell keys apart.
pub(super) fn prefix(key: &str) -> String {
    key.chars().take(PREFIX).collect()
}

/// SHA-256 of the whole key: 256 random bits need no slow hash.
pub(super) fn hash(key: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Count;

    impl Entropy for Count {
        fn fill(&self, into: &mut [u8]) {
            for (value, byte) in (0..).zip(into) {
                *byte = value;
            }
        }
    }

    #[test]
    fn a_key_is_marked_long_and_shown_by_its_first_characters_only() {
        let key = generate(&Count);
        assert_eq!(key, "wxk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert!(plausible(&key));
        assert_eq!(prefix(&key), "wxk_AAECAwQF");
        assert!(!plausible("wxk_short"));
        assert!(!plausible(&key.replace("wxk_", "abc_")));
        assert!(!plausible(&format!("{key}=")));
    }
}
