use domain::contacts::Identity;
use domain::conversations::ConversationStatus;
use domain::messages::Content;
use domain::{ConversationId, InboxId};
use engine::conversations::{ConversationError, Told};
use ports::connections::Connection;
use ports::conversations::{ConversationFilter, ConversationPatch};
use ports::webhooks::{Change, Inbound, Projection, Source};
use serde_json::json;

use crate::house::{House, page};

/// A customer wrote, and the webhook was projected.
async fn written(house: &House, connection: &Connection) -> ConversationId {
    let wamid = house.sim.customer_says(&connection.phone_number_id, "+16505551234", "hello").unwrap();
    let now = house.deps.clock.now();
    let inbound = Inbound {
        source: Source { inbox_id: InboxId(1), pointer: "/entry/0".into() },
        connection_id: connection.id,
        wamid,
        from: Identity::of_phone("+16505551234".parse().unwrap()),
        username: None,
        profile_name: Some("Sheena".into()),
        at: now,
        content: Content::Text { body: "hello".into(), preview_url: false },
        reply_to: None,
        opens_window: true,
        word: None,
        confirmation: None,
        media: None,
    };
    let projection = Projection {
        tenant_id: house.tenant,
        done: Vec::new(),
        changes: vec![Change::Inbound(inbound)],
        at: now,
    };
    house.deps.store.project(projection).await.unwrap().inbound[0].2
}

#[tokio::test]
async fn reading_a_conversation_is_told_to_the_customer_once() {
    let house = House::build().await;
    let connection = house.linked().await;
    let conversations = &house.engine.conversations;
    let id = written(&house, &connection).await;
    assert_eq!(conversations.get(house.tenant, id).await.unwrap().unread, 1);
    let marked = conversations.mark_read(house.tenant, id).await.unwrap();
    assert_eq!((marked.told, marked.conversation.unread), (Told::Yes, 0));
    assert_eq!(house.handle("GET", "/reads", json!({})).await.as_array().map(Vec::len), Some(1));
    assert_eq!(conversations.mark_read(house.tenant, id).await.unwrap().told, Told::NothingNew);
    assert_eq!(conversations.typing(house.tenant, id).await.unwrap().told, Told::Yes);
    let stranger = house.stranger().await;
    assert!(matches!(conversations.mark_read(stranger, id).await, Err(ConversationError::NotFound)));
}

#[tokio::test]
async fn a_conversation_is_read_here_although_meta_is_not_told() {
    let house = House::build().await;
    let connection = house.linked().await;
    let id = written(&house, &connection).await;
    house.handle("POST", "/tokens/expire", json!({})).await;
    let marked = house.engine.conversations.mark_read(house.tenant, id).await.unwrap();
    assert!(matches!(marked.told, Told::Failed(_)), "{:?}", marked.told);
    assert_eq!(marked.conversation.unread, 0);
    assert_eq!(house.alerts(Some(true)).await[0].kind, "token_expired", "and the token's end is known");
}

#[tokio::test]
async fn a_team_works_on_a_conversation() {
    let house = House::build().await;
    let connection = house.linked().await;
    let conversations = &house.engine.conversations;
    let id = written(&house, &connection).await;
    let patch = ConversationPatch {
        status: Some(ConversationStatus::Pending),
        assignee: Some(Some("Kim".into())),
        labels: Some(vec!["refund".into(), " refund ".into()]),
    };
    let changed = conversations.patch(house.tenant, id, patch).await.unwrap();
    assert_eq!((changed.assignee.as_deref(), changed.labels), (Some("Kim"), vec!["refund".to_owned()]));
    let mine = ConversationFilter { assignee: Some("Kim".into()), ..ConversationFilter::default() };
    assert_eq!(conversations.list(house.tenant, &mine, &page()).await.unwrap().total, 1);
    conversations.add_note(house.tenant, id, "Kim", "called back").await.unwrap();
    assert_eq!(conversations.notes(house.tenant, id).await.unwrap()[0].text, "called back");
    let blank = conversations.add_note(house.tenant, id, "Kim", " ").await;
    assert!(matches!(blank, Err(ConversationError::Invalid(_))));
    let missing = conversations.notes(house.tenant, ConversationId(4711)).await;
    assert!(matches!(missing, Err(ConversationError::NotFound)));
}

#[tokio::test]
async fn a_shortcut_stands_for_one_reply() {
    let house = House::build().await;
    let conversations = &house.engine.conversations;
    let hello =
        conversations.create_canned_reply(house.tenant, " hello ", "Hello! How can we help?").await.unwrap();
    assert_eq!(hello.shortcut, "hello");
    let again = conversations.create_canned_reply(house.tenant, "hello", "Hi").await;
    assert!(matches!(again, Err(ConversationError::ShortcutTaken(id)) if id == hello.id), "{again:?}");
    let blank = conversations.create_canned_reply(house.tenant, "two words", "Hi").await;
    assert!(matches!(blank, Err(ConversationError::Invalid(_))));
    conversations.delete_canned_reply(house.tenant, hello.id).await.unwrap();
    let gone = conversations.delete_canned_reply(house.tenant, hello.id).await;
    assert!(matches!(gone, Err(ConversationError::CannedReplyNotFound)));
    assert!(conversations.canned_replies(house.tenant).await.unwrap().is_empty());
}
