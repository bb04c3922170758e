use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ago(minutes: i64) -> Option<Timestamp> {
    Some(now() - SignedDuration::from_mins(minutes))
}

fn ahead(hours: i64) -> Option<Timestamp> {
    Some(now() + SignedDuration::from_hours(hours))
}

fn number() -> NumberFacts {
    NumberFacts {
        id: ConnectionId(1),
        name: "Main".into(),
        is_default: true,
        state: ConnectionState::Active,
        state_reason: None,
        token_expires_at: None,
        handshake_at: ago(9_999),
        last_webhook_at: ago(1),
        rate: Rate::default(),
        throttled_until: None,
        factor: 1.0,
        oldest_due_at: None,
        lane_held: true,
    }
}

fn second(number: NumberFacts) -> NumberFacts {
    NumberFacts { id: ConnectionId(2), is_default: false, ..number }
}

fn facts(numbers: Vec<NumberFacts>) -> Facts {
    let templates = TemplateCounts { approved: 3, ..TemplateCounts::default() };
    Facts { numbers, templates, sample: Sample::default(), in_doubt: None, now: now() }
}

/// The word, and of each reason what it is about and how much it weighs.
fn judged(facts: &Facts) -> (Verdict, Vec<(Check, Severity)>) {
    let (verdict, reasons) = judge(facts);
    for reason in &reasons {
        assert!(!reason.what.is_empty() && !reason.what_to_do.is_empty(), "{reason:?}");
    }
    (verdict, reasons.iter().map(|reason| (reason.check, reason.severity)).collect())
}

#[test]
fn a_working_number_is_healthy_without_a_reason() {
    assert_eq!(judged(&facts(vec![number()])), (Verdict::Healthy, vec![]));
}

#[test]
fn without_a_number_that_is_on_nothing_can_be_sent() {
    let off = NumberFacts { state: ConnectionState::Disabled, ..number() };
    for numbers in [vec![], vec![off]] {
        let unhealthy = (Verdict::Unhealthy, vec![(Check::Connection, Severity::Critical)]);
        assert_eq!(judged(&facts(numbers)), unhealthy);
    }
}

#[test]
fn a_broken_default_number_is_unhealthy_and_another_broken_one_degrades() {
    let broken = NumberFacts {
        state: ConnectionState::Error,
        state_reason: Some("the access token is over".into()),
        // Its other troubles follow from that one.
        token_expires_at: ago(1),
        oldest_due_at: ago(600),
        throttled_until: ahead(1),
        ..number()
    };
    let (verdict, reasons) = judge(&facts(vec![broken.clone(), second(number())]));
    assert_eq!(verdict, Verdict::Unhealthy);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0].what, "Main: does not send: the access token is over");
    assert_eq!(reasons[0].connection, Some(ConnectionId(1)));
    let other = facts(vec![number(), second(broken)]);
    assert_eq!(judged(&other), (Verdict::Degraded, vec![(Check::Connection, Severity::Warning)]));
}

#[test]
fn a_token_is_named_a_week_ahead_degrades_a_day_ahead_and_is_critical_when_over() {
    let with = |token_expires_at| judged(&facts(vec![NumberFacts { token_expires_at, ..number() }]));
    assert_eq!(with(ahead(24 * 8)), (Verdict::Healthy, vec![]));
    assert_eq!(with(ahead(24 * 6)), (Verdict::Healthy, vec![(Check::Connection, Severity::Info)]));
    assert_eq!(with(ahead(20)), (Verdict::Degraded, vec![(Check::Connection, Severity::Warning)]));
    assert_eq!(with(ago(1)), (Verdict::Unhealthy, vec![(Check::Connection, Severity::Critical)]));
}

#[test]
fn a_number_that_meta_never_called_degrades_until_the_first_handshake_or_webhook() {
    let silent = NumberFacts { handshake_at: None, last_webhook_at: None, ..number() };
    let degraded = (Verdict::Degraded, vec![(Check::Connection, Severity::Warning)]);
    assert_eq!(judged(&facts(vec![silent.clone()])), degraded);
    let shaken = NumberFacts { handshake_at: ago(5), ..silent.clone() };
    let heard = NumberFacts { last_webhook_at: ago(5), ..silent };
    assert_eq!(judged(&facts(vec![shaken])).0, Verdict::Healthy);
    assert_eq!(judged(&facts(vec![heard])).0, Verdict::Healthy);
}

