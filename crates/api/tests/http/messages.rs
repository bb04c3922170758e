//! Sending and looking at messages.

use domain::pacing::Rate;
use http::StatusCode;
use ports::templates::NewTemplate;
use serde_json::{Value, json};
use simulator::Faults;

use crate::stack::{Stack, text_to};

/// A number, a contact who opted in, and an open window.
async fn with_open_window(stack: &Stack) -> (i64, i64) {
    let connection = stack.link_number().await;
    (connection, open_window(stack).await)
}

async fn open_window(stack: &Stack) -> i64 {
    let contact = stack.contact("+15551234567").await;
    let account = simulator::AccountConfig::default();
    let phone = &account.phones[0].id;
    stack.sim.customer_says(phone, "+15551234567", "hi").expect("a customer");
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": account.waba_id, "changes": [{
    "field": "messages",
    "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": phone},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": "15551234567"}],
        "messages": [{"from": "15551234567", "id": "wamid.in1",
            "timestamp": domain::Clock::now(&*stack.clock).as_second().to_string(),
            "type": "text", "text": {"body": "hi"}}]
    }}]}]})
    .to_string()
    .into_bytes();
    let signature = graph::signature::sign(account.app_secret.as_bytes(), &body);
    stack.engine.webhooks.receive(None, Some(signature.as_bytes()), body.into(), None).await.expect("taken");
    stack
        .until("the window", || async {
            let page = stack.get("/messages?direction=inbound").await;
            (page.data(200)["total"] == 1).then_some(())
        })
        .await;
    contact
}

#[tokio::test]
async fn a_send_waits_for_metas_answer() {
    let stack = Stack::start().await;
    let (connection, contact) = with_open_window(&stack).await;
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    let data = answer.data(201);
    assert_eq!(data["status"], "sent");
    assert_eq!(
        (data["contact_id"].as_i64(), data["connection_id"].as_i64()),
        (Some(contact), Some(connection))
    );
    assert!(data["wamid"].as_str().is_some_and(|wamid| wamid.starts_with("wamid.")), "{data}");
    assert!(data["sent_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    let id = data["message_id"].as_i64().expect("an id");
    assert_eq!(stack.sim.ledger(0).len(), 1);

    let message = stack.get(&format!("/messages/{id}")).await;
    let message = message.data(200);
    assert_eq!(message["wamid"], data["wamid"]);
    assert_eq!(message["message_type"], "text");
    assert_eq!(message["content"]["body"], "hello");
    let events: Vec<&str> =
        message["events"].as_array().unwrap().iter().filter_map(|event| event["status"].as_str()).collect();
    assert!(events.starts_with(&["queued"]) && events.contains(&"sent"), "{events:?}");
}

#[tokio::test]
async fn a_client_that_does_not_wait_gets_202_and_the_message_goes_out() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    let answer = stack.post_with("/messages", text_to("+15551234567"), &[("prefer", "respond-async")]).await;
    let data = answer.data(202);
    assert_eq!(data["status"], "queued");
    assert!(data.get("wamid").is_none());
    stack.until("the message", || async { (stack.sim.ledger(0).len() == 1).then_some(()) }).await;
}

#[tokio::test]
async fn a_reply_in_a_conversation_goes_to_its_contact() {
    let stack = Stack::start().await;
    let (_, contact) = with_open_window(&stack).await;
    let inbound = stack.get("/messages?direction=inbound").await;
    let conversation = inbound.data(200)["items"][0]["conversation_id"].clone();
    let path = format!("/conversations/{conversation}/messages");
    let answer = stack.post(&path, json!({"content": {"body": "hello", "preview_url": false}})).await;
    assert_eq!(answer.data(201)["contact_id"], contact);
    assert_eq!(answer.data(201)["conversation_id"], conversation);
    let answer = stack.post(&path, json!({"content": "hi", "to": "+15551234567"})).await;
    assert_eq!(answer.faults(), ["/to"], "the conversation says to whom");
    let answer = stack.post("/conversations/999/messages", json!({"content": "hello"})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "CONVERSATION_NOT_FOUND"));
}

