use proptest::prelude::*;

use super::*;

const START: i64 = 1_800_000_000_000_000;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(START + micros).unwrap()
}

/// The most sends in any half-open window of the period: it is enough to look at windows that begin at a send.
fn busiest_window(sends: &[i64], period: i64) -> usize {
    let mut end = 0;
    let mut most = 0;
    for (begin, first) in sends.iter().enumerate() {
        while end < sends.len() && sends[end] < first + period {
            end += 1;
        }
        most = most.max(end - begin);
    }
    most
}

/// A caller with an endless queue who wakes `late[i]` after the time it was told.
fn send_for(pacer: &mut Pacer, until: i64, late: &[i64]) -> Vec<i64> {
    let (mut now, mut sends, mut wakes) = (0, Vec::new(), 0);
    while now < until {
        match pacer.take(at(now)) {
            Ok(()) => sends.push(now),
            Err(next) => {
                now = (next.as_microsecond() - START) + late[wakes % late.len()];
                wakes += 1;
            }
        }
    }
    sends
}

fn rate() -> impl Strategy<Value = Rate> {
    (1..300u32, proptest::sample::select(&[1_000u64, 1_500, 10_000, 60_000][..]))
        .prop_map(|(count, period_ms)| Rate { count, period_ms })
}

#[test]
fn a_caller_who_wakes_a_few_milliseconds_late_still_reaches_98_percent() {
    for (count, late) in [(80, 2_000), (80, 7_500), (20, 7_500), (1_000, 5_000), (1, 7_500)] {
        let mut pacer = Pacer::new(Rate::per_second(count));
        let sends = send_for(&mut pacer, 100_000_000, &[late, late / 2, 0]);
        let share = sends.len() as f64 / (f64::from(count) * 100.0);
        assert!((0.98..=1.0).contains(&share), "{count}/s, {late} µs late: {share}");
    }
}

#[test]
fn eighty_per_minute_are_not_eighty_at_once_after_an_idle_hour() {
    let mut pacer = Pacer::new(Rate::per_minute(80));
    pacer.take(at(0)).unwrap();
    let hour = 3_600_000_000;
    let at_once = (0..80).filter(|_| pacer.take(at(hour)).is_ok()).count();
    assert!(at_once <= 3, "{at_once}");
}

#[test]
fn peeking_takes_nothing_and_reserving_does() {
    let mut pacer = Pacer::new(Rate { count: 1, period_ms: 64 });
    assert_eq!((pacer.peek(at(0)), pacer.peek(at(0))), (at(0), at(0)));
    assert_eq!(pacer.next_slot(at(0)), at(0));
    assert_eq!(pacer.peek(at(0)), at(80_750));
    assert_eq!(pacer.take(at(80_749)), Err(at(80_750)));
    assert_eq!(pacer.wait_behind(at(0), 2), SignedDuration::from_micros(80_750 + 2 * 65_000));
}

#[test]
fn a_pause_a_slow_down_and_a_full_number_leave_fewer_places() {
    let moment = SignedDuration::from_millis(200);
    let mut pacer = Pacer::new(Rate::per_second(100));
    send_for(&mut pacer, 3_000_000, &[0]);
    assert_eq!(pacer.places(at(3_000_000), moment), 20);
    pacer.throttled(at(3_000_000));
    assert_eq!(pacer.places(at(3_000_000), moment), 18);
    pacer.pause_until(at(3_150_000));
    assert_eq!(pacer.places(at(3_000_000), moment), 5);
    pacer.pause_until(at(3_300_000));
    assert_eq!(pacer.places(at(3_000_000), moment), 0);
}

/// Meta counts arrivals: whatever opens a connection arrives late, by up to 150 ms here, in the first half second.
#[test]
fn a_burst_that_opens_its_connections_keeps_the_bound_where_it_arrives() {
    for (count, gap) in [(80, 1_100_000), (20, 5_000_000), (1_000, 60_000_000)] {
        let mut pacer = Pacer::new(Rate::per_second(count));
        let (mut arrivals, mut now) = (Vec::new(), 0);
        for _ in 0..3 {
            let began = now;
            while now < began + 5_000_000 {
                match pacer.take(at(now)) {
                    Ok(()) => arrivals.push(if now - began < 500_000 { now + 150_000 } else { now }),
                    Err(next) => now = next.as_microsecond() - START,
                }
            }
            now += gap;
        }
        arrivals.sort_unstable();
        assert!(busiest_window(&arrivals, 1_000_000) <= count as usize, "{count}/s after {gap} µs");
    }
}

