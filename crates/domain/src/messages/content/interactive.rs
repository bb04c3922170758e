//! Meta's limits on interactive messages. Source: Meta, "Interactive messages" (reply buttons, lists, call-to-action
//! URL, flows, location request).

use std::collections::HashSet;

use serde_json::Value;

use super::limits::{Fault, length};

/// Kinds that Meta knows besides those checked closely here; they pass through.
const PASSED_THROUGH: [&str; 8] = [
    "product",
    "product_list",
    "catalog_message",
    "address_message",
    "call_permission_request",
    "carousel",
    "request_contact_info",
    "order_details",
];

/// Notes everything that Meta would refuse; pointers are relative to the content (`/interactive/…`).
pub(super) fn check_interactive(faults: &mut Vec<Fault>, interactive: &Value) {
    let kind = interactive.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "button" => {
            frame(faults, interactive, 1024);
            buttons(faults, interactive);
        }
        "list" => {
            frame(faults, interactive, 4096);
            list(faults, interactive);
        }
        "cta_url" => {
            frame(faults, interactive, 1024);
            text(faults, interactive, "/action/parameters/display_text", 20);
            let url = at(interactive, "/action/parameters/url").and_then(Value::as_str).unwrap_or_default();
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                fault(faults, "/action/parameters/url", "is not an http(s) address");
            }
        }
        "flow" => {
            frame(faults, interactive, 1024);
            text(faults, interactive, "/action/parameters/flow_cta", 30);
            let parameters = at(interactive, "/action/parameters");
            let named = |name| parameters.is_some_and(|parameters| parameters.get(name).is_some());
            if !named("flow_id") && !named("flow_name") {
                fault(faults, "/action/parameters", "names no flow; give flow_id or flow_name");
            }
        }
        "location_request_message" => text(faults, interactive, "/body/text", 1024),
        known if PASSED_THROUGH.contains(&known) => {}
        _ => fault(
            faults,
            "/type",
            &format!(
                "\"{kind}\" is not a kind of interactive message; use button, list, cta_url, flow, \
                 location_request_message or one of {}",
                PASSED_THROUGH.join(", ")
            ),
        ),
    }
}

fn at<'a>(interactive: &'a Value, pointer: &str) -> Option<&'a Value> {
    interactive.pointer(pointer)
}

fn fault(faults: &mut Vec<Fault>, pointer: &str, problem: &str) {
    faults.push(Fault::at(format!("/interactive{pointer}"), problem));
}

fn text(faults: &mut Vec<Fault>, interactive: &Value, pointer: &str, most: usize) {
    let value = at(interactive, pointer).and_then(Value::as_str).unwrap_or_default();
    length(faults, &format!("/interactive{pointer}"), value, most);
}

fn optional_text(faults: &mut Vec<Fault>, interactive: &Value, pointer: &str, most: usize) {
    if at(interactive, pointer).is_some() {
        text(faults, interactive, pointer, most);
    }
}

fn frame(faults: &mut Vec<Fault>, interactive: &Value, body: usize) {
    text(faults, interactive, "/body/text", body);
    optional_text(faults, interactive, "/footer/text", 60);
    optional_text(faults, interactive, "/header/text", 60);
}

