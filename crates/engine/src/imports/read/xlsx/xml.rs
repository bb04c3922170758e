//! The XML of a part, piece by piece: no tag and no text is held that is longer than any cell, and no nesting that is
//! deeper than any workbook's.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader, XmlVersion};

use super::{TEXT, broken, too_large};
use crate::imports::read::Unreadable;

/// Elements inside elements.
const DEPTH: usize = 64;
/// Bytes of an attribute.
const ATTRIBUTE: usize = 4_096;

pub(super) struct Xml<R> {
    reader: Reader<BufReader<Guarded<R>>>,
    buffer: Vec<u8>,
    since: Rc<Cell<usize>>,
    depth: usize,
}

impl<R: Read> Xml<R> {
    /// Fails behind so many bytes.
    pub(super) fn new(part: R, limit: u64) -> Self {
        let since = Rc::new(Cell::new(0));
        let guarded = Guarded { inner: part, left: limit, since: Rc::clone(&since) };
        let mut reader = Reader::from_reader(BufReader::with_capacity(64 * 1024, guarded));
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.expand_empty_elements = true;
        Self { reader, buffer: Vec::with_capacity(1024), since, depth: 0 }
    }

    /// Elements that are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The next piece; an element without content begins and ends.
    pub(super) fn next(&mut self) -> Result<Event<'_>, Unreadable> {
        self.buffer.clear();
        self.since.set(0);
        let event = self.reader.read_event_into(&mut self.buffer).map_err(failed)?;
        match event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > DEPTH {
            return Err(broken("its elements are nested without end"));
        }
        Ok(event)
    }

    /// To the end of the element that began last.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
        let depth = self.depth;
        while self.depth >= depth {
            if matches!(self.next()?, Event::Eof) {
                return Err(cut_off());
            }
        }
        Ok(())
    }

    /// The text inside the element that began last, to its end; what is behind `most` bytes is left out.
    pub(super) fn text(&mut self, to: &mut String, most: usize) -> Result<(), Unreadable> {
        let depth = self.depth;
        while self.depth >= depth {
            match self.next()? {
                Event::Text(text) => append(to, &text.xml10_content(), most),
                Event::CData(text) => append(to, &text.xml10_content(), most),
                Event::GeneralRef(name) => append(to, referred(&name)?.encode_utf8(&mut [0; 4]), most),
                Event::Eof => return Err(cut_off()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn append(to: &mut String, text: &str, most: usize) {
    if to.len() + text.len() <= most {
        to.push_str(text);
    } else {
        to.extend(text.chars().take(most.saturating_sub(to.len()) / 4));
    }
}

fn referred(name: &BytesRef<'_>) -> Result<char, Unreadable> {
    if let Some(letter) = name.resolve_char_ref().map_err(broken)? {
        return Ok(letter);
    }
    match name.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(broken("it refers to what XML does not know")),
    }
}

/// An attribute by its name, whatever the prefix is.
pub(super) fn attribute<'t>(tag: &'t BytesStart<'_>, name: &str) -> Result<Option<Cow<'t, str>>, Unreadable> {
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(broken)?;
        let declares = attribute.key.as_ref().starts_with("xmlns");
        if declares || attribute.key.local_name().as_ref() != name {
            continue;
        }
        if attribute.value.len() > ATTRIBUTE {
            return Err(broken(format_args!("the attribute {name} is longer than any")));
        }
        return Ok(Some(attribute.normalized_value(XmlVersion::Implicit1_0).map_err(broken)?));
    }
    Ok(None)
}

pub(super) fn cut_off() -> Unreadable {
    broken("it ends inside an element")
}

fn failed(error: Error) -> Unreadable {
    match &error {
        Error::Io(inner) if inner.kind() == io::ErrorKind::FileTooLarge => too_large(),
        _ => broken(error),
    }
}

/// Fails when too much was read in all, or for one piece: it would be held whole.
struct Guarded<R> {
    inner: R,
    left: u64,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.since.set(self.since.get() + length);
        self.left = match self.left.checked_sub(length as u64) {
            Some(left) if self.since.get() <= TEXT => left,
            _ => return Err(io::ErrorKind::FileTooLarge.into()),
        };
        Ok(length)
    }
}
