use serde_json::json;

use super::*;
use crate::{MediaId, MessageId};

fn faults(content: &Content) -> Vec<String> {
    content.validate().into_iter().map(|fault| fault.pointer).collect()
}

fn interactive(interactive: Value) -> Content {
    Content::Interactive { interactive }
}

fn media(kind: MediaKind) -> Media {
    Media {
        kind,
        source: MediaSource::Ours(MediaId(7)),
        caption: None,
        filename: None,
        voice: false,
        mime_type: None,
    }
}

fn every_kind() -> Vec<Content> {
    vec![
        Content::text("hi"),
        Content::Template { name: "n".into(), language: "en".into(), params: Params::List(vec!["a".into()]) },
        Content::Media(Media { caption: Some("c".into()), ..media(MediaKind::Image) }),
        Content::Media(Media {
            source: MediaSource::Link("https://x.y/a".into()),
            ..media(MediaKind::Audio)
        }),
        interactive(json!({"type": "list"})),
        Content::Location(Location { latitude: 1.5, longitude: 2.0, name: Some("n".into()), address: None }),
        Content::Contacts { contacts: vec![json!({"name": {"formatted_name": "Ana"}})] },
        Content::Reaction { target: ReactionTarget::Message(MessageId(5)), emoji: Some("👍".into()) },
        Content::Reaction { target: ReactionTarget::Wamid("wamid.x".into()), emoji: None },
        Content::Button { payload: Some("p".into()), text: Some("t".into()) },
        Content::ButtonReply { id: "i".into(), title: "t".into() },
        Content::ListReply { id: "i".into(), title: "t".into(), description: None },
        Content::FlowReply { name: Some("flow".into()), body: None, response: json!({"a": 1}) },
        Content::Order { order: json!({"product_items": [{}]}) },
        Content::System { text: Some("changed".into()), system: json!({}) },
        Content::Unsupported { kind: Some("poll".into()), raw: json!({"errors": []}) },
    ]
}

#[test]
fn every_kind_is_kept_and_read_back() {
    for content in every_kind() {
        let kept = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&kept).unwrap(), content, "{kept}");
        assert!(!content.preview().is_empty() && !content.message_type().is_empty());
    }
    assert_eq!(
        serde_json::to_value(Content::Media(media(MediaKind::Image))).unwrap(),
        json!({"type": "media", "kind": "image", "source": {"media_id": 7}, "voice": false})
    );
}

#[test]
fn only_a_template_is_not_free_form_and_inbound_kinds_cannot_be_sent() {
    for content in every_kind() {
        assert_eq!(content.is_free_form(), !matches!(content, Content::Template { .. }));
        if !content.is_sendable() {
            assert_eq!(faults(&content), ["/type"]);
        }
    }
}

#[test]
fn texts_and_files_keep_to_their_limits_in_characters() {
    assert!(faults(&Content::text("é".repeat(4_096))).is_empty());
    assert_eq!(faults(&Content::text("é".repeat(4_097))), ["/body"]);
    assert_eq!(faults(&Content::text(" \n ")), ["/body"]);
    let captioned =
        |kind, length| Content::Media(Media { caption: Some("ü".repeat(length)), ..media(kind) });
    assert!(faults(&captioned(MediaKind::Video, 1_024)).is_empty());
    assert_eq!(faults(&captioned(MediaKind::Video, 1_025)), ["/caption"]);
    assert_eq!(faults(&captioned(MediaKind::Sticker, 1)), ["/caption"]);
    let all_wrong = Media {
        source: MediaSource::Link("ftp://x".into()),
        filename: Some("f".into()),
        voice: true,
        ..media(MediaKind::Image)
    };
    assert_eq!(faults(&Content::Media(all_wrong)), ["/source/link", "/filename", "/voice"]);
}

#[test]
fn places_contacts_and_reactions_are_checked() {
    let far = Location { latitude: 91.0, longitude: f64::NAN, name: None, address: None };
    assert_eq!(faults(&Content::Location(far)), ["/latitude", "/longitude"]);
    assert_eq!(faults(&Content::Contacts { contacts: vec![] }), ["/contacts"]);
    let nameless = Content::Contacts { contacts: vec![json!({"phones": []})] };
    assert_eq!(faults(&nameless), ["/contacts/0/name/formatted_name"]);
    let react = |emoji: &str| {
        faults(&Content::Reaction {
            target: ReactionTarget::Message(MessageId(1)),
            emoji: Some(emoji.into()),
        })
    };
    for emoji in ["👍", "❤️", "👩🏽\u{200D}🚀", "1️⃣", "🇩🇪", ""] {
        assert!(react(emoji).is_empty(), "{emoji}");
    }
    for wrong in ["ok", ":)", "👍👍👍👍👍👍👍👍👍👍👍👍👍", "ñ"] {
        assert_eq!(react(wrong), ["/emoji"], "{wrong}");
    }
}

