//! The error objects themselves.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::facts::{CodeFacts, classify};
use crate::fields::Fields;

/// The `error` object of a Graph reply. Branch on `code` and, for template management, `subcode`: Meta localises the
/// texts and its HTTP status is not reliable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GraphError {
    pub code: i64,
    pub subcode: Option<i64>,
    pub message: String,
    /// `type`, usually `OAuthException`.
    pub error_type: Option<String>,
    /// `error_data.details`, or `error_data` itself where it is a string.
    pub details: Option<String>,
    /// What Meta's support asks for.
    pub fbtrace_id: Option<String>,
    /// Localised, management calls only.
    pub error_user_title: Option<String>,
    /// Localised, management calls only.
    pub error_user_msg: Option<String>,
    pub is_transient: Option<bool>,
    /// The HTTP status of the reply; not part of the body.
    pub http_status: Option<u16>,
}

impl GraphError {
    /// Reads the body of a refused call; `None` if it holds no error object with a code.
    #[must_use]
    pub fn parse(body: &[u8], http_status: Option<u16>) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let outer = Fields::of(body)?;
        let inner = outer.object("error").unwrap_or(outer);
        Self::read(&inner, http_status)
    }

    fn read(fields: &Fields<'_>, http_status: Option<u16>) -> Option<Self> {
        Some(Self {
            code: fields.integer("code")?,
            subcode: fields.integer("error_subcode"),
            message: fields.text("message").unwrap_or_default(),
            error_type: fields.text("type"),
            details: details(fields),
            fbtrace_id: fields.text("fbtrace_id"),
            error_user_title: fields.text("error_user_title"),
            error_user_msg: fields.text("error_user_msg"),
            is_transient: fields.flag("is_transient"),
            http_status,
        })
    }

    /// What the code means. An unknown code that Meta itself calls transient counts as retryable.
    #[must_use]
    pub fn facts(&self) -> CodeFacts {
        let facts = classify(self.code, self.subcode, self.http_status);
        if self.is_transient == Some(true) && super::known(self.code).is_none() {
            return classify(self.code, None, Some(503));
        }
        facts
    }

    /// The text that tells most: the details, else the localised text for people, else the message.
    #[must_use]
    pub fn best_text(&self) -> &str {
        self.details.as_deref().or(self.error_user_msg.as_deref()).unwrap_or(&self.message)
    }

    /// The body of a reply that carries this error, as the message calls shape it.
    #[must_use]
    pub fn to_body(&self) -> Value {
        let mut error = Map::new();
        error.insert("message".into(), json!(self.message));
        error.insert("type".into(), json!(self.error_type.as_deref().unwrap_or("OAuthException")));
        error.insert("code".into(), json!(self.code));
        let data = self.details.as_ref().map(|d| json!({"messaging_product": "whatsapp", "details": d}));
        let rest = [
            ("error_data", data),
            ("error_subcode", self.subcode.map(Value::from)),
            ("is_transient", self.is_transient.map(Value::from)),
            ("error_user_title", self.error_user_title.clone().map(Value::from)),
            ("error_user_msg", self.error_user_msg.clone().map(Value::from)),
            ("fbtrace_id", self.fbtrace_id.clone().map(Value::from)),
        ];
        error.extend(rest.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        json!({ "error": error })
    }
}

/// An error object inside a webhook: in `value.errors`, in a failed status, in an unsupported message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebhookError {
    /// Meta's code; -1 where it cannot be read.
    pub code: i64,
    pub title: Option<String>,
    pub message: Option<String>,
    pub details: Option<String>,
    pub href: Option<String>,
}

impl WebhookError {
    pub(crate) fn read(json: &str) -> Option<Self> {
        let fields = Fields::of(json)?;
        Some(Self {
            code: fields.integer("code").or_else(|| fields.integer("error_code")).unwrap_or(-1),
            title: fields.text("title"),
            message: fields.text("message"),
            details: details(&fields),
            href: fields.text("href"),
        })
    }

    /// The readable ones of an array of errors.
    pub(crate) fn all(fields: &Fields<'_>) -> Vec<Self> {
        fields.array("errors").into_iter().filter_map(|raw| Self::read(raw.get())).collect()
    }

    /// What the code means.
    #[must_use]
    pub fn facts(&self) -> CodeFacts {
        classify(self.code, None, None)
    }

    /// The text that tells most.
    #[must_use]
    pub fn best_text(&self) -> &str {
        let texts = [&self.details, &self.message, &self.title];
        texts.into_iter().find_map(Option::as_deref).unwrap_or_default()
    }
}

fn details(fields: &Fields<'_>) -> Option<String> {
    match fields.object("error_data") {
        Some(data) => data.text("details"),
        None => fields.text("error_data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::ErrorKind;

    #[test]
    fn the_shape_of_the_message_calls_is_read() {
        let body = br##"{"error":{"message":"(#130429) Rate limit hit","type":"OAuthException","code":130429,
            "error_data":{"messaging_product":"whatsapp","details":"Slow down"},"fbtrace_id":"Az8"}}"##;
        let error = GraphError::parse(body, Some(400)).unwrap();
        assert_eq!(
            (error.code, error.best_text(), error.fbtrace_id.as_deref()),
            (130_429, "Slow down", Some("Az8"))
        );
        assert_eq!(GraphError::parse(error.to_body().to_string().as_bytes(), Some(400)), Some(error));
    }

    #[test]
    fn the_shape_of_the_management_calls_is_read() {
        let body = br#"{"error":{"message":"Invalid parameter","type":"OAuthException","code":"100",
            "error_subcode":"2388273","is_transient":false,"error_user_title":"Kein Beispiel","error_user_msg":"...",
            "error_data":"plain text","fbtrace_id":"A"}}"#;
        let error = GraphError::parse(body, Some(400)).unwrap();
        assert_eq!(
            (error.code, error.subcode, error.details.as_deref()),
            (100, Some(2_388_273), Some("plain text"))
        );
        assert!(error.facts().advice.contains("sample"));
    }

    #[test]
    fn what_is_no_error_gives_none() {
        for body in [&b""[..], b"<html>", b"{}", b"[]", br#"{"error":"x"}"#, br#"{"error":{}}"#, b"\xff\xfe"]
        {
            assert_eq!(GraphError::parse(body, None), None);
        }
    }

    #[test]
    fn an_unknown_code_that_is_called_transient_is_retryable() {
        let error = GraphError { code: 999_999, is_transient: Some(true), ..Default::default() };
        assert_eq!(error.facts().kind, ErrorKind::Retryable);
        let refused = GraphError { is_transient: None, ..error };
        assert_eq!(refused.facts().kind, ErrorKind::Rejected);
    }
}
