//! The public payload corpus beside the project (`../shared/corpus`): everything in it is read, nothing is lost.

use std::fs;
use std::path::PathBuf;

use graph::errors::{GraphError, known};
use graph::webhook::{Item, ItemKind, parse};
use serde_json::Value;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");

/// The files of one kind as (`folder/number`, bytes), sorted; none, with a notice, where the corpus is missing.
fn files(kind: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(folders) = fs::read_dir(CORPUS) else {
        println!("skipped: no corpus at {CORPUS}");
        return found;
    };
    for folder in folders.flatten().map(|folder| folder.path()).filter(|path| path.is_dir()) {
        let paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().flatten().map(|file| file.path()).collect();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut parts = name.splitn(3, "__");
            if let (Some(number), Some(found_kind)) = (parts.next(), parts.next())
                && found_kind == kind
            {
                let folder = folder.file_name().unwrap_or_default().to_string_lossy();
                found.push((format!("{folder}/{number}"), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn webhook_items(body: &[u8]) -> Vec<Item> {
    parse(body).expect("a webhook of the corpus is JSON").items
}

/// The elements of a list, also of one that is written as an object with numbers for keys.
fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(map)) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// How many items a value holds, counted without the reader.
fn count(value: &Value) -> usize {
    let lists = [
        "messages",
        "statuses",
        "errors",
        "message_echoes",
        "calls",
        "state_sync",
        "user_preferences",
        "groups",
        "automatic_events",
    ];
    let plain: usize = lists.iter().map(|name| list(value.get(name)).len()).sum();
    let chunks = list(value.get("history"));
    let past: usize = chunks
        .iter()
        .map(|chunk| {
            let threads = list(chunk.get("threads"));
            threads.iter().map(|thread| list(thread.get("messages")).len()).sum::<usize>().max(1)
        })
        .sum();
    (plain + past).max(1)
}

#[test]
fn every_webhook_is_read_and_none_of_its_items_is_lost() {
    for (name, body) in files("webhook") {
        let root: Value = serde_json::from_slice(&body).unwrap();
        let mut expected = 0;
        for entry in list(root.get("entry")) {
            expected +=
                list(entry.get("changes")).iter().map(|change| count(&change["value"])).sum::<usize>();
        }
        assert_eq!(webhook_items(&body).len(), expected, "{name}");
    }
}

#[test]
fn the_unrecognised_items_of_the_corpus_are_these_and_no_others() {
    let mut found = Vec::new();
    for (name, body) in files("webhook") {
        for item in webhook_items(&body) {
            if let Some(reason) = item.unrecognised() {
                found.push(format!("{name} {} {reason}", item.pointer));
            }
        }
    }
    let expected: Vec<String> =
        include_str!("fixtures/corpus_unrecognised.txt").lines().map(str::to_owned).collect();
    assert!(found.is_empty() && files("webhook").is_empty() || found == expected, "{found:#?}");
}

#[test]
fn the_messages_of_the_corpus_whose_content_is_not_known_are_these_and_no_others() {
    let mut found = Vec::new();
    for (name, body) in files("webhook") {
        for item in webhook_items(&body) {
            if let ItemKind::Message(message) = &item.kind
                && let graph::webhook::Content::Unknown { kind } = &message.content
            {
                found.push(format!("{name} {} {}", item.pointer, kind.as_deref().unwrap_or("-")));
            }
        }
    }
    let expected: Vec<String> =
        include_str!("fixtures/corpus_unknown_content.txt").lines().map(str::to_owned).collect();
    assert!(found.is_empty() && files("webhook").is_empty() || found == expected, "{found:#?}");
}

#[test]
fn every_graph_error_is_read_and_its_code_is_known() {
    for (name, body) in files("graph-error") {
        let error = GraphError::parse(&body, Some(400)).unwrap_or_else(|| panic!("{name}"));
        assert!(known(error.code).is_some(), "{name}: {}", error.code);
        assert!(!error.facts().advice.is_empty());
        let again = GraphError::parse(error.to_body().to_string().as_bytes(), Some(400));
        assert_eq!(again, Some(error), "{name}");
    }
}
