//! The thread between a number and a customer as the phone page shows it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::UserKey;
use crate::ledger::Stage;
use crate::sim::Sim;
use crate::templates::variables::fill;

const SHOWN: usize = 100;

/// The last messages of both sides, oldest first.
pub(crate) fn thread(sim: &Sim, phone: u32, user: UserKey) -> Value {
    let pair = sim.conversations.with(phone, user, |pair| *pair);
    let mut lines = outbound(sim, pair.last_out);
    lines.extend(inbound(sim, pair.last_in));
    lines.sort_by_key(|(at, order, _)| (*at, *order));
    let from = lines.len().saturating_sub(SHOWN);
    let messages: Vec<Value> = lines.drain(from..).map(|(.., line)| line).collect();
    json!({
        "customer": user.digits().map(|digits| format!("+{digits}")),
        "user_id": sim.customers.bsuid(user),
        "window_open": pair.window_open(sim.clock.now_ms()),
        "messages": messages,
    })
}

type Line = (i64, u64, Value);

fn outbound(sim: &Sim, last: u64) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut raw = Vec::new();
    {
        let ledger = sim.ledger();
        let mut seq = last;
        while let Some(entry) = ledger.get(seq).filter(|_| raw.len() < SHOWN) {
            let ticks = match () {
                () if entry.has(Stage::Failed) => "failed",
                () if entry.has(Stage::Read) => "read",
                () if entry.has(Stage::Delivered) => "delivered",
                () if entry.has(Stage::Sent) => "sent",
                () => "accepted",
            };
            raw.push((
                seq,
                entry.at_ms(),
                entry.phone,
                entry.wamid(seq),
                ticks,
                entry.kind,
                entry.body.clone(),
            ));
            seq = entry.previous;
        }
    }
    for (seq, at, phone, id, ticks, kind, body) in raw {
        let body: Value = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
        let mut line = render(sim, phone, kind, &body);
        line["direction"] = "in".into();
        line["id"] = id.into();
        line["at"] = time(at).into();
        line["status"] = ticks.into();
        line["type"] = kind.into();
        lines.push((at, seq, line));
    }
    lines
}

fn inbound(sim: &Sim, last: u64) -> Vec<Line> {
    let inbox = sim.inbox();
    let mut lines = Vec::new();
    let mut seq = last;
    while let Some(entry) = inbox.get(seq).filter(|_| lines.len() < SHOWN) {
        let line = json!({
            "direction": "out", "id": entry.id, "at": time(entry.at_ms), "type": entry.message["type"],
            "text": inbound_text(&entry.message),
        });
        lines.push((entry.at_ms, u64::MAX / 2 + seq, line));
        seq = entry.previous;
    }
    lines
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn inbound_text(message: &Value) -> String {
    let places = [
        "/text/body",
        "/button/text",
        "/interactive/button_reply/title",
        "/interactive/list_reply/title",
        "/reaction/emoji",
        "/location/name",
        "/image/caption",
    ];
    let found = places.iter().find_map(|place| message.pointer(place).and_then(Value::as_str));
    found.map_or_else(|| format!("[{}]", message["type"].as_str().unwrap_or("message")), Into::into)
}

/// Text and things to tap of a message by the business.
fn render(sim: &Sim, phone: u32, kind: &str, body: &Value) -> Value {
    match kind {
        "template" => template(sim, phone, body).unwrap_or_else(|| json!({"text": "[template]"})),
        "interactive" => interactive(&body["interactive"]),
        "text" => json!({"text": body["text"]["body"]}),
        "location" => {
            json!({"text": format!("📍 {}", body["location"]["name"].as_str().unwrap_or("location"))})
        }
        "reaction" => json!({"text": body["reaction"]["emoji"]}),
        other => {
            let caption = body[other]["caption"].as_str().unwrap_or_default();
            json!({"text": format!("[{other}] {caption}"), "link": body[other]["link"]})
        }
    }
}

fn interactive(message: &Value) -> Value {
    let mut taps = Vec::new();
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for button in items(&message["action"]["buttons"]) {
        taps.push(
            json!({"kind": "button_reply", "label": button["reply"]["title"], "value": button["reply"]}),
        );
    }
    for section in items(&message["action"]["sections"]) {
        for row in items(&section["rows"]) {
            taps.push(json!({"kind": "list_reply", "label": row["title"], "value": row}));
        }
    }
    json!({
        "header": message["header"]["text"], "text": message["body"]["text"], "footer": message["footer"]["text"],
        "taps": taps, "url": message["action"]["parameters"]["url"],
    })
}

fn template(sim: &Sim, phone: u32, body: &Value) -> Option<Value> {
    let waba_id = sim.accounts().phone_at(phone)?.waba_id.clone();
    let name = body.pointer("/template/name")?.as_str()?;
    let language = body.pointer("/template/language/code")?.as_str()?;
    let Some(template) = sim.templates().in_language(&waba_id, name, language).cloned() else {
        return Some(json!({"text": format!("[template {name}]")}));
    };
    let part = |kind: &str| {
        let all = template.components.iter();
        let found =
            all.clone().find(|c| c["type"].as_str().is_some_and(|given| given.eq_ignore_ascii_case(kind)));
        found.map(|component| filled(component["text"].as_str().unwrap_or_default(), kind, body))
    };
    let buttons = template.shape.buttons.iter().enumerate();
    let taps: Vec<Value> = buttons
        .filter(|(_, button)| button.kind == "QUICK_REPLY")
        .map(|(at, button)| {
            let payload = super::inbound::sent_payload(body, at).unwrap_or_else(|| button.text.clone());
            json!({"kind": "button", "label": button.text, "value": {"text": button.text, "payload": payload}})
        })
        .collect();
    let text = if template.shape.authentication {
        Some(filled(&template.shape.body_text, "body", body))
    } else {
        part("body")
    };
    Some(json!({"header": part("header"), "text": text, "footer": part("footer"), "taps": taps}))
}

fn filled(text: &str, kind: &str, body: &Value) -> String {
    let components = body.pointer("/template/components").and_then(Value::as_array);
    let component = components.and_then(|all| {
        all.iter().find(|c| c["type"].as_str().is_some_and(|given| given.eq_ignore_ascii_case(kind)))
    });
    let parameters = component.and_then(|component| component["parameters"].as_array());
    fill(text, |name| {
        let parameters = parameters?;
        let named = parameters.iter().find(|parameter| parameter["parameter_name"].as_str() == Some(name));
        let at = name.parse::<usize>().ok().and_then(|at| at.checked_sub(1));
        named.or_else(|| parameters.get(at?))?["text"].as_str()
    })
}
