//! Reading members of a request, with the refusals that Graph's parameter check gives.

use serde_json::{Map, Value};

use crate::errors::GraphError;

pub(crate) type Checked<T = ()> = Result<T, GraphError>;

/// An object that the request names by a path such as `text` or `image`.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) path: &'a str,
    pub(crate) map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// The member `key` of a request body, which must be an object.
    pub(crate) fn of(body: &'a Value, key: &'a str) -> Checked<Self> {
        match body.get(key) {
            None | Some(Value::Null) => Err(GraphError::required(key)),
            Some(Value::Object(map)) => Ok(Self { path: key, map }),
            Some(other) => Err(wrong_type(key, "a JSON object", other)),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn param(&self, key: &str) -> String {
        format!("{}['{key}']", self.path)
    }

    pub(crate) fn optional_text(&self, key: &str) -> Checked<Option<&'a str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(&self.param(key), "a string", other)),
        }
    }

    pub(crate) fn text(&self, key: &str) -> Checked<&'a str> {
        self.optional_text(key)?.ok_or_else(|| GraphError::required(&self.param(key)))
    }

    /// A required text of `1..=max` characters.
    pub(crate) fn text_within(&self, key: &str, max: usize) -> Checked<&'a str> {
        let text = self.text(key)?;
        if text.trim().is_empty() {
            return Err(GraphError::param(format!(
                "Param {} must be at least 1 characters long.",
                self.param(key)
            )));
        }
        at_most(&self.param(key), text, max)?;
        Ok(text)
    }

    pub(crate) fn optional_text_within(&self, key: &str, max: usize) -> Checked<Option<&'a str>> {
        let text = self.optional_text(key)?;
        if let Some(text) = text {
            at_most(&self.param(key), text, max)?;
        }
        Ok(text)
    }
}

pub(crate) fn at_most(param: &str, text: &str, max: usize) -> Checked {
    if text.chars().count() > max {
        return Err(GraphError::param(format!("Param {param} must be at most {max} characters long.")));
    }
    Ok(())
}

pub(crate) fn wrong_type(param: &str, wanted: &str, got: &Value) -> GraphError {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    GraphError::param(format!("Param {param} must be {wanted}, got {got}."))
}

/// 131009 with Meta's `error_data.details`.
pub(crate) fn invalid(details: impl Into<String>) -> GraphError {
    GraphError::message(131009, details)
}

/// 131008 with Meta's `error_data.details`.
pub(crate) fn missing(details: impl Into<String>) -> GraphError {
    GraphError::message(131008, details)
}

/// An address that Meta will fetch or open: http or https with a host.
pub(crate) fn is_web_url(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
}
