//! Webhook bodies of our own: every field, every inbound type, and every way that we know of being malformed.

#![allow(clippy::unwrap_used)]

use graph::webhook::{
    Content, DeliveryStatus, InboundMessage, InteractiveReply, Item, ItemKind, SystemKind, parse,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn items(body: &str) -> Vec<Item> {
    parse(body.as_bytes()).expect("the fixture is JSON").items
}

fn batch() -> Vec<Item> {
    items(include_str!("fixtures/webhooks/batch.json"))
}

fn notices() -> Vec<Item> {
    items(include_str!("fixtures/webhooks/notices.json"))
}

fn inbound() -> Vec<InboundMessage> {
    let all = items(include_str!("fixtures/webhooks/inbound.json")).into_iter();
    all.map(|item| match item.kind {
        ItemKind::Message(message) => *message,
        other => panic!("{other:?}"),
    })
    .collect()
}

fn name(kind: &ItemKind) -> String {
    let text = format!("{kind:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_item_of_a_batch_is_kept_with_its_place_and_a_bad_one_spoils_no_neighbour() {
    let found: Vec<(String, String)> = batch()
        .iter()
        .map(|item| (item.pointer.replace("/entry/0/changes/0/value/", ""), name(&item.kind)))
        .collect();
    let expected = [
        ("messages/0", "Message"),
        ("messages/1", "Unrecognised"),
        ("messages/2", "Message"),
        ("messages/3", "Unrecognised"),
        ("messages/4", "Message"),
        ("statuses/0", "Status"),
        ("statuses/1", "Status"),
        ("statuses/2", "Status"),
        ("statuses/3", "Unrecognised"),
        ("statuses/4", "CallStatus"),
        ("errors/0", "Error"),
        ("sightings/0", "Unrecognised"),
        ("/entry/0/changes/1", "Unrecognised"),
        ("/entry/0/changes/2", "Unrecognised"),
        ("/entry/1/changes/0/value", "TemplateStatus"),
        ("/entry/1/changes/1/value", "Unrecognised"),
        ("/entry/2", "Unrecognised"),
    ];
    let expected: Vec<(String, String)> = expected.map(|(at, kind)| (at.into(), kind.into())).into();
    assert_eq!(found, expected);
}

#[test]
fn a_pointer_leads_to_the_raw_json_of_its_item() {
    for body in
        [include_str!("fixtures/webhooks/notices.json"), include_str!("fixtures/webhooks/inbound.json")]
    {
        let root: Value = serde_json::from_str(body).unwrap();
        for item in items(body) {
            assert_eq!(root.pointer(&item.pointer), Some(&item.raw_value()), "{}", item.pointer);
        }
    }
}

#[test]
fn an_item_knows_where_it_came_from() {
    let items = batch();
    let first = &items[0];
    assert_eq!(first.waba_id.as_deref(), Some("100200300"));
    assert_eq!(first.phone_number_id.as_deref(), Some("555001"));
    assert_eq!(first.display_phone_number.as_deref(), Some("4930123456"));
    assert_eq!((first.field.as_deref(), first.entry_time), (Some("messages"), None));
    let template = &items[14];
    assert_eq!((template.waba_id.as_deref(), template.entry_time), (Some("100200300"), Some(1_760_000_006)));
    let ItemKind::TemplateStatus(status) = &template.kind else { panic!("{template:?}") };
    assert_eq!(
        (status.event.as_str(), status.template_id.as_deref()),
        ("REJECTED", Some("1689556908129835"))
    );
    assert_eq!(
        (status.rejection_reason.as_deref(), status.recommendation.as_deref()),
        (Some("r"), Some("do"))
    );
}

#[test]
fn a_sender_gets_their_profile_by_number_or_by_user_id() {
    let items = batch();
    let ItemKind::Message(ada) = &items[0].kind else { panic!() };
    assert_eq!((ada.from.as_deref(), ada.profile_name.as_deref()), (Some("4915112345"), Some("Ada 🚀")));
    assert_eq!(
        ada.content,
        Content::Text { body: "Grüße \u{fffd}".into() },
        "half an emoji costs only itself"
    );
    assert_eq!(ada.context.as_ref().and_then(|context| context.id.as_deref()), Some("wamid.OUT"));
    let ItemKind::Message(bo) = &items[2].kind else { panic!() };
    assert_eq!((bo.from.as_deref(), bo.from_user_id.as_deref()), (None, Some("DE.77")));
    assert_eq!((bo.profile_name.as_deref(), bo.username.as_deref()), (Some("Bo"), Some("bo.b")));
    assert_eq!((bo.timestamp, bo.texts_for_consent()), (Some(1_760_000_001), vec!["No more", "STOP"]));
    let ItemKind::Message(unknown) = &items[4].kind else { panic!() };
    assert_eq!((unknown.timestamp, unknown.content.name()), (None, "hologram"));
}

#[test]
fn the_only_profile_is_the_senders_unless_it_is_somebody_elses() {
    let with = |contact: Value, message: Value| {
        let value = json!({"contacts": [contact], "messages": [message]});
        let body = json!({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).to_string();
        let ItemKind::Message(message) = items(&body).remove(0).kind else { panic!() };
        (message.from, message.from_user_id, message.profile_name)
    };
    let named = |more: Value| {
        let mut contact = json!({"profile": {"name": "N"}});
        contact.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        contact
    };
    let name = Some("N".to_owned());
    assert_eq!(
        with(named(json!({})), json!({"id": "w", "from": "1"})),
        (Some("1".into()), None, name.clone())
    );
    assert_eq!(
        with(named(json!({"wa_id": 1, "user_id": "U"})), json!({"id": "w", "from_user_id": "U"})),
        (Some("1".into()), Some("U".into()), name)
    );
    assert_eq!(
        with(named(json!({"wa_id": "2"})), json!({"id": "w", "from": "1"})),
        (Some("1".into()), None, None)
    );
}

#[test]
fn a_status_is_read_with_numbers_and_strings_alike() {
    let items = batch();
    let ItemKind::Status(delivered) = &items[5].kind else { panic!() };
    assert_eq!((&delivered.status, delivered.timestamp), (&DeliveryStatus::Delivered, Some(1_760_000_002)));
    assert_eq!(delivered.biz_opaque_callback_data.as_deref(), Some("m-1"));
    assert_eq!(delivered.pricing.as_ref().and_then(|pricing| pricing.billable), Some(true));
    let ItemKind::Status(failed) = &items[6].kind else { panic!() };
    assert_eq!((&failed.recipient_id, failed.recipient_user_id.as_deref()), (&None, Some("DE.77")));
    assert_eq!((failed.errors[0].code, failed.errors[0].best_text()), (131_026, "d"));
    let ItemKind::Status(odd) = &items[7].kind else { panic!() };
    assert_eq!(odd.status, DeliveryStatus::Other("in_orbit".into()));
    let ItemKind::CallStatus(call) = &items[9].kind else { panic!() };
    assert_eq!(call.status, DeliveryStatus::Other("RINGING".into()));
}

#[test]
fn every_field_gives_its_own_kind() {
    let kinds: Vec<String> = notices().iter().map(|item| name(&item.kind)).collect();
    let expected = [
        "TemplateStatus",
        "TemplateQuality",
        "TemplateQuality",
        "TemplateComponents",
        "TemplateCategory",
        "PhoneQuality",
        "PhoneName",
        "AccountUpdate",
        "AccountUpdate",
        "AccountReview",
        "AccountAlert",
        "AccountAlert",
        "AccountSettings",
        "BusinessCapability",
        "Security",
        "UserPreference",
        "UserIdUpdate",
        "Echo",
        "SmbContact",
        "HistoryMessage",
        "HistoryMessage",
        "HistoryChunk",
        "HistoryMessage",
        "Standby",
        "Call",
        "Group",
        "AutomaticEvent",
        "PartnerSolution",
        "PaymentConfiguration",
        "BusinessUsername",
        "Flow",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_members_of_the_notices_are_read() {
    let items = notices();
    let all = || items.iter().map(|item| &item.kind);
    let category =
        all().find_map(|kind| if let ItemKind::TemplateCategory(it) = kind { Some(it) } else { None });
    assert_eq!(category.and_then(|category| category.upcoming()), Some("MARKETING"));
    let updates: Vec<_> = all()
        .filter_map(|kind| if let ItemKind::AccountUpdate(it) = kind { Some(it) } else { None })
        .collect();
    assert_eq!(updates[0].restrictions[0].expires_at, Some(1_760_000_010));
    assert_eq!(updates[1].ban_state.as_deref(), Some("SCHEDULE_FOR_DISABLE"));
    let ItemKind::BusinessCapability(capability) = &items[13].kind else { panic!() };
    assert_eq!(capability.max_daily_conversations_per_business.as_deref(), Some("2000"));
    let ItemKind::UserPreference(preference) = &items[15].kind else { panic!() };
    assert_eq!((preference.value.as_str(), preference.wa_id.as_deref()), ("stop", Some("4915112345")));
    let ItemKind::UserIdUpdate(update) = &items[16].kind else { panic!() };
    assert_eq!((update.previous_user_id.as_deref(), update.user_id.as_deref()), (Some("DE.1"), Some("DE.2")));
    let ItemKind::Echo(echo) = &items[17].kind else { panic!() };
    assert_eq!((echo.to.as_deref(), echo.message.from.as_deref()), (Some("4915112345"), Some("4930123456")));
    assert_eq!(echo.message.profile_name.as_deref(), Some("Ada"));
    let ItemKind::HistoryMessage(past) = &items[20].kind else { panic!() };
    assert_eq!((past.thread_id.as_deref(), past.message.wamid.as_str()), (Some("4915112345"), "wamid.H2"));
    let ItemKind::HistoryChunk(refused) = &items[21].kind else { panic!() };
    assert_eq!(refused.errors[0].code, 2_593_109);
}

#[test]
fn every_inbound_type_is_read() {
    let messages = inbound();
    let names: Vec<&str> = messages.iter().map(|message| message.content.name()).collect();
    let expected = [
        "text",
        "image",
        "audio",
        "document",
        "sticker",
        "video",
        "location",
        "contacts",
        "button",
        "interactive",
        "interactive",
        "interactive",
        "interactive",
        "reaction",
        "reaction",
        "order",
        "system",
        "system",
        "system",
        "request_welcome",
        "edit",
        "revoke",
        "unsupported",
        "text",
        "text",
    ];
    assert_eq!(names, expected);
    assert_eq!(messages[1].media().and_then(|media| media.id.as_deref()), Some("111"));
    assert!(messages[2].media().is_some_and(|media| media.voice));
    assert!(matches!(&messages[6].content, Content::Location(place) if place.latitude == 52.5));
    assert!(
        matches!(&messages[10].content, Content::Interactive(InteractiveReply::Flow { response_json: Some(json), .. }) if json == "{\"a\":1}")
    );
    assert!(
        matches!(&messages[12].content, Content::Interactive(InteractiveReply::Other { kind, value }) if kind == "address_message" && value["zip"] == "1")
    );
    assert!(matches!(&messages[14].content, Content::Reaction { emoji: None, .. }));
    let Content::System(number) = &messages[16].content else { panic!() };
    assert_eq!((&number.kind, number.wa_id.as_deref()), (&SystemKind::UserChangedNumber, Some("49152")));
    let Content::System(user) = &messages[17].content else { panic!() };
    assert_eq!(
        (&user.kind, user.previous_user_id.as_deref()),
        (&SystemKind::UserChangedUserId, Some("DE.1"))
    );
    let Content::System(identity) = &messages[18].content else { panic!() };
    assert_eq!(identity.identity_hash.as_deref(), Some("h"));
    assert!(
        matches!(&messages[20].content, Content::Edit { content: Some(new), .. } if **new == Content::Text { body: "new".into() })
    );
    assert_eq!(messages[22].errors[0].code, 131_051);
    assert!(matches!(&messages[23].content, Content::Unknown { kind: Some(kind) } if kind == "text"));
    assert_eq!(messages[24].referral.as_ref().and_then(|ad| ad.welcome_message.as_deref()), Some("hello"));
}

#[test]
fn what_the_user_said_opens_the_window_and_what_happened_to_them_does_not() {
    let silent: Vec<String> = inbound()
        .iter()
        .filter(|message| !message.opens_window())
        .map(|message| message.wamid.clone())
        .collect();
    let expected = ["15", "17", "18", "19", "20", "21", "22", "25"].map(|id| format!("wamid.{id}"));
    assert_eq!(silent, expected);
}

#[test]
fn words_of_consent_are_looked_for_in_texts_and_answers_only() {
    let messages = inbound();
    assert_eq!(messages[0].texts_for_consent(), [" Stop! "]);
    assert_eq!(messages[8].texts_for_consent(), ["Stop promotions", "STOP_1"]);
    assert_eq!(messages[9].texts_for_consent(), ["Row", "r1"]);
    assert!(messages[1].texts_for_consent().is_empty(), "a caption is no answer");
}

#[test]
fn json_of_any_shape_is_an_envelope_and_only_what_is_no_json_is_refused() {
    for body in ["{}", "[]", "null", "7", "\"x\"", r#"{"entry":[]}"#, r#"{"entry":"x"}"#, r#"{"entry":[[]]}"#]
    {
        let items = items(body);
        assert_eq!(items.len(), 1, "{body}");
        assert!(items[0].unrecognised().is_some(), "{body}");
    }
    for body in ["", "{", "{'a':1}", "<html>", "{} x", "\u{feff}"] {
        assert!(parse(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn lists_written_as_numbered_objects_are_lists() {
    let message = json!({"id": "w", "from": "1", "type": "text", "text": {"body": "hi"}});
    let value = json!({"messages": {"0": message, "1": message}});
    let body = json!({"entry": {"0": {"id": "9", "changes": {"0": {"field": "messages", "value": value}}}}});
    let items = items(&body.to_string());
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].pointer, "/entry/0/changes/0/value/messages/1");
    assert!(body.pointer(&items[1].pointer).is_some());
}

#[test]
fn a_repeated_member_counts_once_and_an_odd_name_keeps_its_pointer() {
    let list = r#"[{"id":"w","type":"text","text":{"body":"hi"}}]"#;
    let value = format!(r#"{{"messages":{list},"messages":{list},"a/b~c":[{{}}]}}"#);
    let items = items(&format!(r#"{{"entry":[{{"changes":[{{"field":"messages","value":{value}}}]}}]}}"#));
    let pointers: Vec<&str> = items.iter().map(|item| item.pointer.as_str()).collect();
    let at = "/entry/0/changes/0/value";
    assert_eq!(pointers, [format!("{at}/messages/0"), format!("{at}/a~1b~0c/0")]);
}

#[test]
fn deep_nesting_and_numbers_out_of_range_cost_only_their_item() {
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"messages":[
            {{"id":"a","type":"contacts","contacts":{deep}}},
            {{"id":"b","timestamp":1e999,"type":"text","text":{{"body":"hi"}}}},
            {{"id":"c","type":"text","text":{{"body":"hi"}}}}]}}}}]}}]}}"#
    );
    let ids: Vec<String> = items(&body)
        .into_iter()
        .filter_map(
            |item| if let ItemKind::Message(message) = item.kind { Some(message.wamid) } else { None },
        )
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn bytes_that_are_not_utf8_cost_only_themselves() {
    let body = [
        &br#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"a","type":"text","text":{"body":"x"#[..],
        b"\xff\xfe",
        br#""}}]}}]}]}"#,
    ]
    .concat();
    let items = parse(&body).unwrap().items;
    let ItemKind::Message(message) = &items[0].kind else { panic!() };
    assert_eq!(message.content, Content::Text { body: "x\u{fffd}\u{fffd}".into() });
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let fixtures = [
        include_str!("fixtures/webhooks/batch.json"),
        include_str!("fixtures/webhooks/notices.json"),
        include_str!("fixtures/webhooks/inbound.json"),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12);
    (prop::sample::select(fixtures.to_vec()), changes).prop_map(|(fixture, changes)| {
        let mut body = fixture.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(body.len());
            match how {
                0 => body[at] = byte,
                1 => body.insert(at, b"{}[],:\"\\0a-.eun"[byte as usize % 15]),
                2 => drop(body.remove(at)),
                _ => body[at] = b"{}[],:\"\\0a-.eun"[byte as usize % 15],
            }
        }
        body
    })
}

