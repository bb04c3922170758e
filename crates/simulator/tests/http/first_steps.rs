//! The main road: a template out, its statuses back, the customer's answer in.

use crate::support::{CUSTOMER, World, hello, until};
use serde_json::json;

#[tokio::test]
async fn a_template_is_sent_delivered_and_read() {
    let world = World::unhurried().await;
    let wamid = world.send_hello(CUSTOMER).await;
    until("it is read", || world.receiver.statuses_of(&wamid).len() == 3).await;
    assert_eq!(world.receiver.statuses_of(&wamid), ["sent", "delivered", "read"]);
    let ledger = world.sim.ledger(0);
    assert_eq!(ledger.len(), 1);
    assert_eq!((ledger[0].seq, ledger[0].kind, ledger[0].to.as_str()), (1, "template", CUSTOMER));
    assert_eq!(ledger[0].template.as_deref(), Some("hello"));
    assert_eq!(ledger[0].wamid, wamid);
}

#[tokio::test]
async fn the_answer_to_a_send_has_metas_shape() {
    let world = World::start().await;
    world.put_hello();
    let (status, answer) = world.send(hello("+1 (555) 123-4567")).await;
    assert_eq!(status, 200);
    assert_eq!(answer["messaging_product"], "whatsapp");
    assert_eq!(answer["contacts"], json!([{"input": "+1 (555) 123-4567", "wa_id": "15551234567"}]));
    assert_eq!(answer["messages"][0]["message_status"], "accepted");
    assert!(answer["messages"][0]["id"].as_str().unwrap().starts_with("wamid."));
}

#[tokio::test]
async fn a_customers_answer_opens_the_window() {
    let world = World::start().await;
    let (_, told) = world.control("POST", "customers/+15551234567/messages", json!({"text": "hello"})).await;
    until("it arrives", || world.receiver.messages().len() == 1).await;
    let message = &world.receiver.messages()[0];
    assert_eq!(message["id"], told["id"]);
    assert_eq!(message["from"], "15551234567");
    assert_eq!(message["text"]["body"], "hello");
    let (status, answer) = world.send_text(CUSTOMER, "hi").await;
    assert_eq!(status, 200);
    let wamid = answer["messages"][0]["id"].as_str().unwrap().to_owned();
    until("it is read", || world.receiver.statuses_of(&wamid).len() == 3).await;
}