#[tokio::test]
async fn a_stranger_and_a_closed_window_are_refused_and_nothing_is_sent() {
    let stack = Stack::start().await;
    let (_, contact) = with_open_window(&stack).await;
    let stranger = stack.post("/messages", text_to("+15557654321")).await;
    assert_eq!((stranger.status, stranger.code()), (StatusCode::BAD_REQUEST, "CONTACT_NOT_OPTED_IN"));
    assert_eq!(stranger.details()["opted_in"], false);
    assert!(stranger.details().get("opted_out_at").is_some());
    stack.clock.advance(domain::SignedDuration::from_hours(25));
    let late = stack.post("/messages", json!({"contact_id": contact, "content": "hello"})).await;
    assert_eq!((late.status, late.code()), (StatusCode::BAD_REQUEST, "CONVERSATION_EXPIRED"));
    assert_eq!(late.details()["solution"], "Use an approved template message");
    assert!(late.details()["expired_at"].is_string() && late.details()["conversation_id"].is_i64());
    let unknown = stack.post("/messages", json!({"contact_id": 999, "content": "hello"})).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "CONTACT_NOT_FOUND"));
    assert!(stack.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn without_a_number_there_is_nothing_to_send_from() {
    let stack = Stack::start().await;
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "CONNECTION_NOT_CONFIGURED"));
    let body = json!({"to": "+15551234567", "content": "x", "connection_id": 9});
    assert_eq!(stack.post("/messages", body).await.code(), "CONNECTION_NOT_FOUND");
}

async fn template(stack: &Stack, name: &str, status: &str, language: &str) -> i64 {
    let new = NewTemplate {
        waba_id: simulator::AccountConfig::default().waba_id,
        name: name.into(),
        language: language.into(),
        category: domain::templates::Category::Utility,
        status: domain::templates::Status::from_word(status),
        rejection_reason: (status == "rejected").then(|| "Template contains prohibited content".into()),
        quality: None,
        meta_id: None,
        parameter_format: domain::templates::ParameterFormat::Positional,
        components: json!([{"type": "BODY", "text": "Hi {{1}}, order {{2}} is at {{3}} now."}]),
        param_names: vec!["customer_name".into(), "order_id".into(), "tracking_url".into()],
    };
    let deps = stack.engine.deps();
    match deps.store.create_template(stack.tenant, new, deps.clock.now()).await.unwrap() {
        ports::templates::CreatedTemplate::Created(template) => template.id.0,
        ports::templates::CreatedTemplate::Exists(id) => id.0,
    }
}

#[tokio::test]
async fn templates_are_refused_as_the_document_says() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    let send = |body: Value| {
        let stack = &stack;
        async move {
            let mut whole = json!({"to": "+15551234567"});
            whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            stack.post("/messages", whole).await
        }
    };
    let rejected = template(&stack, "promo_offer", "rejected", "en_US").await;
    let answer = send(json!({"template_name": "promo_offer", "template_params": ["a", "b", "c"]})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "TEMPLATE_NOT_APPROVED"));
    assert_eq!(answer.body["error"]["message"], "Template 'promo_offer' is not approved for sending");
    assert_eq!(
        answer.details(),
        &json!({"template_id": rejected, "template_name": "promo_offer", "status": "rejected",
            "rejection_reason": "Template contains prohibited content"})
    );
    template(&stack, "order_shipped", "approved", "en_US").await;
    let answer = send(json!({"template_name": "order_shipped", "template_params": ["a", "b"]})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "TEMPLATE_PARAMS_MISMATCH"));
    assert_eq!(answer.body["error"]["message"], "Template expects 3 parameters, but 2 were provided");
    assert_eq!(answer.details()["template_name"], "order_shipped");
    assert_eq!(answer.details()["expected_params"], 3);
    assert_eq!(answer.details()["provided_params"], 2);
    assert_eq!(answer.details()["param_names"], json!(["customer_name", "order_id", "tracking_url"]));
    template(&stack, "two_languages", "approved", "en_US").await;
    template(&stack, "two_languages", "approved", "de").await;
    let answer = send(json!({"template_name": "two_languages", "template_params": ["a", "b", "c"]})).await;
    assert_eq!(answer.faults(), ["/template_language"]);
    let answer = send(json!({"template_name": "two_languages", "template_language": "fr"})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "TEMPLATE_NOT_FOUND"));
    assert_eq!(answer.details()["available_languages"].as_array().map(Vec::len), Some(2));
    assert!(stack.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn who_is_not_on_whatsapp_is_told_with_the_phone_number() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    stack.sim.set_customer("+15551234567", json!({"on_whatsapp": false, "failure_at": "once"})).expect("set");
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "RECIPIENT_NOT_ON_WHATSAPP"));
    assert_eq!(answer.details()["phone"], "+15551234567");
    assert_eq!(answer.details()["meta_error_code"], 131_026);
    let id = answer.details()["message_id"].as_i64().expect("the message that failed");
    let message = stack.get(&format!("/messages/{id}")).await;
    assert_eq!(message.data(200)["status"], "failed");
    assert_eq!(message.data(200)["error"]["code"], "RECIPIENT_NOT_ON_WHATSAPP");
    let retried = stack.post(&format!("/messages/{id}/retry"), json!({})).await;
    assert_eq!(retried.data(202)["id"], id);
}

