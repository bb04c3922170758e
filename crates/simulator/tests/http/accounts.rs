//! Numbers, accounts, profiles, registration, blocking.

use serde_json::{Value, json};

use crate::support::{CUSTOMER, World, code, hello, until};

#[tokio::test]
async fn numbers_are_listed_with_the_asked_fields() {
    let world = World::start().await;
    let (_, list) = world.graph("GET", &format!("{}/phone_numbers", world.account.waba_id), None).await;
    assert_eq!(list["data"][0]["id"], world.phone());
    assert_eq!(list["data"][0]["display_phone_number"], "+1 555-078-3881");
    assert!(list["data"][0].get("status").is_none());
    let (_, node) =
        world.graph("GET", &format!("{}?fields=status,throughput,name_status", world.phone()), None).await;
    assert_eq!(node["status"], "CONNECTED");
    assert_eq!(node["throughput"], json!({"level": "STANDARD"}));
    let (_, waba) = world
        .graph("GET", &format!("{}?fields=name,account_review_status", world.account.waba_id), None)
        .await;
    assert_eq!(waba["account_review_status"], "APPROVED");
}

#[tokio::test]
async fn a_second_account_has_its_own_number_token_and_window() {
    let world = World::start().await;
    let (status, other) = world.control("POST", "accounts", json!({"waba_name": "Other"})).await;
    assert_eq!(status, 200, "{other}");
    let (phone, token) = (other["phones"][0]["id"].as_str().unwrap(), other["token"].as_str().unwrap());
    world.sim.put_template(&json!({"name": "hello", "waba_id": other["waba_id"], "components": [{"type": "BODY", "text": "Hi"}]})).unwrap();
    let mut body = hello(CUSTOMER);
    body["messaging_product"] = "whatsapp".into();
    let path = format!("{phone}/messages");
    assert_eq!(world.graph_as(token, "POST", &path, Some(body.clone())).await.0, 200);
    assert_eq!(code(&world.graph("POST", &path, Some(body)).await.1), 10, "the first account's token");
    assert_eq!(world.sim.ledger(0)[0].phone_number_id, phone);
    until("it is read", || world.receiver.statuses().len() == 3).await;
    let (_, told) = world
        .control("POST", "customers/+15551234567/messages", json!({"text": "hi", "phone_number_id": phone}))
        .await;
    assert_eq!(told["phone_number_id"], phone);
    until("it arrives", || world.receiver.messages().len() == 1).await;
    let change = world.receiver.changes().pop().unwrap();
    assert_eq!(change["value"]["metadata"]["phone_number_id"], phone);
}

#[tokio::test]
async fn a_number_that_is_not_connected_cannot_send() {
    let world = World::start().await;
    world.put_hello();
    assert_eq!(world.graph("POST", &format!("{}/deregister", world.phone()), Some(json!({}))).await.0, 200);
    assert_eq!(code(&world.send(hello(CUSTOMER)).await.1), 133010);
    let register = |pin: &str| Some(json!({"messaging_product": "whatsapp", "pin": pin}));
    let path = format!("{}/register", world.phone());
    assert_eq!(world.graph("POST", &path, register("123456")).await.0, 200);
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
    assert_eq!(code(&world.graph("POST", &path, register("654321")).await.1), 133005);
    for _ in 0..8 {
        world.graph("POST", &path, register("123456")).await;
    }
    assert_eq!(code(&world.graph("POST", &path, register("123456")).await.1), 133016);
}

#[tokio::test]
async fn the_profile_keeps_what_it_is_given() {
    let world = World::start().await;
    let path = format!("{}/whatsapp_business_profile", world.phone());
    let given = json!({"messaging_product": "whatsapp", "about": "Plants", "vertical": "RETAIL", "websites": ["https://example.com"]});
    assert_eq!(world.graph("POST", &path, Some(given)).await.0, 200);
    let (_, shown) = world.graph("GET", &format!("{path}?fields=about,vertical"), None).await;
    assert_eq!(
        shown["data"][0],
        json!({"messaging_product": "whatsapp", "about": "Plants", "vertical": "RETAIL"})
    );
    let long = json!({"messaging_product": "whatsapp", "about": "x".repeat(140)});
    assert_eq!(code(&world.graph("POST", &path, Some(long)).await.1), 100);
}

