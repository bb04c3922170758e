//! What a workbook is made of: which part is which sheet, where the texts lie, which styles are dates.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use quick_xml::events::Event;

use super::package::Package;
use super::sheet::{self, Cells, Format};
use super::texts::Texts;
use super::xml::attribute;
use super::{PART, PARTS, SHEET, broken};
use crate::imports::read::{Row, Unreadable};

/// Characters of a sheet's name; Excel takes 31.
const NAME: usize = 255;

/// A sheet of cells.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) is_shown: bool,
    part: String,
}

pub(super) struct Book<R> {
    package: Package<R>,
    sheets: Vec<Sheet>,
    texts: Option<String>,
    styles: Option<String>,
    is_1904: bool,
}

/// What a part says of another one.
struct Relation {
    /// The last word of its type.
    kind: String,
    part: String,
}

impl<R: Read + Seek> Book<R> {
    pub(super) fn open(file: R) -> Result<Self, Unreadable> {
        let mut package = Package::open(file)?;
        let roots = relations(&mut package, "_rels/.rels", "")?;
        let workbook = roots.into_values().find(|relation| relation.kind == "officeDocument");
        let workbook = workbook.ok_or_else(|| broken("it does not say where its workbook is"))?.part;
        let (folder, name) = workbook.rsplit_once('/').unwrap_or(("", &workbook));
        let beside = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let related = relations(&mut package, &format!("{beside}_rels/{name}.rels"), &beside)?;
        let of_kind = |kind: &str, usual: &str| {
            let told = related.values().find(|relation| relation.kind == kind);
            let part = told.map_or_else(|| format!("{beside}{usual}"), |relation| relation.part.clone());
            package.has(&part).then_some(part)
        };
        let texts = of_kind("sharedStrings", "sharedStrings.xml");
        let styles = of_kind("styles", "styles.xml");
        let mut book = Self { package, sheets: Vec::new(), texts, styles, is_1904: false };
        book.read_sheets(&workbook, &related)?;
        Ok(book)
    }

    pub(super) fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    pub(super) fn sheet(&self, name: &str) -> Result<Sheet, Unreadable> {
        self.sheets.iter().find(|sheet| sheet.name == name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.sheets.iter().take(30).map(|sheet| sheet.name.as_str()).collect();
            Unreadable::refused(format!("there is no sheet \"{name}\"; there are {}", names.join(", ")))
        })
    }

    pub(super) fn unpack_texts_into_nothing(&mut self) -> Result<(), Unreadable> {
        match &self.texts {
            Some(part) => self.package.unpack_into_nothing(part, PART),
            None => Ok(()),
        }
    }

    pub(super) fn unpack_into_nothing(&mut self, sheet: &Sheet) -> Result<(), Unreadable> {
        self.package.unpack_into_nothing(&sheet.part, SHEET)
    }

    pub(super) fn rows(
        &mut self,
        sheet: &Sheet,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), Unreadable> {
        let formats = self.formats()?;
        let texts = match &self.texts {
            Some(part) => Texts::read(self.package.part(part, PART)?)?,
            None => Texts::default(),
        };
        let cells = Cells { texts, formats, is_1904: self.is_1904 };
        sheet::rows(self.package.part(&sheet.part, SHEET)?, &cells, each)
    }

    fn read_sheets(&mut self, workbook: &str, related: &HashMap<String, Relation>) -> Result<(), Unreadable> {
        let mut part = self.package.part(workbook, PART)?;
        loop {
            match part.next()? {
                Event::Start(tag) if tag.local_name().as_ref() == "sheet" => {
                    let name = attribute(&tag, "name")?.unwrap_or_default();
                    let is_shown = attribute(&tag, "state")?.is_none_or(|state| state == "visible");
                    let id = attribute(&tag, "id")?.unwrap_or_default();
                    let relation = related.get(id.as_ref());
                    // Others are charts and dialogues.
                    if let Some(relation) = relation.filter(|relation| relation.kind == "worksheet") {
                        let name = name.chars().take(NAME).collect();
                        self.sheets.push(Sheet { name, is_shown, part: relation.part.clone() });
                    }
                    if self.sheets.len() > PARTS {
                        return Err(broken(format_args!("it has more than {PARTS} sheets")));
                    }
                }
                Event::Start(tag) if tag.local_name().as_ref() == "workbookPr" => {
                    let told = attribute(&tag, "date1904")?;
                    self.is_1904 |= told.is_some_and(|told| told == "1" || told == "true");
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    /// Of each style, by its number.
    fn formats(&mut self) -> Result<Vec<Format>, Unreadable> {
        let mut formats = Vec::new();
        let Some(part) = &self.styles else { return Ok(formats) };
        let mut own: HashMap<String, Format> = HashMap::new();
        let mut part = self.package.part(part, PART)?;
        let mut is_of_cells = false;
        loop {
            match part.next()? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "numFmt" => {
                        let id = attribute(&tag, "numFmtId")?.unwrap_or_default();
                        let code = attribute(&tag, "formatCode")?.unwrap_or_default();
                        // More than a workbook can have (Excel: 250).
                        if own.len() < 10 * PARTS && id.len() < 10 {
                            own.insert(id.into_owned(), Format::of_code(&code));
                        }
                    }
                    "cellXfs" => is_of_cells = true,
                    "xf" if is_of_cells => {
                        let id = attribute(&tag, "numFmtId")?.unwrap_or_default();
                        let format = own.get(id.as_ref()).copied();
                        formats.push(format.unwrap_or_else(|| Format::of_number(id.parse().unwrap_or(0))));
                    }
                    _ => {}
                },
                Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => is_of_cells = false,
                Event::Eof => return Ok(formats),
                _ => {}
            }
        }
    }
}

/// What a part says of others, by their ids; `beside` is the folder that they are named from.
fn relations<R: Read + Seek>(
    package: &mut Package<R>,
    part: &str,
    beside: &str,
) -> Result<HashMap<String, Relation>, Unreadable> {
    let mut found = HashMap::new();
    let mut part = package.part(part, PART)?;
    loop {
        match part.next()? {
            Event::Start(tag) if tag.local_name().as_ref() == "Relationship" => {
                let id = attribute(&tag, "Id")?.unwrap_or_default().into_owned();
                let kind = attribute(&tag, "Type")?.unwrap_or_default();
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                let target = attribute(&tag, "Target")?.unwrap_or_default();
                found.insert(id, Relation { kind, part: resolved(beside, &target) });
                if found.len() > PARTS {
                    return Err(broken(format_args!("it names more than {PARTS} parts")));
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// A path from a folder, or from the root.
fn resolved(beside: &str, target: &str) -> String {
    let whole = match target.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None => format!("{beside}{target}"),
    };
    let mut path: Vec<&str> = Vec::new();
    for step in whole.split('/') {
        match step {
            "." | "" => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.join("/")
}
