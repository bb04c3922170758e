//! Parameters of a management call: Graph takes them from the query, from a form or from JSON alike.

use serde_json::{Map, Value};

use crate::errors::GraphError;

/// Query and body parameters together; the body wins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Map<String, Value>);

impl Params {
    pub(crate) fn read(query: Option<&str>, content_type: &str, body: &[u8]) -> Result<Self, GraphError> {
        let mut all = form(query.unwrap_or_default().as_bytes());
        if content_type.starts_with("application/x-www-form-urlencoded") {
            all.extend(form(body));
        } else if !body.is_empty() && !content_type.starts_with("multipart/") {
            match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => all.extend(object),
                Ok(_) => return Err(GraphError::param("The request body must be a JSON object.")),
                Err(fault) => {
                    return Err(GraphError::param(format!("The request body is not valid JSON: {fault}")));
                }
            }
        }
        Ok(Self(all))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub(crate) fn required(&self, key: &str) -> Result<String, GraphError> {
        self.text(key).filter(|text| !text.is_empty()).ok_or_else(|| GraphError::required(key))
    }

    /// A list given as a JSON array, as a comma-separated text or as a single value.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(Into::into).collect(),
            Some(Value::String(text)) => match serde_json::from_str::<Vec<String>>(text) {
                Ok(items) => items,
                Err(_) => text
                    .split(',')
                    .map(|item| item.trim().to_owned())
                    .filter(|item| !item.is_empty())
                    .collect(),
            },
            _ => Vec::new(),
        }
    }

    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.text(key)?.parse().ok()
    }

    pub(crate) fn clone_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    pub(crate) fn value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Form fields; those that look like JSON are read as JSON, as Graph does.
fn form(text: &[u8]) -> Map<String, Value> {
    url::form_urlencoded::parse(text)
        .map(|(key, value)| {
            let json = value.starts_with(['{', '[']).then(|| serde_json::from_str(&value).ok()).flatten();
            (key.into_owned(), json.unwrap_or_else(|| Value::String(value.into_owned())))
        })
        .collect()
}
