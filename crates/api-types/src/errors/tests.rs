use serde_json::{Value, json};

use super::*;
use crate::faults::Fault;

fn at(text: &str) -> Option<jiff::Timestamp> {
    Some(text.parse().unwrap())
}

/// The product owner's document, body by body.
#[test]
fn the_documents_eight_errors_are_matched_field_for_field() {
    let cases = [
        (
            Problem::ContactNotOptedIn(NotOptedIn {
                contact_id: Some(1),
                opted_in: false,
                opted_out_at: at("2024-01-10T10:00:00Z"),
                marketing_stopped: false,
            }),
            400,
            json!({
                "code": "CONTACT_NOT_OPTED_IN",
                "message": "Contact has not opted in to receive messages",
                "details": {"contact_id": 1, "opted_in": false, "opted_out_at": "2024-01-10T10:00:00Z"}
            }),
        ),
        (
            Problem::ConversationExpired(WindowExpired::of(Some(1), at("2024-01-15T14:00:00Z"))),
            400,
            json!({
                "code": "CONVERSATION_EXPIRED",
                "message": "24-hour messaging window has expired",
                "details": {
                    "conversation_id": 1,
                    "expired_at": "2024-01-15T14:00:00Z",
                    "solution": "Use an approved template message"
                }
            }),
        ),
        (
            Problem::TemplateNotApproved(NotApproved {
                template_id: 5,
                template_name: "promo_offer".into(),
                status: "rejected".into(),
                rejection_reason: Some("Template contains prohibited content".into()),
            }),
            400,
            json!({
                "code": "TEMPLATE_NOT_APPROVED",
                "message": "Template 'promo_offer' is not approved for sending",
                "details": {
                    "template_id": 5,
                    "template_name": "promo_offer",
                    "status": "rejected",
                    "rejection_reason": "Template contains prohibited content"
                }
            }),
        ),
        (
            Problem::InvalidPhoneFormat(
                domain::phone::PhoneNumber::parse("555-1234", None).expect_err("no country").into(),
            ),
            400,
            json!({
                "code": "INVALID_PHONE_FORMAT",
                "message": "Phone number must be in E.164 format",
                "details": {
                    "provided": "555-1234",
                    "expected_format": "+15551234567",
                    "example": "+1 followed by 10 digits"
                }
            }),
        ),
        (
            Problem::RateLimitExceeded(Throttled {
                limit: 80,
                period: "1 minute".into(),
                retry_after_seconds: 45,
                messages_queued: 150,
                message_id: None,
            }),
            429,
            json!({
                "code": "RATE_LIMIT_EXCEEDED",
                "message": "WhatsApp rate limit exceeded",
                "details": {
                    "limit": 80, "period": "1 minute", "retry_after_seconds": 45, "messages_queued": 150
                }
            }),
        ),
        (
            Problem::RecipientNotOnWhatsapp(NotOnWhatsapp {
                phone: Some("+15551234567".into()),
                meta_error_code: 131_047,
                contact_id: None,
                message_id: None,
            }),
            400,
            json!({
                "code": "RECIPIENT_NOT_ON_WHATSAPP",
                "message": "Phone number is not registered on WhatsApp",
                "details": {"phone": "+15551234567", "meta_error_code": 131_047}
            }),
        ),
        (
            Problem::TemplateParamsMismatch(ParamsMismatch {
                template_name: "order_shipped".into(),
                expected_params: 3,
                provided_params: 2,
                param_names: vec!["customer_name".into(), "order_id".into(), "tracking_url".into()],
                problems: Vec::new(),
            }),
            400,
            json!({
                "code": "TEMPLATE_PARAMS_MISMATCH",
                "message": "Template expects 3 parameters, but 2 were provided",
                "details": {
                    "template_name": "order_shipped",
                    "expected_params": 3,
                    "provided_params": 2,
                    "param_names": ["customer_name", "order_id", "tracking_url"]
                }
            }),
        ),
        (
            Problem::TokenExpired(TokenOver {
                action_required: TokenOver::ACTION.into(),
                expired_at: at("2024-01-15T00:00:00Z"),
                connection_id: None,
                message_id: None,
            }),
            401,
            json!({
                "code": "TOKEN_EXPIRED",
                "message": "WhatsApp access token has expired",
                "details": {
                    "action_required": "Reconnect WhatsApp in Settings",
                    "expired_at": "2024-01-15T00:00:00Z"
                }
            }),
        ),
    ];
    for (problem, status, wanted) in cases {
        let body = body(&problem);
        assert_eq!(problem.status(), status, "{body}");
        assert_contains(&body, &wanted);
    }
}

