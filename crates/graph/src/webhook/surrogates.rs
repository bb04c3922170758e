//! Halves of surrogate pairs in JSON escapes, as texts get them that were cut in the middle of an emoji.

use std::borrow::Cow;

/// The same JSON with every `\ud800`..`\udfff` that has no partner replaced by `\ufffd`.
pub(super) fn repaired(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let bytes = json.as_bytes();
    let mut lone = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        at += match (bytes[at], unit(bytes, at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                lone.push(at);
                6
            }
            (b'\\', _) => 2,
            _ => 1,
        };
    }
    if lone.is_empty() { Cow::Borrowed(json) } else { Cow::Owned(replaced(json, &lone)) }
}

/// The code unit of an escape `\uXXXX` that starts here.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn replaced(json: &str, lone: &[usize]) -> String {
    let mut text = String::with_capacity(json.len());
    let mut from = 0;
    for &at in lone {
        text.push_str(&json[from..at]);
        text.push_str("\\ufffd");
        from = at + 6;
    }
    text.push_str(&json[from..]);
    text
}

#[cfg(test)]
mod tests {
    use super::repaired;

    #[test]
    fn pairs_stay_and_halves_are_replaced() {
        let cases = [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\ude00\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\uD83D\n""#, r#""\ufffd\n""#),
            (r#""\ud8"#, r#""\ud8"#),
        ];
        for (given, expected) in cases {
            assert_eq!(repaired(given), expected);
        }
    }
}
