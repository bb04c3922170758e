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
