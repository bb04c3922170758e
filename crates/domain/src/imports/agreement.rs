//! What a cell says of consent, in the words of lists, and what becomes of it.

use jiff::Timestamp;

use crate::consent::{Change, ConsentKind, ConsentSource, ConsentState};

/// What somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Messages are wanted.
    Yes,
    /// Consent was not given, or is not there any more. Of somebody who never agreed it says nothing.
    No,
    /// The person took part once and does not want to any more, or wants to be left alone.
    OptedOut,
}

/// What became of what a list says of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is nothing new.
    Nothing,
    /// It counts from now on, and belongs into the ledger.
    Taken(ConsentKind),
    /// A yes of somebody who had opted out: no list lifts that.
    Refused,
}

impl Agreement {
    /// Applies what a list says of somebody who is known.
    pub fn apply_to(self, state: &mut ConsentState, at: Timestamp) -> Heard {
        let is_out = state.explicitly_out();
        let kind = match self {
            Self::Yes if is_out => return Heard::Refused,
            Self::Yes => ConsentKind::OptIn,
            Self::No if !state.opted_in => return Heard::Nothing,
            // The person may have written since; a list knows nothing of that.
            Self::OptedOut if is_out => return Heard::Nothing,
            Self::No | Self::OptedOut => ConsentKind::OptOut,
        };
        match state.decide(kind, ConsentSource::Import, at) {
            Change::None => Heard::Nothing,
            _ => Heard::Taken(kind),
        }
    }
}

/// A cell that says neither yes nor no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neither;

const YES: &[&str] = &[
    "yes",
    "y",
    "true",
    "t",
    "1",
    "1.0",
    "x",
    "✓",
    "✔",
    "ja",
    "j",
    "wahr",
    "si",
    "sí",
    "sì",
    // With the accent as a character of its own, as macOS writes it.
    "si\u{300}",
    "si\u{301}",
    "s",
    "oui",
    "o",
    "vrai",
    "sim",
    "verdadeiro",
    "verdadero",
    "vero",
    "on",
    "ok",
    "ya",
    "да",
    "نعم",
    "evet",
    "tak",
    "हाँ",
    "हां",
    "是",
    "はい",
    "예",
];

/// A yes to messages, whatever is asked.
const OPTED_IN: &[&str] = &[
    "opt in",
    "opt-in",
    "optin",
    "opted in",
    "opted_in",
    "opted-in",
    "optedin",
    "subscribed",
    "abonniert",
    "angemeldet",
];

const NO: &[&str] = &[
    "no",
    "n",
    "false",
    "f",
    "0",
    "0.0",
    "nein",
    "falsch",
    "non",
    "faux",
    "não",
    "na\u{303}o",
    "nao",
    "falso",
    "off",
    "tidak",
    "нет",
    "لا",
    "hayır",
    "nie",
    "नहीं",
    "否",
    "いいえ",
    "아니요",
    "-",
    "none",
    "null",
];

const OPTED_OUT: &[&str] = &[
    "opt out",
    "opt_out",
    "opt-out",
    "optout",
    "opted out",
    "opted_out",
    "opted-out",
    "optedout",
    "unsubscribed",
    "unsubscribe",
    "stop",
    "stopped",
    "withdrawn",
    "revoked",
    "do not contact",
    "do_not_contact",
    "do not disturb",
    "dnc",
    "abgemeldet",
    "abbestellt",
    "ausgetragen",
    "widerrufen",
    "désabonné",
    "desabonné",
    "desabonne",
    "désinscrit",
    "desinscrit",
    "baja",
    "dado de baja",
    "dada de baja",
    "desuscrito",
    "descadastrado",
    "cancelado",
    "disiscritto",
    "disiscritta",
    "uitgeschreven",
    "afgemeld",
    "отписан",
    "отписался",
    "отписалась",
    "berhenti",
];