#[test]
fn one_throttle_costs_a_tenth_and_more_halve_the_rate_once_a_burst_down_to_one_a_period() {
    let mut pacer = Pacer::new(Rate::per_second(80));
    pacer.throttled(at(0));
    pacer.throttled(at(10_000));
    assert_eq!(pacer.factor(), 0.9);
    pacer.throttled(at(1_500_000));
    assert_eq!(pacer.factor(), 0.45);
    for second in 2..30 {
        pacer.throttled(at(second * 1_000_000));
    }
    let slowest = pacer.peek(at(100_000_000));
    pacer.take(slowest).unwrap();
    let gap = pacer.peek(slowest).as_microsecond() - slowest.as_microsecond();
    assert!((900_000..=1_000_000).contains(&gap), "{gap}");
}

#[test]
fn a_rate_counted_by_the_hour_is_never_slower_than_one_a_minute() {
    let mut pacer = Pacer::new(Rate { count: 600, period_ms: 3_600_000 });
    for second in 0..40 {
        pacer.throttled(at(second * 2_000_000));
    }
    let first = pacer.next_slot(at(100_000_000));
    let second = pacer.next_slot(first);
    let third = pacer.next_slot(second);
    assert!(third.as_microsecond() - second.as_microsecond() <= SLOWEST_MICROS);
}

#[test]
fn a_minute_of_success_brings_the_rate_back_and_idleness_does_not() {
    let mut pacer = Pacer::new(Rate::per_second(80));
    pacer.throttled(at(-2_000_000));
    pacer.throttled(at(0));
    pacer.recovered(at(3_600_000_000));
    assert!(pacer.factor() < 0.55, "an idle hour is no success");
    for tenth in 1..600 {
        pacer.recovered(at(3_600_000_000 + tenth * 100_000));
    }
    assert_eq!(pacer.factor(), 1.0);
    assert!(!pacer.is_slowed(at(3_700_000_000)));
}

#[test]
fn nothing_passes_during_a_pause_and_resuming_ends_it() {
    let mut pacer = Pacer::new(Rate::per_second(80));
    pacer.pause_until(at(5_000_000));
    pacer.pause_until(at(1_000_000));
    assert_eq!(pacer.take(at(4_999_999)), Err(at(5_000_000)));
    assert!(pacer.is_slowed(at(0)));
    pacer.resume();
    assert_eq!(pacer.take(at(1)), Ok(()));
}

#[test]
fn another_node_takes_up_where_this_one_stopped() {
    let mut pacer = Pacer::new(Rate::per_minute(80));
    pacer.take(at(0)).unwrap();
    pacer.throttled(at(5));
    let kept = serde_json::to_string(&pacer).unwrap();
    assert_eq!(serde_json::from_str::<Pacer>(&kept).unwrap(), pacer);
}

proptest! {
    #[test]
    fn no_window_ever_holds_more_than_the_count(
        rate in rate(), late in proptest::collection::vec(0..40_000i64, 1..50),
    ) {
        let period = rate.period_micros();
        let sends = send_for(&mut Pacer::new(rate), period * 4, &late);
        prop_assert!(busiest_window(&sends, period) <= rate.count as usize);
    }

    #[test]
    fn nor_with_arrivals_pauses_throttles_and_recoveries_at_random(
        rate in rate(), steps in proptest::collection::vec((0..5u8, 0..60_000i64, 1..40u8), 1..200),
    ) {
        let period = rate.period_micros();
        let (mut pacer, mut now, mut sends) = (Pacer::new(rate), 0i64, Vec::new());
        for (action, gap, burst) in steps {
            now += gap;
            match action {
                0 => pacer.throttled(at(now)),
                1 => pacer.recovered(at(now)),
                2 => pacer.pause_until(at(now + gap)),
                _ => {}
            }
            for _ in 0..burst {
                if pacer.take(at(now)).is_ok() {
                    sends.push(now);
                }
            }
        }
        prop_assert!(busiest_window(&sends, period) <= rate.count as usize);
    }

    #[test]
    fn reserved_places_keep_the_bound_too(rate in rate(), gaps in proptest::collection::vec(0..30_000i64, 1..400)) {
        let (mut pacer, mut now) = (Pacer::new(rate), 0);
        let slots: Vec<i64> = gaps
            .iter()
            .map(|gap| {
                now += gap;
                pacer.next_slot(at(now)).as_microsecond() - START
            })
            .collect();
        prop_assert!(slots.is_sorted());
        prop_assert!(busiest_window(&slots, rate.period_micros()) <= rate.count as usize);
    }
}

