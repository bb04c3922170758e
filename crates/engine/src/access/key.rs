//! The form of a key.

use domain::Entropy;

use super::token;

/// What every key begins with, so that scanners of leaked secrets can know it.
const MARK: &str = "wxk_";
/// Characters shown in lists.
const PREFIX: usize = 12;

/// A new key.
pub(super) fn generate(entropy: &dyn Entropy) -> String {
    token::generate(entropy, MARK)
}

/// Whether it could be a key at all: what is not never reaches the store.
pub(super) fn plausible(key: &str) -> bool {
    token::plausible(key, MARK)
}

/// The first characters, so that a person can tell keys apart.
pub(super) fn prefix(key: &str) -> String {
    key.chars().take(PREFIX).collect()
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
