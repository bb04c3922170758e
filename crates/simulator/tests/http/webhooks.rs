//! Webhooks: escaped, signed, batched, repeated, and wrong when told.

use serde_json::{Value, json};
use simulator::Faults;

use crate::support::{CUSTOMER, World, hello, until};

const SIGNATURE: &str = "x-hub-signature-256";

fn good_signature(world: &World, body: &[u8]) -> String {
    graph::signature::sign(world.account.app_secret.as_bytes(), body)
}

#[tokio::test]
async fn the_body_is_escaped_and_signed_over_its_bytes() {
    let world = World::start().await;
    world.sim.customer_says(world.phone(), CUSTOMER, "Grüße / 😀").unwrap();
    until("it arrives", || world.receiver.arrived().len() == 1).await;
    let post = &world.receiver.arrived()[0];
    let text = std::str::from_utf8(&post.body).unwrap();
    assert!(text.contains(r"Gr\u00fc\u00dfe \/ \ud83d\ude00"), "{text}");
    assert!(text.is_ascii());
    assert_eq!(post.headers[SIGNATURE].to_str().unwrap(), good_signature(&world, &post.body));
    assert_eq!(post.headers["user-agent"], "facebookexternalua");
    assert_eq!(post.headers["content-type"], "application/json");
    assert_eq!(world.receiver.messages()[0]["text"]["body"], "Grüße / 😀");
}

#[tokio::test]
async fn a_webhook_is_repeated_until_200() {
    let world = World::with(Faults { webhook_retry_base_ms: 10, ..Faults::default() }).await;
    world.receiver.answer_with(&[500, 204, 401]);
    let id = world.sim.customer_says(world.phone(), CUSTOMER, "hi").unwrap();
    until("it is taken", || world.receiver.messages().iter().any(|message| message["id"] == id.as_str()))
        .await;
    world.settle().await;
    let arrived = world.receiver.arrived();
    assert_eq!(arrived.iter().map(|post| post.answered).collect::<Vec<_>>(), [500, 204, 401, 200]);
    assert!(arrived.windows(2).all(|pair| pair[0].body == pair[1].body), "the same bytes each time");
    let log = world.sim.webhook_log(0);
    assert_eq!((log.len(), log[0].attempts, log[0].state, log[0].status), (1, 4, "delivered", Some(200)));
}

#[tokio::test]
async fn a_webhook_is_given_up_after_seven_days() {
    let world =
        World::with(Faults { webhook_retry_base_ms: 5, webhook_retry_cap_ms: 5, ..Faults::default() }).await;
    world.receiver.answer_with(&[500; 5_000]);
    world.sim.customer_says(world.phone(), CUSTOMER, "hi").unwrap();
    until("it was tried", || world.receiver.arrived().len() > 2).await;
    world.clock.advance(jiff::SignedDuration::from_hours(7 * 24 + 1));
    world.settle().await;
    assert_eq!(world.sim.webhook_log(0)[0].state, "given_up");
}

#[tokio::test]
async fn many_statuses_come_in_few_posts() {
    let world = World::with(Faults { webhook_batch_ms: 100, ..Faults::default().without_limits() }).await;
    world.put_hello();
    let sends = (0..200).map(|at| world.send(hello(&format!("+4915112{at:06}"))));
    assert!(futures::future::join_all(sends).await.iter().all(|(status, _)| *status == 200));
    until("all are read", || world.receiver.statuses().len() == 600).await;
    let posts = world.receiver.arrived();
    assert!(posts.len() < 60, "{} posts", posts.len());
    assert!(posts.iter().any(|post| {
        post.json()["entry"][0]["changes"][0]["value"]["statuses"].as_array().unwrap().len() > 20
    }));
}

#[tokio::test]
async fn a_batch_stays_within_its_size() {
    let faults =
        Faults { webhook_batch_ms: 200, webhook_batch_max: 10, ..Faults::default().without_limits() };
    let world = World::with(faults).await;
    world.put_hello();
    let sends = (0..55).map(|at| world.send(hello(&format!("+4915112{at:06}"))));
    futures::future::join_all(sends).await;
    until("all are read", || world.receiver.statuses().len() == 165).await;
    let items = |post: &Value| -> usize {
        let entries = post["entry"].as_array().unwrap();
        let changes = entries.iter().flat_map(|entry| entry["changes"].as_array().unwrap());
        changes.map(|change| change["value"]["statuses"].as_array().unwrap().len()).sum()
    };
    assert!(world.receiver.arrived().iter().all(|post| items(&post.json()) <= 10));
}

