use serde_json::{Value, json};

use super::*;

fn faults(value: Value) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    assert_eq!(Rule::read(&value, "/rule", &mut faults), None);
    faults.into_iter().map(|fault| (fault.pointer, fault.problem)).collect()
}

fn fault(value: Value) -> (String, String) {
    let found = faults(value);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

/// Every field with every question.
fn every_condition() -> Vec<Value> {
    let mut all = Vec::new();
    for field in ["name", "bsuid", "username", "language", "time_zone", "fields.city", "fields.a.b c"] {
        for op in ["is", "is_not", "contains", "starts_with"] {
            all.push(json!({ "field": field, "op": op, "value": "50%_off" }));
        }
        all.push(json!({ "field": field, "op": "in", "value": ["a", "b"] }));
        all.push(json!({ "field": field, "op": "is_set" }));
        all.push(json!({ "field": field, "op": "is_not_set" }));
    }
    all.push(json!({ "field": "phone", "op": "is", "value": "+15551234567" }));
    all.push(json!({ "field": "country", "op": "in", "value": ["DE", "US"] }));
    all.push(json!({ "field": "fields.age", "op": "greater", "value": 18 }));
    all.push(json!({ "field": "fields.age", "op": "less", "value": -1.5 }));
    all.push(json!({ "field": "tags", "op": "has", "value": "vip" }));
    all.push(json!({ "field": "tags", "op": "has_not", "value": "vip" }));
    all.push(json!({ "field": "tags", "op": "has_any", "value": ["vip", "new"] }));
    all.push(json!({ "field": "tags", "op": "has_all", "value": ["vip", "new"] }));
    for flag in Flag::ALL {
        all.push(json!({ "field": flag.name(), "op": "is", "value": true }));
    }
    for time in TimeField::ALL {
        all.push(json!({ "field": time.name(), "op": "before", "value": "2026-05-22T10:00:00Z" }));
        all.push(json!({ "field": time.name(), "op": "after", "value": "2026-05-22T10:00:00Z" }));
        all.push(json!({ "field": time.name(), "op": "within_days", "value": 7 }));
        all.push(json!({ "field": time.name(), "op": "older_than_days", "value": 36500 }));
        all.push(json!({ "field": time.name(), "op": "never" }));
    }
    for outcome in Outcome::ALL {
        all.push(
            json!({ "field": "broadcast", "op": "is", "value": { "id": 7, "outcome": outcome.name() } }),
        );
    }
    all
}

#[test]
fn every_condition_is_written_as_it_was_read() {
    let (first, second): (Vec<Value>, Vec<Value>) = {
        let all = every_condition();
        (all[..50].to_vec(), all[50..].to_vec())
    };
    for conditions in [first, second] {
        let text = json!({ "all": [{ "any": conditions }, { "not": { "all": [] } }] });
        let rule: Rule = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&rule).unwrap(), text);
        assert_eq!(rule.conditions().len(), conditions.len());
    }
}

#[test]
fn everyone_is_the_empty_rule() {
    assert_eq!(Rule::everyone().to_json(), json!({ "all": [] }));
    assert_eq!(serde_json::from_value::<Rule>(json!({ "all": [] })).unwrap(), Rule::default());
}

#[test]
fn values_are_brought_to_the_form_in_which_contacts_keep_them() {
    let read = |value: Value| Rule::read(&value, "", &mut Vec::new()).unwrap().to_json()["value"].clone();
    assert_eq!(
        read(json!({ "field": "phone", "op": "is", "value": "+1 (555) 123-4567" })),
        json!("+15551234567")
    );
    assert_eq!(read(json!({ "field": "country", "op": "in", "value": ["de", " us"] })), json!(["DE", "US"]));
    assert_eq!(read(json!({ "field": "tags", "op": "has", "value": " vip " })), json!("vip"));
    assert_eq!(read(json!({ "field": "fields.age", "op": "less", "value": "-1.5" })), json!(-1.5));
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    let found = faults(json!({ "any": [
        { "field": "nmae", "op": "is", "value": "x" },
        { "field": "name", "op": "greater", "value": 1 },
        { "all": [{ "field": "opted_in", "op": "is", "value": "yes", "a/b": 1 }] },
        { "not": 7 },
        { "field": "broadcast", "op": "is", "value": { "id": 0, "outcome": "opened", "x": 1 } },
    ] }));
    let places: Vec<&str> = found.iter().map(|fault| fault.0.as_str()).collect();
    assert_eq!(
        places,
        [
            "/rule/any/0/field",
            "/rule/any/1/op",
            "/rule/any/2/all/0/a~1b",
            "/rule/any/2/all/0/value",
            "/rule/any/3/not",
            "/rule/any/4/value/x",
            "/rule/any/4/value/id",
            "/rule/any/4/value/outcome",
        ]
    );
}

