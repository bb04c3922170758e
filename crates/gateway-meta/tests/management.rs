//! Templates, token, number, account, app.

#![allow(clippy::unwrap_used)]

mod stand_in;

use domain::Timestamp;
use domain::templates::{Category, ParameterFormat};
use ports::gateway::{GatewayError, MetaGateway, TemplateSubmission};
use serde_json::{Value, json};
use stand_in::{StandIn, TOKEN, client};

fn submission() -> TemplateSubmission {
    TemplateSubmission {
        name: "order".into(),
        language: "en_US".into(),
        category: Category::Utility,
        parameter_format: ParameterFormat::Named,
        components: json!([{"type": "BODY", "text": "Hi {{name}}!"}]),
    }
}

#[tokio::test]
async fn a_template_is_submitted_and_its_category_may_come_back_changed() {
    let meta =
        StandIn::answering([(200, json!({"id": 5, "status": "PENDING", "category": "MARKETING"}))]).await;
    let submitted = client().create_template(&meta.access(), &submission()).await.unwrap();
    assert_eq!((submitted.meta_id.as_str(), submitted.status.as_str()), ("5", "PENDING"));
    assert_eq!(submitted.category, Some(Category::Marketing));
    let asked = meta.asked().remove(0);
    assert_eq!(asked.target, "/v25.0/900/message_templates");
    let expected = json!({"name": "order", "language": "en_US", "category": "UTILITY", "parameter_format": "NAMED",
        "components": [{"type": "BODY", "text": "Hi {{name}}!"}]});
    assert_eq!(asked.json(), expected);
}

#[tokio::test]
async fn the_text_that_meta_wrote_for_a_person_is_kept() {
    let error = json!({"error": {"message": "Invalid parameter", "code": 100, "error_subcode": 2_388_299,
        "error_user_title": "Titel", "error_user_msg": "Text"}});
    let meta = StandIn::answering([(400, error)]).await;
    let fault = client().create_template(&meta.access(), &submission()).await.unwrap_err();
    let GatewayError::Refused(refusal) = fault else { panic!("{fault}") };
    assert_eq!(
        (refusal.user_title.as_deref(), refusal.user_message.as_deref()),
        (Some("Titel"), Some("Text"))
    );
    assert!(refusal.advice.contains("variable"), "the subcode has its own advice");
}

#[tokio::test]
async fn an_edit_names_the_category_only_when_it_changes() {
    for (kept, named) in [("UTILITY", None), ("MARKETING", Some("UTILITY"))] {
        let meta =
            StandIn::answering([(200, json!({ "category": kept })), (200, json!({"success": true}))]).await;
        client().edit_template(&meta.access(), "55", &submission()).await.unwrap();
        let asked = meta.asked();
        assert_eq!(
            (asked[0].target.as_str(), asked[1].target.as_str()),
            ("/v25.0/55?fields=category", "/v25.0/55")
        );
        assert_eq!(asked[1].json().get("category").and_then(Value::as_str), named);
        assert_eq!(asked[1].json()["components"], submission().components);
    }
}

#[tokio::test]
async fn one_language_of_a_template_is_deleted_by_id_and_name() {
    let meta = StandIn::answering([(200, json!({"success": true}))]).await;
    client().delete_template(&meta.access(), "55", "order & more").await.unwrap();
    let asked = meta.asked().remove(0);
    assert_eq!(asked.method, "DELETE");
    assert_eq!(asked.target, "/v25.0/900/message_templates?hsm_id=55&name=order+%26+more");
}

#[tokio::test]
async fn templates_are_listed_page_by_page_and_odd_rows_are_told() {
    let row = json!({"id": "1", "name": "order", "language": "en", "status": "rejected", "category": "UTILITY",
        "rejected_reason": "INVALID_FORMAT", "quality_score": {"score": "GREEN"}, "components": [{"type": "BODY"}]});
    let fine = json!({"id": "2", "name": "b", "language": "de", "status": "APPROVED", "category": "NEWISH",
        "rejected_reason": "NONE", "parameter_format": "NAMED"});
    let first = json!({"data": [row, {"name": "odd"}, fine],
        "paging": {"cursors": {"after": "c=1"}, "next": "https://graph.facebook.com/next"}});
    let meta =
        StandIn::answering([(200, first), (200, json!({"data": [], "paging": {"cursors": {"after": "z"}}}))])
            .await;
    let page = client().list_templates(&meta.access(), None).await.unwrap();
    assert_eq!((page.templates.len(), page.unreadable.len(), page.after.as_deref()), (2, 1, Some("c=1")));
    assert!(page.unreadable[0].contains("odd"));
    let (order, other) = (&page.templates[0], &page.templates[1]);
    assert_eq!(
        (order.status.as_str(), order.rejected_reason.as_deref()),
        ("REJECTED", Some("INVALID_FORMAT"))
    );
    assert_eq!(
        (order.quality.as_deref(), order.parameter_format),
        (Some("GREEN"), ParameterFormat::Positional)
    );
    assert_eq!((&other.category, &other.rejected_reason), (&Category::Other("newish".into()), &None));
    let last = client().list_templates(&meta.access(), page.after.as_deref()).await.unwrap();
    assert_eq!(last.after, None);
    assert!(meta.asked()[1].target.ends_with("&limit=100&after=c%3D1"), "{}", meta.asked()[1].target);
}

