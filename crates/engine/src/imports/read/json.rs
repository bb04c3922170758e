//! JSON: an object whose member `contacts` is an array, element by element.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use domain::imports::cells;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{ROW_BYTES, Row, Unreadable};

/// The columns that an element is laid out in; each is the element's member of this name.
pub const COLUMNS: [&str; 10] = [
    "phone",
    "name",
    "language",
    "time_zone",
    "tags",
    "opted_in",
    "consent_source",
    "consent_time",
    "consent_evidence",
    "fields",
];

/// What a broken-off walk says; nobody sees it.
const BROKEN_OFF: &str = "broken off";

/// The members of the object but for `contacts`, and how many contacts there are.
///
/// # Errors
/// [`Unreadable`]: it is no such object.
pub fn members(path: &Path) -> Result<(Map<String, Value>, u64), Unreadable> {
    let mut count = 0;
    let mut others = Map::new();
    let mut has_contacts = false;
    walk(std::fs::File::open(path)?, &mut |step| {
        match step {
            Step::Other(name, value) => drop(others.insert(name, value)),
            Step::Contacts => has_contacts = true,
            Step::Contact(_) => count += 1,
        }
        ControlFlow::Continue(())
    })?;
    if !has_contacts {
        return Err(Unreadable::refused("the member contacts is missing"));
    }
    Ok((others, count))
}

pub(super) fn rows(file: impl Read, each: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<(), Unreadable> {
    let mut number = 0;
    walk(file, &mut |step| match step {
        Step::Contact(value) => {
            number += 1;
            each(row(number, value))
        }
        Step::Other(..) | Step::Contacts => ControlFlow::Continue(()),
    })
}

fn row(number: u64, value: Value) -> Row {
    let Value::Object(mut members) = value else {
        return Row::unreadable(number, &value.to_string(), "Must be an object");
    };
    let text = |name: &&str, value| if *name == "tags" { tags(value) } else { cell(value) };
    let mut cells = Vec::with_capacity(COLUMNS.len());
    for name in &COLUMNS {
        cells.push(members.remove(*name).map(|value| text(name, value)).unwrap_or_default());
    }
    let problem = members.keys().next().map(|name| format!("Unknown member \"{name}\""));
    Row { number, cells, problem }
}

fn cell(value: Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(items) => items.into_iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

/// Parted as in a file, unless a tag itself holds what parts them there: then as the array that it is.
fn tags(value: Value) -> String {
    let parts = |tag: &Value| tag.as_str().is_some_and(|tag| cells::tags(tag) != [tag]);
    match value {
        Value::Array(tags) if tags.iter().any(parts) => cell(Value::String(Value::Array(tags).to_string())),
        other => cell(other),
    }
}

enum Step {
    Contacts,
    Contact(Value),
    Other(String, Value),
}

type Each<'e> = &'e mut dyn FnMut(Step) -> ControlFlow<()>;

fn walk(file: impl Read, each: Each<'_>) -> Result<(), Unreadable> {
    let since = Rc::new(Cell::new(0));
    let guarded = Guarded { inner: BufReader::with_capacity(64 * 1024, file), since: Rc::clone(&since) };
    let mut broken_off = false;
    let mut told = |step: Step| {
        since.set(0);
        let flow = each(step);
        broken_off |= flow.is_break();
        flow
    };
    let mut deserializer = serde_json::Deserializer::from_reader(guarded);
    let walked = deserializer.deserialize_map(Whole(&mut told)).and_then(|()| deserializer.end());
    match walked {
        Ok(()) => Ok(()),
        Err(_) if broken_off => Ok(()),
        Err(error) if error.is_io() && error.io_error_kind() != Some(io::ErrorKind::FileTooLarge) => {
            Err(Unreadable::Io(error.into()))
        }
        Err(error) => Err(Unreadable::refused(format!("the body is not valid JSON: {error}"))),
    }
}

/// Fails when too much was read for one member: it would be held whole.
struct Guarded<R> {
    inner: R,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.since.set(self.since.get() + length);
        if self.since.get() > ROW_BYTES {
            let why = format!("a contact has more than {ROW_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        Ok(length)
    }
}

struct Whole<'e>(Each<'e>);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the member contacts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let flow = if name == "contacts" {
                let flow = self.0(Step::Contacts);
                map.next_value_seed(Contacts(self.0))?;
                flow
            } else {
                let value = map.next_value()?;
                self.0(Step::Other(name, value))
            };
            if flow.is_break() {
                return Err(A::Error::custom(BROKEN_OFF));
            }
        }
        Ok(())
    }
}

struct Contacts<'e>(Each<'e>);

impl<'de> DeserializeSeed<'de> for Contacts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Contacts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of contacts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(value) = sequence.next_element::<Value>()? {
            if self.0(Step::Contact(value)).is_break() {
                return Err(A::Error::custom(BROKEN_OFF));
            }
        }
        Ok(())
    }
}
