//! JSON as Meta writes it on the wire: non-ASCII text as `\u00e4` (lower-case hexadecimal), `/` as `\/`.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte < 0x80 && byte != b'/') {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain_from = 0;
        for (at, c) in fragment.char_indices() {
            if c.is_ascii() && c != '/' {
                continue;
            }
            writer.write_all(&fragment.as_bytes()[plain_from..at])?;
            plain_from = at + c.len_utf8();
            if c == '/' {
                writer.write_all(b"\\/")?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        writer.write_all(&fragment.as_bytes()[plain_from..])
    }
}

/// Serialises with Meta's escapes, or as plain UTF-8.
pub(crate) fn to_json(value: &impl Serialize, raw_utf8: bool) -> String {
    let mut out = Vec::with_capacity(512);
    let written = if raw_utf8 {
        value.serialize(&mut serde_json::Serializer::new(&mut out))
    } else {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Escaping))
    };
    written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_else(|| "null".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_meta_does_and_reads_back_the_same() {
        let text = "äöå / \"q\" \n 😀 plain";
        let escaped = to_json(&text, false);
        assert_eq!(escaped, r#""\u00e4\u00f6\u00e5 \/ \"q\" \n \ud83d\ude00 plain""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        assert_eq!(to_json(&"ä/", true), "\"ä/\"");
    }
}
