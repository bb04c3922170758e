//! Meta's `interactive` object. Reply buttons, lists, links, Flows and location requests are checked against
//! Meta's limits; newer kinds pass, so that they can be used on the day Meta brings them out.
//! Source: Meta, "Interactive messages".

use std::collections::HashSet;

use serde_json::Value;

use super::validation::Faults;

const BODY: usize = 1_024;
const LIST_BODY: usize = 4_096;
const HEADER: usize = 60;
const FOOTER: usize = 60;
const BUTTONS: usize = 3;
const BUTTON_ID: usize = 256;
const BUTTON_TITLE: usize = 20;
const ROWS: usize = 10;
const ROW_ID: usize = 200;
const ROW_TITLE: usize = 24;
const ROW_DESCRIPTION: usize = 72;
const SECTION_TITLE: usize = 24;
const FLOW_LABEL: usize = 30;
const AT: &str = "/interactive";

pub(super) fn check(faults: &mut Faults, interactive: &Value) {
    if !interactive.is_object() {
        return faults.add(AT, "must be an object");
    }
    match text(interactive, "/type") {
        Some("button") => {
            common(faults, interactive, BODY, &["text", "image", "video", "document"]);
            buttons(faults, interactive);
        }
        Some("list") => {
            common(faults, interactive, LIST_BODY, &["text"]);
            list(faults, interactive);
        }
        Some("cta_url") => {
            common(faults, interactive, BODY, &["text", "image", "video", "document"]);
            link(faults, interactive);
        }
        Some("flow") => {
            common(faults, interactive, BODY, &["text", "image", "video", "document"]);
            flow(faults, interactive);
        }
        Some("location_request_message") => {
            common(faults, interactive, BODY, &[]);
            action_name(faults, interactive, "send_location");
        }
        Some(other) if !other.trim().is_empty() => {}
        _ => faults.add(
            format!("{AT}/type"),
            "is missing; known are button, list, cta_url, flow, location_request_message",
        ),
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// A text that must be there.
fn required(faults: &mut Faults, interactive: &Value, pointer: &str, longest: usize) {
    faults.required(&format!("{AT}{pointer}"), text(interactive, pointer), longest);
}

fn common(faults: &mut Faults, interactive: &Value, body: usize, headers: &[&str]) {
    required(faults, interactive, "/body/text", body);
    if interactive.get("footer").is_some_and(|footer| !footer.is_null()) {
        required(faults, interactive, "/footer/text", FOOTER);
    }
    let Some(header) = interactive.get("header").filter(|header| !header.is_null()) else { return };
    match text(header, "/type") {
        Some("text") if headers.contains(&"text") => required(faults, interactive, "/header/text", HEADER),
        Some(kind) if headers.contains(&kind) => {
            let media = header.get(kind).unwrap_or(&Value::Null);
            let pointer = format!("{AT}/header/{kind}");
            match (text(media, "/link"), text(media, "/id")) {
                (Some(link), None) => faults.link(&format!("{pointer}/link"), link),
                (None, Some(id)) if !id.is_empty() => {}
                _ => faults.add(pointer, "needs a link or an id, not both"),
            }
        }
        _ if headers.is_empty() => faults.add(format!("{AT}/header"), "this kind takes no header"),
        _ => faults.add(format!("{AT}/header/type"), format!("must be one of {}", headers.join(", "))),
    }
}

fn buttons(faults: &mut Faults, interactive: &Value) {
    let pointer = format!("{AT}/action/buttons");
    let empty = Vec::new();
    let buttons = interactive.pointer("/action/buttons").and_then(Value::as_array).unwrap_or(&empty);
    if buttons.is_empty() || buttons.len() > BUTTONS {
        faults.add(&pointer, format!("must hold 1 to {BUTTONS} buttons, has {}", buttons.len()));
    }
    let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
    for (index, button) in buttons.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        if text(button, "/type") != Some("reply") {
            faults.add(format!("{at}/type"), "must be reply");
        }
        let (id, title) = (text(button, "/reply/id"), text(button, "/reply/title"));
        faults.required(&format!("{at}/reply/id"), id, BUTTON_ID);
        faults.required(&format!("{at}/reply/title"), title, BUTTON_TITLE);
        if id.is_some_and(|id| !ids.insert(id)) {
            faults.add(format!("{at}/reply/id"), "is the id of another button, too");
        }
        if title.is_some_and(|title| !titles.insert(title)) {
            faults.add(format!("{at}/reply/title"), "is the title of another button, too");
        }
    }
}

fn list(faults: &mut Faults, interactive: &Value) {
    required(faults, interactive, "/action/button", BUTTON_TITLE);
    let pointer = format!("{AT}/action/sections");
    let empty = Vec::new();
    let sections = interactive.pointer("/action/sections").and_then(Value::as_array).unwrap_or(&empty);
    if sections.is_empty() || sections.len() > ROWS {
        faults.add(&pointer, format!("must hold 1 to {ROWS} sections, has {}", sections.len()));
    }
    let (mut rows, mut ids) = (0, HashSet::new());
    for (index, section) in sections.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        match text(section, "/title") {
            Some(title) => faults.short(&format!("{at}/title"), title, SECTION_TITLE),
            None if sections.len() > 1 => {
                faults.add(format!("{at}/title"), "is needed with more than one section")
            }
            None => {}
        }
        let of_section = section.get("rows").and_then(Value::as_array).unwrap_or(&empty);
        if of_section.is_empty() {
            faults.add(format!("{at}/rows"), "must hold at least one row");
        }
        rows += of_section.len();
        for (index, row) in of_section.iter().enumerate() {
            let at = format!("{at}/rows/{index}");
            self::row(faults, row, &at);
            if text(row, "/id").is_some_and(|id| !ids.insert(id)) {
                faults.add(format!("{at}/id"), "is the id of another row, too");
            }
        }
    }
    if rows > ROWS {
        faults.add(pointer, format!("must hold at most {ROWS} rows in all sections together, has {rows}"));
    }
}

fn row(faults: &mut Faults, row: &Value, at: &str) {
    faults.required(&format!("{at}/id"), text(row, "/id"), ROW_ID);
    faults.required(&format!("{at}/title"), text(row, "/title"), ROW_TITLE);
    if let Some(description) = text(row, "/description") {
        faults.short(&format!("{at}/description"), description, ROW_DESCRIPTION);
    }
}

fn link(faults: &mut Faults, interactive: &Value) {
    action_name(faults, interactive, "cta_url");
    required(faults, interactive, "/action/parameters/display_text", BUTTON_TITLE);
    match text(interactive, "/action/parameters/url") {
        Some(url) => faults.link(&format!("{AT}/action/parameters/url"), url),
        None => faults.add(format!("{AT}/action/parameters/url"), "is missing"),
    }
}

fn flow(faults: &mut Faults, interactive: &Value) {
    action_name(faults, interactive, "flow");
    let has =
        |key: &str| text(interactive, &format!("/action/parameters/{key}")).is_some_and(|id| !id.is_empty());
    if has("flow_id") == has("flow_name") {
        faults.add(format!("{AT}/action/parameters"), "needs either flow_id or flow_name");
    }
    required(faults, interactive, "/action/parameters/flow_cta", FLOW_LABEL);
}

fn action_name(faults: &mut Faults, interactive: &Value, name: &str) {
    if text(interactive, "/action/name") != Some(name) {
        faults.add(format!("{AT}/action/name"), format!("must be {name}"));
    }
}
