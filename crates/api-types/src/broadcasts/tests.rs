use domain::broadcasts::Plan;
use domain::broadcasts::schedule::{Late, Schedule};
use domain::segments::Rule;
use serde_json::{Value, json};

use super::*;
use crate::read::read;

fn create(body: Value) -> Result<Plan, Vec<String>> {
    let pointers = |faults: crate::Faults| faults.into_vec().into_iter().map(|fault| fault.pointer).collect();
    let mut wanted: CreateBroadcast = read(body).map_err(pointers)?;
    let name = std::mem::take(&mut wanted.template_name);
    wanted.take_given(Some(name)).onto(None).map(|wanted| wanted.plan).map_err(pointers)
}

fn with(audience: Value) -> Result<Plan, Vec<String>> {
    create(json!({"name": "n", "template_name": "t", "audience": audience}))
}

fn rule(audience: Value) -> Value {
    with(audience).unwrap().audience.rule.to_json()
}

#[test]
fn filters_of_an_audience_are_combined_with_and() {
    assert_eq!(with(json!({"all": true})).unwrap().audience.rule, Rule::everyone());
    assert_eq!(rule(json!({"tags": [" vip "]})), json!({"field": "tags", "op": "has_all", "value": ["vip"]}));
    assert_eq!(
        rule(json!({"tags": ["vip"], "opted_in": true, "last_message_days_ago": 30, "countries": ["de"]})),
        json!({"all": [
            {"field": "tags", "op": "has_all", "value": ["vip"]},
            {"field": "country", "op": "in", "value": ["DE"]},
            {"field": "opted_in", "op": "is", "value": true},
            {"field": "last_message_at", "op": "within_days", "value": 30},
        ]})
    );
    assert_eq!(
        rule(json!({"last_inbound_days_ago": {"min": 7, "max": 90}})),
        json!({"all": [
            {"field": "last_inbound_at", "op": "older_than_days", "value": 7},
            {"field": "last_inbound_at", "op": "within_days", "value": 90},
        ]})
    );
    let own = json!({"any": [{"field": "name", "op": "is_set"}]});
    assert_eq!(rule(json!({"rule": own})), own);
}

#[test]
fn a_segment_is_kept_as_asked_beside_the_filters() {
    let audience = with(json!({"segment_id": 7, "opted_in": true})).unwrap().audience;
    assert_eq!(audience.segment(), Some(domain::SegmentId(7)));
    assert_eq!(audience.asked, json!({"segment_id": 7, "opted_in": true}));
    assert!(!audience.list);
}

#[test]
fn an_audience_must_say_who_is_meant() {
    assert_eq!(with(json!({})), Err(vec!["/audience".into()]));
    assert_eq!(with(json!({"all": true, "list": true})), Err(vec!["/audience/all".into()]));
    assert_eq!(with(json!({"list": false})), Err(vec!["/audience/list".into()]));
    assert_eq!(with(json!({"tag": ["x"]})), Err(vec!["/audience/tag".into()]));
    assert_eq!(
        with(
            json!({"tags": [], "last_message_days_ago": 0, "rule": {"field": "nme", "op": "is", "value": "x"}})
        ),
        Err(vec!["/audience/last_message_days_ago".into()])
    );
    assert_eq!(
        with(json!({"tags": [], "rule": {"field": "nme", "op": "is", "value": "x"}})),
        Err(vec!["/audience/tags".into(), "/audience/rule/field".into()])
    );
    assert_eq!(
        with(json!({"created_days_ago": {"min": 9, "max": 9}})),
        Err(vec!["/audience/created_days_ago".into()])
    );
}

#[test]
fn rows_that_come_along_make_the_audience_a_list() {
    let plan = create(json!({"name": "n", "template_name": "t", "recipients": [{"phone": "+15551234567"}]}));
    let audience = plan.unwrap().audience;
    assert!(audience.list);
    assert_eq!(audience.asked, json!({"list": true}));
    assert_eq!(create(json!({"name": "n", "template_name": "t"})), Err(vec!["/audience".into()]));
}

#[test]
fn what_does_not_go_together_with_all_is_named_as_it_was_sent() {
    let told = |more: Value| {
        let mut body = json!({"name": "n", "template_name": "t"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut wanted: CreateBroadcast = read(body).unwrap();
        let faults = wanted.take_given(Some("t".into())).onto(None).unwrap_err().into_vec();
        let faults = faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.problem));
        faults.collect::<Vec<_>>()
    };
    let rows = json!([{"phone": "+15551234567"}]);
    assert_eq!(
        told(json!({"audience": {"all": true}, "recipients": rows})),
        ["/audience/all does not go together with recipients"]
    );
    assert_eq!(
        told(json!({"audience": {"all": true, "list": true, "segment_id": 7}})),
        ["/audience/all does not go together with list and segment_id"]
    );
}

