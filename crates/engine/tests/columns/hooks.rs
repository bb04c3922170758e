//! Webhooks that come twice, out of order, for others, or cannot be applied.

use std::time::Duration;

use domain::Clock;
use domain::messages::{Direction, Status};
use engine::connections::CreateConnection;
use engine::messages::SendOutcome;
use ports::messages::MessageFilter;
use ports::webhooks::AsideReason;
use serde_json::{Value, json};
use simulator::AccountConfig;

use crate::house::{eventually, page};
use crate::post::{Post, each_once, envelope, posted, value_of_messages};

/// As if Meta had posted this value of `messages` for the number.
pub(crate) async fn post_change(post: &Post, value: Value) {
    let account = AccountConfig::default();
    let change = value_of_messages(&post.connection.phone_number_id, value);
    posted(&post.engine, &account.app_secret, None, &envelope(&account.waba_id, vec![change])).await;
}

async fn projected(post: &Post, tenant: domain::TenantId) {
    eventually("an empty inbox", || async {
        (post.engine.webhooks.stats(tenant).await.unwrap().pending == 0).then_some(())
    })
    .await;
}

fn status(post: &Post, wamid: &str, status: &str, callback: Option<&str>) -> Value {
    let mut status = json!({
        "id": wamid, "status": status, "recipient_id": "15551230001",
        "timestamp": domain::Clock::now(post.clock.as_ref()).as_second().to_string(),
    });
    if let Some(data) = callback {
        status["biz_opaque_callback_data"] = json!(data);
    }
    if status["status"] == "failed" {
        status["errors"] = json!([{"code": 131049, "title": "held back"}]);
    }
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_come_twice_and_in_any_order_are_applied_once() {
    let post = Post::open().await;
    post.faults(json!({"webhook_duplicate_rate": 1.0, "webhook_reorder": true, "webhook_reorder_ms": 200}))
        .await;
    let to: Vec<_> = futures::future::join_all((0..10).map(|n| {
        let post = &post;
        async move { post.contact(&format!("+1555123000{n}")).await }
    }))
    .await;
    let messages = post.notes(&to, 60).await;
    for n in 0..10 {
        post.sim
            .customer_says(&post.connection.phone_number_id, &format!("+1555123000{n}"), "thank you")
            .unwrap();
    }
    for id in &messages {
        post.becomes(*id, Status::Read).await;
    }
    eventually("all webhooks", || async { (post.sim.pending() == 0).then_some(()) }).await;
    projected(&post, post.tenant).await;
    each_once(&post.sim.ledger(0), &messages);
    let inbound = MessageFilter { direction: Some(Direction::Inbound), ..MessageFilter::default() };
    assert_eq!(post.engine.messages.list(post.tenant, &inbound, &page()).await.unwrap().items.len(), 10);
    for id in &messages {
        let message = post.message(*id).await;
        assert!(message.sent_at.is_some() && message.delivered_at.is_some());
        let events = post.engine.messages.events(post.tenant, *id).await.unwrap().unwrap();
        let reads = events.iter().filter(|event| event.status == "read").count();
        assert_eq!(reads, 1, "{events:?}");
    }
    assert_eq!(post.engine.webhooks.stats(post.tenant).await.unwrap().orphan_statuses, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_failure_of_an_earlier_attempt_does_not_end_the_retry() {
    let post = Post::open().await;
    let to = post.contact("+15551230001").await;
    post.sim.set_customer("+15551230001", json!({"failure": 131053})).unwrap();
    let id = post.send(post.note(to)).await.message_id;
    let failed = post.becomes(id, Status::Failed).await;
    let (first, data) = (failed.wamid.unwrap(), post.sim.ledger(0)[0].callback_data.clone().unwrap());
    post.sim.set_customer("+15551230001", json!({})).unwrap();
    // Meta repeats what was not acknowledged in time; meanwhile the retry waits in the queue.
    post.engine.connections.disable(post.tenant, post.connection.id).await.unwrap();
    post.engine.messages.retry(post.tenant, id, false).await.unwrap();
    for word in ["failed", "sent", "failed"] {
        post_change(&post, json!({"statuses": [status(&post, &first, word, Some(&data))]})).await;
    }
    projected(&post, post.tenant).await;
    assert_eq!(post.message(id).await.status, Status::Queued);
    post.engine.connections.enable(post.tenant, post.connection.id).await.unwrap();
    let read = post.becomes(id, Status::Read).await;
    assert_ne!(read.wamid.as_deref(), Some(first.as_str()));
    assert_eq!(post.sim.ledger(0).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_delivery_of_an_attempt_in_doubt_takes_its_retry_off_the_queue() {
    let patience = gateway_meta::Patience { answer: Duration::from_millis(300), ..Default::default() };
    let post = Post::with(patience, |_, _| {}).await;
    post.faults(json!({"hang_rate": 1.0, "statuses": false})).await;
    let to = post.contact("+15551230001").await;
    let id = post.send(post.note(to)).await.message_id;
    post.becomes(id, Status::InDoubt).await;
    post.engine.connections.disable(post.tenant, post.connection.id).await.unwrap();
    post.engine.messages.retry(post.tenant, id, true).await.unwrap();
    let first = post.sim.ledger(0)[0].clone();
    let late = status(&post, &first.wamid, "delivered", first.callback_data.as_deref());
    post_change(&post, json!({"statuses": [late]})).await;
    post.becomes(id, Status::Delivered).await;
    post.engine.connections.enable(post.tenant, post.connection.id).await.unwrap();
    post.empty_queue().await;
    assert_eq!(post.sim.ledger(0).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callback_data_of_another_tenant_moves_nothing() {
    let post = Post::open().await;
    let stranger = post.stranger().await;
    let to = post.contact("+15551230001").await;
    post.faults(json!({"statuses": false})).await;
    let id = post.send(post.note(to)).await.message_id;
    post.becomes(id, Status::Sent).await;
    for data in
        [format!("wxw1.{stranger}.{id}.1"), "order-17".to_owned(), format!("wxw1.{}.9999.1", post.tenant)]
    {
        post_change(
            &post,
            json!({"statuses": [status(&post, &format!("wamid.{data}"), "read", Some(&data))]}),
        )
        .await;
    }
    projected(&post, post.tenant).await;
    assert_eq!(post.message(id).await.status, Status::Sent);
    assert_eq!(post.engine.webhooks.stats(post.tenant).await.unwrap().orphan_statuses, 3);
}

/// Two tenants with a number each, of accounts that share an app secret.
async fn neighbours() -> (Post, domain::TenantId, AccountConfig) {
    let post = Post::open().await;
    let account: AccountConfig =
        serde_json::from_value(post.handle("POST", "/accounts", json!({})).await).unwrap();
    let neighbour = post.stranger().await;
    let theirs = CreateConnection {
        phone_number_id: account.phones[0].id.clone(),
        waba_id: account.waba_id.clone(),
        access_token: account.token.clone().into(),
        ..post.link()
    };
    post.engine.connections.create(neighbour, theirs).await.unwrap();
    (post, neighbour, account)
}

/// Just now: what is years old is purged as soon as it is there.
fn said(wamid: &str, text: &str) -> Value {
    let now = domain::MovableClock::default().now().as_second().to_string();
    json!({
        "contacts": [{"wa_id": "15551237777", "profile": {"name": "Kim"}}],
        "messages": [{"from": "15551237777", "id": wamid, "timestamp": now, "type": "text", "text": {"body": text}}],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_for_two_tenants_reaches_each_once_and_never_the_other() {
    let (post, neighbour, account) = neighbours().await;
    let changes = vec![
        value_of_messages(&post.connection.phone_number_id, said("wamid.ours", "for us")),
        value_of_messages(&account.phones[0].id, said("wamid.theirs", "for them")),
    ];
    let body = envelope(&account.waba_id, changes);
    for path in [None, None, Some(post.connection.id)] {
        posted(&post.engine, &AccountConfig::default().app_secret, path, &body).await;
    }
    projected(&post, post.tenant).await;
    projected(&post, neighbour).await;
    for (tenant, wamid) in [(post.tenant, "wamid.ours"), (neighbour, "wamid.theirs")] {
        let seen = eventually("the message", || async {
            let page = post.engine.messages.list(tenant, &MessageFilter::default(), &page()).await.unwrap();
            (!page.items.is_empty()).then_some(page.items)
        })
        .await;
        let wamids: Vec<_> = seen.iter().map(|message| message.wamid.as_deref()).collect();
        assert_eq!(wamids, [Some(wamid)]);
        assert_eq!(post.engine.webhooks.aside(tenant, None, &page()).await.unwrap().items, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_a_number_reach_that_number_and_news_of_an_account_all_of_its_numbers() {
    let post = Post::open().await;
    let account = AccountConfig::default();
    let second = post.handle(
        "POST",
        "/accounts",
        json!({"waba_id": account.waba_id, "phones": [{"id": "222", "display_phone_number": "+1 555-078-3882"}]}),
    );
    let second: AccountConfig = serde_json::from_value(second.await).unwrap();
    let link = CreateConnection {
        phone_number_id: second.phones[0].id.clone(),
        access_token: second.token.clone().into(),
        is_default: false,
        ..post.link()
    };
    let second = post.engine.connections.create(post.tenant, link).await.unwrap().connection;
    let upgrade = json!({"field": "phone_number_quality_update", "value": {
        "display_phone_number": "15550783882", "event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_UNLIMITED"
    }});
    posted(&post.engine, &account.app_secret, None, &envelope(&account.waba_id, vec![upgrade])).await;
    let rates = || async {
        let all = post.engine.connections.list(post.tenant).await.unwrap();
        let rate = |id| all.iter().find(|one| one.id == id).unwrap().rate.count;
        (rate(post.connection.id), rate(second.id))
    };
    eventually("the upgrade", || async { (rates().await != (80, 80)).then_some(()) }).await;
    assert_eq!(rates().await, (80, 1_000));
    let disabled = json!({"field": "account_update", "value": {
        "event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "today"}
    }});
    posted(&post.engine, &account.app_secret, None, &envelope(&account.waba_id, vec![disabled])).await;
    eventually("both broken", || async {
        let all = post.engine.connections.list(post.tenant).await.unwrap();
        all.iter().all(|one| one.state == domain::connections::ConnectionState::Error).then_some(())
    })
    .await;
    eventually("an alert for each", || async { (post.alerts(Some(true)).await.len() == 2).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_for_a_number_linked_a_moment_ago_elsewhere_is_not_set_aside() {
    let post = Post::open().await;
    let account: AccountConfig =
        serde_json::from_value(post.handle("POST", "/accounts", json!({})).await).unwrap();
    let other_node = engine::Engine::new(post.deps.clone()).await.unwrap();
    let link = CreateConnection {
        phone_number_id: account.phones[0].id.clone(),
        waba_id: account.waba_id.clone(),
        access_token: account.token.clone().into(),
        is_default: false,
        ..post.link()
    };
    other_node.connections.create(post.tenant, link).await.unwrap();
    let change = value_of_messages(&account.phones[0].id, said("wamid.early", "first"));
    posted(
        &post.engine,
        &AccountConfig::default().app_secret,
        None,
        &envelope(&account.waba_id, vec![change]),
    )
    .await;
    projected(&post, post.tenant).await;
    let aside =
        post.engine.webhooks.aside(post.tenant, Some(AsideReason::Unrecognised), &page()).await.unwrap();
    assert_eq!(aside.items, []);
    let page = post.engine.messages.list(post.tenant, &MessageFilter::default(), &page()).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_a_number_is_written_to_by_user_id() {
    let post = Post::open().await;
    post.sim.set_customer("+15551238888", json!({"hide_phone": true, "username": "kim"})).unwrap();
    post.faults(json!({"bsuid": true})).await;
    let customer = post.hears("+15551238888", "who is there").await;
    let contact = post.engine.contacts.get(post.tenant, customer).await.unwrap();
    let bsuid = contact.identity.bsuid.clone().unwrap();
    assert_eq!(contact.identity.phone, None);
    let mut answer = post.text(customer, "it is us");
    answer.to = ports::messages::Addressee::Bsuid(bsuid.clone());
    answer.wait = Duration::from_secs(10);
    let sent = post.send(answer).await;
    assert!(matches!(sent.outcome, SendOutcome::Sent { .. }), "{:?}", sent.outcome);
    assert_eq!(sent.contact_id, customer);
    post.becomes(sent.message_id, Status::Read).await;
    assert_eq!(post.sim.ledger(0)[0].to, bsuid);

    // Meta sends no one-time codes to a user id.
    post.sim
        .put_template(&json!({
            "name": "code", "category": "AUTHENTICATION",
            "components": [
                {"type": "BODY", "text": "*{{1}}* is your verification code.", "add_security_recommendation": false},
                {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]},
            ],
        }))
        .unwrap();
    post.engine.templates.sync(post.tenant, None).await.unwrap();
    let mut code = post.note(customer);
    code.body = engine::messages::Body::Template {
        name: "code".into(),
        language: None,
        params: serde_json::from_value(json!({
            "body": ["123456"],
            "buttons": [{"index": 0, "type": "otp", "code": "123456"}],
        }))
        .unwrap_or_else(|_| serde_json::from_value(json!(["123456"])).unwrap()),
    };
    code.wait = Duration::from_secs(10);
    let refused = post.send(code).await;
    let SendOutcome::Failed(why) = refused.outcome else { panic!("{:?}", refused.outcome) };
    assert_eq!(why.meta_error_code, Some(131_062));
    assert!(why.advice.is_some_and(|advice| advice.to_lowercase().contains("phone number")));
}

async fn heard(post: &Post) -> Vec<String> {
    let page = post.engine.messages.list(post.tenant, &MessageFilter::default(), &page()).await.unwrap();
    let mut wamids: Vec<String> = page.items.into_iter().filter_map(|message| message.wamid).collect();
    wamids.sort();
    wamids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_cannot_be_applied_is_set_aside_and_its_neighbours_are_not() {
    let database = tokio::task::spawn_blocking(test_postgres::database).await.unwrap();
    let post = Post::on(&database.url).await;
    // PostgreSQL's indexes take no text of this length.
    let mut state = 1u64;
    let long: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + ((state >> 33) % 90) as u8)
    })
    .take(20_000)
    .collect();
    let messages: Vec<Value> = ["wamid.a", &long, "wamid.c"]
        .iter()
        .map(|wamid| said(wamid, "hello")["messages"][0].clone())
        .collect();
    post_change(&post, json!({"messages": messages})).await;
    projected(&post, post.tenant).await;
    assert_eq!(heard(&post).await, ["wamid.a", "wamid.c"]);
    let poison = Some(AsideReason::Poison);
    let aside = post.engine.webhooks.aside(post.tenant, poison, &page()).await.unwrap().items;
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].pointer, "/entry/0/changes/0/value/messages/1");
    let redriven = post.engine.webhooks.retry(post.tenant, AsideReason::Poison).await.unwrap();
    assert_eq!((redriven.applied, redriven.left), (0, 1));
    let again = post.engine.webhooks.aside(post.tenant, poison, &page()).await.unwrap().items;
    assert_eq!((again[0].attempts, again[0].resolved_at), (2, None));
    // Everything that comes after it goes on.
    post_change(&post, said("wamid.d", "hello")).await;
    projected(&post, post.tenant).await;
    assert_eq!(heard(&post).await, ["wamid.a", "wamid.c", "wamid.d"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_for_a_number_that_is_linked_later_can_be_driven_again() {
    let post = Post::open().await;
    let account: AccountConfig =
        serde_json::from_value(post.handle("POST", "/accounts", json!({})).await).unwrap();
    let change = value_of_messages(&account.phones[0].id, said("wamid.early", "first"));
    posted(
        &post.engine,
        &AccountConfig::default().app_secret,
        None,
        &envelope(&account.waba_id, vec![change]),
    )
    .await;
    projected(&post, post.tenant).await;
    assert_eq!(heard(&post).await, [""; 0]);
    let link = CreateConnection {
        phone_number_id: account.phones[0].id.clone(),
        waba_id: account.waba_id.clone(),
        access_token: account.token.clone().into(),
        is_default: false,
        ..post.link()
    };
    post.engine.connections.create(post.tenant, link).await.unwrap();
    let redriven = post.engine.webhooks.retry(post.tenant, AsideReason::Unrecognised).await.unwrap();
    assert_eq!((redriven.applied, redriven.left), (1, 0));
    assert_eq!(heard(&post).await, ["wamid.early"]);
}
