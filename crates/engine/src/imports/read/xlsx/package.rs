//! The packed folder: its parts by name.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::xml::Xml;
use super::{PARTS, TEXT, broken, too_large};
use crate::imports::read::Unreadable;

/// The end of a packed folder, and the longest note behind it (APPNOTE 4.3.16).
const TAIL: u64 = 22 + 65_535;

pub(super) struct Package<R> {
    archive: ZipArchive<R>,
    /// In lower case: names are the same whatever their case is (ECMA-376 part 2, 6.2.2.3).
    places: HashMap<String, usize>,
}

impl<R: Read + Seek> Package<R> {
    pub(super) fn open(mut file: R) -> Result<Self, Unreadable> {
        // Its directory would be held whole.
        if claims_too_many(&mut file)? {
            return Err(too_many());
        }
        let mut archive = ZipArchive::new(file).map_err(broken)?;
        if archive.len() > PARTS {
            return Err(too_many());
        }
        let mut places = HashMap::new();
        for index in 0..archive.len() {
            let part = archive.by_index_raw(index).map_err(broken)?;
            places.insert(plain(&part.name().map_err(broken)?), index);
        }
        Ok(Self { archive, places })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(&plain(name))
    }

    /// A part, to be read up to so many bytes.
    pub(super) fn part(&mut self, name: &str, limit: u64) -> Result<Xml<ZipFile<'_, R>>, Unreadable> {
        Ok(Xml::new(self.raw(name)?, limit))
    }

    /// Unpacks a part into nothing, to see that it can be, within the limits.
    pub(super) fn unpack_into_nothing(&mut self, name: &str, limit: u64) -> Result<(), Unreadable> {
        let mut part = self.raw(name)?;
        let mut buffer = vec![0; 64 * 1024];
        let (mut all, mut without_markup) = (0, 0);
        loop {
            let length = part.read(&mut buffer).map_err(broken)?;
            if length == 0 {
                return Ok(());
            }
            all += length as u64;
            match buffer[..length].iter().rposition(|byte| *byte == b'<') {
                Some(last) => without_markup = length - last,
                None => without_markup += length,
            }
            if all > limit || without_markup > TEXT {
                return Err(too_large());
            }
        }
    }

    fn raw(&mut self, name: &str) -> Result<ZipFile<'_, R>, Unreadable> {
        let index = self.places.get(&plain(name)).ok_or_else(|| {
            let shown: String = name.chars().take(100).collect();
            broken(format_args!("its part {shown} is missing"))
        })?;
        self.archive.by_index(*index).map_err(broken)
    }
}

fn plain(name: &str) -> String {
    name.trim_start_matches('/').replace('\\', "/").to_ascii_lowercase()
}

fn too_many() -> Unreadable {
    Unreadable::refused(format!("the workbook has more than {PARTS} parts"))
}

/// What the ends that a file has say of its directory: the short one (APPNOTE 4.3.16) has room for 65,535 parts, the
/// long one (4.3.14) for any number.
fn claims_too_many<R: Read + Seek>(file: &mut R) -> std::io::Result<bool> {
    let size = file.seek(SeekFrom::End(0))?;
    let from = size.saturating_sub(TAIL + 1024);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(size - from).read_to_end(&mut tail)?;
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut places = Vec::new();
    for (at, mark) in tail.windows(4).enumerate() {
        match mark {
            // Where the long one is.
            b"PK\x06\x07" => places.extend(tail.get(at + 8..at + 16).map(number)),
            b"PK\x06\x06" => places.push(from + at as u64),
            _ => {}
        }
    }
    // Each costs a read.
    if places.len() > PARTS {
        return Ok(true);
    }
    for place in places {
        let mut end = Vec::with_capacity(40);
        file.seek(SeekFrom::Start(place))?;
        file.take(40).read_to_end(&mut end)?;
        let claimed = end.get(24..40).map_or(0, |counts| number(&counts[..8]).max(number(&counts[8..])));
        if end.starts_with(b"PK\x06\x06") && claimed > PARTS as u64 {
            return Ok(true);
        }
    }
    Ok(false)
}
