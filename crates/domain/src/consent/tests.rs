use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn kind() -> impl Strategy<Value = ConsentKind> {
    prop_oneof![
        Just(ConsentKind::OptIn),
        Just(ConsentKind::OptOut),
        Just(ConsentKind::MarketingStop),
        Just(ConsentKind::MarketingResume),
    ]
}

fn state() -> impl Strategy<Value = ConsentState> {
    proptest::collection::vec((kind(), 0..50i64, any::<bool>()), 0..8).prop_map(|mut records| {
        records.sort_by_key(|record| record.1);
        let mut state = ConsentState::default();
        for (kind, second, writes) in records {
            state.apply(kind, at(second));
            if writes {
                state.wrote(at(second));
            }
        }
        state
    })
}

#[test]
fn a_second_opt_out_changes_nothing_and_keeps_the_first_time() {
    let mut state = ConsentState::default();
    assert_eq!(state.apply(ConsentKind::OptIn, at(0)), Change::OptedIn);
    assert_eq!(state.apply(ConsentKind::OptOut, at(1)), Change::OptedOut);
    assert!(state.wrote(at(2)));
    assert_eq!(state.apply(ConsentKind::OptOut, at(3)), Change::None);
    assert_eq!(state.opted_out_at, Some(at(1)));
    assert!(!state.wrote_after_opt_out, "the second STOP takes back what was written between");
}

#[test]
fn somebody_who_never_opted_in_can_opt_out() {
    let mut state = ConsentState::default();
    assert!(!state.explicitly_out());
    assert_eq!(state.apply(ConsentKind::OptOut, at(1)), Change::OptedOut);
    assert!(state.explicitly_out());
}

#[test]
fn writing_reopens_replies_once_and_only_after_an_opt_out() {
    let mut state = ConsentState::default();
    assert!(!state.wrote(at(0)));
    state.apply(ConsentKind::OptOut, at(5));
    assert!(!state.wrote(at(4)), "written before the STOP");
    assert!(state.wrote(at(6)));
    assert!(!state.wrote(at(7)));
}

#[test]
fn an_opt_in_within_the_same_second_follows_the_opt_out() {
    let mut state = ConsentState::default();
    state.apply(ConsentKind::OptOut, at(1));
    assert_eq!(state.apply(ConsentKind::OptIn, at(1)), Change::OptedIn);
    assert_eq!(state.apply(ConsentKind::OptOut, at(1)), Change::OptedOut);
}

#[test]
fn a_stop_reported_in_whole_seconds_is_not_older_than_an_opt_in_of_that_second() {
    let mut state = ConsentState::default();
    state.apply(ConsentKind::OptIn, at(1) + jiff::SignedDuration::from_millis(700));
    assert_eq!(state.apply(ConsentKind::OptOut, at(1)), Change::OptedOut);
}

#[test]
fn whatsapps_resume_never_cancels_a_stop() {
    let mut state = ConsentState::default();
    state.apply(ConsentKind::OptOut, at(1));
    state.apply(ConsentKind::MarketingStop, at(2));
    assert_eq!(state.apply(ConsentKind::MarketingResume, at(3)), Change::MarketingResumed);
    assert!(state.explicitly_out() && !state.marketing_stopped);
}

#[test]
fn joined_contacts_take_the_latest_decision_of_either() {
    let opted_in = ConsentState { opted_in: true, opted_in_at: Some(at(5)), ..ConsentState::default() };
    let mut out = ConsentState { opted_out_at: Some(at(4)), ..ConsentState::default() };
    assert!(ConsentState::merge(&opted_in, &out).opted_in);
    out.opted_out_at = Some(at(5));
    assert!(ConsentState::merge(&opted_in, &out).explicitly_out(), "the stricter at the same moment");
    assert!(ConsentState::merge(&opted_in, &ConsentState::default()).opted_in);
}

#[test]
fn words_on_the_wire_are_read_back() {
    for kind in
        [ConsentKind::OptIn, ConsentKind::OptOut, ConsentKind::MarketingStop, ConsentKind::MarketingResume]
    {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for source in [
        ConsentSource::Api,
        ConsentSource::Import,
        ConsentSource::Keyword,
        ConsentSource::Console,
        ConsentSource::MetaPreference,
    ] {
        assert_eq!(source.as_str().parse(), Ok(source));
        assert_eq!(serde_json::to_value(source).unwrap(), source.as_str());
    }
}

proptest! {
    #[test]
    fn a_record_applied_twice_changes_something_at_most_once(start in state(), kind in kind(), second in 0..60i64) {
        let mut state = start;
        state.apply(kind, at(second));
        let once = state.clone();
        prop_assert_eq!(state.apply(kind, at(second)), Change::None);
        prop_assert_eq!(state, once);
    }

    #[test]
    fn only_an_opt_in_ends_an_opt_out(start in state(), kind in kind(), second in 0..60i64) {
        let mut state = start.clone();
        state.apply(kind, at(second));
        if start.explicitly_out() && kind != ConsentKind::OptIn {
            prop_assert!(state.explicitly_out());
        }
    }

    #[test]
    fn an_opt_in_and_an_opt_out_give_the_same_in_either_order(first in 0..20i64, second in 0..20i64) {
        prop_assume!(first != second);
        let mut forward = ConsentState::default();
        forward.apply(ConsentKind::OptIn, at(first));
        forward.apply(ConsentKind::OptOut, at(second));
        let mut backward = ConsentState::default();
        backward.apply(ConsentKind::OptOut, at(second));
        backward.apply(ConsentKind::OptIn, at(first));
        prop_assert_eq!(forward.opted_in, backward.opted_in);
        prop_assert_eq!(forward.opted_in, first > second);
    }

    #[test]
    fn joining_is_the_same_from_both_sides_and_any_grouping(a in state(), b in state(), c in state()) {
        prop_assert_eq!(ConsentState::merge(&a, &b), ConsentState::merge(&b, &a));
        prop_assert_eq!(ConsentState::merge(&a, &a), a.clone());
        let left = ConsentState::merge(&ConsentState::merge(&a, &b), &c);
        let right = ConsentState::merge(&a, &ConsentState::merge(&b, &c));
        prop_assert_eq!(left.opted_in, right.opted_in);
        prop_assert_eq!(left.marketing_stopped, right.marketing_stopped);
    }

    #[test]
    fn joining_never_loses_an_opt_out_that_nobody_took_back(a in state(), b in state()) {
        let joined = ConsentState::merge(&a, &b);
        let latest_in = a.opted_in_at.max(b.opted_in_at);
        if a.explicitly_out() && a.opted_out_at >= latest_in {
            prop_assert!(joined.explicitly_out());
        }
        prop_assert!(!joined.opted_in || a.opted_in || b.opted_in);
    }
}
