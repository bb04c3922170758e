//! The signature header, and the ways in which it can be wrong on purpose.

/// Header name and value for a body; None sends no signature at all.
pub(crate) fn header(kind: &str, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
    let good = || graph::signature::sign(secret.as_bytes(), body);
    let name = "X-Hub-Signature-256";
    match kind {
        "missing" => None,
        "wrong" => Some((name, format!("sha256={}", "0".repeat(64)))),
        "sha1" => Some(("X-Hub-Signature", format!("sha1={}", "0".repeat(40)))),
        "truncated" => Some((name, good().chars().take(60).collect())),
        "foreign" => Some((name, graph::signature::sign(b"another app's secret", body))),
        _ => Some((name, good())),
    }
}
