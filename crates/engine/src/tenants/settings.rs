//! What a tenant may choose, and its bounds.

use domain::broadcasts::schedule::{FrequencyCap, QuietHours};
use domain::contacts::zones;
use domain::phone::PhoneNumber;
use ports::tenants::{InDoubtRuling, TenantSettings};

use crate::faults::Faults;

/// Words per list.
const WORDS: usize = 200;
/// Characters per word: a consent word is the whole message, and nobody writes a letter for it.
const WORD: usize = 60;
/// Meta's limit on the body of a text message ("Text messages").
const TEXT: usize = 4_096;
/// A ruling sooner than this would outrun webhooks that are merely late.
const DOUBT_AT_LEAST: u32 = 10;
/// Meta repeats webhooks for 7 days ("Webhooks"); 30 days leave room.
const DOUBT_AT_MOST: u32 = 30 * 24 * 3_600;
/// Languages in the tenant's order; Meta knows about 70 ("Supported languages").
const LANGUAGES: usize = 100;
/// Days of a frequency cap: what was sent is looked at so far back.
const CAP_DAYS: u32 = 365;

/// What to change; `None` leaves as it is, `Some(None)` takes away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SettingsPatch {
    pub opt_out_words: Option<Vec<String>>,
    pub opt_in_words: Option<Vec<String>>,
    pub opt_out_confirmation: Option<Option<String>>,
    pub opt_in_confirmation: Option<Option<String>>,
    pub default_country: Option<Option<String>>,
    pub in_doubt_after_seconds: Option<u32>,
    pub in_doubt_ruling: Option<InDoubtRuling>,
    pub languages: Option<Vec<String>>,
    pub time_zone: Option<Option<String>>,
    pub quiet_hours: Option<Option<QuietHours>>,
    pub frequency_cap: Option<Option<FrequencyCap>>,
}

impl SettingsPatch {
    /// The settings after the change; faults are noted at `base` and below.
    pub(super) fn apply(
        self,
        mut settings: TenantSettings,
        base: &str,
        faults: &mut Faults,
    ) -> TenantSettings {
        if let Some(words) = self.opt_out_words {
            settings.opt_out_words = checked_words(words, &format!("{base}/opt_out_words"), faults);
        }
        if let Some(words) = self.opt_in_words {
            settings.opt_in_words = checked_words(words, &format!("{base}/opt_in_words"), faults);
        }
        no_word_in_both(&settings, base, faults);
        if let Some(text) = self.opt_out_confirmation {
            settings.opt_out_confirmation =
                checked_text(text, &format!("{base}/opt_out_confirmation"), faults);
        }
        if let Some(text) = self.opt_in_confirmation {
            settings.opt_in_confirmation = checked_text(text, &format!("{base}/opt_in_confirmation"), faults);
        }
        if let Some(country) = self.default_country {
            settings.default_country = checked_country(country, &format!("{base}/default_country"), faults);
        }
        if let Some(seconds) = self.in_doubt_after_seconds {
            if !(DOUBT_AT_LEAST..=DOUBT_AT_MOST).contains(&seconds) {
                let problem = format!("must lie between {DOUBT_AT_LEAST} and {DOUBT_AT_MOST}");
                faults.add(format!("{base}/in_doubt_after_seconds"), problem);
            }
            settings.in_doubt_after_seconds = seconds;
        }
        settings.in_doubt_ruling = self.in_doubt_ruling.unwrap_or(settings.in_doubt_ruling);
        if let Some(languages) = self.languages {
            settings.languages = checked_languages(languages, &format!("{base}/languages"), faults);
        }
        if let Some(zone) = self.time_zone {
            settings.time_zone = checked_zone(zone, &format!("{base}/time_zone"), faults);
        }
        if let Some(hours) = self.quiet_hours {
            if hours.is_some_and(|hours| hours.from == hours.to) {
                faults.add(format!("{base}/quiet_hours/to"), "must differ from the time at which they begin");
            }
            settings.quiet_hours = hours;
        }
        if let Some(cap) = self.frequency_cap {
            check_cap(cap, &format!("{base}/frequency_cap"), faults);
            settings.frequency_cap = cap;
        }
        settings
    }
}

fn checked_languages(languages: Vec<String>, pointer: &str, faults: &mut Faults) -> Vec<String> {
    if languages.len() > LANGUAGES {
        faults.add(pointer, format!("must have at most {LANGUAGES} languages, has {}", languages.len()));
    }
    for (index, language) in languages.iter().enumerate() {
        if !is_language(language.trim()) {
            faults.add(format!("{pointer}/{index}"), "must be a language code such as en_US or de");
        }
    }
    languages.into_iter().map(|language| language.trim().to_owned()).collect()
}

