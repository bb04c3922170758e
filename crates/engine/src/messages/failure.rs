//! How a refusal by Meta is told to the tenant: our code, the advice, and what it does to the contact.

use domain::messages::retry::FailureKind;
use domain::{SignedDuration, Timestamp};
use ports::gateway::{GatewayError, MetaRefusal};
use ports::messages::Failure;

/// Our error code for a refusal (contract §3): what a caller of the API would get for it at once.
pub fn code(kind: FailureKind, meta_code: i64, is_template: bool) -> &'static str {
    match kind {
        FailureKind::Throttled { .. } => "RATE_LIMIT_EXCEEDED",
        FailureKind::RecipientUnreachable => "RECIPIENT_NOT_ON_WHATSAPP",
        FailureKind::WindowClosed if is_template => "RECIPIENT_NOT_ON_WHATSAPP",
        FailureKind::WindowClosed => "CONVERSATION_EXPIRED",
        FailureKind::TemplateUnusable => "TEMPLATE_NOT_APPROVED",
        FailureKind::TemplateParams => "TEMPLATE_PARAMS_MISMATCH",
        FailureKind::MarketingStopped => "CONTACT_NOT_OPTED_IN",
        FailureKind::ConnectionBroken if meta_code == 190 || meta_code == 0 => "TOKEN_EXPIRED",
        FailureKind::Retryable
        | FailureKind::ConnectionBroken
        | FailureKind::AccountRestricted
        | FailureKind::PaymentRequired
        | FailureKind::MarketingLimited
        | FailureKind::MediaFault
        | FailureKind::Rejected => "META_REJECTED",
    }
}

/// A parameter is not valid. Source: Meta, "Error codes".
const PARAMETER_INVALID: i64 = 131_009;

/// Our error code for a refusal with these details: a parameter that is not valid may be the recipient's number, and is
/// anything else for everybody.
pub fn code_of(kind: FailureKind, meta_code: i64, is_template: bool, details: Option<&str>) -> &'static str {
    let names_recipient = |details: &str| {
        let details = details.to_lowercase().replace("recipient_type", "");
        ["recipient", "param to ", "parameter to "].iter().any(|word| details.contains(word))
    };
    match meta_code {
        PARAMETER_INVALID if details.is_some_and(names_recipient) => "INVALID_PHONE_FORMAT",
        _ => code(kind, meta_code, is_template),
    }
}

/// The code to flag the contact with, when this refusal means that the person cannot be reached.
pub fn flag(kind: FailureKind, meta_code: i64, is_template: bool) -> Option<i64> {
    (code(kind, meta_code, is_template) == "RECIPIENT_NOT_ON_WHATSAPP").then_some(meta_code)
}

/// How long no new attempt is allowed after this refusal.
pub fn wait_before_retry(kind: FailureKind) -> Option<SignedDuration> {
    // Meta: after 131049 the same message is at the earliest worth another try a day later.
    (kind == FailureKind::MarketingLimited).then_some(SignedDuration::from_hours(24))
}

/// A refusal as it is kept with the message.
pub fn of_refusal(refusal: &MetaRefusal, is_template: bool, now: Timestamp) -> Failure {
    Failure {
        code: code_of(refusal.kind, refusal.code, is_template, refusal.details.as_deref()).into(),
        message: headline(refusal.kind, refusal.code, is_template).into(),
        meta_error_code: Some(refusal.code),
        meta_message: Some(match &refusal.details {
            Some(details) => format!("{}: {details}", refusal.message),
            None => refusal.message.clone(),
        }),
        fbtrace_id: refusal.fbtrace_id.clone(),
        advice: Some(refusal.advice.clone()),
        not_before: wait_before_retry(refusal.kind).and_then(|wait| now.saturating_add(wait).ok()),
    }
}

/// Any failed call as it is kept with the message.
pub fn of_error(error: &GatewayError, is_template: bool, now: Timestamp) -> Failure {
    match error {
        GatewayError::Refused(refusal) => of_refusal(refusal, is_template, now),
        GatewayError::NotSent(why) => plain(
            "META_UNAVAILABLE",
            "Meta could not be reached",
            Some(why.clone()),
            "Nothing to do: it is tried again by itself. If it lasts, check this server's network and Meta's status page.",
        ),
        GatewayError::Unknown(why) => plain(
            "SEND_OUTCOME_UNKNOWN",
            "Meta's answer was lost: the message may or may not have been accepted",
            Some(why.clone()),
            "Wait for a status webhook to settle it; it is never sent again blindly.",
        ),
    }
}

/// A failure without a code of Meta.
pub fn plain(code: &str, message: &str, meta_message: Option<String>, advice: &str) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
        meta_error_code: None,
        meta_message,
        fbtrace_id: None,
        advice: Some(advice.into()),
        not_before: None,
    }
}

/// One sentence for the tenant.
pub fn headline(kind: FailureKind, meta_code: i64, is_template: bool) -> &'static str {
    match code(kind, meta_code, is_template) {
        "RATE_LIMIT_EXCEEDED" => "WhatsApp rate limit exceeded",
        "RECIPIENT_NOT_ON_WHATSAPP" => "Phone number is not registered on WhatsApp",
        "CONVERSATION_EXPIRED" => "24-hour messaging window has expired",
        "TEMPLATE_NOT_APPROVED" => "Meta does not accept this template for sending",
        "TEMPLATE_PARAMS_MISMATCH" => "Meta says that the parameters do not fit the template",
        "CONTACT_NOT_OPTED_IN" => "Contact has stopped marketing messages from this business in WhatsApp",
        "TOKEN_EXPIRED" => "WhatsApp access token has expired",
        _ => match kind {
            FailureKind::AccountRestricted => "Meta has restricted this WhatsApp Business account",
            FailureKind::PaymentRequired => "Meta asks for a valid payment method",
            FailureKind::MarketingLimited => "Meta holds back marketing messages to this person for now",
            FailureKind::MediaFault => "Meta could not use the media of this message",
            _ => "Meta refused the message",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_parameter_is_the_recipients_number_only_when_meta_says_so() {
        let code = |details| code_of(FailureKind::Rejected, 131_009, true, details);
        assert_eq!(code(Some("Recipient phone number is not valid.")), "INVALID_PHONE_FORMAT");
        assert_eq!(code(Some("Param to must be a phone number")), "INVALID_PHONE_FORMAT");
        assert_eq!(code(Some("Param recipient_type must be individual")), "META_REJECTED");
        assert_eq!(code(Some("Param template['name'] is not valid")), "META_REJECTED");
        assert_eq!(code(None), "META_REJECTED");
        let other = code_of(FailureKind::Rejected, 131_008, true, Some("the recipient is missing"));
        assert_eq!(other, "META_REJECTED");
    }

    #[test]
    fn the_window_code_means_unreachable_for_a_template_alone() {
        assert_eq!(code(FailureKind::WindowClosed, 131_047, true), "RECIPIENT_NOT_ON_WHATSAPP");
        assert_eq!(flag(FailureKind::WindowClosed, 131_047, true), Some(131_047));
        assert_eq!(code(FailureKind::WindowClosed, 131_047, false), "CONVERSATION_EXPIRED");
        assert_eq!(flag(FailureKind::WindowClosed, 131_047, false), None);
        assert_eq!(flag(FailureKind::RecipientUnreachable, 131_026, false), Some(131_026));
    }
}
