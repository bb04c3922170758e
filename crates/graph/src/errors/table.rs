//! The table: every code that Meta documents or that has been seen on live traffic.

mod account;
mod messages;
mod platform;
mod subcodes;
mod templates;

use super::facts::{CodeFacts, ErrorKind, ThrottleScope};
use ErrorKind::{
    AccountRestricted, ConnectionBroken, MarketingLimited, MarketingStopped, MediaFault, PaymentRequired,
    RecipientUnreachable, Rejected, Retryable, TemplateParams, TemplateUnusable, Throttled, WindowClosed,
};

/// code, kind, retryable, title, advice
type Row = (i64, ErrorKind, bool, &'static str, &'static str);
/// first code, last code, and the rest as in [`Row`]
type Range = (i64, i64, ErrorKind, bool, &'static str, &'static str);

const NUMBER: ErrorKind = Throttled { scope: ThrottleScope::Number };
const PAIR: ErrorKind = Throttled { scope: ThrottleScope::Pair };
const ACCOUNT: ErrorKind = Throttled { scope: ThrottleScope::Account };
const APP: ErrorKind = Throttled { scope: ThrottleScope::App };

const PARTS: [&[Row]; 4] = [platform::ROWS, messages::ROWS, templates::ROWS, account::ROWS];

/// The facts of a code of the table, single codes before ranges; `None` for a code that it does not hold.
#[must_use]
pub fn known(code: i64) -> Option<CodeFacts> {
    let single = PARTS.iter().find_map(|rows| {
        let at = rows.binary_search_by_key(&code, |row| row.0).ok()?;
        let (_, kind, retryable, title, advice) = rows[at];
        Some(CodeFacts { code, kind, retryable, title, advice })
    });
    single.or_else(|| {
        let (_, _, kind, retryable, title, advice) =
            *account::RANGES.iter().find(|range| (range.0..=range.1).contains(&code))?;
        Some(CodeFacts { code, kind, retryable, title, advice })
    })
}

/// The same facts with the title and advice of a known subcode.
pub(super) fn refined(facts: CodeFacts, subcode: i64) -> Option<CodeFacts> {
    let (_, _, title, advice) = subcodes::ROWS
        .iter()
        .find(|(code, known, _, _)| *known == subcode && code.is_none_or(|code| code == facts.code))?;
    Some(CodeFacts { title, advice, ..facts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::classify;

    #[test]
    fn every_part_is_sorted_and_no_code_stands_twice() {
        let codes: Vec<i64> = PARTS.iter().flat_map(|rows| rows.iter().map(|row| row.0)).collect();
        for rows in PARTS {
            assert!(rows.is_sorted_by(|a, b| a.0 < b.0));
        }
        let mut unique = codes.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), codes.len());
    }

    #[test]
    fn every_row_says_what_to_do_in_a_whole_sentence() {
        for row in PARTS.iter().flat_map(|rows| rows.iter()) {
            assert!(!row.3.is_empty() && !row.3.ends_with('.'), "title of {}", row.0);
            assert!(row.4.len() > 10 && row.4.ends_with('.'), "advice of {}", row.0);
        }
    }

    #[test]
    fn what_is_throttled_is_retryable_and_what_is_broken_is_not() {
        for row in PARTS.iter().flat_map(|rows| rows.iter()) {
            match row.1 {
                Throttled { .. } | Retryable => assert!(row.2, "{}", row.0),
                ConnectionBroken | WindowClosed | RecipientUnreachable | TemplateParams => {
                    assert!(!row.2, "{}", row.0)
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_code_of_metas_error_page_has_an_entry() {
        let documented = [
            0, 1, 2, 3, 4, 10, 17, 32, 33, 100, 104, 190, 192, 200, 299, 341, 368, 613, 80007, 80008, 80012,
            130403, 130429, 130472, 130497, 130501, 131000, 131005, 131008, 131009, 131016, 131020, 131021,
            131026, 131030, 131031, 131035, 131036, 131037, 131041, 131042, 131044, 131045, 131047, 131048,
            131049, 131050, 131051, 131052, 131053, 131055, 131056, 131057, 131059, 131062, 131063, 131064,
            131201, 131215, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068,
            132069, 133000, 133004, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011, 134100,
            134101, 134102, 134103, 135000, 136024, 136025, 137000, 138000, 138024, 139000, 139004, 139100,
            139103, 147001, 147005, 200005, 200007, 1752041, 2494100, 2593107, 2593108, 2593109,
        ];
        for code in documented {
            assert!(known(code).is_some(), "{code}");
        }
    }

    #[test]
    fn the_codes_that_steer_the_sender_have_their_kind() {
        let kinds = [
            (190, ConnectionBroken),
            (0, ConnectionBroken),
            (250, ConnectionBroken),
            (4, APP),
            (80007, ACCOUNT),
            (130_429, NUMBER),
            (131_056, PAIR),
            (131_026, RecipientUnreachable),
            (131_047, WindowClosed),
            (131_049, MarketingLimited),
            (131_050, MarketingStopped),
            (131_042, PaymentRequired),
            (131_053, MediaFault),
            (132_000, TemplateParams),
            (132_001, TemplateUnusable),
            (132_015, TemplateUnusable),
            (368, AccountRestricted),
            (100, Rejected),
            (131_016, Retryable),
        ];
        for (code, kind) in kinds {
            assert_eq!(classify(code, None, None).kind, kind, "{code}");
        }
    }

    #[test]
    fn an_unknown_code_is_judged_by_the_http_status() {
        assert_eq!(classify(777, None, Some(503)).kind, Retryable);
        assert_eq!(classify(777, None, Some(429)).kind, APP);
        assert_eq!(classify(777, None, Some(400)).kind, Rejected);
        assert_eq!(classify(777, None, None).kind, Rejected);
    }

    #[test]
    fn a_subcode_refines_the_advice_and_never_the_kind() {
        let expired = classify(190, Some(463), Some(401));
        assert_eq!((expired.kind, expired.title), (ConnectionBroken, "Access token expired"));
        assert_ne!(classify(100, Some(2_388_299), None).advice, classify(100, None, None).advice);
        assert_eq!(classify(131_026, Some(463), None).title, classify(131_026, None, None).title);
    }
}