#[tokio::test]
async fn a_scheduled_message_can_be_called_back_once() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    let at = domain::Clock::now(&*stack.clock) + domain::SignedDuration::from_hours(1);
    let mut body = text_to("+15551234567");
    body["send_at"] = at.to_string().into();
    let answer = stack.post("/messages", body).await;
    let data = answer.data(202);
    assert_eq!(data["status"], "queued");
    assert_eq!(data["send_at"].as_str().unwrap().parse::<domain::Timestamp>().unwrap(), at);
    let path = format!("/messages/{}/cancel", data["message_id"]);
    assert_eq!(stack.post(&path, json!({})).await.data(200)["status"], "cancelled");
    let again = stack.post(&path, json!({})).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "INVALID_STATE"));
    assert_eq!(again.details(), &json!({"current": "cancelled", "allowed": ["queued"]}));
    let retry = stack.post(&path.replace("cancel", "retry"), json!({"accept_duplicate": true})).await;
    assert_eq!(retry.details(), &json!({"current": "cancelled", "allowed": ["failed", "in_doubt"]}));
    assert_eq!(stack.post("/messages/999/cancel", json!({})).await.code(), "MESSAGE_NOT_FOUND");
}

#[tokio::test]
async fn lists_are_walked_by_page_and_by_cursor() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    for _ in 0..5 {
        stack.post("/messages", text_to("+15551234567")).await.data(201);
    }
    let first = stack.get("/messages?page_size=4").await;
    let first = first.data(200);
    assert_eq!(
        (first["total"].as_u64(), first["page"].as_u64(), first["page_size"].as_u64()),
        (Some(6), Some(1), Some(4))
    );
    assert_eq!(first["items"].as_array().map(Vec::len), Some(4));
    let second = stack.get("/messages?page_size=4&page=2").await;
    let by_cursor = stack
        .get(&format!("/messages?page_size=4&cursor={}", first["next_cursor"].as_str().expect("a cursor")))
        .await;
    assert_eq!(second.data(200)["items"], by_cursor.data(200)["items"]);
    assert_eq!(second.data(200)["items"].as_array().map(Vec::len), Some(2));
    assert!(by_cursor.data(200).get("next_cursor").is_none());
    assert_eq!(stack.get("/messages?status=sent").await.data(200)["total"], 5);
}

#[tokio::test]
async fn over_the_rate_the_message_stays_queued_and_the_limit_is_told() {
    let stack = Stack::start().await;
    stack.link(stack.sim.url(), Some(Rate { count: 1, period_ms: 60_000 })).await;
    open_window(&stack).await;
    stack.post("/messages", text_to("+15551234567")).await.data(201);
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"));
    let details = answer.details();
    assert_eq!((details["limit"].as_i64(), details["period"].as_str()), (Some(1), Some("1 minute")));
    assert_eq!(details["messages_queued"], 1);
    let wait = details["retry_after_seconds"].as_i64().expect("seconds");
    assert!((1..=61).contains(&wait), "{details}");
    assert_eq!(answer.header("retry-after"), wait.to_string());
    let queued = stack.get(&format!("/messages/{}", details["message_id"])).await;
    assert_eq!(queued.data(200)["status"], "queued");
    stack.clock.advance(domain::SignedDuration::from_secs(61));
    stack.until("the queued message", || async { (stack.sim.ledger(0).len() == 2).then_some(()) }).await;
}

