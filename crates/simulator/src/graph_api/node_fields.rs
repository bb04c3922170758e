//! The `fields` parameter.

use serde_json::{Map, Value};

use super::Params;

/// Top-level names in `fields`, without their sub-selections: `a,b{c,d},e.limit(2)` is a, b, e.
pub(crate) fn fields_of(params: &Params) -> Vec<String> {
    let text = params.list("fields").join(",");
    let mut names = Vec::new();
    let (mut name, mut depth) = (String::new(), 0_u32);
    for c in text.chars().chain(",".chars()) {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let bare = name.split('.').next().unwrap_or_default().trim().to_owned();
                if !bare.is_empty() {
                    names.push(bare);
                }
                name.clear();
            }
            other if depth == 0 => name.push(other),
            _ => {}
        }
    }
    names
}

/// The asked fields of a node (or its defaults); `id` is always there.
pub(crate) fn pick(node: &Value, fields: &[String], defaults: &[&str]) -> Value {
    let Some(all) = node.as_object() else { return node.clone() };
    let wanted = |key: &str| match fields {
        [] => defaults.contains(&key),
        asked => asked.iter().any(|field| field == key),
    };
    let mut picked: Map<String, Value> = all
        .iter()
        .filter(|(key, value)| wanted(key) && !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if let Some(id) = all.get("id") {
        picked.insert("id".into(), id.clone());
    }
    Value::Object(picked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_selections_are_left_out() {
        let params =
            Params::read(Some("fields=id,health_status{entities{id}},data.limit(3)"), "", b"").unwrap();
        assert_eq!(fields_of(&params), ["id", "health_status", "data"]);
    }
}
