//! The public payload corpus beside the project (`../shared/corpus`): everything in it is read, nothing is lost.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use graph::errors::{GraphError, known};
use graph::health::HealthReply;
use graph::media::MediaInfo;
use graph::paging::Page;
use graph::phone_numbers::PhoneNumber;
use graph::profile::BusinessProfile;
use graph::send::{ReadReceipt, SendRequest, SendResponse};
use graph::subscribed_apps::SubscribedApp;
use graph::templates::{TemplateCreated, TemplateDefinition, TemplateRow};
use graph::webhook::{Content, Item, ItemKind, parse};
use serde::Serialize;
use serde::de::DeserializeOwned;
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
                && let Content::Unknown { kind } = &message.content
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

/// The same JSON with what stands for each other made the same: numbers and strings, the case of types.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let folded = matches!(key.as_str(), "type" | "sub_type").then(|| value.as_str()).flatten();
                let value = folded.map_or_else(|| plain(value), |text| text.to_lowercase().into());
                (key.clone(), value)
            })
            .collect(),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()).into(),
        Value::Bool(flag) => flag.to_string().into(),
        Value::String(text) => {
            text.parse::<f64>().map_or_else(|_| text.clone(), |number| number.to_string()).into()
        }
        Value::Null => Value::Null,
    }
}

/// Reads, writes, and compares with what was read.
fn round_trip<T: DeserializeOwned + Serialize>(name: &str, body: &[u8]) -> T {
    let before: Value = serde_json::from_slice(body).unwrap();
    let read: T = serde_json::from_slice(body).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert_eq!(plain(&serde_json::to_value(&read).unwrap()), plain(&before), "{name}");
    read
}

#[test]
fn every_send_request_is_read_and_written_back_the_same() {
    for (name, body) in files("send-request") {
        let value: Value = serde_json::from_slice(&body).unwrap();
        if value.get("status").is_some() {
            round_trip::<ReadReceipt>(&name, &body);
        } else if value.pointer("/location/latitude").is_some_and(|it| it == "<LOCATION_LATITUDE>") {
            let refused = serde_json::from_slice::<SendRequest>(&body).unwrap_err().to_string();
            assert_eq!(refused, "location: a number is missing", "{name}");
        } else {
            // Meta takes a text without its type; we write it with one.
            let mut value = value;
            if value.get("text").is_some() {
                value["type"] = "text".into();
            }
            round_trip::<SendRequest>(&name, value.to_string().as_bytes());
        }
    }
}

#[test]
fn every_send_response_tells_the_message_and_its_recipient() {
    for (name, body) in files("send-response") {
        let response: SendResponse = round_trip(&name, &body);
        assert!(response.wamid().is_some(), "{name}");
        let contact = &response.contacts[0];
        assert!(
            contact.wa_id.is_some() || contact.user_id.is_some() || response.messages[0].group_id.is_some(),
            "{name}"
        );
    }
}

#[test]
fn every_template_definition_and_reply_is_read_and_written_back_the_same() {
    for (name, body) in files("template-definition") {
        assert!(!round_trip::<TemplateDefinition>(&name, &body).components.is_empty(), "{name}");
    }
    for (name, body) in files("template-create-response") {
        round_trip::<TemplateCreated>(&name, &body);
    }
    for (name, body) in files("graph-templates") {
        let page: Page<TemplateRow> = serde_json::from_slice(&body).unwrap();
        assert!(!page.data.is_empty() && page.unreadable.is_empty(), "{name}");
        assert_eq!(page.after(), None, "{name}");
    }
}

#[test]
fn every_reply_of_the_management_calls_is_read() {
    for (name, body) in files("graph-phone") {
        let number: PhoneNumber = round_trip(&name, &body);
        assert!(number.display_phone_number.is_some(), "{name}");
    }
    for (name, body) in files("graph-phones") {
        let page: Page<PhoneNumber> = serde_json::from_slice(&body).unwrap();
        assert!(page.unreadable.is_empty() && page.data.iter().all(|number| number.id.is_some()), "{name}");
    }
    for (name, body) in files("graph-profile") {
        let page: Page<BusinessProfile> = serde_json::from_slice(&body).unwrap();
        assert!(page.unreadable.is_empty() && page.data.len() == 1, "{name}");
    }
    for (name, body) in files("graph-subscribed-apps") {
        let page: Page<SubscribedApp> = serde_json::from_slice(&body).unwrap();
        assert!(page.unreadable.is_empty() && !page.data.is_empty(), "{name}");
    }
    for (name, body) in files("graph-media") {
        assert!(read::<MediaInfo>(&name, &body).id.is_some(), "{name}");
    }
    for (name, body) in files("graph-health") {
        let reply: HealthReply = read(&name, &body);
        assert!(reply.health_status.can_send_message.is_some(), "{name}");
        assert!(reply.health_status.entities.iter().all(|entity| entity.entity_type.is_some()), "{name}");
        assert!(!reply.health_status.entities.is_empty(), "{name}");
    }
}

fn read<T: DeserializeOwned>(name: &str, body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}