/// What a cell says; `None` for an empty one.
///
/// # Errors
/// It is [`Neither`].
pub fn agreement(cell: &str) -> Result<Option<Agreement>, Neither> {
    let word = cell.trim().to_lowercase();
    if word.is_empty() {
        return Ok(None);
    }
    let lists = [
        (Agreement::Yes, YES),
        (Agreement::Yes, OPTED_IN),
        (Agreement::No, NO),
        (Agreement::OptedOut, OPTED_OUT),
    ];
    let found = lists.into_iter().find(|(_, words)| words.contains(&word.as_str()));
    found.map(|(says, _)| Some(says)).ok_or(Neither)
}

/// What a cell says of a column that asks whether somebody opted out; an empty one says no.
///
/// # Errors
/// It is [`Neither`].
pub fn opted_out(cell: &str) -> Result<bool, Neither> {
    let word = cell.trim().to_lowercase();
    let is_in = |lists: [&[&str]; 2]| lists.iter().any(|words| words.contains(&word.as_str()));
    if is_in([YES, OPTED_OUT]) {
        return Ok(true);
    }
    if word.is_empty() || is_in([NO, OPTED_IN]) { Ok(false) } else { Err(Neither) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_asks_who_is_out_is_read_the_other_way_round() {
        for (out, words) in [
            (true, ["yes", "TRUE", "1", "x", "Unsubscribed", "opt-out"]),
            (false, ["no", "False", "0", "", "subscribed", "opted in"]),
        ] {
            assert!(words.iter().all(|word| opted_out(word) == Ok(out)), "{words:?}");
        }
        assert_eq!(opted_out("2026-01-02"), Err(Neither));
    }

    #[test]
    fn yes_and_no_are_read_in_the_words_of_lists() {
        for (says, words) in [
            (Agreement::Yes, [" Yes ", "JA", "1", "Sí", "Sì", "1.0", "نعم", "ДА", "TRUE", "opted in"]),
            (Agreement::No, ["no", "FALSE", "Nein", "NÃO", "0", "0.0", "لا", "Нет", "-", "null"]),
            (
                Agreement::OptedOut,
                [
                    "Unsubscribed",
                    "STOP",
                    "opted out",
                    "opt-out",
                    "Abgemeldet",
                    "Désabonné",
                    "dado de baja",
                    "отписан",
                    "OptedOut",
                    "do not contact",
                ],
            ),
        ] {
            for word in words {
                assert_eq!(agreement(word), Ok(Some(says)), "{word}");
            }
        }
        assert_eq!(agreement("  "), Ok(None));
        assert_eq!(agreement("perhaps"), Err(Neither));
    }

    #[test]
    fn a_list_opts_out_and_lifts_no_opt_out() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut state = ConsentState::default();
        assert_eq!(Agreement::No.apply_to(&mut state, at(10)), Heard::Nothing);
        assert_eq!(Agreement::Yes.apply_to(&mut state, at(20)), Heard::Taken(ConsentKind::OptIn));
        assert_eq!(Agreement::Yes.apply_to(&mut state, at(21)), Heard::Nothing);
        assert_eq!(Agreement::OptedOut.apply_to(&mut state, at(15)), Heard::Nothing, "older than the yes");
        assert_eq!(Agreement::No.apply_to(&mut state, at(30)), Heard::Taken(ConsentKind::OptOut));
        assert!(state.wrote(at(35)));
        assert_eq!(Agreement::OptedOut.apply_to(&mut state, at(40)), Heard::Nothing);
        assert_eq!(Agreement::Yes.apply_to(&mut state, at(50)), Heard::Refused);
        assert!(state.explicitly_out() && state.wrote_after_opt_out);
        let mut state = ConsentState::default();
        assert_eq!(Agreement::OptedOut.apply_to(&mut state, at(10)), Heard::Taken(ConsentKind::OptOut));
        assert!(state.explicitly_out());
    }

    #[test]
    fn no_word_says_two_things() {
        let words: Vec<_> = [YES, NO, OPTED_OUT].concat();
        for (index, word) in words.iter().enumerate() {
            assert!(!words[..index].contains(word), "{word}");
            assert_eq!(*word, word.to_lowercase(), "{word}");
        }
    }
}
