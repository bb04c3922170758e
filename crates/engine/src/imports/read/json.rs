//! JSON: an object whose member `contacts` is an array, or that array alone; element by element.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use domain::imports::cells;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::{ROW_BYTES, Row, Unreadable};

/// The columns that an element is laid out in; each is the element's member of this name.
pub const COLUMNS: [&str; 12] = [
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
    "opted_out_at",
    "opted_out",
];

/// Bytes of the members beside the contacts, and how many there may be.
const OTHERS: usize = ROW_BYTES;
const MEMBERS: usize = 100;

/// The mark by which some programs know UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What a broken-off walk says; nobody sees it.
const BROKEN_OFF: &str = "broken off";

/// The members of the object but for `contacts`, and how many contacts there are.
///
/// # Errors
/// [`Unreadable`]: it is no such object.
pub fn members(path: &Path) -> Result<(Map<String, Value>, u64), Unreadable> {
    let mut count = 0;
    let mut others = Map::new();
    let mut left = OTHERS;
    let mut too_much = false;
    walk(std::fs::File::open(path)?, &mut |step| {
        match step {
            Step::Other(name, value) => {
                let weight = name.len() + value.to_string().len();
                too_much |= weight > left || others.len() == MEMBERS;
                left = left.saturating_sub(weight);
                if too_much {
                    return ControlFlow::Break(());
                }
                others.insert(name, value);
            }
            Step::Contact(_) => count += 1,
            Step::Contacts => {}
        }
        ControlFlow::Continue(())
    })?;
    if too_much {
        return Err(Unreadable::refused(format!(
            "the members beside contacts are more than {MEMBERS}, or have more than {OTHERS} bytes"
        )));
    }
    Ok((others, count))
}

/// Whether the beginning of a file is that of such an object, or of an array of objects.
pub fn is_json(head: &[u8]) -> bool {
    let head = head.strip_prefix(MARK).unwrap_or(head);
    let mut letters = head.iter().filter(|byte| !byte.is_ascii_whitespace());
    match (letters.next(), letters.next()) {
        (Some(b'{'), next) => matches!(next, None | Some(b'"' | b'}')),
        (Some(b'['), next) => matches!(next, None | Some(b'{' | b']')),
        _ => false,
    }
}

pub(super) fn rows(file: impl Read, each: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<(), Unreadable> {
    let mut number = 0;
    walk(file, &mut |step| match step {
        Step::Contact(text) => {
            number += 1;
            each(row(number, text.get()))
        }
        Step::Other(..) | Step::Contacts => ControlFlow::Continue(()),
    })
}

/// Text that is JSON may be none that anybody can keep (half a letter, a number beyond all numbers, depths): that is the fault of
/// this contact alone.
fn row(number: u64, text: &str) -> Row {
    let mut members = match serde_json::from_str(text) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Row::unreadable(number, text, "Must be an object"),
        Err(error) => return Row::unreadable(number, text, format!("The contact cannot be read: {error}")),
    };
    let (mut problems, mut misread) = (Vec::new(), Vec::new());
    let mut cells = Vec::with_capacity(COLUMNS.len());
    for (column, name) in COLUMNS.iter().enumerate() {
        let value = members.shift_remove(*name).unwrap_or_default();
        cells.push(match cell(name, &value) {
            Ok(cell) => cell,
            Err(wanted) => {
                problems.push(format!("{name} must be {wanted}"));
                misread.push(column);
                value.to_string()
            }
        });
    }
    if !members.is_empty() {
        let names: Vec<String> = members.keys().map(|name| format!("\"{name}\"")).collect();
        problems.insert(0, format!("Unknown member {}", names.join(", ")));
        misread.push(cells.len());
        // For the report: what it was.
        cells.push(Value::Object(members).to_string());
    }
    for cell in cells.iter_mut().filter(|cell| cell.contains('\0')) {
        *cell = cell.replace('\0', "");
    }
    let problem = (!problems.is_empty()).then(|| problems.join("; "));
    Row { number, cells, problem, misread }
}

/// As it stands in the column of a file; else what it must be.
fn cell(name: &str, value: &Value) -> Result<String, &'static str> {
    match (name, value) {
        (_, Value::Null) => Ok(String::new()),
        ("fields", Value::Object(_)) => Ok(value.to_string()),
        ("fields", _) => Err("an object"),
        ("tags", Value::Array(items)) => {
            let tags: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            tags.map(|tags| self::tags(&tags)).ok_or("an array of strings")
        }
        ("tags", Value::String(text)) => Ok(text.clone()),
        ("tags", _) => Err("an array of strings"),
        ("opted_in" | "opted_out", Value::Bool(flag)) => Ok(flag.to_string()),
        (_, Value::String(text)) => Ok(text.clone()),
        (_, Value::Number(number)) if whole(number).is_some() => Ok(whole(number).unwrap_or_default()),
        ("opted_in" | "opted_out", _) => Err("true or false"),
        _ => Err("a string"),
    }
}

/// A number without a fraction, however it is written.
fn whole(number: &Number) -> Option<String> {
    if number.is_i64() || number.is_u64() {
        return Some(number.to_string());
    }
    let number = number.as_f64()?;
    // Beyond that not every one can be told from its neighbour.
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then(|| format!("{number:.0}"))
}

/// Parted as in a file, unless a tag itself holds what parts them there: then as the array that it is.
fn tags(tags: &[&str]) -> String {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    cells::tags_cell(&tags)
}

enum Step {
    Contacts,
    Contact(Box<RawValue>),
    Other(String, Value),
}

type Each<'e> = &'e mut dyn FnMut(Step) -> ControlFlow<()>;

fn walk(file: impl Read, each: Each<'_>) -> Result<(), Unreadable> {
    let since = Rc::new(Cell::new(0));
    let mut file = BufReader::with_capacity(64 * 1024, file);
    if file.fill_buf()?.starts_with(MARK) {
        file.consume(MARK.len());
    }
    let guarded = Guarded { inner: file, since: Rc::clone(&since) };
    let (mut broken_off, mut has_contacts) = (false, false);
    let mut told = |step: Step| {
        since.set(0);
        has_contacts |= matches!(step, Step::Contacts);
        let flow = each(step);
        broken_off |= flow.is_break();
        flow
    };
    let mut deserializer = serde_json::Deserializer::from_reader(guarded);
    let walked = deserializer.deserialize_any(Whole(&mut told)).and_then(|()| deserializer.end());
    match walked {
        Ok(()) if has_contacts => Ok(()),
        Err(_) if broken_off => Ok(()),
        Ok(()) => Err(Unreadable::refused("the member contacts is missing")),
        Err(error) if error.io_error_kind() == Some(io::ErrorKind::FileTooLarge) => {
            Err(Unreadable::refused(format!("a contact has more than {ROW_BYTES} bytes")))
        }
        Err(error) if error.is_io() => Err(Unreadable::Io(error.into())),
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
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(length)
    }
}

struct Whole<'e>(Each<'e>);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the member contacts, or an array of contacts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<(), A::Error> {
        if self.0(Step::Contacts).is_break() {
            return Err(A::Error::custom(BROKEN_OFF));
        }
        Contacts(self.0).visit_seq(sequence)
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
        while let Some(value) = sequence.next_element::<Box<RawValue>>()? {
            if self.0(Step::Contact(value)).is_break() {
                return Err(A::Error::custom(BROKEN_OFF));
            }
        }
        Ok(())
    }
}
