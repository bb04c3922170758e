use jiff::SignedDuration;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn recurrence(every: Every, interval: u16, first: &str, time_zone: Option<&str>) -> Recurrence {
    Recurrence {
        every,
        interval,
        first: first.parse().unwrap(),
        time_zone: time_zone.map(str::to_owned),
        until: None,
    }
}

fn run(recurrence: &Recurrence, from: &str, count: usize) -> Vec<String> {
    let mut after = at(from);
    std::iter::from_fn(|| {
        after = next_turn(recurrence, after, None)?;
        Some(after.to_string())
    })
    .take(count)
    .collect()
}

fn night(then: ThenQuiet) -> QuietHours {
    QuietHours { from: "21:00".parse().unwrap(), to: "08:00".parse().unwrap(), then }
}

#[test]
fn a_daily_turn_keeps_its_time_of_day_when_the_clock_is_moved() {
    let daily = recurrence(Every::Day, 1, "2026-03-28T09:30:00", Some("Europe/Berlin"));
    assert_eq!(
        run(&daily, "2026-03-01T00:00:00Z", 3),
        ["2026-03-28T08:30:00Z", "2026-03-29T07:30:00Z", "2026-03-30T07:30:00Z"]
    );
}

#[test]
fn a_time_that_the_clock_skips_is_moved_behind_the_gap_and_one_that_comes_twice_is_the_first() {
    let spring = recurrence(Every::Day, 1, "2026-03-28T02:30:00", Some("Europe/Berlin"));
    // On the 29th the clock goes from 2:00 to 3:00: 3:30 summer time.
    assert_eq!(run(&spring, "2026-03-28T12:00:00Z", 1), ["2026-03-29T01:30:00Z"]);
    let autumn = recurrence(Every::Day, 1, "2026-10-24T02:30:00", Some("Europe/Berlin"));
    assert_eq!(run(&autumn, "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn the_31st_is_the_last_day_of_a_shorter_month_and_the_31st_again_after_it() {
    let monthly = recurrence(Every::Month, 1, "2028-01-31T10:00:00", None);
    assert_eq!(
        run(&monthly, "2028-01-01T00:00:00Z", 5),
        [
            "2028-01-31T10:00:00Z",
            "2028-02-29T10:00:00Z",
            "2028-03-31T10:00:00Z",
            "2028-04-30T10:00:00Z",
            "2028-05-31T10:00:00Z"
        ]
    );
    let yearly = recurrence(Every::Month, 12, "2028-02-29T10:00:00", None);
    assert_eq!(run(&yearly, "2028-03-01T00:00:00Z", 1), ["2029-02-28T10:00:00Z"]);
}

#[test]
fn every_second_week_ends_with_its_last_turn() {
    let mut weekly = recurrence(Every::Week, 2, "2026-12-21T08:00:00", Some("America/Sao_Paulo"));
    weekly.until = Some("2027-01-18T08:00:00".parse().unwrap());
    assert_eq!(
        run(&weekly, "2026-01-01T00:00:00Z", 9),
        ["2026-12-21T11:00:00Z", "2027-01-04T11:00:00Z", "2027-01-18T11:00:00Z"]
    );
}

#[test]
fn a_recurrence_without_a_zone_goes_by_the_tenants_else_by_utc() {
    let daily = recurrence(Every::Day, 1, "2026-01-01T09:00:00", None);
    let before = at("2026-01-01T00:00:00Z");
    assert_eq!(next_turn(&daily, before, Some("Asia/Kolkata")), Some(at("2026-01-01T03:30:00Z")));
    assert_eq!(next_turn(&daily, before, Some("Nowhere/Land")), Some(at("2026-01-01T09:00:00Z")));
}

#[test]
fn a_turn_of_this_very_moment_is_not_the_next_one() {
    let daily = recurrence(Every::Day, 1, "2026-01-01T09:00:00", None);
    let turn = at("2026-01-05T09:00:00Z");
    assert_eq!(next_turn(&daily, turn, None), Some(at("2026-01-06T09:00:00Z")));
    assert_eq!(next_turn(&daily, turn - SignedDuration::from_micros(1), None), Some(turn));
}

#[test]
fn of_the_turns_that_were_missed_the_latest_alone_is_made_up_for() {
    let daily = recurrence(Every::Day, 1, "2026-01-01T09:00:00", None);
    let turns = turns_between(&daily, at("2026-01-03T09:00:00Z"), at("2026-01-06T10:00:00Z"), None);
    let expected =
        Turns { latest: at("2026-01-06T09:00:00Z"), missed: 3, next: Some(at("2026-01-07T09:00:00Z")) };
    assert_eq!(turns, expected);
    let in_time = turns_between(&daily, at("2026-01-03T09:00:00Z"), at("2026-01-03T09:00:01Z"), None);
    assert_eq!((in_time.latest, in_time.missed), (at("2026-01-03T09:00:00Z"), 0));
}

#[test]
fn the_last_turn_has_no_next_one_also_when_it_was_missed() {
    let mut daily = recurrence(Every::Day, 1, "2026-01-01T09:00:00", None);
    daily.until = Some("2026-01-05T09:00:00".parse().unwrap());
    let turns = turns_between(&daily, at("2026-01-03T09:00:00Z"), at("2026-02-01T00:00:00Z"), None);
    assert_eq!(turns, Turns { latest: at("2026-01-05T09:00:00Z"), missed: 2, next: None });
}

#[test]
fn a_local_time_comes_once_in_every_zone_between_its_first_and_its_last_moment() {
    let local: DateTime = "2026-03-29T02:30:00".parse().unwrap();
    let (first, last) = first_and_last(local);
    assert_eq!(last.duration_since(first), SignedDuration::from_hours(26));
    let (zones, otherwise) = by_zone(&TimeZone::UTC, |zone| moment(local, zone));
    assert_eq!(otherwise, at("2026-03-29T02:30:00Z"));
    assert!(zones.len() > 500, "{} zones", zones.len());
    for (name, due) in &zones {
        assert!((first..=last).contains(due), "{name}: {due}");
    }
    let due = |wanted: &str| zones.iter().find(|(name, _)| name == wanted).map(|(_, at)| at.to_string());
    assert_eq!(due("Europe/Berlin").as_deref(), Some("2026-03-29T01:30:00Z"));
    assert_eq!(due("DE"), due("Europe/Berlin"));
    assert_eq!(due("US").as_deref(), Some("2026-03-29T06:30:00Z"));
}

#[test]
fn quiet_hours_go_over_midnight_by_the_clock_of_the_zone() {
    let berlin = zone(Some("DE"));
    let hours = night(ThenQuiet::Wait);
    let cases = [
        ("2026-01-10T19:59:00Z", None),
        ("2026-01-10T20:00:00Z", Some("2026-01-11T07:00:00Z")),
        ("2026-01-11T06:59:59Z", Some("2026-01-11T07:00:00Z")),
        ("2026-01-11T07:00:00Z", None),
        // In this night the clock goes forward.
        ("2026-03-28T22:00:00Z", Some("2026-03-29T06:00:00Z")),
    ];
    for (now, until) in cases {
        assert_eq!(quiet(&berlin, at(now), &hours), until.map(at), "{now}");
    }
}

#[test]
fn quiet_hours_within_a_day_end_on_that_day_and_none_are_none() {
    let siesta =
        QuietHours { from: "13:00".parse().unwrap(), to: "15:00".parse().unwrap(), then: ThenQuiet::Wait };
    let utc = TimeZone::UTC;
    assert_eq!(quiet(&utc, at("2026-01-10T14:00:00Z"), &siesta), Some(at("2026-01-10T15:00:00Z")));
    assert_eq!(quiet(&utc, at("2026-01-10T15:00:00Z"), &siesta), None);
    let never = QuietHours { to: siesta.from, ..siesta };
    assert_eq!(quiet(&utc, at("2026-01-10T13:00:00Z"), &never), None);
}

#[test]
fn what_waits_for_the_end_of_quiet_hours_is_not_quiet_then_in_any_zone_at_any_moment() {
    let hours = night(ThenQuiet::LeaveOut);
    for hour in 0..(24 * 400) / 7 {
        let now = at("2026-01-01T00:30:00Z") + SignedDuration::from_hours(7 * i64::from(hour));
        for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "CL"] {
            let zone = zone(Some(name));
            if let Some(until) = quiet(&zone, now, &hours) {
                assert!(
                    until > now && until.duration_since(now) <= SignedDuration::from_hours(12),
                    "{name} {now}"
                );
                assert_eq!(quiet(&zone, until, &hours), None, "{name} {now}");
            }
        }
    }
}

#[test]
fn the_quiet_zones_of_a_moment_are_those_where_it_is_night() {
    let (hours, now) = (night(ThenQuiet::LeaveOut), at("2026-01-10T03:00:00Z"));
    for home in ["UTC", "Asia/Tokyo"] {
        let home = zone(Some(home));
        let (apart, otherwise) = by_zone(&home, |zone| quiet(zone, now, &hours).is_some());
        assert_eq!(otherwise, quiet(&home, now, &hours).is_some());
        let is_quiet = |name: &str| apart.iter().any(|(zone, _)| zone == name) != otherwise;
        for name in ["DE", "Europe/Berlin", "US", "UTC"] {
            assert!(is_quiet(name), "{name}");
        }
        for name in ["AU", "Asia/Tokyo"] {
            assert!(!is_quiet(name), "{name}");
        }
        // Where nobody knows.
        assert_eq!(is_quiet("XX"), otherwise);
        assert_eq!(zone_or(Some("XX"), &home), home);
        assert_eq!(zone_or(None, &home), home);
    }
}

#[test]
fn who_is_too_late_for_a_local_time_waits_for_the_next_day_unless_the_plan_says_otherwise() {
    let local: DateTime = "2026-12-01T08:42".parse().unwrap();
    let now = at("2026-12-01T08:42:05Z");
    let turn = |late, name: &str, now| local_turn(local, late, &zone(Some(name)), now).to_string();
    for late in [Late::NextDay, Late::Now, Late::LeaveOut] {
        assert_eq!(turn(late, "America/Lima", now), "2026-12-01T13:42:00Z");
        assert_eq!(turn(late, "Europe/London", now), now.to_string(), "a few seconds are not late");
        assert_eq!(turn(late, "UTC", at("2026-12-01T09:42:00Z")), "2026-12-01T09:42:00Z");
    }
    assert_eq!(turn(Late::NextDay, "Asia/Tokyo", now), "2026-12-01T23:42:00Z");
    assert_eq!(turn(Late::Now, "Asia/Tokyo", now), now.to_string());
    assert_eq!(turn(Late::LeaveOut, "Asia/Tokyo", now), now.to_string());
    // Days later the next one counts, be it today or tomorrow.
    assert_eq!(turn(Late::NextDay, "Asia/Tokyo", at("2026-12-04T22:00:00Z")), "2026-12-04T23:42:00Z");
    assert_eq!(turn(Late::NextDay, "Asia/Tokyo", at("2026-12-05T00:00:00Z")), "2026-12-05T23:42:00Z");
    assert!(has_passed(local, &zone(Some("Asia/Tokyo")), now));
    assert!(!has_passed(local, &zone(Some("Europe/London")), now));
}

#[test]
fn a_plan_that_was_kept_before_there_was_a_choice_can_be_read() {
    let kept = serde_json::json!({ "when": "local", "at": "2026-12-01T09:00:00" });
    let read: Schedule = serde_json::from_value(kept).unwrap();
    assert_eq!(read, Schedule::Local { at: "2026-12-01T09:00".parse().unwrap(), late: Late::NextDay });
}