#[test]
fn a_throttled_number_degrades_until_it_is_back_at_its_rate() {
    let degraded = (Verdict::Degraded, vec![(Check::RateLimit, Severity::Warning)]);
    let paused = NumberFacts { throttled_until: ahead(1), oldest_due_at: ago(60), ..number() };
    assert_eq!(judged(&facts(vec![paused])), degraded, "what waits for the pause has its reason");
    let slowed = NumberFacts { factor: 0.5, throttled_until: ago(1), ..number() };
    assert_eq!(judged(&facts(vec![slowed])), degraded);
}

#[test]
fn a_message_that_is_due_for_ten_minutes_degrades_and_for_an_hour_is_critical() {
    let with = |minutes| judged(&facts(vec![NumberFacts { oldest_due_at: ago(minutes), ..number() }]));
    assert_eq!(with(9), (Verdict::Healthy, vec![]));
    assert_eq!(with(10), (Verdict::Degraded, vec![(Check::PendingMessages, Severity::Warning)]));
    assert_eq!(with(60), (Verdict::Unhealthy, vec![(Check::PendingMessages, Severity::Critical)]));
    let nobody = NumberFacts { oldest_due_at: ago(60), lane_held: false, ..number() };
    let (_, reasons) = judge(&facts(vec![nobody]));
    assert!(reasons[0].what_to_do.contains("waxwing serve"), "{reasons:?}");
}

#[test]
fn failures_weigh_by_their_share_of_a_sample_that_says_something() {
    let with = |failed, outbound| {
        let sample = Sample { outbound, failed };
        judged(&Facts { sample, ..facts(vec![number()]) })
    };
    assert_eq!(with(19, 19), (Verdict::Healthy, vec![]), "too few to judge");
    assert_eq!(with(5, 100), (Verdict::Healthy, vec![]));
    assert_eq!(with(6, 100), (Verdict::Degraded, vec![(Check::FailedMessages, Severity::Warning)]));
    assert_eq!(with(20, 100), (Verdict::Degraded, vec![(Check::FailedMessages, Severity::Warning)]));
    assert_eq!(with(21, 100), (Verdict::Unhealthy, vec![(Check::FailedMessages, Severity::Critical)]));
}

#[test]
fn a_message_in_doubt_degrades_once_its_webhook_should_have_come() {
    let with = |minutes| {
        let in_doubt = ago(minutes).map(|since| (MessageId(7), since));
        judged(&Facts { in_doubt, ..facts(vec![number()]) })
    };
    assert_eq!(with(9), (Verdict::Healthy, vec![]));
    assert_eq!(with(11), (Verdict::Degraded, vec![(Check::PendingMessages, Severity::Warning)]));
}

#[test]
fn templates_degrade_only_when_none_can_be_sent() {
    let with = |templates| judged(&Facts { templates, ..facts(vec![number()]) });
    let none = TemplateCounts::default();
    assert_eq!(with(none), (Verdict::Healthy, vec![]), "who answers alone needs no template");
    let waiting = TemplateCounts { pending: 1, ..none };
    assert_eq!(with(waiting), (Verdict::Degraded, vec![(Check::Templates, Severity::Warning)]));
    let mixed = TemplateCounts { approved: 1, rejected: 2, paused: 1, ..none };
    assert_eq!(with(mixed), (Verdict::Healthy, vec![(Check::Templates, Severity::Info)]));
}

#[test]
fn the_worst_reason_comes_first_and_names_the_whole() {
    let slowed = NumberFacts { factor: 0.5, token_expires_at: ahead(100), ..second(number()) };
    let broken = NumberFacts { state: ConnectionState::Error, ..number() };
    let (verdict, reasons) = judged(&facts(vec![slowed, broken]));
    assert_eq!(verdict, Verdict::Unhealthy);
    let severities: Vec<_> = reasons.iter().map(|(_, severity)| *severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Warning, Severity::Info]);
}
