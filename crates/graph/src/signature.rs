//! The signature of a webhook: `X-Hub-Signature-256: sha256=<64 hex>`, HMAC-SHA256 of the body with the app secret.
//!
//! It covers the exact bytes on the wire (Meta escapes non-ASCII text before signing), so it is checked before any
//! decoding. Source: Graph API, "Webhooks, Getting Started".

use aws_lc_rs::hmac;

/// The header that carries the signature, in the lower-case form of HTTP libraries.
pub const HEADER: &str = "x-hub-signature-256";

const PREFIX: &[u8] = b"sha256=";
const DIGEST_BYTES: usize = 32;

/// Why a body is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// The header is absent.
    #[error("the signature header is missing")]
    Missing,
    /// The header is there and cannot be a signature; the text says what is wrong and repeats nothing of it.
    #[error("the signature header is malformed: {0}")]
    Malformed(&'static str),
    /// A well-formed signature, made with another secret or over other bytes.
    #[error("the signature does not match the body")]
    Wrong,
}

/// The header value that Meta would send for this body.
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    format!("sha256={}", hex::encode(tag.as_ref()))
}

/// Checks the header against the exact bytes of the body, in constant time over the digest.
///
/// # Errors
/// A [`SignatureFault`]; never panics, whatever the header holds. Only what Meta writes is accepted: lower-case digits.
pub fn verify(secret: &[u8], body: &[u8], header: Option<&[u8]>) -> Result<(), SignatureFault> {
    let digest = digest_of(header.ok_or(SignatureFault::Missing)?)?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), body, &digest).map_err(|_| SignatureFault::Wrong)
}

fn digest_of(header: &[u8]) -> Result<[u8; DIGEST_BYTES], SignatureFault> {
    if header.is_empty() {
        return Err(SignatureFault::Malformed("it is empty"));
    }
    let digits =
        header.strip_prefix(PREFIX).ok_or(SignatureFault::Malformed("it does not start with sha256="))?;
    if digits.len() != 2 * DIGEST_BYTES {
        return Err(SignatureFault::Malformed("the digest is not 64 characters long"));
    }
    if digits.iter().any(u8::is_ascii_uppercase) {
        return Err(SignatureFault::Malformed("the digest is not in lower case"));
    }
    let mut digest = [0_u8; DIGEST_BYTES];
    hex::decode_to_slice(digits, &mut digest)
        .map_err(|_| SignatureFault::Malformed("the digest is not hexadecimal"))?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &[u8] = b"app-secret";
    const BODY: &[u8] = br#"{"object":"whatsapp_business_account","name":"\u00e4\u00f6"}"#;

    #[test]
    fn a_known_vector_gives_the_published_digest() {
        // RFC 4231, test case 2.
        assert_eq!(
            sign(b"Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_signed_body_verifies_and_any_changed_byte_does_not() {
        let header = sign(SECRET, BODY);
        assert_eq!(verify(SECRET, BODY, Some(header.as_bytes())), Ok(()));
        assert_eq!(verify(b"other", BODY, Some(header.as_bytes())), Err(SignatureFault::Wrong));
        for at in 0..BODY.len() {
            let mut changed = BODY.to_vec();
            changed[at] ^= 1;
            assert_eq!(verify(SECRET, &changed, Some(header.as_bytes())), Err(SignatureFault::Wrong));
        }
    }

    #[test]
    fn raw_utf8_is_signed_as_it_was_sent() {
        let body = "{\"name\":\"Zoë 🎉\"}".as_bytes();
        assert_eq!(verify(SECRET, body, Some(sign(SECRET, body).as_bytes())), Ok(()));
    }

    #[test]
    fn upper_case_digits_are_not_what_meta_writes() {
        let header = sign(SECRET, BODY).to_uppercase().replace("SHA256", "sha256");
        let fault = SignatureFault::Malformed("the digest is not in lower case");
        assert_eq!(verify(SECRET, BODY, Some(header.as_bytes())), Err(fault));
    }

    #[test]
    fn every_way_of_being_malformed_is_named() {
        let good = sign(SECRET, BODY);
        let bare = good.trim_start_matches("sha256=").to_owned();
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (vec![], "it is empty"),
            (bare.clone().into_bytes(), "it does not start with sha256="),
            (format!("sha1={bare}").into_bytes(), "it does not start with sha256="),
            (format!(" {good}").into_bytes(), "it does not start with sha256="),
            (format!("{good} ").into_bytes(), "the digest is not 64 characters long"),
            (good.as_bytes()[..good.len() - 1].to_vec(), "the digest is not 64 characters long"),
            (b"sha256=".to_vec(), "the digest is not 64 characters long"),
            (format!("sha256={}", "z".repeat(64)).into_bytes(), "the digest is not hexadecimal"),
            (format!("sha256={}", "é".repeat(32)).into_bytes(), "the digest is not hexadecimal"),
            ([b"sha256=".to_vec(), vec![0xff; 64]].concat(), "the digest is not hexadecimal"),
        ];
        for (header, reason) in cases {
            let expected = Err(SignatureFault::Malformed(reason));
            assert_eq!(verify(SECRET, BODY, Some(&header)), expected, "{header:?}");
        }
        assert_eq!(verify(SECRET, BODY, None), Err(SignatureFault::Missing));
    }

    proptest! {
        #[test]
        fn no_header_and_no_body_makes_it_panic(
            secret in proptest::collection::vec(any::<u8>(), 0..80),
            body in proptest::collection::vec(any::<u8>(), 0..200),
            header in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)),
            digest in proptest::collection::vec(any::<u8>(), 64),
        ) {
            prop_assert!(verify(&secret, &body, header.as_deref()).is_err());
            let prefixed = [PREFIX, &digest].concat();
            prop_assert!(verify(&secret, &body, Some(&prefixed)).is_err());
            prop_assert_eq!(verify(&secret, &body, Some(sign(&secret, &body).as_bytes())), Ok(()));
        }
    }
}
