//! Send-requests from public documentation and test suites, read from beside the repository: those that Meta's
//! rules allow are accepted, the others are listed here with the reason.

use std::path::PathBuf;

use serde_json::Value;
use simulator::Faults;

use crate::support::{World, items};

/// Files that Meta refuses at `/messages`, and why.
const REFUSED: &[(&str, &str)] = &[
    ("pywa/011", "its number is 123, which no country has"),
    ("pywa/019", "a call, which belongs to /calls"),
    ("kapso-js/003", "a call, which belongs to /calls"),
    ("meta-docs/048", "its number is masked (91xxxxxxxxxx)"),
    ("meta-docs/161", "a call, which belongs to /calls"),
    ("meta-docs/165", "a call, which belongs to /calls"),
    ("meta-docs/179", "the answer to a call, which belongs to /calls"),
    ("meta-docs/181", "the answer to a call, which belongs to /calls"),
    ("meta-docs/182", "a call in an old form, which belongs to /calls"),
    ("meta-docs/218", "a call, which belongs to /calls"),
    ("meta-docs/238", "its number is the word PHONE_NUMBER"),
    ("meta-docs/245", "its number is the word PHONE_NUMBER"),
];

/// Sends that bear the name of a template defined in the corpus and were written for another one: positional
/// values for names, a picture for a text header, three cards for two.
const OTHER_TEMPLATE: &[&str] = &["kapso-skills/022", "kapso-skills/023", "meta-docs/110"];

fn corpus() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus"));
    if path.join("INDEX.md").exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// Files of a kind that hold no placeholders, in the order of the index.
fn files(corpus: &std::path::Path, kind: &str) -> Vec<(String, Value)> {
    let index = std::fs::read_to_string(corpus.join("INDEX.md")).unwrap();
    let rows = index.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let name = cells.nth(1)?;
        (cells.nth(1)? == kind).then(|| name.to_owned())
    });
    rows.map(|name| {
        let text = std::fs::read_to_string(corpus.join(&name)).unwrap();
        let body = serde_json::from_str(&text).unwrap();
        (name, body)
    })
    .collect()
}

fn reason(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(start, _)| name.starts_with(start)).map(|(_, reason)| *reason)
}

#[tokio::test]
async fn every_send_request_that_meta_allows_is_accepted() {
    let Some(corpus) = corpus() else { return };
    let faults = Faults { lenient_references: true, ..Faults::default().without_limits() };
    let world = World::with(faults).await;
    let files = files(&corpus, "send-request");
    assert!(files.len() >= 90, "{}", files.len());
    for (name, body) in &files {
        let path = format!("{}/messages", world.phone());
        let (status, answer) = world.graph("POST", &path, Some(body.clone())).await;
        match reason(name) {
            None => assert_eq!(status, 200, "{name}: {answer}"),
            Some(reason) => assert_eq!(status, 400, "{name} should be refused: {reason}"),
        }
    }
    assert_eq!(files.iter().filter(|(name, _)| reason(name).is_some()).count(), REFUSED.len());
}

#[tokio::test]
async fn calls_are_taken_where_they_belong() {
    let Some(corpus) = corpus() else { return };
    let world = World::start().await;
    let path = format!("{}/calls", world.phone());
    let calls = files(&corpus, "send-request").into_iter().filter(|(_, body)| body.get("action").is_some());
    for (name, body) in calls {
        assert_eq!(world.graph("POST", &path, Some(body)).await.0, 200, "{name}");
    }
}

/// Sends whose template is defined in the corpus too, by template name.
#[tokio::test]
async fn defined_templates_are_created_and_their_sends_fit() {
    let Some(corpus) = corpus() else { return };
    let world = World::with(Faults::default().without_limits()).await;
    let templates = format!("{}/message_templates", world.account.waba_id);
    let mut defined = Vec::new();
    for (file, body) in files(&corpus, "template-definition") {
        let (status, answer) = world.graph("POST", &templates, Some(body.clone())).await;
        assert_eq!(status, 200, "{file}: {answer}");
        let name = body["name"].as_str().unwrap().to_owned();
        world
            .control("POST", &format!("templates/{name}/review"), serde_json::json!({"status": "APPROVED"}))
            .await;
        defined.push(name);
    }
    for id in ["1558081531584829", "861236878885705", "1587064918516321"] {
        let medium = serde_json::json!({"id": id, "mime_type": "image/png"});
        world.control("POST", "media", medium).await;
    }
    let mut sent = 0;
    for (file, body) in files(&corpus, "send-request") {
        let name = body["template"]["name"].as_str().unwrap_or_default().to_owned();
        if !defined.contains(&name) || OTHER_TEMPLATE.iter().any(|start| file.starts_with(start)) {
            continue;
        }
        let (status, answer) = world.graph("POST", &format!("{}/messages", world.phone()), Some(body)).await;
        assert_eq!(status, 200, "{file}: {answer}");
        sent += 1;
    }
    assert!(sent >= 4, "{sent}");
    assert!(items(&world.graph("GET", &templates, None).await.1["data"]).len() >= 10);
}