fn elements<'a>(interactive: &'a Value, pointer: &str) -> &'a [Value] {
    at(interactive, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn buttons(faults: &mut Vec<Fault>, interactive: &Value) {
    let buttons = elements(interactive, "/action/buttons");
    if buttons.is_empty() || buttons.len() > 3 {
        fault(faults, "/action/buttons", &format!("holds {} buttons; give 1 to 3", buttons.len()));
    }
    for index in 0..buttons.len() {
        text(faults, interactive, &format!("/action/buttons/{index}/reply/id"), 256);
        text(faults, interactive, &format!("/action/buttons/{index}/reply/title"), 20);
    }
    for member in ["id", "title"] {
        let values = buttons.iter().filter_map(|button| button.pointer(&format!("/reply/{member}")));
        unique(faults, "/action/buttons", member, values);
    }
}

fn list(faults: &mut Vec<Fault>, interactive: &Value) {
    text(faults, interactive, "/action/button", 20);
    let sections = elements(interactive, "/action/sections");
    let rows = |section: &Value| section.get("rows").and_then(Value::as_array).map_or(0, Vec::len);
    let total: usize = sections.iter().map(rows).sum();
    if total == 0 || total > 10 {
        fault(faults, "/action/sections", &format!("hold {total} rows in all; give 1 to 10"));
    }
    for (index, section) in sections.iter().enumerate() {
        let path = format!("/action/sections/{index}");
        if sections.len() > 1 {
            text(faults, interactive, &format!("{path}/title"), 24);
        } else {
            optional_text(faults, interactive, &format!("{path}/title"), 24);
        }
        for row in 0..rows(section) {
            text(faults, interactive, &format!("{path}/rows/{row}/id"), 200);
            text(faults, interactive, &format!("{path}/rows/{row}/title"), 24);
            optional_text(faults, interactive, &format!("{path}/rows/{row}/description"), 72);
        }
    }
    let ids = sections
        .iter()
        .filter_map(|section| section.get("rows")?.as_array())
        .flatten()
        .filter_map(|row| row.get("id"));
    unique(faults, "/action/sections", "id", ids);
}

fn unique<'a>(
    faults: &mut Vec<Fault>,
    pointer: &str,
    member: &str,
    values: impl Iterator<Item = &'a Value>,
) {
    let mut seen = HashSet::new();
    for value in values.filter_map(Value::as_str) {
        if !seen.insert(value) {
            fault(faults, pointer, &format!("the {member} \"{value}\" occurs twice; make each unique"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(interactive: Value) -> Vec<String> {
        let mut faults = Vec::new();
        check_interactive(&mut faults, &interactive);
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    fn button(id: &str, title: &str) -> Value {
        json!({"type": "reply", "reply": {"id": id, "title": title}})
    }

    #[test]
    fn three_distinct_buttons_pass_and_a_fourth_or_a_twin_does_not() {
        let message = |buttons: Vec<Value>| {
            json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": buttons}})
        };
        assert!(faults(message(vec![button("a", "A"), button("b", "B"), button("c", "C")])).is_empty());
        let four = ["a", "b", "c", "d"].map(|id| button(id, id)).to_vec();
        assert_eq!(faults(message(four)), ["/interactive/action/buttons"]);
        assert_eq!(
            faults(message(vec![button("a", "A"), button("a", "B")])),
            ["/interactive/action/buttons"]
        );
        assert_eq!(
            faults(message(vec![button("a", &"x".repeat(21))])),
            ["/interactive/action/buttons/0/reply/title"]
        );
    }

    #[test]
    fn a_list_needs_titles_for_more_than_one_section_and_at_most_ten_rows() {
        let row = |id: usize| json!({"id": id.to_string(), "title": "row"});
        let section = |range: std::ops::Range<usize>| json!({"rows": range.map(row).collect::<Vec<_>>()});
        let message = |sections: Vec<Value>| {
            json!({"type": "list", "body": {"text": "?"}, "action": {"button": "Choose", "sections": sections}})
        };
        assert!(faults(message(vec![section(0..10)])).is_empty());
        assert_eq!(faults(message(vec![section(0..11)])), ["/interactive/action/sections"]);
        assert_eq!(
            faults(message(vec![section(0..2), section(2..4)])),
            ["/interactive/action/sections/0/title", "/interactive/action/sections/1/title"]
        );
    }

    #[test]
    fn an_unknown_kind_is_told_what_would_be_right() {
        assert_eq!(faults(json!({"type": "poll"})), ["/interactive/type"]);
        assert!(faults(json!({"type": "product", "body": {}})).is_empty());
    }
}
