//! What a change changed.

use serde_json::{Map, Value};

/// The members that differ between two objects, as they were and as they are; one that only one of them has is null in
/// the other. What are not both objects is given whole.
pub fn change(before: &Value, after: &Value) -> (Value, Value) {
    let (Value::Object(was), Value::Object(is)) = (before, after) else {
        return (before.clone(), after.clone());
    };
    let (mut old, mut new) = (Map::new(), Map::new());
    let added = is.keys().filter(|name| !was.contains_key(*name));
    for name in was.keys().chain(added) {
        let (left, right) = (was.get(name).unwrap_or(&Value::Null), is.get(name).unwrap_or(&Value::Null));
        if left != right {
            old.insert(name.clone(), left.clone());
            new.insert(name.clone(), right.clone());
        }
    }
    (Value::Object(old), Value::Object(new))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let was = json!({ "name": "a", "limit": 3, "gone": true });
        let is = json!({ "name": "b", "limit": 3, "new": [1] });
        let (old, new) = change(&was, &is);
        assert_eq!(old, json!({ "name": "a", "gone": true, "new": null }));
        assert_eq!(new, json!({ "name": "b", "gone": null, "new": [1] }));
        assert_eq!(change(&was, &was), (json!({}), json!({})));
        assert_eq!(change(&json!(1), &is), (json!(1), is));
    }
}
