//! The words that opt out and in again.
//!
//! Only the whole message counts: case, punctuation, emoji and spacing are taken off, and what is left must be one
//! of the words. "please don't stop" opts nobody out.

mod defaults;

use std::collections::HashMap;

/// What a word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// STOP and its like.
    OptOut,
    /// START and its like.
    OptIn,
}

/// A tenant's words of both kinds.
#[derive(Debug, Clone)]
pub struct ConsentWords {
    words: HashMap<Box<str>, Word>,
    longest: usize,
}

impl Default for ConsentWords {
    fn default() -> Self {
        Self::new(&[], &[])
    }
}

impl ConsentWords {
    /// The default words of every language, and the tenant's own. A word asked for both ways opts out.
    pub fn new(own_out: &[String], own_in: &[String]) -> Self {
        let own_out = own_out.iter().map(String::as_str);
        let own_in = own_in.iter().map(String::as_str);
        Self::build(defaults::OUT.iter().copied().chain(own_out), defaults::IN.iter().copied().chain(own_in))
    }

    /// The tenant's words alone, without the defaults.
    pub fn exactly(out: &[String], in_: &[String]) -> Self {
        Self::build(out.iter().map(String::as_str), in_.iter().map(String::as_str))
    }

    fn build<'a>(out: impl Iterator<Item = &'a str>, in_: impl Iterator<Item = &'a str>) -> Self {
        let entries = in_.map(|word| (word, Word::OptIn)).chain(out.map(|word| (word, Word::OptOut)));
        let words: HashMap<Box<str>, Word> = entries
            .map(|(word, meaning)| (bare(word), meaning))
            .filter(|(word, _)| !word.is_empty())
            .map(|(word, meaning)| (word.into_boxed_str(), meaning))
            .collect();
        let longest = words.keys().map(|word| word.len()).max().unwrap_or(0);
        Self { words, longest }
    }

    /// Whether the whole message is one of the words. Long messages are told apart without reading them through.
    pub fn classify(&self, text: &str) -> Option<Word> {
        let text = text.trim_matches(|character| !carries_meaning(character));
        if text.is_empty() || text.len() > self.longest * 4 {
            return None;
        }
        self.words.get(bare(text).as_str()).copied()
    }

    /// The same for a tapped button: its payload or its text may be such a word, and an opt-out outweighs.
    pub fn classify_button(&self, payload: Option<&str>, text: Option<&str>) -> Option<Word> {
        let meanings = [payload, text].map(|part| part.and_then(|part| self.classify(part)));
        if meanings.contains(&Some(Word::OptOut)) {
            return Some(Word::OptOut);
        }
        meanings.into_iter().flatten().next()
    }
}

/// The opt-out words alone.
#[derive(Debug, Clone)]
pub struct OptOutWords(ConsentWords);

impl Default for OptOutWords {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl OptOutWords {
    /// The default words of every language, and the tenant's own.
    pub fn new(custom: &[String]) -> Self {
        let custom = custom.iter().map(String::as_str);
        Self(ConsentWords::build(defaults::OUT.iter().copied().chain(custom), std::iter::empty()))
    }

    /// Whether the whole message is one of them.
    pub fn contains(&self, text: &str) -> bool {
        self.0.classify(text).is_some()
    }
}

/// Letters and digits, and the marks of scripts in which they carry a vowel; not emoji, some of which Unicode calls
/// letters.
fn carries_meaning(character: char) -> bool {
    character.is_alphanumeric() && !('\u{1F000}'..='\u{1FAFF}').contains(&character)
}

/// What is left of a text without case, punctuation, emoji, zero-width characters and doubled spaces. Combining
/// accents fall away too, so that a decomposed "arrêter" becomes "arreter".
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut gap = false;
    for character in text.chars().map(narrow) {
        if carries_meaning(character) {
            if gap && !bare.is_empty() {
                bare.push(' ');
            }
            gap = false;
            fold(character, &mut bare);
        } else if character.is_whitespace() {
            gap = true;
        }
    }
    bare
}

/// Unicode case folding by way of the upper case, which also brings together ß and SS, ς and σ, ı and I.
fn fold(character: char, into: &mut String) {
    if character.is_ascii() {
        into.push(character.to_ascii_lowercase());
        return;
    }
    into.extend(
        character.to_uppercase().flat_map(char::to_lowercase).filter(|folded| carries_meaning(*folded)),
    );
}

/// Full-width letters, as East Asian keyboards write Latin, to plain ones.
fn narrow(character: char) -> char {
    match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - 0xFEE0).unwrap_or(character),
        other => other,
    }
}

#[cfg(test)]
mod tests;