#[tokio::test]
async fn an_expired_token_is_told_and_the_message_waits() {
    let stack = Stack::start().await;
    let (connection, _) = with_open_window(&stack).await;
    stack.sim.set_faults(Faults { error_rate: 1.0, error_code: 190, ..Faults::default() });
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED"));
    assert_eq!(answer.details()["action_required"], "Reconnect WhatsApp in Settings");
    assert!(answer.details().get("expired_at").is_some());
    assert_eq!(answer.details()["connection_id"], connection);
    assert_eq!(answer.header("www-authenticate"), "", "it is not the caller's key that is wrong");
    let message = stack.get(&format!("/messages/{}", answer.details()["message_id"])).await;
    assert_eq!(message.data(200)["status"], "queued");
    assert!(stack.sim.ledger(0).is_empty());
}

#[tokio::test]
async fn what_meta_refuses_is_told_with_metas_own_words() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    stack.sim.set_faults(Faults { error_rate: 1.0, error_code: 131_009, ..Faults::default() });
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "META_REJECTED"));
    let details = answer.details();
    assert_eq!(details["meta_error_code"], 131_009);
    assert!(details["meta_message"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(details["advice"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(details["fbtrace_id"].is_string());
}

#[tokio::test]
async fn when_metas_answer_is_lost_nobody_claims_to_know() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    stack.sim.set_faults(Faults { cut_after_accept_rate: 1.0, statuses: false, ..Faults::default() });
    let answer = stack.post("/messages", text_to("+15551234567")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::ACCEPTED, "SEND_OUTCOME_UNKNOWN"));
    assert_eq!(answer.details()["status"], "in_doubt");
    let message = stack.get(&format!("/messages/{}", answer.details()["message_id"])).await;
    assert_eq!(message.data(200)["status"], "in_doubt");
    assert_eq!(stack.sim.ledger(0).len(), 1);
}

#[tokio::test]
async fn while_meta_cannot_be_reached_messages_wait() {
    let stack = Stack::start().await;
    // A port that nobody listens on.
    stack.link("http://127.0.0.1:1".into(), None).await;
    open_window(&stack).await;
    let answer = stack.post_with("/messages", text_to("+15551234567"), &[("prefer", "wait=1")]).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "META_UNAVAILABLE"));
    let message = stack.get(&format!("/messages/{}", answer.details()["message_id"])).await;
    assert_eq!(message.data(200)["status"], "queued");
}

#[tokio::test]
async fn the_messages_of_a_conversation_are_those_of_both_sides() {
    let stack = Stack::start().await;
    with_open_window(&stack).await;
    let sent = stack.post("/messages", text_to("+15551234567")).await;
    let conversation = sent.data(201)["conversation_id"].as_i64().expect("a conversation");
    let page = stack.get(&format!("/conversations/{conversation}/messages")).await;
    let directions: Vec<&str> = page.data(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["direction"].as_str())
        .collect();
    assert_eq!(directions, ["outbound", "inbound"]);
    assert_eq!(stack.get("/conversations/999/messages").await.code(), "CONVERSATION_NOT_FOUND");
}

#[tokio::test]
async fn a_template_can_be_sent_to_oneself() {
    let stack = Stack::start().await;
    stack.link_number().await;
    stack.contact("+15551234567").await;
    let hello = json!({"name": "hello", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello {{1}}, all is well.", "example": {"body_text": [["Ana"]]}}]});
    stack.sim.put_template(&hello).expect("a template");
    stack.engine.templates.sync(stack.tenant, None).await.expect("synced");
    let listed = stack.get("/templates?search=hello").await;
    let id = listed.data(200)["items"][0]["id"].clone();
    let path = format!("/templates/{id}/test-send");
    let answer = stack.post(&path, json!({"to": "+15551234567", "template_params": ["Ana"]})).await;
    assert_eq!(answer.data(201)["status"], "sent");
    assert_eq!(stack.sim.ledger(0).len(), 1);
    let few = stack.post(&path, json!({"to": "+15551234567"})).await;
    assert_eq!(few.code(), "TEMPLATE_PARAMS_MISMATCH");
    let unknown = stack.post("/templates/999/test-send", json!({"to": "+15551234567"})).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "TEMPLATE_NOT_FOUND"));
}
