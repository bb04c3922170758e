//! The signature header, and the ways in which it can be wrong on purpose.

use aws_lc_rs::hmac;

/// Header name and value for a body; None sends no signature at all.
pub(crate) fn header(kind: &str, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
    let good = || graph::signature::sign(secret.as_bytes(), body);
    let name = "X-Hub-Signature-256";
    match kind {
        "missing" => None,
        "wrong" => Some((name, format!("sha256={}", "0".repeat(64)))),
        // The legacy header alone, and right.
        "sha1" => Some(("X-Hub-Signature", sha1(secret, body))),
        "truncated" => Some((name, good().chars().take(60).collect())),
        "foreign" => Some((name, graph::signature::sign(b"another app's secret", body))),
        _ => Some((name, good())),
    }
}

fn sha1(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    format!("sha1={}", hex::encode(hmac::sign(&key, body)))
}
