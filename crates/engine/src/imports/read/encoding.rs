//! Which encoding a text is in.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::Unreadable;

const PART: usize = 64 * 1024;
/// Parts of the beginning that the guess is made from, with the part in which UTF-8 broke.
const GUESSED_FROM: usize = 4;

/// A mark at the beginning tells, else zeros between letters (UTF-16), else whether most letters of all of it are UTF-8,
/// else the likeliest of the old ones.
pub(super) fn find(path: &Path) -> Result<&'static Encoding, Unreadable> {
    let mut file = File::open(path)?;
    let mut head = vec![0; PART];
    let length = fill(&mut file, &mut head)?;
    head.truncate(length);
    if let Some((encoding, _)) = Encoding::for_bom(&head) {
        return Ok(encoding);
    }
    if let Some(encoding) = by_zeros(&head) {
        return Ok(encoding);
    }
    if is_binary(&head) {
        return Err(Unreadable::refused("the file is neither text nor an XLSX workbook"));
    }
    guess(file, head)
}

fn fill(file: &mut File, into: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match file.read(&mut into[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Western letters in UTF-16 have a zero in every other byte.
fn by_zeros(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match (even * 3 > pairs, odd * 3 > pairs) {
        (false, true) if even * 20 <= pairs => Some(UTF_16LE),
        (true, false) if odd * 20 <= pairs => Some(UTF_16BE),
        _ => None,
    }
}

/// A zero here and there is dropped with the cell that it stands in.
fn is_binary(head: &[u8]) -> bool {
    let control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a);
    head.iter().filter(control).count() * 20 > head.len()
}

fn guess(mut file: File, head: Vec<u8>) -> Result<&'static Encoding, Unreadable> {
    let mut detector = EncodingDetector::new();
    let mut letters = Letters::default();
    let mut part = head;
    for number in 0.. {
        let was_whole = letters.broken == 0;
        letters.read(&part);
        if number < GUESSED_FROM || (was_whole && letters.broken > 0) {
            detector.feed(&part, false);
        }
        part.resize(PART, 0);
        let length = fill(&mut file, &mut part)?;
        part.truncate(length);
        if length == 0 {
            break;
        }
    }
    if letters.are_utf_8() {
        return Ok(UTF_8);
    }
    detector.feed(&[], true);
    Ok(detector.guess(None, false))
}

/// Letters outside ASCII, read as UTF-8: one that is broken, among many that are not, spoils its row alone.
#[derive(Default)]
struct Letters {
    whole: u64,
    broken: u64,
    /// The beginning of one whose end is in the next part.
    carried: Vec<u8>,
}

impl Letters {
    fn read(&mut self, part: &[u8]) {
        let mut bytes = std::mem::take(&mut self.carried);
        bytes.extend_from_slice(part);
        let mut rest = bytes.as_slice();
        loop {
            let (whole, broken) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            self.whole += rest[..whole].iter().filter(|byte| **byte >= 0xc0).count() as u64;
            match broken {
                None => return,
                Some(None) => {
                    self.carried = rest[whole..].to_vec();
                    return;
                }
                Some(Some(length)) => {
                    self.broken += 1;
                    rest = &rest[whole + length..];
                }
            }
        }
    }

    fn are_utf_8(&self) -> bool {
        // A file that was cut off inside a letter, unless that is all there is to judge by.
        let is_cut = !self.carried.is_empty() && self.whole == 0;
        (self.broken == 0 && !is_cut) || self.whole > self.broken
    }
}
