use super::*;

fn read(value: Value) -> Params {
    Params::read(&value).unwrap()
}

#[test]
fn the_three_forms_are_told_apart() {
    assert_eq!(read(Value::Null), Params::default());
    assert_eq!(
        read(json!(["Ana", 860, true])),
        Params::List(vec!["Ana".into(), "860".into(), "true".into()])
    );
    assert_eq!(read(json!({"name": "Ana", "n": 1.5})), {
        Params::Named(vec![("name".into(), "Ana".into()), ("n".into(), "1.5".into())])
    });
    assert!(matches!(read(json!({"body": ["Ana"]})), Params::Full(_)));
    assert!(matches!(read(json!({"header": "Sale"})), Params::Full(_)));
    assert!(matches!(read(json!({"body": "a parameter called body"})), Params::Named(_)));
    assert!(matches!(read(json!({"header": "x", "name": "y"})), Params::Named(_)));
}

#[test]
fn metas_own_list_of_components_is_read_as_the_full_form() {
    let metas = json!([
        {"type": "header", "parameters": [{"type": "image", "image": {"media_id": 7}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ana"},
            {"type": "currency", "currency": {"fallback_value": "$5", "code": "USD", "amount_1000": 5000}}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "summer"}]},
        {"type": "button", "sub_type": "flow", "index": 1,
            "parameters": [{"type": "action", "action": {"flow_token": "t"}}]},
        {"type": "limited_time_offer", "parameters": [
            {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 5}}]},
        {"type": "carousel", "cards": [
            {"card_index": 1, "components": [{"type": "body", "parameters": [{"type": "text", "text": "b"}]}]},
            {"card_index": 0, "components": [{"type": "header", "parameters": [
                {"type": "video", "video": {"link": "https://x.y"}}]}]}]},
    ]);
    let ours = json!({
        "header": {"image": {"media_id": 7}},
        "body": ["Ana", "$5"],
        "buttons": [{"index": 0, "text": "summer"}, {"index": 1, "flow_token": "t"}],
        "cards": [{"header": {"video": {"link": "https://x.y"}}}, {"body": ["b"]}],
        "expiration_time_ms": 5,
    });
    assert_eq!(read(metas), read(ours));
    let named =
        json!([{"type": "body", "parameters": [{"type": "text", "parameter_name": "n", "text": "Ana"}]}]);
    assert_eq!(read(named), read(json!({"body": {"n": "Ana"}})));
    let typed = json!({"header": {"type": "image", "image": {"id": "1"}}});
    assert_eq!(read(typed), read(json!({"header": {"image": {"id": "1"}}})));
    let faults = Params::read(&json!([
        {"type": "foot"},
        {"type": "header", "parameters": []},
        {"type": "body", "parameters": [{"type": "text"}]},
    ]))
    .unwrap_err();
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/0/type", "/1/parameters", "/2/parameters/0/text"]);
}

#[test]
fn every_form_survives_being_kept() {
    for value in [
        json!([]),
        json!(["a", "b"]),
        json!({"name": "Ana"}),
        json!({"header": "Sale", "body": ["a"], "expiration_time_ms": 5}),
        json!({"header": {"image": {"media_id": 7}}, "body": {"1": "a"}}),
        json!({"header": {"document": {"link": "https://x.y/z.pdf", "filename": "z.pdf"}}}),
        json!({"header": {"location": {"latitude": 1.5, "longitude": -2.0, "name": "n"}}}),
        json!({"header": {"product": {"product_retailer_id": "p", "catalog_id": "c"}}}),
        json!({"buttons": [{"index": 0, "text": "a"}, {"index": 1, "payload": "b"},
            {"index": 2, "coupon_code": "c"}, {"index": 3, "flow_token": "t", "flow_action_data": {"x": 1}},
            {"index": 4, "action": {"thumbnail_product_retailer_id": "p"}}]}),
        json!({"cards": [{"header": {"image": {"id": "1"}}, "body": ["a"], "buttons": [{"index": 0, "text": "b"}]}]}),
    ] {
        assert_eq!(serde_json::to_value(read(value.clone())).unwrap(), value);
    }
    let empty = Params::Full(Box::default());
    assert_eq!(read(empty.to_json()), empty);
}

#[test]
fn files_of_ours_are_listed() {
    let params = read(
        json!({"header": {"video": {"media_id": 7}}, "cards": [{"header": {"image": {"media_id": 8}}}]}),
    );
    assert_eq!(params.own_files(), [(MediaId(7), "video"), (MediaId(8), "image")]);
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    let faults = Params::read(&json!({
        "header": {"image": {"id": "1", "link": "https://x.y"}},
        "body": ["a", ["b"]],
        "buttons": [{"text": "a"}, {"index": 1, "txt": "b"}, 5],
        "cards": [{"foot": 1}],
        "expiration_time_ms": "soon",
    }))
    .unwrap_err();
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/header/image",
            "/body/1",
            "/buttons/0",
            "/buttons/1/txt",
            "/buttons/1",
            "/buttons/2",
            "/cards/0/foot",
            "/expiration_time_ms"
        ]
    );
    let hint = "must be an object with an index and one of text, payload, coupon_code, flow_token and action";
    assert_eq!(faults[5].problem, hint);
    assert!(Params::read(&json!("text")).is_err());
    assert!(serde_json::from_value::<Params>(json!({"body": 5})).is_ok(), "a parameter called body");
    assert!(serde_json::from_value::<Params>(json!({"name": {}})).is_err());
}
