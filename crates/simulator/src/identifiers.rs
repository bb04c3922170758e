//! Identifiers as Meta writes them: numeric node ids, `wamid.`s, trace ids, tokens.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::entropy::Entropy;

/// A Graph node id: a numeric string of 16 digits, over 2^53 as Meta's are.
pub(crate) fn node_id(entropy: &Entropy) -> String {
    (9_100_000_000_000_000 + entropy.below(899_999_999_999_999)).to_string()
}

/// The `fbtrace_id` of an answer.
pub(crate) fn trace_id(entropy: &Entropy) -> String {
    format!(
        "A{}",
        URL_SAFE_NO_PAD.encode([entropy.number().to_be_bytes(), entropy.number().to_be_bytes()].concat())
    )
}

/// A message id laid out as WhatsApp's: the other party's number, then 18 hexadecimal digits, here the
/// ledger's sequence number and a nonce. It can be built again from its parts, so the ledger need not store it.
pub(crate) fn wamid(party: &str, seq: u64, nonce: u32, outbound: bool) -> String {
    let mut raw = Vec::with_capacity(party.len() + 32);
    raw.extend_from_slice(&[0x1c, 0x18, party.len() as u8]);
    raw.extend_from_slice(party.as_bytes());
    raw.extend_from_slice(&[0x15, 0x02, 0x00, if outbound { 0x11 } else { 0x12 }, 0x18, 0x12]);
    raw.extend_from_slice(format!("{:010X}{nonce:08X}", seq & 0xff_ffff_ffff).as_bytes());
    raw.push(0);
    format!("wamid.{}", STANDARD.encode(raw))
}

/// The sequence number inside a message id made by [`wamid`]: `(seq, nonce, outbound)`.
pub(crate) fn wamid_parts(id: &str) -> Option<(u64, u32, bool)> {
    let raw = STANDARD.decode(id.strip_prefix("wamid.")?).ok()?;
    let tail = raw.len().checked_sub(19)?;
    let direction = *raw.get(tail.checked_sub(3)?)?;
    let hex = std::str::from_utf8(raw.get(tail..tail + 18)?).ok()?;
    let seq = u64::from_str_radix(hex.get(..10)?, 16).ok()?;
    Some((seq, u32::from_str_radix(hex.get(10..)?, 16).ok()?, direction == 0x11))
}

/// An access token in Meta's style.
pub(crate) fn access_token(entropy: &Entropy) -> String {
    let mut token = String::from("EAA");
    for _ in 0..6 {
        token.push_str(&format!("{:016X}", entropy.number()));
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_gives_back_its_parts() {
        let id = wamid("16505551234", 77, 0xdead_beef, true);
        assert!(id.starts_with("wamid.HBgLMTY1MDU1NTEyMzQVAgAR"), "{id}");
        assert_eq!(wamid_parts(&id), Some((77, 0xdead_beef, true)));
        let inbound = wamid("US.13491208655302741918", 5, 1, false);
        assert_eq!(wamid_parts(&inbound), Some((5, 1, false)));
    }

    #[test]
    fn a_foreign_message_id_has_no_parts() {
        assert_eq!(wamid_parts("wamid.1"), None);
        assert_eq!(wamid_parts("hello"), None);
        assert_eq!(wamid_parts("wamid.HBgLMTY"), None);
    }
}
