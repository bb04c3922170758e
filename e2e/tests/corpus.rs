//! Real payloads, signed and posted: each is taken, and every item of it is either understood or kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Database, Stack, eventually_within};
use graph::signature::sign;
use serde_json::{Value, json};

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    folder.join("INDEX.md").exists().then_some(folder)
}

fn webhooks(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let index = std::fs::read_to_string(folder.join("INDEX.md")).expect("the index can be read");
    let names = index.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (name, _, kind) = (cells.next()?, cells.next()?, cells.next()?);
        (name.ends_with(".json") && kind.starts_with("webhook") && !kind.starts_with("webhook-value"))
            .then(|| name.to_owned())
    });
    names
        .map(|name| (name.clone(), std::fs::read(folder.join(&name)).expect("a file of the index")))
        .collect()
}

fn find_all(value: &Value, member: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(id) = members.get(member).and_then(Value::as_str) {
                found.insert(id.to_owned());
            }
            members.values().for_each(|inner| find_all(inner, member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|inner| find_all(inner, member, found)),
        _ => {}
    }
}

#[test]
fn every_webhook_of_the_corpus_is_taken_and_every_item_understood_or_kept() {
    let Some(folder) = corpus() else {
        eprintln!("the corpus is not beside the project: nothing to run over");
        return;
    };
    let bodies = webhooks(&folder);
    assert_eq!(bodies.len(), 212);
    let stack = Stack::start(Database::sqlite());
    let secret = stack.env["WAXWING_APP_SECRET"].clone();

    // The numbers and accounts that the payloads speak of, as connections of this tenant.
    let mut pairs: BTreeMap<String, String> = BTreeMap::new();
    let mut accounts = BTreeSet::new();
    for (_, body) in &bodies {
        let Ok(json) = serde_json::from_slice::<Value>(body) else { continue };
        let account = json["entry"][0]["id"].as_str().unwrap_or_default().to_owned();
        let mut numbers = BTreeSet::new();
        find_all(&json, "phone_number_id", &mut numbers);
        let real = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        for number in numbers.into_iter().filter(real) {
            let waba = if real(&account) { account.clone() } else { "1".into() };
            pairs.entry(number).or_insert(waba);
        }
        if real(&account) {
            accounts.insert(account);
        }
    }
    for account in accounts {
        if !pairs.values().any(|waba| *waba == account) {
            pairs.insert(format!("9{account}"), account);
        }
    }
    for (number, waba) in &pairs {
        let token = format!("token-of-{number}");
        stack.sim.call(
            "POST",
            "/accounts",
            Some(json!({ "waba_id": waba, "token": token, "phones": [{ "id": number }] })),
        );
        let connection = json!({
            "name": number, "phone_number_id": number, "waba_id": waba, "access_token": token,
            "app_secret": secret, "verify_token": "v", "graph_url": stack.env["SIM_URL"],
        });
        let answer = stack.api.post("/connections", connection);
        assert!(
            answer.status == 201 || answer.status == 409,
            "{number}: {} {:#}",
            answer.status,
            answer.body
        );
    }

    let mut items = 0;
    for (name, body) in &bodies {
        let signature = sign(secret.as_bytes(), body);
        let answer =
            stack.api.webhook("/webhooks/whatsapp", body, Some(signature.as_bytes())).expect("an answer");
        assert_eq!(answer.status, 200, "{name}: {:#}", answer.body);
        items += graph::webhook::parse(body).map_or(1, |envelope| envelope.items.len());
    }
    let stats = eventually_within(Duration::from_secs(60), "the inbox is projected", || {
        let stats = stack.api.get("/webhooks/inbox").expect(200);
        (stats["pending"] == 0).then_some(stats)
    });
    assert_eq!(stats["poison"], 0, "{stats:#}");
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    let mut page = 1;
    loop {
        let list = stack.api.get(&format!("/webhooks/items?page_size=100&page={page}")).expect(200);
        let rows = list["items"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() {
            break;
        }
        for row in rows {
            *kept.entry(format!("{} {}: {}", row["reason"], row["field"], row["why"])).or_default() += 1;
        }
        page += 1;
    }
    eprintln!("{items} items in {} bodies; kept, not applied:", bodies.len());
    for (what, count) in &kept {
        eprintln!("{count:5}  {what}");
    }
    let kept_items: usize = kept.values().sum();
    assert!(kept_items < items, "nothing was understood");
    let inbound = stack.api.get("/messages?direction=inbound").expect(200);
    // Many samples share a wamid: repeats of one message, which count once.
    assert!(inbound["total"].as_i64().unwrap_or(0) > 20, "{:#}", inbound["total"]);
}