#[test]
fn a_schedule_is_one_of_three() {
    let scheduled = |more: Value| {
        let mut body = json!({"name": "n", "template_name": "t", "audience": {"all": true}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        create(body).map(|plan| plan.schedule)
    };
    assert_eq!(scheduled(json!({"schedule": null})), Ok(Schedule::Now));
    let at = "2026-12-01T09:00:00Z".parse().unwrap();
    assert_eq!(scheduled(json!({"send_at": "2026-12-01T09:00:00Z"})), Ok(Schedule::At { at }));
    assert_eq!(scheduled(json!({"schedule": {"send_at": "2026-12-01T09:00:00Z"}})), Ok(Schedule::At { at }));
    let local = scheduled(json!({"schedule": {"local": "2026-12-01T09:00"}})).unwrap();
    let at = "2026-12-01T09:00".parse().unwrap();
    assert_eq!(local, Schedule::Local { at, late: Late::NextDay });
    assert_eq!(
        serde_json::to_value(ScheduleInput::of(local)).unwrap(),
        json!({"local": "2026-12-01T09:00:00", "late": "next_day"})
    );
    let late = scheduled(json!({"schedule": {"local": "2026-12-01T09:00", "late": "leave_out"}}));
    assert_eq!(late, Ok(Schedule::Local { at, late: Late::LeaveOut }));
    let recurrence =
        json!({"every": "week", "interval": 2, "first": "2026-12-01T09:00", "time_zone": "Europe/Berlin"});
    assert!(matches!(
        scheduled(json!({"schedule": {"recurrence": recurrence}})),
        Ok(Schedule::Recurring { recurrence }) if recurrence.interval == 2
    ));
    for (wrong, pointers) in [
        (json!({"schedule": {}}), vec!["/schedule"]),
        (json!({"schedule": {"local": "2026-12-01T09:00", "late": "never"}}), vec!["/schedule/late"]),
        (json!({"schedule": {"send_at": "2026-12-01T09:00:00Z", "late": "now"}}), vec!["/schedule/late"]),
        (json!({"schedule": {"local": "2026-12-01T09:00Z"}}), vec!["/schedule/local"]),
        (json!({"schedule": {"local": "2026-12-01T09:00+02:00"}}), vec!["/schedule/local"]),
        (json!({"schedule": {"local": "2026-12-01T09:00[Europe/Berlin]"}}), vec!["/schedule/local"]),
        (json!({"schedule": null, "send_at": "2026-12-01T09:00:00Z"}), vec!["/send_at"]),
        (
            json!({"schedule": {"recurrence": {"every": "day", "first": "2026-12-01T09:00-05:00"}}}),
            vec!["/schedule/recurrence/first"],
        ),
        (
            json!({"schedule": {"recurrence": {"every": "day", "interval": 0, "first": "2026-12-01T09:00",
                "time_zone": "Mars", "until": "2025-01-01T00:00"}}}),
            vec![
                "/schedule/recurrence/interval",
                "/schedule/recurrence/time_zone",
                "/schedule/recurrence/until",
            ],
        ),
    ] {
        assert_eq!(scheduled(wrong.clone()).unwrap_err(), pointers, "{wrong}");
    }
}

#[test]
fn every_fault_of_a_plan_is_told_at_once() {
    let body = json!({
        "name": "n", "template_name": "t", "template_params": ["{{name}}"], "audience": {},
        "connection_id": 1, "connection_ids": [2], "schedule": {}, "breaker": {"failure_share": 2}
    });
    assert_eq!(
        create(body),
        Err(["/schedule", "/connection_ids", "/breaker/failure_share", "/template_params/0", "/audience"]
            .map(str::to_owned)
            .to_vec())
    );
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let base = with(json!({"tags": ["vip"]})).unwrap();
    let mut change: UpdateBroadcast =
        read(json!({"template_language": "de", "breaker": {"window": 7}, "connection_ids": [3]})).unwrap();
    let changed = change.take_given(None).onto(Some(base.clone())).unwrap().plan;
    assert_eq!(changed.audience, base.audience);
    assert_eq!(changed.template.name, "t");
    assert_eq!(changed.template.language.as_deref(), Some("de"));
    assert_eq!((changed.breaker.window, changed.breaker.consecutive_failures), (7, 50));
    let mut nothing: UpdateBroadcast = read(json!({"name": "other"})).unwrap();
    assert!(nothing.take_given(None).is_empty());
    let mut back: UpdateBroadcast = read(json!({"template_language": null})).unwrap();
    assert_eq!(back.take_given(None).onto(Some(changed)).unwrap().plan.template.language, None);
}
