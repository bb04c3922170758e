//! Templates from creation to deletion, with their webhooks.

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulator::{Faults, Review};

use crate::support::{World, code, until};

fn draft(name: &str) -> Value {
    json!({"name": name, "language": "en_US", "category": "UTILITY", "components": [
        {"type": "BODY", "text": format!("Hello {{{{1}}}}, this is the template called {name}."), "example": {"body_text": [["Ann"]]}}]})
}

async fn create(world: &World, body: Value) -> (u16, Value) {
    world.graph("POST", &format!("{}/message_templates", world.account.waba_id), Some(body)).await
}

fn subcode(answer: &Value) -> i64 {
    answer["error"]["error_subcode"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

async fn review(world: &World, name: &str, verdict: Value) {
    let (status, answer) = world.control("POST", &format!("templates/{name}/review"), verdict).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_template_is_created_reviewed_and_told() {
    let world = World::start().await;
    let (status, created) = create(&world, draft("order")).await;
    assert_eq!(
        (status, created["status"].as_str(), created["category"].as_str()),
        (200, Some("PENDING"), Some("UTILITY"))
    );
    let id = created["id"].as_str().unwrap();
    review(&world, "order", json!({"status": "APPROVED"})).await;
    until("it is told", || !world.receiver.of_field("message_template_status_update").is_empty()).await;
    let told = &world.receiver.of_field("message_template_status_update")[0];
    assert_eq!((told["event"].as_str(), told["reason"].as_str()), (Some("APPROVED"), Some("NONE")));
    assert_eq!(told["message_template_id"].as_u64().unwrap().to_string(), id);
    assert_eq!(told["message_template_language"], "en-US");
    let (_, node) = world.graph("GET", id, None).await;
    assert_eq!(node["status"], "APPROVED");
    assert_eq!(node["components"][0]["type"], "BODY");
}

#[tokio::test]
async fn the_automatic_review_has_its_delay_and_verdict() {
    let review = Review { delay_ms: Some(10), verdict: "REJECTED".into(), reason: "PROMOTIONAL".into() };
    let world = World::with(Faults { review, ..Faults::default() }).await;
    let (_, created) = create(&world, draft("order")).await;
    until("it is told", || !world.receiver.of_field("message_template_status_update").is_empty()).await;
    let path = format!("{}?fields=status,rejected_reason", created["id"].as_str().unwrap());
    let (_, node) = world.graph("GET", &path, None).await;
    assert_eq!(node, json!({"status": "REJECTED", "rejected_reason": "PROMOTIONAL", "id": created["id"]}));
}

#[tokio::test]
async fn a_copy_of_an_approved_template_is_rejected_by_review() {
    let review = Review { delay_ms: Some(5), ..Review::default() };
    let world = World::with(Faults { review, ..Faults::default() }).await;
    let mut copy = draft("first");
    let told = || world.receiver.of_field("message_template_status_update");
    create(&world, copy.clone()).await;
    until("the first is judged", || told().len() == 1).await;
    copy["name"] = "second".into();
    create(&world, copy).await;
    until("the second is judged", || told().len() == 2).await;
    let events: Vec<Value> = told().iter().map(|told| told["event"].clone()).collect();
    assert_eq!(events, ["APPROVED", "REJECTED"]);
}

#[tokio::test]
async fn pauses_end_by_the_clock_and_the_third_disables() {
    let world = World::start().await;
    create(&world, draft("order")).await;
    review(&world, "order", json!({"status": "APPROVED"})).await;
    let status = async || {
        let path = format!("{}/message_templates?fields=status", world.account.waba_id);
        world.graph("GET", &path, None).await.1["data"][0]["status"].clone()
    };
    for hours in [3, 6] {
        review(&world, "order", json!({"status": "PAUSED"})).await;
        assert_eq!(status().await, "PAUSED");
        world.control("POST", "clock", json!({"advance": format!("{}m", hours * 60 - 1)})).await;
        assert_eq!(status().await, "PAUSED", "{hours}");
        world.control("POST", "clock", json!({"advance": "1m"})).await;
        assert_eq!(status().await, "APPROVED", "{hours}");
    }
    review(&world, "order", json!({"status": "PAUSED"})).await;
    assert_eq!(status().await, "DISABLED");
    world.settle().await;
    let titles: Vec<Value> = world
        .receiver
        .of_field("message_template_status_update")
        .iter()
        .map(|told| told["other_info"]["title"].clone())
        .collect();
    let told = |title: &str| titles.iter().any(|known| known == title);
    assert!(told("FIRST_PAUSE") && told("SECOND_PAUSE") && told("UNPAUSE") && told("DISABLED"), "{titles:?}");
    let path = format!("{}/message_templates?name=order", world.account.waba_id);
    assert_eq!(subcode(&world.graph("DELETE", &path, None).await.1), 2388039, "a disabled one stays");
}

#[tokio::test]
async fn category_and_quality_changes_are_told() {
    let world = World::start().await;
    create(&world, draft("order")).await;
    review(&world, "order", json!({"category": "MARKETING", "upcoming": true})).await;
    review(&world, "order", json!({"category": "MARKETING"})).await;
    review(&world, "order", json!({"quality": "RED"})).await;
    world.settle().await;
    let told = world.receiver.of_field("template_category_update");
    assert_eq!(
        (told[0]["new_category"].as_str(), told[0]["correct_category"].as_str()),
        (Some("UTILITY"), Some("MARKETING"))
    );
    assert_eq!(
        (told[1]["previous_category"].as_str(), told[1]["new_category"].as_str()),
        (Some("UTILITY"), Some("MARKETING"))
    );
    let quality = &world.receiver.of_field("message_template_quality_update")[0];
    assert_eq!(
        (quality["previous_quality_score"].as_str(), quality["new_quality_score"].as_str()),
        (Some("UNKNOWN"), Some("RED"))
    );
}

#[tokio::test]
async fn bad_templates_are_refused_with_their_subcode() {
    let world = World::start().await;
    create(&world, draft("order")).await;
    assert_eq!(subcode(&create(&world, draft("order")).await.1), 2388024);
    let with = |text: &str| {
        let mut body = draft("other");
        body["components"][0]["text"] = text.into();
        body
    };
    let (status, answer) = create(&world, with("{{1}} is first here.")).await;
    assert_eq!((status, code(&answer), subcode(&answer)), (400, 100, 2388299));
    for key in ["error_user_title", "error_user_msg", "fbtrace_id"] {
        assert!(answer["error"][key].is_string(), "{key}");
    }
    assert_eq!(answer["error"]["is_transient"], false);
    let mut media = draft("photo");
    media["components"] = json!([{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hi"}]);
    assert_eq!(subcode(&create(&world, media).await.1), 2388273);
    let mut name = draft("x");
    name["name"] = "Not Good".into();
    assert_eq!(code(&create(&world, name).await.1), 100);
    let mut ttl = draft("ttl");
    ttl["message_send_ttl_seconds"] = 5.into();
    assert_eq!(code(&create(&world, ttl).await.1), 100);
}

#[tokio::test]
async fn an_approved_template_is_edited_once_a_day() {
    let world = World::start().await;
    let (_, created) = create(&world, draft("order")).await;
    let id = created["id"].as_str().unwrap();
    let edit = json!({"components": draft("changed")["components"]});
    let (_, answer) = world.graph("POST", id, Some(edit.clone())).await;
    assert_eq!(subcode(&answer), 2388039, "a pending one cannot be edited");
    review(&world, "order", json!({"status": "APPROVED"})).await;
    assert_eq!(world.graph("POST", id, Some(edit.clone())).await.0, 200);
    let (_, node) = world.graph("GET", id, None).await;
    assert_eq!(node["status"], "PENDING");
    review(&world, "order", json!({"status": "APPROVED"})).await;
    assert_eq!(subcode(&world.graph("POST", id, Some(edit.clone())).await.1), 2388039);
    let category = json!({"category": "MARKETING"});
    world.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(subcode(&world.graph("POST", id, Some(category)).await.1), 2388039);
    assert_eq!(world.graph("POST", id, Some(edit)).await.0, 200);
}

#[tokio::test]
async fn a_deleted_name_is_held_for_30_days() {
    let world = World::start().await;
    create(&world, draft("order")).await;
    let mut german = draft("order");
    german["language"] = "de".into();
    let (_, german) = create(&world, german).await;
    review(&world, "order", json!({"status": "APPROVED"})).await;
    let path = format!("{}/message_templates?name=order", world.account.waba_id);
    let one = format!("{path}&hsm_id={}", german["id"].as_str().unwrap());
    assert_eq!(world.graph("DELETE", &one, None).await.1, json!({"success": true}));
    let (_, left) = world.graph("GET", &path, None).await;
    assert_eq!(left["data"].as_array().unwrap().len(), 1);
    assert_eq!(world.graph("DELETE", &path, None).await.0, 200);
    assert_eq!(world.graph("DELETE", &path, None).await.0, 400);
    assert_eq!(subcode(&create(&world, draft("order")).await.1), 2388023);
    world.clock.advance(SignedDuration::from_hours(30 * 24));
    assert_eq!(create(&world, draft("order")).await.0, 200);
}

#[tokio::test]
async fn health_tells_why_a_template_cannot_be_sent() {
    let world = World::start().await;
    let (_, created) = create(&world, draft("order")).await;
    let path = format!("{}?fields=health_status", created["id"].as_str().unwrap());
    let (_, health) = world.graph("GET", &path, None).await;
    assert_eq!(health["health_status"]["can_send_message"], "BLOCKED");
    assert_eq!(health["health_status"]["entities"][0]["errors"][0]["error_code"], 141002);
    review(&world, "order", json!({"status": "APPROVED"})).await;
    let (_, health) = world.graph("GET", &path, None).await;
    assert_eq!(health["health_status"]["can_send_message"], "AVAILABLE");
}