#[tokio::test]
async fn only_customers_who_wrote_can_be_blocked() {
    let world = World::start().await;
    world.put_hello();
    world.open_window(CUSTOMER).await;
    let path = format!("{}/block_users", world.phone());
    let body = json!({"messaging_product": "whatsapp", "block_users": [{"user": CUSTOMER}, {"user": "+15557654321"}]});
    let (status, answer) = world.graph("POST", &path, Some(body)).await;
    assert_eq!((status, code(&answer)), (400, 139100));
    assert_eq!(answer["block_users"]["added_users"][0]["wa_id"], "15551234567");
    assert_eq!(answer["block_users"]["failed_users"][0]["errors"][0]["code"], 131047);
    assert_eq!(code(&world.send(hello(CUSTOMER)).await.1), 130403);
    assert_eq!(world.graph("GET", &path, None).await.1["data"][0]["wa_id"], "15551234567");
    let one = json!({"messaging_product": "whatsapp", "block_users": [{"user": CUSTOMER}]});
    assert_eq!(world.graph("DELETE", &path, Some(one)).await.0, 200);
    assert_eq!(world.send(hello(CUSTOMER)).await.0, 200);
}

#[tokio::test]
async fn health_names_what_is_wrong() {
    let world = World::start().await;
    let path = format!("{}?fields=health_status", world.phone());
    let (_, health) = world.graph("GET", &path, None).await;
    assert_eq!(health["health_status"]["can_send_message"], "AVAILABLE");
    let errors = json!([{"error_code": 141006, "error_description": "payment", "possible_solution": "pay"}]);
    world
        .control(
            "PATCH",
            &format!("accounts/{}", world.account.waba_id),
            json!({"health": "BLOCKED", "health_errors": errors}),
        )
        .await;
    let (_, health) = world.graph("GET", &path, None).await;
    assert_eq!(health["health_status"]["can_send_message"], "BLOCKED");
    let entities = health["health_status"]["entities"].as_array().unwrap();
    assert_eq!(entities.iter().find(|entity| entity["entity_type"] == "WABA").unwrap()["errors"], errors);
}

#[tokio::test]
async fn an_upgraded_number_is_told_and_sends_more() {
    let world = World::start().await;
    world.put_hello();
    world.control("PATCH", &format!("accounts/{}", world.phone()), json!({"throughput": "HIGH"})).await;
    until("it is told", || !world.receiver.of_field("phone_number_quality_update").is_empty()).await;
    assert_eq!(world.receiver.of_field("phone_number_quality_update")[0]["event"], "THROUGHPUT_UPGRADE");
    for at in 0..120 {
        assert_eq!(world.send(hello(&format!("+4915112{at:06}"))).await.0, 200);
    }
}

#[tokio::test]
async fn the_state_and_the_page_are_served() {
    let world = World::start().await;
    world.send_hello(CUSTOMER).await;
    world.settle().await;
    let (_, state) = world.control("GET", "state", Value::Null).await;
    assert_eq!((state["accepted"].as_u64(), state["pending"]["events"].as_u64()), (Some(1), Some(0)));
    assert!(state["webhooks"]["delivered"].as_u64().unwrap() >= 1);
    for (path, kind) in
        [("/sim", "text/html"), ("/sim/page.js", "text/javascript"), ("/sim/page.css", "text/css")]
    {
        let answer = world.http.get(format!("{}{path}", world.sim.url())).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(kind));
        assert!(!answer.text().await.unwrap().contains("https://"), "no network");
    }
}

#[tokio::test]
async fn health_comes_beside_other_fields() {
    let world = World::start().await;
    let (_, node) = world.graph("GET", &format!("{}?fields=status,health_status", world.phone()), None).await;
    assert_eq!(node["status"], "CONNECTED");
    assert_eq!(node["health_status"]["can_send_message"], "AVAILABLE");
    assert_eq!(node["id"], world.phone());
}

#[tokio::test]
async fn a_simulator_that_was_shut_down_is_not_reached_again() {
    let world = World::start().await;
    let url = world.url(world.phone());
    let ask = || world.http.get(&url).bearer_auth(&world.account.token).send();
    assert_eq!(ask().await.unwrap().status(), 200);
    world.sim.shutdown();
    let mut refused = false;
    for _ in 0..200 {
        refused = ask().await.is_err();
        if refused {
            break;
        }
    }
    assert!(refused);
}
