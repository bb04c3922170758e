//! What is posted to Meta, byte for byte as the documentation shapes it, and what is made of the answer.

#![allow(clippy::unwrap_used)]

use graph::send::{
    ButtonAction, ButtonKind, CallToAction, Card, Component, Content, CtaUrlAction, Interactive, Language,
    LimitedTimeOffer, ListAction, Media, Parameter, Reaction, ReadReceipt, Reply, ReplyButton, Row, Section,
    SendLocation, SendRequest, SendResponse, Template, Text,
};
use serde_json::{Value, json};

fn request(content: Content) -> SendRequest {
    SendRequest { to: Some("+4915112345".into()), content, ..SendRequest::default() }
}

/// Writes, compares, and reads back.
fn written(request: &SendRequest, expected: Value) {
    let mut whole = json!({"messaging_product": "whatsapp", "to": "+4915112345"});
    whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
    let value = serde_json::to_value(request).unwrap();
    assert_eq!(value, whole);
    assert_eq!(&serde_json::from_value::<SendRequest>(value).unwrap(), request);
}

fn text(text: &str) -> Parameter {
    Parameter::Text { parameter_name: None, text: text.into() }
}

fn template(components: Vec<Component>) -> Content {
    let language = Language { code: "en_US".into(), policy: None };
    Content::Template(Template { name: "order_update".into(), language, components })
}

#[test]
fn a_text_goes_out_with_everything_around_it() {
    let text = Text { body: "hi".into(), preview_url: Some(false) };
    let request = SendRequest {
        recipient: Some("DE.77".into()),
        recipient_type: Some("individual".into()),
        reply_to: Some("wamid.X".into()),
        biz_opaque_callback_data: Some("m-1".into()),
        recipient_identity_key_hash: Some("DF2=".into()),
        extra: json!({"product_policy": "STRICT"}).as_object().unwrap().clone(),
        ..request(Content::Text(text))
    };
    written(
        &request,
        json!({"recipient": "DE.77", "recipient_type": "individual", "context": {"message_id": "wamid.X"},
            "biz_opaque_callback_data": "m-1", "recipient_identity_key_hash": "DF2=", "product_policy": "STRICT",
            "type": "text", "text": {"body": "hi", "preview_url": false}}),
    );
}

#[test]
fn a_template_goes_out_with_every_kind_of_component() {
    let header = Parameter::Image { image: Media { id: Some("1558".into()), ..Media::default() } };
    let named = Parameter::Text { parameter_name: Some("order_id".into()), text: "860".into() };
    let button =
        |sub_type, index, parameter| Component::Button { sub_type, index, parameters: vec![parameter] };
    let offer = LimitedTimeOffer { expiration_time_ms: Some(1_798_761_600_000) };
    let components = vec![
        Component::Header { parameters: vec![header.clone()] },
        Component::Body { parameters: vec![named] },
        button(ButtonKind::Url, 0, text("summer")),
        button(ButtonKind::QuickReply, 1, Parameter::Payload { payload: "STOP_1".into() }),
        button(ButtonKind::CopyCode, 2, Parameter::CouponCode { coupon_code: "25OFF".into() }),
        button(ButtonKind::Flow, 3, Parameter::Action { action: json!({"flow_token": "t"}) }),
        Component::LimitedTimeOffer {
            parameters: vec![Parameter::LimitedTimeOffer { limited_time_offer: offer }],
        },
        Component::Carousel {
            cards: vec![Card {
                card_index: 0,
                components: vec![Component::Header { parameters: vec![header] }],
            }],
        },
    ];
    let image = json!({"type": "header", "parameters": [{"type": "image", "image": {"id": "1558"}}]});
    written(
        &request(template(components)),
        json!({"type": "template", "template": {"name": "order_update", "language": {"code": "en_US"}, "components": [
            image,
            {"type": "body", "parameters": [{"type": "text", "parameter_name": "order_id", "text": "860"}]},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "summer"}]},
            {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [{"type": "payload", "payload": "STOP_1"}]},
            {"type": "button", "sub_type": "copy_code", "index": "2", "parameters": [{"type": "coupon_code", "coupon_code": "25OFF"}]},
            {"type": "button", "sub_type": "flow", "index": "3", "parameters": [{"type": "action", "action": {"flow_token": "t"}}]},
            {"type": "limited_time_offer", "parameters": [{"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1_798_761_600_000_i64}}]},
            {"type": "carousel", "cards": [{"card_index": 0, "components": [image]}]},
        ]}}),
    );
}

#[test]
fn a_component_that_is_not_known_passes_as_it_is() {
    let raw =
        json!({"type": "order_status", "parameters": [{"type": "order_status", "order_status": {"a": 1}}]});
    written(
        &request(template(vec![Component::Other(raw.clone())])),
        json!({"type": "template", "template": {"name": "order_update", "language": {"code": "en_US"}, "components": [raw]}}),
    );
}