#[test]
fn reply_buttons_are_one_to_three_with_short_distinct_titles() {
    let button = |id: &str, title: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    let good = json!({"type": "button", "body": {"text": "Choose"}, "footer": {"text": "f"},
        "header": {"type": "image", "image": {"link": "https://x.y/i.png"}},
        "action": {"buttons": [button("1", "Yes"), button("2", "No")]}});
    assert!(faults(&interactive(good)).is_empty());
    let bad = json!({"type": "button", "body": {"text": "x".repeat(1_025)}, "footer": {"text": "x".repeat(61)},
        "header": {"type": "sticker"},
        "action": {"buttons": [button("1", "Yes"), button("1", "Yes"), button("", &"x".repeat(21)), json!({})]}});
    assert_eq!(
        faults(&interactive(bad)),
        [
            "/interactive/body/text",
            "/interactive/footer/text",
            "/interactive/header/type",
            "/interactive/action/buttons",
            "/interactive/action/buttons/1/reply/id",
            "/interactive/action/buttons/1/reply/title",
            "/interactive/action/buttons/2/reply/id",
            "/interactive/action/buttons/2/reply/title",
            "/interactive/action/buttons/3/type",
            "/interactive/action/buttons/3/reply/id",
            "/interactive/action/buttons/3/reply/title"
        ]
    );
}

#[test]
fn a_list_has_ten_rows_at_most_and_titles_when_it_has_sections() {
    let rows = |from: usize, count: usize| -> Vec<Value> {
        (from..from + count)
            .map(|id| json!({"id": id.to_string(), "title": "t", "description": "d"}))
            .collect()
    };
    let list = |sections: Value| {
        interactive(json!({"type": "list", "body": {"text": "x".repeat(4_096)},
            "action": {"button": "Open", "sections": sections}}))
    };
    assert!(faults(&list(json!([{"rows": rows(0, 10)}]))).is_empty());
    assert_eq!(
        faults(&list(json!([{"title": "a", "rows": rows(0, 6)}, {"rows": rows(5, 5)}]))),
        [
            "/interactive/action/sections/1/title",
            "/interactive/action/sections/1/rows/0/id",
            "/interactive/action/sections"
        ]
    );
    assert_eq!(faults(&list(json!([]))), ["/interactive/action/sections"]);
}

#[test]
fn links_flows_and_location_requests_name_their_action() {
    let link = json!({"type": "cta_url", "body": {"text": "b"},
        "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://x.y"}}});
    let place = json!({"type": "location_request_message", "body": {"text": "b"}, "action": {"name": "send_location"}});
    let flow = json!({"type": "flow", "body": {"text": "b"},
        "action": {"name": "flow", "parameters": {"flow_id": "1", "flow_cta": "Open"}}});
    for good in [link, place, flow, json!({"type": "catalog_message"}), json!({"type": "tomorrow"})] {
        assert!(faults(&interactive(good.clone())).is_empty(), "{good}");
    }
    for bad in [
        json!({"type": "cta_url", "body": {"text": "b"}, "action": {}}),
        json!({"type": "location_request_message", "body": {"text": "b"}}),
        json!({"type": "flow", "body": {"text": "b"}, "action": {"name": "flow"}}),
        json!({"body": {"text": "b"}}),
        json!([]),
    ] {
        assert!(!faults(&interactive(bad.clone())).is_empty(), "{bad}");
    }
}

#[test]
fn a_preview_is_one_short_line() {
    assert_eq!(Content::text("a\n\n b\tc").preview(), "a b c");
    let long = Content::text("é".repeat(500)).preview();
    assert_eq!((long.chars().count(), long.ends_with('…')), (160, true));
    assert_eq!(Content::Media(Media { voice: true, ..media(MediaKind::Audio) }).preview(), "Voice message");
    assert_eq!(Content::Order { order: json!({"product_items": [{}, {}]}) }.preview(), "Order of 2 items");
    assert_eq!(
        Content::Reaction { target: ReactionTarget::Wamid("w".into()), emoji: Some(String::new()) }.preview(),
        "Took a reaction back"
    );
}

#[test]
fn what_was_spoken_is_the_payload_and_the_words() {
    assert_eq!(Content::text("stop").spoken(), (None, Some("stop")));
    let button = Content::Button { payload: Some("STOP".into()), text: Some("Unsubscribe".into()) };
    assert_eq!(button.spoken(), (Some("STOP"), Some("Unsubscribe")));
    assert_eq!(Content::Media(media(MediaKind::Image)).spoken(), (None, None));
}

#[test]
fn files_are_shown_by_their_mime_type() {
    let kinds = ["image/png", "image/webp", "video/mp4", "audio/ogg; codecs=opus", "application/pdf", ""]
        .map(|mime| MediaKind::of_mime(mime).as_str());
    assert_eq!(kinds, ["image", "sticker", "video", "audio", "document", "document"]);
}
