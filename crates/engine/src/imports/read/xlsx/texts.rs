//! The texts of all cells, which cells name by number.

use std::io::Read;

use quick_xml::events::Event;

use super::xml::{Xml, cut_off};
use crate::imports::read::{ROW_BYTES, Unreadable};

/// One behind the other, and where each ends: however many there are, they take no more than they did in the file.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: String,
    ends: Vec<u32>,
}

impl Texts {
    pub(super) fn read(mut part: Xml<impl Read>) -> Result<Self, Unreadable> {
        let mut texts = Self::default();
        let mut text = String::new();
        loop {
            match part.next()? {
                Event::Start(tag) if tag.local_name().as_ref() == "si" => {
                    text.clear();
                    runs(&mut part, &mut text)?;
                    texts.all.push_str(&text);
                    // The part is smaller than that.
                    texts.ends.push(u32::try_from(texts.all.len()).unwrap_or(u32::MAX));
                }
                Event::Eof => return Ok(texts),
                _ => {}
            }
        }
    }

    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.all.get(start..end)
    }
}

/// The text of the element that began last, put together from its runs, without hints at how it is spoken. More than a
/// row may have is cut, and too long for every row.
pub(super) fn runs(part: &mut Xml<impl Read>, to: &mut String) -> Result<(), Unreadable> {
    let depth = part.depth();
    while part.depth() >= depth {
        let name = match part.next()? {
            Event::Start(tag) => tag.local_name().as_ref().to_owned(),
            Event::Eof => return Err(cut_off()),
            _ => continue,
        };
        match name.as_str() {
            "t" => part.text(to, ROW_BYTES + 16)?,
            "rPh" => part.skip()?,
            _ => {}
        }
    }
    unescape(to);
    Ok(())
}

/// `_x000D_` stands for a letter that XML cannot hold (ECMA-376 part 1, 22.4.2.4), half of one outside the first plane.
pub(super) fn unescape(text: &mut String) {
    if !text.contains("_x") {
        return;
    }
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("_x") {
        units.extend(rest[..at].encode_utf16());
        let escape = rest.get(at + 2..at + 7).and_then(|digits| digits.strip_suffix('_'));
        let is_hex = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match escape.filter(is_hex).and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                units.push(unit);
                rest = &rest[at + 7..];
            }
            None => {
                units.extend("_x".encode_utf16());
                rest = &rest[at + 2..];
            }
        }
    }
    units.extend(rest.encode_utf16());
    *text = String::from_utf16_lossy(&units);
}
