//! Cursor paging. A cursor names the item it stands at, so it survives changes before it; a cursor that cannot
//! be read, or whose item is gone, is refused with 131059 (v24 and newer).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Call;
use crate::errors::{GraphError, known};

const DEFAULT_LIMIT: usize = 25;
const MOST: usize = 1_000;

/// One page of `nodes`; `key` names an item. `summary` is the caller's.
pub(crate) fn page(
    call: &Call<'_>,
    nodes: Vec<Value>,
    key: impl Fn(&Value) -> String,
) -> Result<Value, GraphError> {
    let limit = match call.params.text("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| GraphError::param("Param limit must be a positive integer."))?,
    };
    let limit = usize::min(limit, MOST);
    let (from, to) = bounds(call, &nodes, &key, limit)?;
    let total = nodes.len();
    let data: Vec<Value> = nodes.into_iter().skip(from).take(to - from).collect();
    let mut answer = json!({ "data": data });
    let (Some(first), Some(last)) =
        (data_key(&answer, 0, &key), data_key(&answer, (to - from).saturating_sub(1), &key))
    else {
        return Ok(answer);
    };
    let after = cursor(&last);
    answer["paging"] = json!({"cursors": {"before": cursor(&first), "after": after}});
    if to < total {
        answer["paging"]["next"] = link(call, "after", &after).into();
    }
    if from > 0 {
        answer["paging"]["previous"] = link(call, "before", &cursor(&first)).into();
    }
    Ok(answer)
}

fn data_key(answer: &Value, at: usize, key: &impl Fn(&Value) -> String) -> Option<String> {
    answer["data"].get(at).map(key)
}

fn bounds(
    call: &Call<'_>,
    nodes: &[Value],
    key: &impl Fn(&Value) -> String,
    limit: usize,
) -> Result<(usize, usize), GraphError> {
    let find = |text: String| {
        let wanted = read(&text)?;
        nodes.iter().position(|node| key(node) == wanted)
    };
    let invalid = || GraphError::message(131059, known::lookup(131059).details);
    if let Some(after) = call.params.text("after").filter(|text| !text.is_empty()) {
        let from = find(after).ok_or_else(invalid)? + 1;
        return Ok((from.min(nodes.len()), (from + limit).min(nodes.len())));
    }
    if let Some(before) = call.params.text("before").filter(|text| !text.is_empty()) {
        let to = find(before).ok_or_else(invalid)?;
        return Ok((to.saturating_sub(limit), to));
    }
    Ok((0, limit.min(nodes.len())))
}

fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("cursor:{key}"))
}

fn read(cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("cursor:").map(Into::into)
}

/// The address of the next page, as Graph gives it: absolute, with the token left to the caller's header.
fn link(call: &Call<'_>, direction: &str, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in &call.params.0 {
        if !["after", "before", "access_token"].contains(&key.as_str()) {
            let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
            query.append_pair(key, &text);
        }
    }
    query.append_pair(direction, cursor);
    format!("{}{}?{}", call.sim.url(), call.path, query.finish())
}
