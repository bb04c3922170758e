//! Replies of the management calls, with numbers for strings, lists for objects and members that are not there.

#![allow(clippy::unwrap_used)]

use graph::health::HealthReply;
use graph::media::{MediaInfo, UploadHandle, UploadSession};
use graph::paging::{Page, Success};
use graph::phone_numbers::PhoneNumber;
use graph::profile::BusinessProfile;
use graph::subscribed_apps::SubscribedApp;
use graph::templates::{TemplateCreated, TemplateDefinition, TemplateRow};
use graph::token::DebugToken;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_page_of_templates_keeps_odd_rows_aside_and_tells_the_next_cursor() {
    let page: Page<TemplateRow> = read(json!({
        "data": [
            {"id": 12345678901234567_u64, "name": "a", "language": "en", "status": "APPROVED", "category": "UTILITY",
             "quality_score": {"score": "GREEN", "date": 1}, "components": [{"type": "BODY", "text": "Hi {{1}}!"}]},
            {"name": "no id"},
            {"id": "2", "name": "b", "language": "de", "status": "IN_ORBIT", "quality_score": "odd", "components": {"0": {"type": "body"}}}
        ],
        "paging": {"cursors": {"before": "x", "after": "y"}, "next": "https://graph.facebook.com/..."}
    }));
    assert_eq!((page.data.len(), page.unreadable.len(), page.after()), (2, 1, Some("y")));
    assert_eq!(
        (page.data[0].id.as_str(), page.data[1].status.as_deref()),
        ("12345678901234567", Some("IN_ORBIT"))
    );
    assert_eq!(
        (page.data[0].parts()[0].text.as_deref(), page.data[1].parts()[0].kind.as_str()),
        (Some("Hi {{1}}!"), "body")
    );
    let last: Page<TemplateRow> =
        read(json!({"data": [], "paging": {"cursors": {"before": "x", "after": "y"}}}));
    assert_eq!(last.after(), None);
}

#[test]
fn a_definition_keeps_what_it_does_not_know() {
    let value = json!({"name": "promo", "language": "en", "category": "MARKETING", "parameter_format": "NAMED",
    "allow_category_change": true, "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}},
        {"type": "BODY", "text": "Hi {{name}}!", "example": {"body_text_named_params": [{"param_name": "name", "example": "Ada"}]}},
        {"type": "FOOTER", "text": "bye"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go", "url": "https://example.org/{{1}}", "example": ["x"]},
            {"type": "FLOW", "text": "Open", "flow_id": "1", "navigate_screen": "A"}]},
        {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Soon", "has_expiration": true}}
    ]});
    let definition: TemplateDefinition = read(value.clone());
    assert_eq!(serde_json::to_value(&definition).unwrap(), value);
    assert_eq!(definition.components[3].buttons[1].extra["flow_id"], "1");
    let created: TemplateCreated = read(json!({"id": 5, "status": "PENDING"}));
    assert_eq!((created.id.as_str(), created.category), ("5", None));
}

#[test]
fn a_token_that_never_expires_has_no_expiry() {
    let token = |expires_at: Value| -> DebugToken {
        read(
            json!({"data": {"app_id": 1, "type": "SYSTEM_USER", "is_valid": true, "expires_at": expires_at, "scopes": ["a"],
            "granular_scopes": [{"scope": "a", "target_ids": ["9"]}, 7]}}),
        )
    };
    assert_eq!(token(json!(0)).data.expiry(), None);
    assert_eq!(token(json!("1798761600")).data.expiry(), Some(1_798_761_600));
    assert_eq!(token(json!(null)).data.granular_scopes.len(), 1);
    let invalid: DebugToken = read(
        json!({"data": {"is_valid": false, "scopes": [], "error": {"code": 190, "subcode": 463, "message": "m"}}}),
    );
    assert_eq!(
        (invalid.data.is_valid, invalid.data.error.and_then(|it| it.subcode)),
        (Some(false), Some(463))
    );
}

#[test]
fn sizes_and_ids_come_as_numbers_or_strings() {
    for size in [json!(303_833), json!("303833")] {
        let media: MediaInfo =
            read(json!({"url": "https://lookaside.example.org/x", "file_size": size, "id": 7}));
        assert_eq!((media.file_size, media.id.as_deref()), (Some(303_833), Some("7")));
    }
    assert!(
        serde_json::from_value::<MediaInfo>(json!({"id": "7"})).is_err(),
        "a location without an address is none"
    );
    let session: UploadSession = read(json!({"id": "upload:1", "file_offset": "12"}));
    let handle: UploadHandle = read(json!({"h": "4::aW"}));
    assert_eq!((session.file_offset, handle.h.as_str()), (Some(12), "4::aW"));
}

#[test]
fn numbers_health_apps_and_profiles_are_read() {
    let number: PhoneNumber = read(json!({"id": "1", "status": "CONNECTED", "throughput": {"level": "HIGH"},
        "messaging_limit_tier": "TIER_10K", "webhook_configuration": {"application": "https://example.org"}, "search_visibility": "VISIBLE",
        "health_status": {"can_send_message": "LIMITED", "entities": {"0": {"entity_type": "WABA", "errors": {"0": {"error_code": 141006}}}}}}));
    assert_eq!(
        (number.messaging_limit(), number.throughput.as_ref().map(|it| it.level.as_str())),
        (Some("TIER_10K"), Some("HIGH"))
    );
    assert_eq!(number.health_status.unwrap().entities[0].errors[0].error_code, Some(141_006));
    assert_eq!(number.extra["search_visibility"], "VISIBLE");
    let health: HealthReply =
        read(json!({"id": 1, "health_status": {"can_send_message": "AVAILABLE", "entities": []}}));
    assert_eq!(health.health_status.can_send_message.as_deref(), Some("AVAILABLE"));
    let apps: Page<SubscribedApp> =
        read(json!({"data": [{"whatsapp_business_api_data": {"id": 5, "name": "App"}}]}));
    assert_eq!(apps.data[0].whatsapp_business_api_data.id.as_deref(), Some("5"));
    let profile: Page<BusinessProfile> =
        read(json!({"data": [{"about": "a", "websites": ["https://example.org"]}]}));
    assert_eq!(profile.data[0].websites.len(), 1);
    assert!(read::<Success>(json!({"success": "true"})).success);
    assert!(!read::<Success>(json!({})).success);
}
