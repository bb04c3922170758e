//! What a letter says, as its reader sees it.

use crate::base64;

/// A letter as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: Vec<String>,
    /// Headers and body, lines ended by `\n`.
    pub raw: String,
}

impl Letter {
    fn parts(&self) -> (&str, &str) {
        self.raw.split_once("\n\n").unwrap_or((&self.raw, ""))
    }

    /// A header as it stands there, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.parts().0.replace("\n ", " ").replace("\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The subject as a person reads it.
    pub fn subject(&self) -> String {
        let raw = self.header("Subject").unwrap_or_default();
        let (mut subject, mut rest, mut after_word) = (String::new(), raw.as_str(), false);
        while let Some(start) = rest.find("=?") {
            let between = &rest[..start];
            // Blanks between two encoded words are none.
            if !(after_word && between.trim().is_empty()) {
                subject.push_str(between);
            }
            let mut parts = rest[start + 2..].splitn(4, '?');
            let (_, way, text) =
                (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            subject.push_str(&match way {
                "b" | "B" => String::from_utf8_lossy(&base64(text)).into_owned(),
                _ => quoted_printable(text, true),
            });
            rest = parts.next().unwrap_or_default().strip_prefix('=').unwrap_or_default();
            after_word = true;
        }
        subject.push_str(rest);
        subject
    }

    /// The text as a person reads it.
    pub fn text(&self) -> String {
        let body = self.parts().1;
        match self.header("Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
            "base64" => String::from_utf8_lossy(&base64(body)).replace("\r\n", "\n"),
            "quoted-printable" => quoted_printable(body, false),
            _ => body.to_owned(),
        }
    }
}

fn quoted_printable(text: &str, underscores: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind) {
            (b'=', [b'\n', ..]) => rest = &behind[1..],
            (b'=', [high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                bytes.extend(u8::from_str_radix(digits, 16));
                rest = &behind[2..];
            }
            (b'_', _) if underscores => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
