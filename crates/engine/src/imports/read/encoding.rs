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

/// A mark at the beginning tells, else zeros between letters (UTF-16), else whether all of it is UTF-8, else the
/// likeliest of the old ones.
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

fn is_binary(head: &[u8]) -> bool {
    let control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a);
    head.contains(&0) || head.iter().filter(control).count() * 20 > head.len()
}

fn guess(mut file: File, head: Vec<u8>) -> Result<&'static Encoding, Unreadable> {
    let mut detector = EncodingDetector::new();
    let mut part = head;
    let mut carried: Vec<u8> = Vec::new();
    for number in 0.. {
        if number < GUESSED_FROM {
            detector.feed(&part, false);
        }
        let last = part.is_empty();
        carried.extend_from_slice(&part);
        match std::str::from_utf8(&carried) {
            Ok(_) => carried.clear(),
            // The end of a part may stand inside a letter.
            Err(error) if error.error_len().is_none() && !last => drop(carried.drain(..error.valid_up_to())),
            Err(_) => {
                if number >= GUESSED_FROM {
                    detector.feed(&part, false);
                }
                detector.feed(&[], true);
                return Ok(detector.guess(None, false));
            }
        }
        if last {
            break;
        }
        part.resize(PART, 0);
        let length = fill(&mut file, &mut part)?;
        part.truncate(length);
    }
    Ok(UTF_8)
}