/// Any JSON in place of any member that the reader asks for.
fn scrambled() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "messages",
            "history",
            "text",
            "image",
            "wamid.1",
            "sent",
            "system",
            "\u{1f680}"
        ])
        .prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "entry",
        "changes",
        "value",
        "field",
        "messages",
        "statuses",
        "id",
        "type",
        "text",
        "body",
        "history",
        "threads",
        "errors",
        "code",
        "contacts",
        "profile",
        "metadata",
        "message_echoes",
        "edit",
        "message",
        "interactive",
        "system",
        "0",
        "1",
        "status",
        "timestamp",
        "groups",
        "calls",
    ]);
    let tree = leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    });
    tree.prop_map(|value| {
        json!({"entry": [{"changes": [{"field": "messages", "value": value}, value]}, value]}).to_string()
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&body);
    }

    #[test]
    fn mutated_bodies_never_panic(body in mutated()) {
        if let Ok(envelope) = parse(&body) {
            prop_assert!(!envelope.items.is_empty());
        }
    }

    #[test]
    fn scrambled_json_is_always_an_envelope_with_pointers_that_hold(body in scrambled()) {
        let root: Value = serde_json::from_str(&body).unwrap();
        let envelope = parse(body.as_bytes()).unwrap();
        prop_assert!(!envelope.items.is_empty());
        for item in envelope.items {
            prop_assert!(root.pointer(&item.pointer).is_some(), "{}", item.pointer);
        }
    }
}
