//! From a code to what it means: its kind, whether waiting helps, and what a person can do.

use serde::Serialize;

use super::table;

/// Whose limit was met, and so what has to slow down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleScope {
    /// The sending phone number (130429).
    Number,
    /// This number towards this one recipient (131056).
    Pair,
    /// The WhatsApp Business Account (80007).
    Account,
    /// The Meta app (4).
    App,
}

/// What an error means for the sender. Closed: each kind has one answer in the sending rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ErrorKind {
    /// Too fast; the same request passes later.
    Throttled { scope: ThrottleScope },
    /// A fault at Meta's side; the same request may pass later.
    Retryable,
    /// The recipient cannot be reached on WhatsApp.
    RecipientUnreachable,
    /// Free-form message outside the 24-hour window.
    WindowClosed,
    /// The template is missing, paused, disabled or not allowed here.
    TemplateUnusable,
    /// The parameters do not fit the template.
    TemplateParams,
    /// Token, permission or registration: nothing of this connection works until somebody repairs it.
    ConnectionBroken,
    /// Meta restricts the account or the number.
    AccountRestricted,
    /// Nothing is delivered until the billing at Meta is in order.
    PaymentRequired,
    /// Meta holds back marketing to this recipient for now.
    MarketingLimited,
    /// The recipient stopped marketing from this business.
    MarketingStopped,
    /// The media file was refused or could not be fetched.
    MediaFault,
    /// Any other refusal: the same request is refused again.
    Rejected,
}

/// What is known of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CodeFacts {
    /// Meta's code.
    pub code: i64,
    /// What it means for the sender.
    pub kind: ErrorKind,
    /// Whether the same request may pass later without anybody doing anything.
    pub retryable: bool,
    /// A short title in our words.
    pub title: &'static str,
    /// What a person can do about it.
    pub advice: &'static str,
}

/// The facts of a code; a subcode refines them where it is known, and a code unknown to the table is judged by the
/// HTTP status (5xx retryable, 429 throttled, anything else refused).
#[must_use]
pub fn classify(code: i64, subcode: Option<i64>, http: Option<u16>) -> CodeFacts {
    let facts = table::known(code).unwrap_or_else(|| by_http_status(code, http));
    subcode.and_then(|subcode| table::refined(facts, subcode)).unwrap_or(facts)
}

fn by_http_status(code: i64, http: Option<u16>) -> CodeFacts {
    let (kind, retryable, title, advice) = match http {
        Some(429) => (
            ErrorKind::Throttled { scope: ThrottleScope::App },
            true,
            "Too many requests",
            "Meta asks for a slower pace; the request is repeated later.",
        ),
        Some(500..=599) => (
            ErrorKind::Retryable,
            true,
            "Fault at Meta",
            "Meta answered with a server fault; the request is repeated. If it lasts, look at metastatus.com.",
        ),
        _ => (
            ErrorKind::Rejected,
            false,
            "Refused by Meta",
            "Meta refused the request with a code that has no entry here; its own message says why.",
        ),
    };
    CodeFacts { code, kind, retryable, title, advice }
}