#[tokio::test]
async fn a_status_has_metas_members() {
    let world = World::unhurried().await;
    world.put_hello();
    let mut body = hello(CUSTOMER);
    body["biz_opaque_callback_data"] = "out-123".into();
    world.send(body).await;
    until("it is read", || world.receiver.statuses().len() == 3).await;
    let statuses = world.receiver.statuses();
    let sent = &statuses[0];
    assert_eq!(sent["recipient_id"], "15551234567");
    assert_eq!(sent["biz_opaque_callback_data"], "out-123");
    assert_eq!(sent["timestamp"], "1795341600");
    assert_eq!(
        sent["pricing"],
        json!({"billable": true, "pricing_model": "PMP", "category": "utility", "type": "regular"})
    );
    assert!(sent["recipient_user_id"].as_str().unwrap().starts_with("US."));
    assert!(sent.get("conversation").is_none(), "v24 has none");
    assert!(statuses[1].get("pricing").is_some() && statuses[2].get("pricing").is_none());
    let change = &world.receiver.changes()[0];
    assert_eq!(
        change["value"]["metadata"],
        json!({"display_phone_number": "15550783881", "phone_number_id": world.phone()})
    );
    assert_eq!(change["value"]["contacts"][0]["wa_id"], "15551234567");
    assert_eq!(world.sim.ledger(0)[0].callback_data.as_deref(), Some("out-123"));
}

#[tokio::test]
async fn the_old_dialect_has_conversations_and_no_user_ids() {
    let world = World::with(Faults {
        dialect: "v23".into(),
        bsuid: false,
        delivered_ms: 80,
        read_ms: 80,
        ..Faults::default()
    })
    .await;
    world.send_hello(CUSTOMER).await;
    until("it is read", || world.receiver.statuses().len() == 3).await;
    let statuses = world.receiver.statuses();
    assert!(statuses[0]["conversation"]["expiration_timestamp"].is_string());
    assert!(statuses[1]["conversation"].get("expiration_timestamp").is_none());
    assert!(statuses.iter().all(|status| status.get("recipient_user_id").is_none()));
    assert!(world.receiver.changes()[0]["value"].get("contacts").is_none());
}

#[tokio::test]
async fn duplicates_and_losses_follow_their_odds() {
    let world = World::with(Faults { webhook_duplicate_rate: 1.0, ..Faults::default() }).await;
    world.sim.customer_says(world.phone(), CUSTOMER, "twice").unwrap();
    world.settle().await;
    let arrived = world.receiver.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].body, arrived[1].body);
    world.control("PUT", "faults", json!({"webhook_loss_rate": 1})).await;
    world.sim.customer_says(world.phone(), CUSTOMER, "lost").unwrap();
    world.settle().await;
    assert_eq!(world.receiver.arrived().len(), 2);
    assert_eq!(world.sim.webhook_log(2)[0].state, "lost");
}

#[tokio::test]
async fn reordered_statuses_all_arrive() {
    let faults =
        Faults { webhook_reorder: 1.0, webhook_reorder_ms: 100, ..Faults::default().without_limits() };
    let world = World::with(faults).await;
    let mut orders = std::collections::BTreeSet::new();
    let mut ids = Vec::new();
    for at in 0..30 {
        ids.push(world.send_hello(&format!("+4915112{at:06}")).await);
    }
    until("all arrive", || world.receiver.statuses().len() == 90).await;
    orders.extend(ids.iter().map(|id| world.receiver.statuses_of(id).join(" ")));
    assert!(orders.len() > 1, "{orders:?}");
}

#[tokio::test]
async fn signatures_can_be_wrong_in_every_way() {
    let world = World::start().await;
    let mut seen = Vec::new();
    for kind in ["wrong", "missing", "sha1", "truncated", "foreign"] {
        world.control("PUT", "faults", json!({ "webhook_signature": kind })).await;
        world.sim.customer_says(world.phone(), CUSTOMER, kind).unwrap();
        world.settle().await;
        let post = world.receiver.arrived().pop().unwrap();
        let header = post.headers.get(SIGNATURE).map(|value| value.to_str().unwrap().to_owned());
        assert_ne!(header.as_deref(), Some(good_signature(&world, &post.body).as_str()), "{kind}");
        seen.push(header);
    }
    assert_eq!(seen[1], None);
    assert_eq!(seen[2], None);
    assert!(seen[3].as_ref().unwrap().len() < 71);
}

#[tokio::test]
async fn a_raw_utf8_body_is_signed_as_sent() {
    let world = World::with(Faults { webhook_raw_utf8: true, ..Faults::default() }).await;
    world.sim.customer_says(world.phone(), CUSTOMER, "Grüße").unwrap();
    until("it arrives", || world.receiver.arrived().len() == 1).await;
    let post = &world.receiver.arrived()[0];
    assert!(!post.body.is_ascii());
    assert_eq!(post.headers[SIGNATURE].to_str().unwrap(), good_signature(&world, &post.body));
}

