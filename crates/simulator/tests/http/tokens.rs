//! Tokens: missing, unknown, expired, revoked, too weak, for another account.

use serde_json::json;

use crate::support::{CUSTOMER, World, code, hello};

fn body() -> serde_json::Value {
    let mut body = hello(CUSTOMER);
    body["messaging_product"] = "whatsapp".into();
    body
}

#[tokio::test]
async fn a_missing_or_unknown_token_is_190_with_http_401() {
    let world = World::start().await;
    let path = format!("{}/messages", world.phone());
    let bare = world.http.post(world.url(&path)).json(&body()).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    assert_eq!(code(&bare.json().await.unwrap()), 190);
    let (status, answer) = world.graph_as("nonsense", "POST", &path, Some(body())).await;
    assert_eq!((status, code(&answer)), (401, 190));
}

#[tokio::test]
async fn an_expired_token_is_190_463_until_a_new_one_is_issued() {
    let world = World::start().await;
    world.put_hello();
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
    assert_eq!(world.control("POST", "tokens/expire", json!(null)).await.0, 200);
    let (status, answer) = world.send(hello(CUSTOMER)).await;
    assert_eq!((status, code(&answer)), (401, 190));
    assert_eq!(answer["error"]["error_subcode"], 463);
    let text = answer["error"]["message"].as_str().unwrap();
    assert!(
        text.starts_with("Error validating access token: Session has expired on Sunday, 22-Nov-26"),
        "{text}"
    );
    let (_, issued) = world.control("POST", "tokens/issue", json!({})).await;
    let token = issued["access_token"].as_str().unwrap();
    let path = format!("{}/messages", world.phone());
    assert_eq!(world.graph_as(token, "POST", &path, Some(body())).await.0, 200);
}

#[tokio::test]
async fn a_token_expires_when_its_time_comes() {
    let world = World::start().await;
    let (_, issued) = world.control("POST", "tokens/issue", json!({"expires_in_seconds": 3_600})).await;
    let token = issued["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.graph_as(&token, "GET", world.phone(), None).await.0, 200);
    world.clock.advance(jiff::SignedDuration::from_secs(3_600));
    assert_eq!(world.graph_as(&token, "GET", world.phone(), None).await.0, 401);
}

#[tokio::test]
async fn a_token_without_scope_is_200_and_for_another_account_10() {
    let world = World::start().await;
    let path = format!("{}/messages", world.phone());
    let weak = json!({"scopes": ["whatsapp_business_management"]});
    let (_, issued) = world.control("POST", "tokens/issue", weak).await;
    let (status, answer) =
        world.graph_as(issued["access_token"].as_str().unwrap(), "POST", &path, Some(body())).await;
    assert_eq!((status, code(&answer)), (403, 200));
    let (_, issued) = world.control("POST", "tokens/issue", json!({"waba_ids": ["1"]})).await;
    let (status, answer) =
        world.graph_as(issued["access_token"].as_str().unwrap(), "POST", &path, Some(body())).await;
    assert_eq!((status, code(&answer)), (403, 10));
}

#[tokio::test]
async fn debug_token_tells_what_a_token_is_good_for() {
    let world = World::start().await;
    let path = format!("debug_token?input_token={}", world.account.token);
    let (status, answer) = world.graph("GET", &path, None).await;
    assert_eq!(status, 200);
    assert_eq!(answer["data"]["is_valid"], true);
    assert_eq!(answer["data"]["expires_at"], 0);
    assert_eq!(answer["data"]["app_id"], world.account.app_id);
    let (status, answer) = world.graph("GET", "debug_token?input_token=nonsense", None).await;
    assert_eq!((status, answer["data"]["is_valid"].as_bool()), (200, Some(false)));
}

#[tokio::test]
async fn the_apps_own_token_may_look_at_an_expired_one() {
    let world = World::start().await;
    world.control("POST", "tokens/expire", json!(null)).await;
    let app = format!("{}|{}", world.account.app_id, world.account.app_secret);
    let path = format!("debug_token?input_token={}", world.account.token);
    let (status, answer) = world.graph_as(&app, "GET", &path, None).await;
    assert_eq!(status, 200);
    assert_eq!(answer["data"]["is_valid"], false);
    assert_eq!(answer["data"]["error"]["subcode"], 463);
}

#[tokio::test]
async fn a_revoked_token_has_its_own_subcode() {
    let world = World::start().await;
    world.control("POST", "tokens/revoke", json!({"subcode": 467})).await;
    let (status, answer) = world.graph("GET", world.phone(), None).await;
    assert_eq!((status, answer["error"]["error_subcode"].as_i64()), (401, Some(467)));
}