#[test]
fn pauses_of_the_account_count_bursts_until_a_message_passes_after_one() {
    let at = |minute: i64| Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap();
    let mut pacer = Pacer::new(Rate::default());
    for _ in 0..20 {
        pacer.pause_account(at(0), at(1));
    }
    pacer.recovered(at(0));
    assert_eq!(pacer.account_pauses(), 1);
    assert_eq!(pacer.peek(at(0)), at(1));
    pacer.pause_account(at(2), at(7));
    assert_eq!((pacer.account_pauses(), pacer.peek(at(2))), (2, at(7)));
    pacer.recovered(at(8));
    assert_eq!(pacer.account_pauses(), 0);
    let kept: Pacer = serde_json::from_value(serde_json::to_value(&pacer).unwrap()).unwrap();
    assert_eq!(kept, pacer);
}

#[test]
fn a_raised_rate_ends_the_wait_that_the_lower_one_left() {
    let mut pacer = Pacer::new(Rate::per_minute(1));
    pacer.take(at(0)).unwrap();
    assert!(pacer.peek(at(1_000)) > at(50_000_000));
    pacer.set_rate(Rate::per_second(80), at(1_000));
    assert!(pacer.peek(at(1_000)) <= at(20_000));
}

proptest! {
    #[test]
    fn so_many_places_are_counted_as_there_are(
        rate in rate(), before in 0..400_000_000i64, still in 0..3_000_000i64, within in 0..2_000_000i64,
    ) {
        let mut pacer = Pacer::new(rate);
        send_for(&mut pacer, before.min(30 * rate.period_micros()), &[0]);
        let now = before + still;
        let counted = pacer.places(at(now), SignedDuration::from_micros(within));
        let mut taken = 0u64;
        while pacer.next_slot(at(now)) <= at(now + within) {
            taken += 1;
        }
        // The beginning of a burst may end within this time, and what comes late is made good once.
        let most = taken / 4 + 2 + u64::from(rate.count) / 100;
        prop_assert!(counted.abs_diff(taken) <= most, "{counted} counted, {taken} taken");
    }
}

proptest! {
    #[test]
    fn a_raised_rate_keeps_its_bound_in_windows_that_begin_before_it(
        low in 1..100u32, more in 1..200u32, raised_at in 0..3_000_000i64, late in 0..30_000i64,
    ) {
        let mut pacer = Pacer::new(Rate::per_second(low));
        let mut sends = send_for(&mut pacer, raised_at, &[late]);
        let raised = Rate::per_second(low + more);
        pacer.set_rate(raised, at(raised_at));
        let mut now = raised_at;
        while now < raised_at + 3_000_000 {
            match pacer.take(at(now)) {
                Ok(()) => sends.push(now),
                Err(next) => now = next.as_microsecond() - START + late,
            }
        }
        sends.sort_unstable();
        prop_assert!(busiest_window(&sends, 1_000_000) <= (low + more) as usize);
    }
}

#[test]
fn the_share_of_the_rate_in_use_follows_the_last_minute_and_fades() {
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    let at = |seconds: i64| start + SignedDuration::from_secs(seconds);
    let mut pacer = Pacer::new(Rate::per_second(2));
    assert_eq!(pacer.in_use(at(0)), 0.0);
    for second in 0..120 {
        pacer.take(at(second)).unwrap();
    }
    let busy = pacer.in_use(at(119));
    assert!((0.45..0.55).contains(&busy), "one of two a second: {busy}");
    let kept: Pacer = serde_json::from_value(serde_json::to_value(&pacer).unwrap()).unwrap();
    assert_eq!(kept.in_use(at(119)), busy, "another node sees the same");
    assert!(pacer.in_use(at(160)) < busy);
    assert_eq!(pacer.in_use(at(300)), 0.0);
}