#[tokio::test]
async fn any_change_can_be_sent() {
    let world = World::start().await;
    let value = json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}]});
    let (status, _) =
        world.control("POST", "webhooks", json!({"field": "account_update", "value": value})).await;
    assert_eq!(status, 200);
    until("it arrives", || world.receiver.of_field("account_update") == [value.clone()]).await;
    let body = world.receiver.arrived()[0].json();
    assert_eq!(body["entry"][0]["id"], world.account.waba_id);
    assert!(body["entry"][0]["time"].is_number(), "only `messages` comes without a time");
}

#[tokio::test]
async fn a_callback_is_taken_after_its_handshake_only() {
    let world = World::start().await;
    let path = format!("{}/subscribed_apps", world.account.waba_id);
    let with = |token: &str| Some(json!({"override_callback_uri": world.callback, "verify_token": token}));
    let (status, answer) = world.graph("POST", &path, with("wrong")).await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(2200)));
    assert_eq!(world.graph("POST", &path, with("the-verify-token")).await.0, 200);
    let (_, listed) = world.graph("GET", &path, None).await;
    assert_eq!(listed["data"][0]["override_callback_uri"], world.callback);
    assert_eq!(listed["data"][0]["whatsapp_business_api_data"]["id"], world.account.app_id);
    assert_eq!(world.graph("DELETE", &path, None).await.0, 200);
    world.sim.customer_says(world.phone(), CUSTOMER, "to nobody").unwrap();
    world.settle().await;
    assert!(world.receiver.messages().is_empty());
}

#[tokio::test]
async fn the_app_subscription_sets_the_callback() {
    let world = World::start().await;
    let app = format!("{}|{}", world.account.app_id, world.account.app_secret);
    let path = format!("{}/subscriptions", world.account.app_id);
    let body = json!({"object": "whatsapp_business_account", "callback_url": world.callback,
        "verify_token": "the-verify-token", "fields": "messages"});
    assert_eq!(world.graph_as(&app, "POST", &path, Some(body)).await.0, 200);
    world.control("POST", "webhooks", json!({"field": "security", "value": {}})).await;
    world.sim.customer_says(world.phone(), CUSTOMER, "hi").unwrap();
    world.settle().await;
    assert_eq!(world.receiver.changes().len(), 1, "other fields are not subscribed");
    let (_, shown) = world.graph_as(&app, "GET", &path, None).await;
    assert_eq!(shown["data"][0]["callback_url"], world.callback);
}

#[tokio::test]
async fn every_subscribed_app_gets_its_own_signed_copy() {
    let world = World::start().await;
    let (other, url) = crate::support::Receiver::start().await;
    let account = json!({"app_id": "777", "app_secret": "another-secret", "callback_url": url,
        "phones": [], "token": "EAAOTHER", "waba_id": "888"});
    assert_eq!(world.control("POST", "accounts", account).await.0, 200);
    let scope = json!({"token": "EAAPARTNER", "app_id": "777", "waba_ids": [world.account.waba_id]});
    world.control("POST", "tokens/issue", scope).await;
    let path = format!("{}/subscribed_apps", world.account.waba_id);
    assert_eq!(world.graph_as("EAAPARTNER", "POST", &path, None).await.0, 200);
    world.sim.customer_says(world.phone(), CUSTOMER, "hi").unwrap();
    world.settle().await;
    let (first, second) = (world.receiver.arrived(), other.arrived());
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(first[0].body, second[0].body);
    let signed = graph::signature::sign(b"another-secret", &second[0].body);
    assert_eq!(second[0].headers[SIGNATURE].to_str().unwrap(), signed);
}

#[tokio::test]
async fn a_numbers_callback_goes_before_the_accounts_for_messages_only() {
    let world = World::start().await;
    let (own, url) = crate::support::Receiver::start().await;
    let configuration =
        json!({"webhook_configuration": {"override_callback_uri": url, "verify_token": "the-verify-token"}});
    assert_eq!(world.graph("POST", world.phone(), Some(configuration)).await.0, 200);
    world.sim.customer_says(world.phone(), CUSTOMER, "hi").unwrap();
    world
        .control(
            "POST",
            "webhooks",
            json!({"field": "account_review_update", "value": {"decision": "APPROVED"}}),
        )
        .await;
    world.settle().await;
    assert_eq!((own.messages().len(), world.receiver.messages().len()), (1, 0));
    assert_eq!(world.receiver.of_field("account_review_update").len(), 1);
}

#[tokio::test]
async fn a_voice_note_is_played() {
    let world = World::unhurried().await;
    world.open_window(CUSTOMER).await;
    let audio = json!({"link": "https://example.com/a.ogg", "voice": true});
    let (_, answer) = world.send(json!({"to": CUSTOMER, "type": "audio", "audio": audio})).await;
    let wamid = answer["messages"][0]["id"].as_str().unwrap().to_owned();
    until("it is played", || world.receiver.statuses_of(&wamid).len() == 4).await;
    assert_eq!(world.receiver.statuses_of(&wamid), ["sent", "delivered", "read", "played"]);
}
