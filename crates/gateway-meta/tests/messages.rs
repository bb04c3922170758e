//! What goes over the wire for each kind of message, and what comes back.

#![allow(clippy::unwrap_used)]

mod stand_in;

use domain::MediaId;
use domain::contacts::Identity;
use domain::messages::Content;
use domain::messages::content::{Location, Media, MediaKind, MediaSource, ReactionTarget};
use ports::gateway::{AcceptedByMeta, GatewayError, MetaGateway, Outgoing};
use serde_json::{Value, json};
use stand_in::{StandIn, TOKEN, accepted, client, outgoing, text};

/// The body that is posted for a message.
async fn posted(message: &Outgoing) -> Value {
    let meta = StandIn::answering([(200, accepted())]).await;
    client().send(&meta.access(), message).await.unwrap();
    let asked = meta.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v25.0/555001/messages"));
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    asked.json()
}

/// The members that hold the content.
async fn content(content: Content) -> Value {
    let mut body = posted(&outgoing(content)).await;
    let body = body.as_object_mut().unwrap();
    for (name, value) in [
        ("messaging_product", "whatsapp"),
        ("recipient_type", "individual"),
        ("to", "+4915112345678"),
        ("biz_opaque_callback_data", "m-1"),
    ] {
        assert_eq!(body.remove(name).unwrap(), value);
    }
    Value::Object(body.clone())
}

fn file(kind: MediaKind, source: MediaSource) -> Media {
    let caption = Some("c".to_owned());
    Media { kind, source, caption, filename: Some("a.pdf".into()), voice: true, mime_type: None }
}

#[tokio::test]
async fn each_kind_of_content_takes_metas_shape() {
    assert_eq!(content(Content::text("hi")).await, json!({"type": "text", "text": {"body": "hi"}}));
    let place = Location { latitude: 52.5, longitude: 13.4, name: Some("Berlin".into()), address: None };
    assert_eq!(
        content(Content::Location(place)).await,
        json!({"type": "location", "location": {"latitude": 52.5, "longitude": 13.4, "name": "Berlin"}})
    );
    let cards = json!([{"name": {"formatted_name": "X"}}]);
    assert_eq!(
        content(Content::Contacts { contacts: cards.as_array().unwrap().clone() }).await,
        json!({"type": "contacts", "contacts": cards})
    );
    let interactive = json!({"type": "cta_url", "body": {"text": "b"},
        "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://example.org"}}});
    assert_eq!(
        content(Content::Interactive { interactive: interactive.clone() }).await,
        json!({"type": "interactive", "interactive": interactive})
    );
    let target = ReactionTarget::Wamid("wamid.T".into());
    assert_eq!(
        content(Content::Reaction { target, emoji: None }).await,
        json!({"type": "reaction", "reaction": {"message_id": "wamid.T", "emoji": ""}})
    );
}

#[tokio::test]
async fn a_file_carries_only_what_its_kind_has() {
    let link = || MediaSource::Link("https://example.org/x".into());
    let cases = [
        (
            MediaKind::Image,
            json!({"type": "image", "image": {"link": "https://example.org/x", "caption": "c"}}),
        ),
        (
            MediaKind::Video,
            json!({"type": "video", "video": {"link": "https://example.org/x", "caption": "c"}}),
        ),
        (
            MediaKind::Document,
            json!({"type": "document", "document": {"link": "https://example.org/x", "caption": "c", "filename": "a.pdf"}}),
        ),
        (
            MediaKind::Audio,
            json!({"type": "audio", "audio": {"link": "https://example.org/x", "voice": true}}),
        ),
        (MediaKind::Sticker, json!({"type": "sticker", "sticker": {"link": "https://example.org/x"}})),
    ];
    for (kind, expected) in cases {
        assert_eq!(content(Content::Media(file(kind, link()))).await, expected);
    }
}

#[tokio::test]
async fn a_file_of_ours_goes_by_the_id_of_its_upload() {
    let ours = || outgoing(Content::Media(file(MediaKind::Sticker, MediaSource::Ours(MediaId(4)))));
    let body = posted(&Outgoing { media_id: Some("meta-9".into()), ..ours() }).await;
    assert_eq!(body["sticker"], json!({"id": "meta-9"}));
    let refused = client().send(&stand_in::access("http://127.0.0.1:9"), &ours()).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused(_)), "without an upload there is no call");
}

#[tokio::test]
async fn a_template_carries_its_bound_components() {
    let template =
        Content::Template { name: "order".into(), language: "en_US".into(), params: Default::default() };
    let components = json!([
        {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "x"}]}
    ]);
    let body = posted(&Outgoing { components: Some(components.clone()), ..outgoing(template.clone()) }).await;
    assert_eq!(
        body["template"],
        json!({"name": "order", "language": {"code": "en_US"}, "components": components})
    );
    let bare = posted(&outgoing(template)).await;
    assert_eq!(bare["template"], json!({"name": "order", "language": {"code": "en_US"}}));
}

#[tokio::test]
async fn a_recipient_is_named_by_number_by_user_id_or_by_both() {
    let user = Identity { phone: None, bsuid: Some("DE.77".into()) };
    let body = posted(&Outgoing { to: user, ..text() }).await;
    assert_eq!((body.get("to"), &body["recipient"]), (None, &json!("DE.77")));
    let both = Identity { bsuid: Some("DE.77".into()), ..text().to };
    let body = posted(&Outgoing { to: both, reply_to: Some("wamid.Q".into()), ..text() }).await;
    assert_eq!((&body["to"], &body["recipient"]), (&json!("+4915112345678"), &json!("DE.77")));
    assert_eq!(body["context"], json!({"message_id": "wamid.Q"}));
    let nobody = Outgoing { to: Identity::default(), ..text() };
    let refused = client().send(&stand_in::access("http://127.0.0.1:9"), &nobody).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused(_)));
}

#[tokio::test]
async fn what_only_comes_in_is_not_sent() {
    let button = outgoing(Content::Button { payload: None, text: Some("x".into()) });
    let refused = client().send(&stand_in::access("http://127.0.0.1:9"), &button).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused(_)));
}

#[tokio::test]
async fn the_answer_tells_the_message_and_whom_meta_understood() {
    let answer = json!({"contacts": [{"input": "x", "wa_id": "4915112345678", "user_id": "DE.77"}],
        "messages": [{"id": "wamid.X", "message_status": "held_for_quality_assessment"}]});
    let meta = StandIn::answering([(200, answer), (200, json!({"messages": [{"id": "wamid.Y"}]}))]).await;
    let (client, access) = (client(), meta.access());
    let held = AcceptedByMeta {
        wamid: "wamid.X".into(),
        wa_id: Some("4915112345678".into()),
        user_id: Some("DE.77".into()),
        held: true,
    };
    assert_eq!(client.send(&access, &text()).await, Ok(held));
    let bare = AcceptedByMeta { wamid: "wamid.Y".into(), wa_id: None, user_id: None, held: false };
    assert_eq!(client.send(&access, &text()).await, Ok(bare));
}

#[tokio::test]
async fn marking_read_may_show_typing() {
    let meta = StandIn::answering([(200, json!({"success": true})), (200, json!({"success": true}))]).await;
    client().mark_read(&meta.access(), "wamid.X", false).await.unwrap();
    client().mark_read(&meta.access(), "wamid.X", true).await.unwrap();
    let bodies: Vec<Value> = meta.asked().iter().map(|asked| asked.json()).collect();
    assert_eq!(
        bodies[0],
        json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"})
    );
    assert_eq!(bodies[1]["typing_indicator"], json!({"type": "text"}));
}