fn body(problem: &Problem) -> Value {
    json!({
        "code": problem.code().as_str(), "message": problem.sentence(), "details": problem.details(),
    })
}

/// Every member of `wanted` is in `body` with the same value; `body` may hold more.
fn assert_contains(body: &Value, wanted: &Value) {
    match (body, wanted) {
        (Value::Object(body), Value::Object(wanted)) => {
            for (name, value) in wanted {
                assert_contains(
                    body.get(name).unwrap_or_else(|| panic!("{name} is missing in {body:?}")),
                    value,
                );
            }
        }
        _ => assert_eq!(body, wanted),
    }
}

/// One of each, filled as far as it can be.
fn all() -> Vec<Problem> {
    let missing = || Missing { id: 7 };
    vec![
        Problem::ContactNotOptedIn(NotOptedIn {
            contact_id: Some(1),
            opted_in: true,
            opted_out_at: None,
            marketing_stopped: true,
        }),
        Problem::ConversationExpired(WindowExpired::of(None, None)),
        Problem::TemplateNotApproved(NotApproved {
            template_id: 5,
            template_name: "promo".into(),
            status: "pending".into(),
            rejection_reason: None,
        }),
        Problem::InvalidPhoneFormat(InvalidPhone {
            provided: "0049".into(),
            expected_format: "+4915123456789".into(),
            example: "+49 followed by 10 or 11 digits".into(),
        }),
        Problem::RateLimitExceeded(Throttled {
            limit: 80,
            period: "1 second".into(),
            retry_after_seconds: 1,
            messages_queued: 3,
            message_id: Some(9),
        }),
        Problem::RecipientNotOnWhatsapp(NotOnWhatsapp {
            phone: None,
            meta_error_code: 131_026,
            contact_id: Some(1),
            message_id: Some(9),
        }),
        Problem::TemplateParamsMismatch(ParamsMismatch {
            template_name: "hello".into(),
            expected_params: 1,
            provided_params: 1,
            param_names: vec!["name".into()],
            problems: vec!["name is missing".into(), "nmae is not known".into()],
        }),
        Problem::TokenExpired(TokenOver {
            action_required: TokenOver::ACTION.into(),
            expired_at: None,
            connection_id: Some(2),
            message_id: Some(9),
        }),
        Problem::WebhookSignatureInvalid(Nothing {}),
        Problem::TenantNotFound(missing()),
        Problem::ConnectionNotFound(missing()),
        Problem::ContactNotFound(missing()),
        Problem::TemplateNotFound(MissingTemplate {
            id: None,
            template_name: Some("hello".into()),
            template_language: Some("de".into()),
            available_languages: vec!["en_US".into()],
        }),
        Problem::MessageNotFound(missing()),
        Problem::ConversationNotFound(missing()),
        Problem::MediaNotFound(missing()),
        Problem::AlertNotFound(missing()),
        Problem::AlertRuleNotFound(missing()),
        Problem::AlertChannelNotFound(missing()),
        Problem::ApiKeyNotFound(missing()),
        Problem::MemberNotFound(missing()),
        Problem::RoleNotFound(missing()),
        Problem::SessionNotFound(missing()),
        Problem::CannedReplyNotFound(missing()),
        Problem::BroadcastNotFound(missing()),
        Problem::SegmentNotFound(missing()),
        Problem::ImportNotFound(missing()),
        Problem::ErasureNotFound(missing()),
        Problem::RouteNotFound(Nothing {}),
        Problem::MethodNotAllowed(Nothing {}),
        Problem::DuplicateContact(DuplicateContact { contact_id: 1 }),
        Problem::DuplicateTemplate(DuplicateTemplate { template_id: 5 }),
        Problem::DuplicateConnection(DuplicateConnection { connection_id: None }),
        Problem::DuplicateCannedReply(DuplicateCannedReply { canned_reply_id: 3 }),
        Problem::DuplicateMember(DuplicateMember { member_id: 6 }),
        Problem::DuplicateRole(DuplicateRole { role_id: 7 }),
        Problem::LastOwner(Nothing {}),
        Problem::DuplicateSegment(DuplicateSegment { segment_id: 4 }),
        Problem::InvalidState(WrongState {
            current: "sent".into(),
            allowed: vec!["queued".into()],
            not_before: None,
        }),
        Problem::IdempotencyKeyReused(KeyReused { idempotency_key: "k".into() }),
        Problem::IdempotencyKeyInUse(KeyInUse { idempotency_key: "k".into(), retry_after_seconds: 1 }),
        Problem::ConnectionNotConfigured(Nothing {}),
        Problem::ConnectionDisabled(Disabled { connection_id: 2 }),
        Problem::SendOutcomeUnknown(OutcomeUnknown { message_id: 9, status: "in_doubt".into() }),
        Problem::MetaRejected(Rejected {
            meta_error_code: 131_009,
            meta_message: "Parameter value is not valid".into(),
            fbtrace_id: Some("Az8".into()),
            advice: "Check the values.".into(),
            message_id: Some(9),
        }),
        Problem::MetaUnavailable(Unreachable { message_id: Some(9), retry_after_seconds: Some(2) }),
        Problem::ValidationFailed(Invalid {
            faults: vec![Fault { pointer: "/name".into(), problem: "is missing".into() }],
        }),
        Problem::LoginRefused(Nothing {}),
        Problem::SecondFactorNeeded(Nothing {}),
        Problem::LoginThrottled(TooManyCalls { retry_after_seconds: 30 }),
        Problem::LinkNotValid(Nothing {}),
        Problem::Unauthenticated(Nothing {}),
        Problem::Forbidden(Denied { missing_scope: Some("send".into()), ..Denied::default() }),
        Problem::ApiRateLimited(TooManyCalls { retry_after_seconds: 1 }),
        Problem::PayloadTooLarge(TooLarge { limit_bytes: 1_048_576 }),
        Problem::UnsupportedMediaType(WrongMediaType {
            provided: Some("text/plain".into()),
            supported: vec!["application/json".into()],
        }),
        Problem::ServiceUnavailable(Later { retry_after_seconds: 1 }),
        Problem::Internal(Nothing {}),
    ]
}

#[test]
fn the_table_is_closed_and_every_code_has_its_answer() {
    let problems = all();
    let codes: Vec<ErrorCode> = problems.iter().map(Problem::code).collect();
    assert_eq!(codes, ErrorCode::ALL, "one of each, in the order of the table");
    let bodies: Vec<Value> = problems
        .iter()
        .map(|problem| {
            let mut body = body(problem);
            body["status"] = problem.status().into();
            body
        })
        .collect();
    insta::assert_json_snapshot!(bodies);
}

#[test]
fn every_code_says_when_it_is_given_and_in_a_whole_sentence() {
    for problem in all() {
        let (code, sentence) = (problem.code(), problem.sentence());
        assert!(code.when().trim().ends_with('.'), "{}", code.as_str());
        assert!(sentence.len() > 8 && !sentence.ends_with('.'), "{sentence}");
        assert!(problem.details().is_object());
        assert!((200..600).contains(&code.status()));
    }
}

#[test]
fn whoever_is_told_to_come_back_is_told_when() {
    for problem in all() {
        let told = problem.retry_after().is_some();
        let later = matches!(problem.status(), 429 | 503) || problem.code() == ErrorCode::IdempotencyKeyInUse;
        assert_eq!(told, later, "{problem:?}");
    }
}
