//! A refusal of the gate as it is kept with a message.

use domain::messages::gate::Refusal;
use ports::messages::Failure;

/// Our code (contract §3) and words for a refusal.
pub(super) fn failure(refusal: &Refusal) -> Failure {
    let (code, message, meta_error_code, advice) = match refusal {
        Refusal::NotOptedIn { .. } => (
            "CONTACT_NOT_OPTED_IN",
            "Contact has not opted in to receive messages".to_owned(),
            None,
            "Send again after the contact has opted in.",
        ),
        Refusal::Unreachable { meta_error_code, .. } => (
            "RECIPIENT_NOT_ON_WHATSAPP",
            "Phone number is not registered on WhatsApp".to_owned(),
            Some(*meta_error_code),
            "Review the contact's phone number.",
        ),
        Refusal::TemplateNotApproved { template_name, .. } => (
            "TEMPLATE_NOT_APPROVED",
            format!("Template '{template_name}' is not approved for sending"),
            None,
            "Use an approved template.",
        ),
        Refusal::WindowExpired { .. } => (
            "CONVERSATION_EXPIRED",
            "24-hour messaging window has expired".to_owned(),
            None,
            "Use an approved template message",
        ),
    };
    Failure {
        code: code.to_owned(),
        message,
        meta_error_code,
        meta_message: None,
        fbtrace_id: None,
        advice: Some(advice.to_owned()),
        not_before: None,
    }
}