#[tokio::test]
async fn a_token_tells_its_expiry_or_that_it_has_none() {
    let token = |expires_at: i64| json!({"data": {"app_id": "77", "is_valid": true, "expires_at": expires_at, "scopes": ["whatsapp_business_messaging"]}});
    let meta = StandIn::answering([(200, token(1_798_761_600)), (200, token(0))]).await;
    let expiring = client().debug_token(&meta.access()).await.unwrap();
    assert_eq!(expiring.expires_at, Some(Timestamp::from_second(1_798_761_600).unwrap()));
    assert_eq!((expiring.is_valid, expiring.scopes.len(), expiring.app_id.as_deref()), (true, 1, Some("77")));
    assert_eq!(client().debug_token(&meta.access()).await.unwrap().expires_at, None);
    assert_eq!(meta.asked()[0].target, format!("/v25.0/debug_token?input_token={TOKEN}"));
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_an_answer_and_not_a_fault() {
    let described = json!({"data": {"is_valid": false, "scopes": [], "error": {"code": 190, "subcode": 463, "message": "Expired."}}});
    let refused = json!({"error": {"code": 190, "error_subcode": 463, "message": "Expired."}});
    let meta = StandIn::answering([(200, described), (401, refused)]).await;
    for _ in 0..2 {
        let facts = client().debug_token(&meta.access()).await.unwrap();
        assert!(!facts.is_valid);
        assert!(
            facts.problem.is_some_and(|problem| problem.starts_with("Expired. The access token expired"))
        );
    }
}

#[tokio::test]
async fn a_failed_call_about_the_token_does_not_print_it() {
    let fault = client().debug_token(&stand_in::access("http://127.0.0.1:9")).await.unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_number_tells_its_state_and_what_ails_it() {
    let number = json!({"id": "555001", "display_phone_number": "+49 30 1", "status": "CONNECTED", "throughput": {"level": "HIGH"},
        "messaging_limit_tier": "TIER_1K", "quality_rating": "GREEN", "health_status": {"can_send_message": "BLOCKED", "entities": [
            {"entity_type": "PHONE_NUMBER", "can_send_message": "AVAILABLE"},
            {"entity_type": "WABA", "can_send_message": "BLOCKED", "errors": [
                {"error_code": 141_006, "error_description": "No payment method.", "possible_solution": "Add one."}]}]}});
    let meta = StandIn::answering([(200, number)]).await;
    let facts = client().number(&meta.access()).await.unwrap();
    assert_eq!((facts.status.as_deref(), facts.throughput.as_deref()), (Some("CONNECTED"), Some("HIGH")));
    assert_eq!(
        (facts.can_send.as_deref(), facts.messaging_limit.as_deref()),
        (Some("BLOCKED"), Some("TIER_1K"))
    );
    assert_eq!(facts.health_problems, ["WABA: (141006) No payment method. Add one."]);
}

#[tokio::test]
async fn the_numbers_of_an_account_are_read_over_all_pages() {
    let page = |id: &str, next: Option<&str>| json!({"data": [{ "id": id }], "paging": {"cursors": {"after": "c"}, "next": next}});
    let meta = StandIn::answering([(200, page("1", Some("n"))), (200, page("2", None))]).await;
    assert_eq!(client().account_numbers(&meta.access()).await.unwrap(), ["1", "2"]);
    assert_eq!(meta.asked()[1].target, "/v25.0/900/phone_numbers?fields=id&limit=100&after=c");
}

#[tokio::test]
async fn an_app_is_subscribed_with_or_without_a_callback_of_its_own() {
    let apps = json!({"data": [{"whatsapp_business_api_data": {"id": "77", "name": "App"}}]});
    let done = || (200, json!({"success": true}));
    let meta = StandIn::answering([done(), done(), (200, apps)]).await;
    let (client, access) = (client(), meta.access());
    client.subscribe_app(&access, None).await.unwrap();
    let token = "verify-me".to_owned().into();
    client.subscribe_app(&access, Some(("https://example.org/hook", &token))).await.unwrap();
    assert_eq!(client.subscribed_apps(&access).await.unwrap(), ["77"]);
    let asked = meta.asked();
    assert_eq!((asked[0].json(), asked[0].target.as_str()), (json!({}), "/v25.0/900/subscribed_apps"));
    assert_eq!(
        asked[1].json(),
        json!({"override_callback_uri": "https://example.org/hook", "verify_token": "verify-me"})
    );
}
