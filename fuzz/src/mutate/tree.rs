//! Changes of a JSON value that leave it JSON: what a new version of an API, or a careless proxy, would do.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

/// Changes one place of `root`; `others` are values to borrow from.
pub(crate) fn mutate(rng: &mut StdRng, root: &mut Value, others: &[Value]) {
    let place = random_place(rng, root);
    match rng.random_range(0..6) {
        0 => *place = odd_value(rng),
        1 => *place = borrowed(rng, others),
        2 => other_type(place),
        3 => remove_one(rng, place),
        4 => repeat_one(rng, place),
        _ => rename_or_add(rng, place),
    }
}

/// Walks down at random, so that every depth gets its share.
fn random_place<'a>(rng: &mut StdRng, mut at: &'a mut Value) -> &'a mut Value {
    loop {
        let children = match &*at {
            Value::Object(members) => members.len(),
            Value::Array(elements) => elements.len(),
            _ => 0,
        };
        if children == 0 || rng.random_bool(0.12) {
            return at;
        }
        let chosen = rng.random_range(0..children);
        at = match at {
            Value::Object(members) => members.values_mut().nth(chosen).expect("chosen below the count"),
            Value::Array(elements) => &mut elements[chosen],
            _ => unreachable!("a scalar has no children"),
        };
    }
}

fn odd_value(rng: &mut StdRng) -> Value {
    match rng.random_range(0..12) {
        0 => Value::Null,
        1 => json!(""),
        2 => json!(true),
        3 => json!(rng.random::<i64>()),
        4 => json!(rng.random::<u64>()),
        5 => json!(rng.random::<f64>() * 1e300),
        6 => json!("\u{0}\u{7f}\u{fffd}"),
        7 => json!("9".repeat(rng.random_range(1..60))),
        8 => json!("ä🌷".repeat(rng.random_range(1..300))),
        9 => json!([]),
        10 => json!({}),
        _ => (0..rng.random_range(1..100)).fold(json!(1), |inner, _| json!([inner])),
    }
}

fn borrowed(rng: &mut StdRng, others: &[Value]) -> Value {
    let Some(mut other) = others.choose(rng).cloned() else { return Value::Null };
    random_place(rng, &mut other).take()
}

/// Number to string, string to number, one to a list of one.
fn other_type(place: &mut Value) {
    *place = match place.take() {
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => text.parse::<i64>().map_or_else(|_| json!({"value": text}), Value::from),
        Value::Array(mut elements) => elements.pop().unwrap_or(Value::Null),
        other => json!([other]),
    };
}

fn remove_one(rng: &mut StdRng, place: &mut Value) {
    match place {
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(rng.random_range(0..members.len())).cloned().unwrap_or_default();
            members.shift_remove(&key);
        }
        Value::Array(elements) if !elements.is_empty() => {
            elements.remove(rng.random_range(0..elements.len()));
        }
        other => *other = Value::Null,
    }
}

fn repeat_one(rng: &mut StdRng, place: &mut Value) {
    if let Value::Array(elements) = place
        && let Some(element) = elements.choose(rng).cloned()
    {
        let times = rng.random_range(1..4);
        elements.extend(std::iter::repeat_n(element, times));
    }
}

fn rename_or_add(rng: &mut StdRng, place: &mut Value) {
    let Value::Object(members) = place else { return };
    if rng.random_bool(0.5) {
        members.insert("new/member~of next year".into(), odd_value(rng));
        return;
    }
    *members = std::mem::take(members)
        .into_iter()
        .map(|(key, value)| if rng.random_bool(0.3) { (format!("{key}_v2"), value) } else { (key, value) })
        .collect::<Map<_, _>>();
}
