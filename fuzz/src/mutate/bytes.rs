//! Changes of bytes, blind to what they mean.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const TOKENS: [&[u8]; 18] = [
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0000",
    b"\\x",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"null",
    b"\"",
    b"{\"a\":",
    b"[[[[[[[[",
    b"}]",
    b",",
    b"1e999",
    b"-0",
    b"99999999999999999999999",
    b"0x1F",
    b"\n\r\t ",
];

/// Changes `input` in one place.
pub(crate) fn mutate(rng: &mut StdRng, input: &mut Vec<u8>) {
    let at = rng.random_range(0..=input.len());
    match rng.random_range(0..7) {
        0 => flip_bit(rng, input),
        1 => {
            input.drain(at..rng.random_range(at..=input.len()));
        }
        2 => input.truncate(at),
        3 => insert(input, at, TOKENS.choose(rng).copied().unwrap_or_default()),
        4 => {
            let part = input[at..rng.random_range(at..=input.len())].to_vec();
            insert(input, rng.random_range(0..=input.len()), &part);
        }
        5 => {
            let noise: [u8; 4] = rng.random();
            insert(input, at, &noise);
        }
        // Deeper than any parser's limit of recursion.
        _ => insert(input, at, &b"[".repeat(rng.random_range(1..400))),
    }
    // Doublings must not make an input that takes longer than all others together.
    input.truncate(64 * 1024);
}

fn flip_bit(rng: &mut StdRng, input: &mut [u8]) {
    if !input.is_empty() {
        let at = rng.random_range(0..input.len());
        input[at] ^= 1 << rng.random_range(0..8);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, what: &[u8]) {
    input.splice(at..at, what.iter().copied());
}
