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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_ways_of_saying_stop_opt_out() {
        let words = ConsentWords::default();
        for text in [
            "stop",
            "STOP",
            "Stop.",
            "  stop  ",
            "*STOP*",
            "stop!!!",
            "STOP 🛑🛑",
            "🙏 stop",
            "\"Stop\"",
            "S.T.O.P.",
            "st\u{200B}op",
            "\u{FEFF}stop",
            "\u{FF33}\u{FF34}\u{FF2F}\u{FF30}",
            "stop\n",
            "stopall",
            "STOP ALL",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "optout",
            "opt out",
            "opt-out",
            "Opt   Out",
            "opt\u{A0}out",
            "revoke",
            "baja",
            "Cancelar",
            "no más",
            "NO MAS",
            "parar",
            "sair",
            "descadastrar",
            "Arrêter",
            "arre\u{302}ter",
            "DÉSABONNER",
            "Stopp",
            "abmelden",
            "kündigen",
            "annulla",
            "disiscrivimi",
            "إلغاء الاشتراك",
            "توقف",
            "إيقاف!",
            "रोकें",
            "बंद करें",
            "berhenti",
            "UNREG",
            "🅰 stop",
        ] {
            assert_eq!(words.classify(text), Some(Word::OptOut), "{text:?}");
        }
    }

    #[test]
    fn the_usual_ways_of_saying_start_opt_in() {
        let words = ConsentWords::default();
        for text in
            ["start", "START!", "unstop", "subscribe", "opt in", "alta", "começar", "démarrer", "anmelden"]
                .into_iter()
                .chain(["inizia", "ابدأ", "शुरू करें", "mulai"])
        {
            assert_eq!(words.classify(text), Some(Word::OptIn), "{text:?}");
        }
    }

    #[test]
    fn a_sentence_that_holds_a_word_is_no_word() {
        let words = ConsentWords::default();
        let long = format!("stop{}", " and go".repeat(200));
        for text in [
            "",
            "   ",
            "...",
            "🛑",
            "please don't stop",
            "don't stop",
            "stop it",
            "can you stop by tomorrow?",
            "nonstop",
            "stops",
            "the end",
            "weekend",
            "cancel my order",
            "I want to cancel",
            "yes",
            "ok",
            "fine",
            "1",
            "no",
            "start over please",
            "stop start",
            &long,
        ] {
            assert_eq!(words.classify(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_tenant_adds_words_or_replaces_them() {
        let own = vec!["Nada más".to_owned(), "start".to_owned(), " !! ".to_owned()];
        let words = ConsentWords::new(&own, &["yes please".to_owned()]);
        assert_eq!(words.classify("nada mas?"), None, "accents count in a tenant's own words");
        assert_eq!(words.classify("nada más."), Some(Word::OptOut));
        assert_eq!(words.classify("stop"), Some(Word::OptOut));
        assert_eq!(words.classify("START"), Some(Word::OptOut), "asked for both ways, the stricter counts");
        assert_eq!(words.classify("Yes, please!"), Some(Word::OptIn));
        let only = ConsentWords::exactly(&own, &[]);
        assert_eq!((only.classify("stop"), only.classify("nada más")), (None, Some(Word::OptOut)));
        assert!(OptOutWords::default().contains("Stop!") && !OptOutWords::default().contains("start"));
    }

    #[test]
    fn a_button_counts_by_its_payload_or_its_text() {
        let words = ConsentWords::default();
        assert_eq!(words.classify_button(Some("STOP"), Some("No more offers")), Some(Word::OptOut));
        assert_eq!(words.classify_button(Some("btn_7"), Some("Unsubscribe")), Some(Word::OptOut));
        assert_eq!(words.classify_button(Some("START"), Some("stop")), Some(Word::OptOut));
        assert_eq!(words.classify_button(Some("start"), Some("Yes")), Some(Word::OptIn));
        assert_eq!(words.classify_button(Some("btn_7"), None), None);
    }

    #[test]
    fn no_default_word_means_both() {
        let out: Vec<String> = defaults::OUT.iter().map(|word| bare(word)).collect();
        for word in defaults::IN {
            assert!(!out.contains(&bare(word)), "{word}");
        }
    }

    fn noise() -> impl Strategy<Value = String> {
        "[ \\t\\n.,;:!?*_~()\"'\u{2026}\u{200B}\u{FEFF}🛑😡👍🏽-]{0,30}"
    }

    fn any_case(word: &str, upper: &[bool]) -> String {
        let raise = |(index, character): (usize, char)| match upper[index % upper.len()] {
            true => character.to_uppercase().collect::<String>(),
            false => character.to_string(),
        };
        word.chars().enumerate().map(raise).collect()
    }

    proptest! {
        #[test]
        fn any_case_and_any_punctuation_around_a_word_still_match(
            index in 0..defaults::OUT.len(),
            upper in proptest::collection::vec(any::<bool>(), 1..12),
            before in noise(),
            after in noise(),
        ) {
            let text = format!("{before}{}{after}", any_case(defaults::OUT[index], &upper));
            prop_assert_eq!(ConsentWords::default().classify(&text), Some(Word::OptOut), "{:?}", text);
        }

        #[test]
        fn a_word_inside_a_sentence_never_matches(before in noise(), after in noise(), own in "[a-z]{3,8}") {
            let words = ConsentWords::default();
            let sentence = format!("{}please don't stop{}", before, after);
            prop_assert_eq!(words.classify(&sentence), None);
            let with_own_word = format!("{own} {own} stop");
            prop_assert_eq!(words.classify(&with_own_word), None);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,400}") {
            ConsentWords::default().classify(&text);
        }
    }
}
