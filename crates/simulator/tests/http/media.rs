//! Media: up, look-up, down, deletion, expiry; resumable uploads.

use jiff::SignedDuration;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{CUSTOMER, World, code};

async fn upload(world: &World, mime: &str, bytes: &[u8]) -> (u16, Value) {
    let part = Part::bytes(bytes.to_vec()).file_name("file").mime_str(mime).unwrap();
    let form =
        Form::new().text("messaging_product", "whatsapp").text("type", mime.to_owned()).part("file", part);
    let url = world.url(&format!("{}/media", world.phone()));
    let answer = world.http.post(url).bearer_auth(&world.account.token).multipart(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn fetch(world: &World, url: &str, token: Option<&str>) -> (u16, Vec<u8>) {
    let request = world.http.get(url);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn what_was_uploaded_comes_back() {
    let world = World::start().await;
    let bytes = b"\x89PNG not really".repeat(100);
    let (status, uploaded) = upload(&world, "image/png", &bytes).await;
    assert_eq!(status, 200, "{uploaded}");
    let id = uploaded["id"].as_str().unwrap();
    let (_, node) = world.graph("GET", &format!("{id}?phone_number_id={}", world.phone()), None).await;
    assert_eq!(
        (node["mime_type"].as_str(), node["file_size"].as_u64()),
        (Some("image/png"), Some(bytes.len() as u64))
    );
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(node["sha256"], hash);
    let url = node["url"].as_str().unwrap();
    assert_eq!(fetch(&world, url, Some(&world.account.token)).await, (200, bytes));
    assert_eq!(fetch(&world, url, None).await.0, 401);
}

#[tokio::test]
async fn urls_last_five_minutes_and_ids_thirty_days() {
    let world = World::start().await;
    let (_, uploaded) = upload(&world, "image/png", b"x").await;
    let id = uploaded["id"].as_str().unwrap().to_owned();
    let url = async || world.graph("GET", &id, None).await.1["url"].as_str().unwrap().to_owned();
    let first = url().await;
    world.clock.advance(SignedDuration::from_secs(299));
    assert_eq!(fetch(&world, &first, Some(&world.account.token)).await.0, 200);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(fetch(&world, &first, Some(&world.account.token)).await.0, 404);
    assert_eq!(fetch(&world, &url().await, Some(&world.account.token)).await.0, 200);
    world.clock.advance(SignedDuration::from_hours(30 * 24));
    assert_eq!(code(&world.graph("GET", &id, None).await.1), 100);
}

#[tokio::test]
async fn media_from_customers_last_seven_days_and_cannot_be_sent_on() {
    let world = World::start().await;
    let given = json!({"id": "9001", "mime_type": "image/jpeg", "text": "picture", "inbound": true});
    world.control("POST", "media", given).await;
    world.open_window(CUSTOMER).await;
    assert_eq!(world.graph("GET", "9001", None).await.0, 200);
    let (_, answer) = world.send(json!({"to": CUSTOMER, "type": "image", "image": {"id": "9001"}})).await;
    assert_eq!(code(&answer), 100);
    world.clock.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(code(&world.graph("GET", "9001", None).await.1), 100);
}

#[tokio::test]
async fn an_uploaded_picture_is_sent_as_a_picture_only() {
    let world = World::start().await;
    world.open_window(CUSTOMER).await;
    let (_, uploaded) = upload(&world, "image/png", b"x").await;
    let id = uploaded["id"].as_str().unwrap();
    assert_eq!(world.send(json!({"to": CUSTOMER, "type": "image", "image": {"id": id}})).await.0, 200);
    assert_eq!(world.send(json!({"to": CUSTOMER, "type": "document", "document": {"id": id}})).await.0, 200);
    let (_, answer) = world.send(json!({"to": CUSTOMER, "type": "video", "video": {"id": id}})).await;
    assert_eq!(code(&answer), 131053);
}

#[tokio::test]
async fn deleted_media_are_gone() {
    let world = World::start().await;
    let (_, uploaded) = upload(&world, "application/pdf", b"%PDF").await;
    let id = uploaded["id"].as_str().unwrap();
    assert_eq!(world.graph("DELETE", id, None).await.1, json!({"success": true}));
    assert_eq!(code(&world.graph("GET", id, None).await.1), 100);
}

#[tokio::test]
async fn wrong_types_and_sizes_are_refused() {
    let world = World::start().await;
    assert_eq!(code(&upload(&world, "application/x-msdownload", b"MZ").await.1), 100);
    assert_eq!(code(&upload(&world, "image/png", &vec![0; 5 * 1_024 * 1_024 + 1]).await.1), 131053);
    assert_eq!(code(&upload(&world, "image/png", b"").await.1), 131053);
}

#[tokio::test]
async fn a_resumable_upload_gives_a_handle_for_templates() {
    let world = World::start().await;
    let path = format!("{}/uploads?file_length=6&file_type=image/png", world.account.app_id);
    let (_, session) = world.graph("POST", &path, None).await;
    let session = session["id"].as_str().unwrap().to_owned();
    let part = async |offset: usize, bytes: &'static [u8]| -> Value {
        let request = world
            .http
            .post(world.url(&session))
            .header("Authorization", format!("OAuth {}", world.account.token));
        request.header("file_offset", offset).body(bytes).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(part(0, b"abc").await["file_offset"], 3);
    assert_eq!(world.graph("GET", &session, None).await.1["file_offset"], 3);
    let handle = part(3, b"def").await["h"].as_str().unwrap().to_owned();
    assert!(handle.starts_with("4::"));
    let create = json!({"name": "photo", "language": "en_US", "category": "MARKETING", "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": [handle]}}, {"type": "BODY", "text": "Look at this."}]});
    let path = format!("{}/message_templates", world.account.waba_id);
    assert_eq!(world.graph("POST", &path, Some(create)).await.0, 200);
}

#[tokio::test]
async fn a_picture_from_a_customer_comes_with_its_address() {
    let world = World::start().await;
    let given = json!({"id": "9001", "mime_type": "image/jpeg", "text": "picture", "inbound": true});
    world.control("POST", "media", given).await;
    let wamid = world.send_hello(CUSTOMER).await;
    let message = json!({"type": "image", "image": {"id": "9001"}, "context": {"id": wamid}});
    world.control("POST", "customers/+15551234567/messages", message).await;
    world.settle().await;
    let arrived = &world.receiver.messages()[0];
    assert_eq!(arrived["context"], json!({"id": wamid, "from": "15550783881"}));
    assert_eq!(arrived["image"]["mime_type"], "image/jpeg");
    let url = arrived["image"]["url"].as_str().unwrap();
    assert_eq!(fetch(&world, url, Some(&world.account.token)).await, (200, b"picture".to_vec()));
}
