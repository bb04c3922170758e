#![allow(unreachable_pub, reason = "request! makes public types")]

use serde_json::{Value, json};

use super::*;
use crate::PagingQuery;

words! {
    /// A colour.
    Colour { Red = "red", Green = "green" }
}

request! {
    /// A thing.
    Thing {
        name: String [1, 5],
        count: u32,
        colour: Option<Colour>,
        tags: Option<Vec<String>>,
        #[schema(value_type = Option<String>)]
        note: Change<String> [1, 3],
        part: Option<Part>,
        r#type: Option<String>,
    }
}

request! {
    /// A part of it.
    Part { at: jiff::Timestamp }
}

query! {
    /// Which things.
    Wanted { colour: Option<Colour>, tags: Vec<String>, open: Option<bool> }
}

fn faults<T: FromJson + std::fmt::Debug>(body: Value) -> Vec<(String, String)> {
    let faults = read::<T>(body).expect_err("faults");
    faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.problem)).collect()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split('&').filter_map(pair).collect()
}

#[test]
fn a_good_body_is_read() {
    let thing: Thing = read(json!({
        "name": "a", "count": 3, "colour": "green", "tags": ["x"], "note": null,
        "part": {"at": "2026-11-22T10:00:00+01:00"}, "type": "t"
    }))
    .unwrap();
    assert_eq!(thing.colour, Some(Colour::Green));
    assert_eq!(thing.note, Change::Clear);
    assert_eq!(thing.part.unwrap().at.to_string(), "2026-11-22T09:00:00Z");
    let bare: Thing = read(json!({"name": "a", "count": 0, "colour": null})).unwrap();
    assert_eq!((bare.colour, bare.note, bare.tags), (None, Change::Keep, None));
}

#[test]
fn every_fault_is_found_with_its_place() {
    let found = faults::<Thing>(json!({
        "count": -1, "colour": "blue", "tags": ["x", 3, null], "note": "long", "part": {"at": "today", "by": 1},
        "nmae": "a"
    }));
    let expected = [
        ("/name", "is missing"),
        ("/count", "must be a whole number from 0 to 4294967295"),
        ("/colour", "must be one of: red, green"),
        ("/tags/1", "must be a string, not a number"),
        ("/tags/2", "must be a string, not null"),
        ("/note", "must have at most 3 characters, not 4"),
        ("/part/at", "must be a time such as 2026-11-22T10:00:00Z (RFC 3339)"),
        ("/part/by", "is not a known field"),
        ("/nmae", "is not a known field"),
    ];
    assert_eq!(found, expected.map(|(place, problem)| (place.to_owned(), problem.to_owned())));
}

#[test]
fn what_is_no_object_has_one_fault() {
    for (body, kind) in [(json!([]), "an array"), (json!(null), "null"), (json!("x"), "a string")] {
        assert_eq!(faults::<Thing>(body), [(String::new(), format!("must be an object, not {kind}"))]);
    }
}

#[test]
fn a_text_of_blanks_is_empty_and_a_nul_is_refused() {
    assert_eq!(faults::<Thing>(json!({"name": "  ", "count": 1}))[0].1, "must not be empty");
    assert_eq!(
        faults::<Thing>(json!({"name": "a\0", "count": 1}))[0].1,
        "must not contain the character U+0000"
    );
}

#[test]
fn a_nul_is_found_at_any_depth_and_in_names() {
    let body = json!({"a": ["x", "b\0"], "c\0": "d", "e": {"f": {"g": "\0"}}, "h": 1});
    let pointers: Vec<String> = faults::<Value>(body).into_iter().map(|fault| fault.0).collect();
    assert_eq!(pointers, ["/a/1", "", "/e/f/g"]);
    assert_eq!(faults::<serde_json::Map<String, Value>>(json!({"a": {"b": "\0"}}))[0].0, "/a/b");
}

#[test]
fn a_body_that_was_read_is_written_the_same() {
    let body = json!({"name": "a", "count": 1, "colour": "red", "tags": null, "note": "n", "part": null, "type": null});
    let thing: Thing = read(body.clone()).unwrap();
    assert_eq!(serde_json::to_value(&thing).unwrap(), body);
    assert_eq!(serde_json::from_value::<Thing>(body).unwrap(), thing);
}

#[test]
fn parameters_are_read_with_their_paging() {
    let (wanted, paging): (Wanted, PagingQuery) =
        read_query(pairs("colour=red&tags=a,b&tags=c&open=true&page_size=100")).unwrap();
    assert_eq!(wanted.tags, ["a", "b", "c"]);
    assert_eq!((wanted.colour, wanted.open), (Some(Colour::Red), Some(true)));
    assert_eq!((paging.page, paging.page_size), (1, 100));
}

#[test]
fn every_fault_of_a_query_is_found() {
    let read =
        read_query::<(Wanted, PagingQuery)>(pairs("colour=blue&open=x&page=0&page_size=101&sort=up&page=2"));
    let found: Vec<_> = read.expect_err("faults").into_vec().into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(found, ["/colour", "/open", "/page", "/page_size", "/sort"]);
}

#[test]
fn a_word_is_read_as_it_is_written() {
    for colour in Colour::ALL {
        assert_eq!(read::<Colour>(json!(colour.as_str())), Ok(*colour));
        assert_eq!(serde_json::to_value(colour).unwrap(), colour.as_str());
    }
}