fn is_language(code: &str) -> bool {
    code.len() <= 15
        && code.split('_').all(|part| {
            (2..=8).contains(&part.len()) && part.chars().all(|letter| letter.is_ascii_alphanumeric())
        })
}

fn checked_zone(zone: Option<String>, pointer: &str, faults: &mut Faults) -> Option<String> {
    let zone = zone?;
    let known = zones::canonical(&zone);
    if known.is_none() {
        faults.add(pointer, "must be the IANA name of a time zone, such as Europe/Berlin");
    }
    known
}

fn check_cap(cap: Option<FrequencyCap>, pointer: &str, faults: &mut Faults) {
    let Some(cap) = cap else { return };
    if cap.messages == 0 {
        faults.add(format!("{pointer}/messages"), "must be at least 1");
    }
    if !(1..=CAP_DAYS).contains(&cap.days) {
        faults.add(format!("{pointer}/days"), format!("must lie between 1 and {CAP_DAYS}"));
    }
}

fn checked_words(words: Vec<String>, pointer: &str, faults: &mut Faults) -> Vec<String> {
    if words.len() > WORDS {
        faults.add(pointer, format!("must have at most {WORDS} words, has {}", words.len()));
    }
    for (index, word) in words.iter().enumerate() {
        let place = format!("{pointer}/{index}");
        faults.required(&place, word, WORD);
        if !word.trim().is_empty() && !word.chars().any(char::is_alphanumeric) {
            faults.add(place, "must contain a letter or a digit: punctuation is not compared");
        }
    }
    words.into_iter().map(|word| word.trim().to_owned()).collect()
}

fn no_word_in_both(settings: &TenantSettings, base: &str, faults: &mut Faults) {
    for (index, word) in settings.opt_in_words.iter().enumerate() {
        let folded = word.to_lowercase();
        if settings.opt_out_words.iter().any(|other| other.to_lowercase() == folded) {
            faults.add(format!("{base}/opt_in_words/{index}"), "is an opt-out word too");
        }
    }
}

fn checked_text(text: Option<String>, pointer: &str, faults: &mut Faults) -> Option<String> {
    if let Some(text) = &text {
        faults.required(pointer, text, TEXT);
    }
    text
}

fn checked_country(country: Option<String>, pointer: &str, faults: &mut Faults) -> Option<String> {
    let country = country.map(|code| code.trim().to_ascii_uppercase());
    if let Some(code) = &country
        && !PhoneNumber::knows_country(code)
    {
        faults.add(pointer, "must be a country's two letters (ISO 3166), such as DE");
    }
    country
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(patch: SettingsPatch) -> Result<TenantSettings, Vec<String>> {
        let mut faults = Faults::default();
        let settings = patch.apply(TenantSettings::default(), "", &mut faults);
        match faults.check() {
            Ok(()) => Ok(settings),
            Err(faults) => Err(faults.0.into_iter().map(|fault| fault.pointer).collect()),
        }
    }

    #[test]
    fn what_a_patch_does_not_name_stays() {
        let settings =
            patched(SettingsPatch { default_country: Some(Some("de".into())), ..Default::default() });
        let expected = TenantSettings { default_country: Some("DE".into()), ..TenantSettings::default() };
        assert_eq!(settings, Ok(expected));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let patch = SettingsPatch {
            opt_out_words: Some(vec!["basta".into(), "!!".into(), "x".repeat(61)]),
            opt_in_words: Some(vec!["Basta".into()]),
            opt_out_confirmation: Some(Some(" ".into())),
            default_country: Some(Some("XX".into())),
            in_doubt_after_seconds: Some(5),
            languages: Some(vec!["pt_BR".into(), "deutsch bitte".into()]),
            time_zone: Some(Some("Berlin".into())),
            frequency_cap: Some(Some(FrequencyCap { messages: 0, days: 400 })),
            ..Default::default()
        };
        let pointers = patched(patch).expect_err("all faults");
        let expected = [
            "/opt_out_words/1",
            "/opt_out_words/2",
            "/opt_in_words/0",
            "/opt_out_confirmation",
            "/default_country",
            "/in_doubt_after_seconds",
            "/languages/1",
            "/time_zone",
            "/frequency_cap/messages",
            "/frequency_cap/days",
        ];
        assert_eq!(pointers, expected);
    }

    #[test]
    fn a_confirmation_can_be_taken_away() {
        let patch = SettingsPatch { opt_in_confirmation: Some(None), ..Default::default() };
        assert_eq!(patched(patch).map(|settings| settings.opt_in_confirmation), Ok(None));
    }
}