#[test]
fn files_go_out_by_id_or_by_link() {
    let document = Media {
        link: Some("https://example.org/a.pdf".into()),
        caption: Some("c".into()),
        filename: Some("a.pdf".into()),
        ..Media::default()
    };
    written(
        &request(Content::Document(document)),
        json!({"type": "document", "document": {"link": "https://example.org/a.pdf", "caption": "c", "filename": "a.pdf"}}),
    );
    let voice = Media { id: Some("1".into()), voice: Some(true), ..Media::default() };
    written(&request(Content::Audio(voice)), json!({"type": "audio", "audio": {"id": "1", "voice": true}}));
    let reaction = Reaction { message_id: "wamid.X".into(), emoji: String::new() };
    written(
        &request(Content::Reaction(reaction)),
        json!({"type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": ""}}),
    );
}

#[test]
fn interactive_messages_go_out_by_kind() {
    let body = || "Choose".to_owned().into();
    let interactive = |interactive| request(Content::Interactive(Box::new(interactive)));
    let buttons = vec![ReplyButton::Reply { reply: Reply { id: "y".into(), title: "Yes".into() } }];
    written(
        &interactive(Interactive::Button {
            header: None,
            body: body(),
            footer: None,
            action: ButtonAction { buttons },
        }),
        json!({"type": "interactive", "interactive": {"type": "button", "body": {"text": "Choose"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}}),
    );
    let row = Row { id: "r".into(), title: "Row".into(), description: None };
    let action =
        ListAction { button: "Open".into(), sections: vec![Section { title: None, rows: vec![row] }] };
    written(
        &interactive(Interactive::List {
            header: None,
            body: body(),
            footer: Some("f".to_owned().into()),
            action,
        }),
        json!({"type": "interactive", "interactive": {"type": "list", "body": {"text": "Choose"}, "footer": {"text": "f"},
            "action": {"button": "Open", "sections": [{"rows": [{"id": "r", "title": "Row"}]}]}}}),
    );
    let parameters = CallToAction { display_text: "Go".into(), url: "https://example.org".into() };
    written(
        &interactive(Interactive::CtaUrl {
            header: None,
            body: body(),
            footer: None,
            action: CtaUrlAction::CtaUrl { parameters },
        }),
        json!({"type": "interactive", "interactive": {"type": "cta_url", "body": {"text": "Choose"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://example.org"}}}}),
    );
    written(
        &interactive(Interactive::LocationRequestMessage {
            body: body(),
            action: SendLocation::SendLocation,
        }),
        json!({"type": "interactive", "interactive": {"type": "location_request_message", "body": {"text": "Choose"},
            "action": {"name": "send_location"}}}),
    );
    let raw =
        json!({"type": "catalog_message", "body": {"text": "b"}, "action": {"name": "catalog_message"}});
    written(
        &interactive(Interactive::Other(raw.clone())),
        json!({"type": "interactive", "interactive": raw}),
    );
}

#[test]
fn a_type_without_a_form_passes_as_it_is() {
    let pin = Content::Other { kind: Some("pin".into()), value: Some(json!({"message_id": "wamid.X"})) };
    written(&request(pin), json!({"type": "pin", "pin": {"message_id": "wamid.X"}}));
}

#[test]
fn a_malformed_content_is_refused_by_name() {
    let fault =
        serde_json::from_value::<SendRequest>(json!({"to": "1", "type": "text", "text": {}})).unwrap_err();
    assert_eq!(fault.to_string(), "text: missing field `body`");
}

#[test]
fn marking_read_shows_typing_only_when_asked() {
    let read = ReadReceipt { message_id: "wamid.X".into(), typing: false };
    let plain = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"});
    assert_eq!(serde_json::to_value(&read).unwrap(), plain);
    let typing = ReadReceipt { typing: true, ..read };
    let value = serde_json::to_value(&typing).unwrap();
    assert_eq!(value["typing_indicator"], json!({"type": "text"}));
    assert_eq!(serde_json::from_value::<ReadReceipt>(value).unwrap(), typing);
    assert!(serde_json::from_value::<ReadReceipt>(json!({"status": "sent", "message_id": "w"})).is_err());
}

#[test]
fn the_answer_is_read_whatever_of_it_is_there() {
    let read = |value: Value| serde_json::from_value::<SendResponse>(value).unwrap();
    let held = read(json!({"messages": [{"id": "wamid.X", "message_status": "held_for_quality_assessment"}],
        "contacts": [{"input": 49, "wa_id": "49", "user_id": null}], "new": 1}));
    assert_eq!(
        (held.wamid(), held.is_held(), held.contacts[0].input.as_deref()),
        (Some("wamid.X"), true, Some("49"))
    );
    for odd in [
        json!({}),
        json!({"messages": []}),
        json!({"messages": [{"id": ""}]}),
        json!({"messages": [{}], "contacts": 7}),
    ] {
        assert_eq!(read(odd).wamid(), None);
    }
}