#[test]
fn each_fault_says_what_is_wrong() {
    let at = |pointer: &str, problem: &str| (format!("/rule{pointer}"), problem.to_owned());
    let condition = |field: &str, op: &str, value: Value| json!({ "field": field, "op": op, "value": value });
    let long = "x".repeat(2_001);
    let cases = [
        (json!([]), at("", "must be an object, not an array")),
        (json!({}), at("", "must have one of: all, any, not, field")),
        (json!({ "all": [], "any": [] }), at("", "must have only one of: all, any")),
        (json!({ "all": [], "field": "name" }), at("/field", "is not a known field")),
        (json!({ "all": {} }), at("/all", "must be an array, not an object")),
        (json!({ "any": [] }), at("/any", "must not be empty: nobody would be meant")),
        (json!({ "op": "is", "value": "x" }), at("/field", "is missing")),
        (json!({ "field": "name" }), at("/op", "is missing")),
        (json!({ "field": 7, "op": "is", "value": "x" }), at("/field", "must be a string, not a number")),
        (json!({ "field": "name", "op": "is" }), at("/value", "is missing")),
        (condition("name", "is", json!(null)), at("/value", "is missing")),
        (condition("name", "is", json!(7)), at("/value", "must be a string, not a number")),
        (condition("name", "is", json!(" ")), at("/value", "must not be empty")),
        (condition("name", "is", json!("a\0")), at("/value", "must not contain the character U+0000")),
        (condition("name", "is", json!(long)), at("/value", "must have at most 2000 characters, not 2001")),
        (condition("name", "is_set", json!("x")), at("/value", "must be left out with is_set")),
        (condition("name", "in", json!("x")), at("/value", "must be an array of strings")),
        (condition("name", "in", json!([])), at("/value", "must have 1 to 500 values, has 0")),
        (condition("name", "in", json!(["a", 1])), at("/value/1", "must be a string, not a number")),
        (
            condition("name", "like", json!("x")),
            at("/op", "must be one of: is, is_not, in, contains, starts_with, is_set, is_not_set"),
        ),
        (
            condition("fields.x", "like", json!("x")),
            at(
                "/op",
                "must be one of: is, is_not, in, contains, starts_with, is_set, is_not_set, greater, less",
            ),
        ),
        (condition("fields.", "is", json!("x")), at("/field", "must not be empty")),
        (condition("fields.x", "less", json!("many")), at("/value", "must be a number")),
        (
            condition("phone", "is", json!("555")),
            at("/value", "must be a phone number with + and country code"),
        ),
        (
            condition("country", "in", json!(["DEU"])),
            at("/value/0", "must be a country as two letters, such as DE"),
        ),
        (condition("tags", "is", json!("x")), at("/op", "must be one of: has, has_not, has_any, has_all")),
        (condition("opted_in", "has", json!(true)), at("/op", "must be one of: is")),
        (condition("window_open", "is", json!(1)), at("/value", "must be a boolean, not a number")),
        (
            condition("created_at", "is", json!(1)),
            at("/op", "must be one of: before, after, within_days, older_than_days, never"),
        ),
        (
            condition("created_at", "before", json!("yesterday")),
            at("/value", "must be a time such as 2026-05-22T10:00:00Z (RFC 3339)"),
        ),
        (
            condition("created_at", "within_days", json!(0)),
            at("/value", "must be a whole number of days from 1 to 36500"),
        ),
        (
            condition("broadcast", "is", json!(7)),
            at("/value", "must be an object such as {\"id\": 7, \"outcome\": \"read\"}"),
        ),
        (
            condition("broadcast", "is", json!({ "outcome": "read" })),
            at("/value/id", "must be the id of a broadcast"),
        ),
        (
            condition("broadcast", "is", json!({ "id": 7, "outcome": "opened" })),
            at(
                "/value/outcome",
                "must be one of: sent, delivered, read, replied, failed, not_read, not_replied, not_sent",
            ),
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(fault(value.clone()), expected, "{value}");
    }
    let unknown = fault(condition("colour", "is", json!("x"))).1;
    assert!(
        unknown.starts_with("must be one of: name, phone,") && unknown.ends_with("fields.NAME"),
        "{unknown}"
    );
}

#[test]
fn depth_and_number_of_conditions_are_bounded() {
    let one = json!({ "field": "name", "op": "is_set" });
    let nested = |depth: usize| (0..depth).fold(one.clone(), |rule, _| json!({ "not": rule }));
    assert!(Rule::read(&nested(8), "", &mut Vec::new()).is_some());
    let deep = fault(nested(9));
    assert_eq!(deep.0, format!("/rule{}", "/not".repeat(9)));
    assert_eq!(deep.1, "is nested too deep; at most 8 groups inside each other");

    let many = |count: usize| json!({ "all": vec![one.clone(); count] });
    assert!(Rule::read(&many(100), "", &mut Vec::new()).is_some());
    assert_eq!(fault(many(101)).1, "has 101 conditions; at most 100 are allowed");
    let empty = json!({ "all": vec![json!({ "all": [] }); 101] });
    assert_eq!(fault(empty.clone()).1, "has 101 conditions; at most 100 are allowed", "groups of none count");
    // What is kept already is read back all the same.
    for kept in [nested(12), many(300), empty] {
        let rule: Rule = serde_json::from_value(kept.clone()).unwrap();
        assert_eq!(rule.to_json(), kept);
    }
    assert!(serde_json::from_value::<Rule>(json!({ "any": [] })).is_err(), "but it must be a rule");
}

#[test]
fn the_broadcasts_that_a_rule_asks_about_are_told_with_their_places() {
    let of = |id: i64| json!({ "field": "broadcast", "op": "is", "value": { "id": id, "outcome": "read" } });
    let rule = json!({ "all": [of(1), { "not": { "any": [{ "field": "name", "op": "is_set" }, of(2)] } }] });
    let rule: Rule = serde_json::from_value(rule).unwrap();
    let expected = [
        ("/rule/all/0/value/id".to_owned(), crate::BroadcastId(1)),
        ("/rule/all/1/not/any/1/value/id".to_owned(), crate::BroadcastId(2)),
    ];
    assert_eq!(rule.broadcasts("/rule"), expected);
}

#[test]
fn a_number_is_digits_with_at_most_one_point_and_a_minus_before() {
    for text in ["0", "007", "-1.5", "12345678901234567890", "0.10"] {
        assert!(is_numeric_text(text), "{text}");
    }
    let long = "1".repeat(31);
    for text in
        ["", "-", ".", "1.", ".5", "1.2.3", "+1", "1e5", " 1", "1-2", "--1", "1,5", "٣", long.as_str()]
    {
        assert!(!is_numeric_text(text), "{text}");
    }
}
