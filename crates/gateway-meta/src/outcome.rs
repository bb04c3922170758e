//! What the end of a call means: refused, certainly not sent, or unknown.

use std::error::Error;

use graph::errors::{GraphError, classify};
use ports::gateway::{GatewayError, MetaRefusal, failure_kind};
use reqwest::StatusCode;

/// Stands for Meta's code where an answer has none. Meta's own codes are not negative.
pub(crate) const NO_CODE: i64 = -1;

/// No answer came. Without a connection nothing was sent; anything later may have arrived.
pub(crate) fn of_failure(fault: reqwest::Error) -> GatewayError {
    if fault.is_connect() || fault.is_builder() {
        return not_sent(fault);
    }
    if fault.is_timeout() {
        return GatewayError::Unknown("Meta did not answer in time".into());
    }
    GatewayError::Unknown(plain(fault))
}

pub(crate) fn not_sent(fault: reqwest::Error) -> GatewayError {
    GatewayError::NotSent(plain(fault))
}

/// The answer began and did not end.
pub(crate) fn of_cut(fault: reqwest::Error) -> GatewayError {
    GatewayError::Unknown(format!("the answer was cut: {}", plain(fault)))
}

/// An address that the guard does not let us call.
pub(crate) fn not_allowed(refused: outbound::NotAllowed) -> GatewayError {
    GatewayError::NotSent(refused.to_string())
}

pub(crate) fn unusable_address() -> GatewayError {
    GatewayError::NotSent("the address of the Graph API is not usable".into())
}

/// An answer that is no success. With an error object of Meta's it is a refusal; without one a 5xx may come from a
/// server between us and Meta after Meta took the request.
pub(crate) fn of_refusal(status: StatusCode, body: Option<&[u8]>) -> GatewayError {
    let http = status.as_u16();
    match body.and_then(|body| GraphError::parse(body, Some(http))) {
        Some(error) => refused(error),
        None if status.is_server_error() => {
            GatewayError::Unknown(format!("an answer {http} without an error of Meta's"))
        }
        None => {
            let message = format!("an answer {http} without an error of Meta's");
            refused(GraphError { code: NO_CODE, message, http_status: Some(http), ..GraphError::default() })
        }
    }
}

pub(crate) fn refused(error: GraphError) -> GatewayError {
    let facts = error.facts();
    GatewayError::Refused(Box::new(MetaRefusal {
        kind: failure_kind(facts.kind),
        http: error.http_status.unwrap_or_default(),
        code: error.code,
        subcode: error.subcode,
        message: error.message,
        details: error.details,
        user_title: error.error_user_title,
        user_message: error.error_user_msg,
        fbtrace_id: error.fbtrace_id,
        advice: facts.advice.to_owned(),
    }))
}

/// A refusal of our own, before any call: Meta could only say no.
pub(crate) fn refused_here(like: i64, message: &str) -> GatewayError {
    let facts = classify(like, None, None);
    GatewayError::Refused(Box::new(MetaRefusal {
        kind: failure_kind(facts.kind),
        http: 0,
        code: NO_CODE,
        subcode: None,
        message: message.to_owned(),
        details: None,
        user_title: None,
        user_message: None,
        fbtrace_id: None,
        advice: facts.advice.to_owned(),
    }))
}

/// The chain of causes without the address, which may hold a token.
fn plain(fault: reqwest::Error) -> String {
    let fault = fault.without_url();
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::messages::retry::{FailureKind, ThrottleScope};

    use super::*;

    fn kind(status: u16, body: &str) -> Option<FailureKind> {
        match of_refusal(StatusCode::from_u16(status).unwrap(), Some(body.as_bytes())) {
            GatewayError::Refused(refusal) => Some(refusal.kind),
            _ => None,
        }
    }

    #[test]
    fn an_error_of_metas_is_a_refusal_at_any_status() {
        let error = |code: i64| format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#);
        assert_eq!(kind(401, &error(190)), Some(FailureKind::ConnectionBroken));
        assert_eq!(kind(500, &error(131_000)), Some(FailureKind::Retryable));
        assert_eq!(kind(503, &error(777_777)), Some(FailureKind::Retryable));
        let number = FailureKind::Throttled { scope: ThrottleScope::Number };
        assert_eq!(kind(400, &error(130_429)), Some(number));
    }

    #[test]
    fn without_an_error_of_metas_a_server_fault_is_unknown_and_the_rest_a_refusal() {
        assert_eq!(kind(502, "<html>"), None);
        assert_eq!(kind(404, "<html>"), Some(FailureKind::Rejected));
        assert_eq!(kind(302, ""), Some(FailureKind::Rejected));
        assert!(matches!(kind(429, ""), Some(FailureKind::Throttled { .. })));
    }
}
