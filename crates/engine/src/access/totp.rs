//! Codes of a second factor by time (RFC 6238 with SHA-1, 30 seconds and six digits, which every app knows), and
//! recovery codes.

use aws_lc_rs::{constant_time, hmac};
use domain::{Entropy, Timestamp};
use url::form_urlencoded::byte_serialize;

/// Seconds of one code.
const STEP: i64 = 30;
/// Bytes of a shared secret, as long as SHA-1 is (RFC 4226, 4).
const SECRET: usize = 20;
/// Recovery codes that are given out.
pub(super) const CODES: usize = 10;
/// Random bytes of a recovery code.
const RECOVERY: usize = 10;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new shared secret, in base32.
pub(super) fn secret(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; SECRET];
    entropy.fill(&mut bytes);
    base32(&bytes)
}

/// What an app reads from a QR code.
pub(super) fn uri(email: &str, secret: &str) -> String {
    let account: String = byte_serialize(email.as_bytes()).collect();
    format!(
        "otpauth://totp/Waxwing:{account}?secret={secret}&issuer=Waxwing&algorithm=SHA1&digits=6&period=30"
    )
}

/// The step whose code this is, out of this one and its neighbours: clocks differ (RFC 6238, 5.2).
pub(super) fn step_of(secret: &str, code: &str, now: Timestamp) -> Option<i64> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &from_base32(secret)?);
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let current = now.as_second().div_euclid(STEP);
    [current, current - 1, current + 1].into_iter().find(|step| {
        let right = format!("{:06}", code_at(&key, *step));
        constant_time::verify_slices_are_equal(right.as_bytes(), digits.as_bytes()).is_ok()
    })
}

/// RFC 4226, 5.3.
fn code_at(key: &hmac::Key, step: i64) -> u32 {
    let mac = hmac::sign(key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    let taken: [u8; 4] =
        mac[offset..offset + 4].try_into().expect("SHA-1 has 20 bytes, the last offset is 15");
    (u32::from_be_bytes(taken) & 0x7fff_ffff) % 1_000_000
}

/// New recovery codes, as they are shown.
pub(super) fn recovery_codes(entropy: &dyn Entropy) -> Vec<String> {
    let code = |_| {
        let mut bytes = [0u8; RECOVERY];
        entropy.fill(&mut bytes);
        let letters = base32(&bytes).to_lowercase();
        [&letters[..4], &letters[4..8], &letters[8..12], &letters[12..]].join("-")
    };
    (0..CODES).map(code).collect()
}

/// The hash of a recovery code, however it is typed.
pub(super) fn recovery_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    super::token::hash(&format!("recovery/{}", plain.to_ascii_lowercase()))
}

fn base32(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[((held >> bits) & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[((held << (5 - bits)) & 31) as usize]));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        held = (held << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use domain::SystemEntropy;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = base32(b"12345678901234567890");
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        // RFC 6238, appendix B, the last six of eight digits.
        for (second, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(step_of(&secret, code, at(second)), Some(second / 30));
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_more() {
        let secret = base32(b"12345678901234567890");
        for (second, step) in [(29, Some(1)), (89, Some(1)), (60, Some(1)), (90, None), (0, Some(1))] {
            assert_eq!(step_of(&secret, "287 082", at(second)), step, "{second}");
        }
        for wrong in ["", "28708", "2870820", "287083", "abcdef"] {
            assert_eq!(step_of(&secret, wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn base32_is_read_back() {
        for length in 0..=20 {
            let bytes: Vec<u8> = (0..length).map(|byte: u8| byte.wrapping_mul(37)).collect();
            assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
        assert_eq!(from_base32("A1"), None);
    }

    #[test]
    fn recovery_codes_differ_and_are_known_however_they_are_typed() {
        let codes = recovery_codes(&SystemEntropy);
        assert_eq!(codes.len(), CODES);
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
        assert_ne!(codes[0], codes[1]);
        let typed = codes[0].replace('-', " ").to_uppercase();
        assert_eq!(recovery_hash(&typed), recovery_hash(&codes[0]));
        assert_ne!(recovery_hash(&codes[1]), recovery_hash(&codes[0]));
    }

    #[test]
    fn an_app_is_told_whose_secret_it_is() {
        assert!(
            uri("ada+1@example.com", "ABC")
                .starts_with("otpauth://totp/Waxwing:ada%2B1%40example.com?secret=ABC&")
        );
    }
}
