//! Segments, and the list of contacts by segment.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::stack::{Answered, Stack};

async fn patch(stack: &Stack, below: &str, body: Value) -> Answered {
    stack.send(stack.request(Method::PATCH, below, Body::from(body.to_string()))).await
}

fn berliners() -> Value {
    json!({ "all": [
        { "field": "fields.city", "op": "is", "value": "Berlin" },
        { "not": { "field": "tags", "op": "has", "value": "gone" } },
    ] })
}

/// Two of Berlin, one of them opted in; one of Berlin who is gone; one of Recife.
async fn four_people(stack: &Stack) -> Vec<i64> {
    let mut ids = Vec::new();
    for (phone, city, tags, opted_in) in [
        ("+4915123456781", "Berlin", json!([]), true),
        ("+4915123456782", "Berlin", json!(["vip"]), false),
        ("+4915123456783", "Berlin", json!(["gone"]), true),
        ("+5581987654321", "Recife", json!([]), true),
    ] {
        let wanted =
            json!({ "phone": phone, "fields": { "city": city }, "tags": tags, "opted_in": opted_in });
        ids.push(stack.post("/contacts", wanted).await.data(201)["id"].as_i64().unwrap());
    }
    ids
}

#[tokio::test]
async fn a_segment_lives_from_post_to_delete() {
    let stack = Stack::start().await;
    let ids = four_people(&stack).await;
    let made = stack.post("/segments", json!({ "name": " Berliners ", "rule": berliners() })).await;
    let segment = made.data(201);
    let id = segment["id"].as_i64().unwrap();
    assert_eq!((&segment["name"], &segment["rule"]), (&json!("Berliners"), &berliners()));

    let path = format!("/segments/{id}");
    assert_eq!(stack.get(&path).await.data(200), segment);
    let list = stack.get("/segments").await;
    assert_eq!((&list.data(200)["total"], &list.data(200)["items"][0]), (&json!(1), segment));
    let count = stack.get(&format!("{path}/count")).await;
    assert_eq!((&count.data(200)["count"], &count.data(200)["opted_in"]), (&json!(2), &json!(1)));
    let contacts = stack.get(&format!("/contacts?segment={id}")).await;
    let found: Vec<i64> =
        contacts.data(200)["items"].as_array().unwrap().iter().filter_map(|one| one["id"].as_i64()).collect();
    assert_eq!(found, [ids[1], ids[0]]);
    let both = stack.get(&format!("/contacts?segment={id}&opted_in=true")).await;
    assert_eq!(both.data(200)["total"], 1);

    let changed = patch(&stack, &path, json!({ "rule": { "all": [] } })).await;
    assert_eq!(
        (&changed.data(200)["name"], &changed.data(200)["rule"]),
        (&json!("Berliners"), &json!({ "all": [] }))
    );
    assert_eq!(stack.get(&format!("{path}/count")).await.data(200)["count"], 4);
    let gone = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!(gone.data(200), &json!({ "id": id, "deleted": true }));
    for below in [path.clone(), format!("{path}/count"), format!("/contacts?segment={id}")] {
        let answer = stack.get(&below).await;
        assert_eq!((answer.code(), &answer.details()["id"]), ("SEGMENT_NOT_FOUND", &json!(id)), "{below}");
    }
    assert_eq!(patch(&stack, &path, json!({})).await.code(), "SEGMENT_NOT_FOUND");
}

#[tokio::test]
async fn a_rule_is_counted_without_being_kept() {
    let stack = Stack::start().await;
    four_people(&stack).await;
    let count = stack.post("/segments/count", json!({ "rule": berliners() })).await;
    assert_eq!((&count.data(200)["count"], &count.data(200)["opted_in"]), (&json!(2), &json!(1)));
    let brazil = json!({ "field": "country", "op": "is", "value": "br" });
    assert_eq!(stack.post("/segments/count", json!({ "rule": brazil })).await.data(200)["count"], 1);
    assert_eq!(stack.get("/segments").await.data(200)["total"], 0);
}

#[tokio::test]
async fn every_fault_of_a_rule_is_told_with_its_place_wherever_it_is_given() {
    let stack = Stack::start().await;
    let made = stack.post("/segments", json!({ "name": "all", "rule": { "all": [] } })).await;
    let path = format!("/segments/{}", made.data(201)["id"]);
    let rule = json!({ "any": [
        { "field": "colour", "op": "is", "value": "red" },
        { "field": "name", "op": "is" },
        { "all": [], "none": [] },
    ] });
    let expected = ["/rule/any/0/field", "/rule/any/1/value", "/rule/any/2/none"];
    assert_eq!(stack.post("/segments", json!({ "name": "x", "rule": rule })).await.faults(), expected);
    assert_eq!(stack.post("/segments/count", json!({ "rule": rule })).await.faults(), expected);
    assert_eq!(patch(&stack, &path, json!({ "rule": rule })).await.faults(), expected);
    assert_eq!(stack.post("/segments", json!({ "rule": [] })).await.faults(), ["/name", "/rule"]);
    assert_eq!(
        stack.post("/segments", json!({ "name": " ", "rule": { "all": [] } })).await.faults(),
        ["/name"]
    );
    assert_eq!(stack.get("/contacts?segment=x").await.faults(), ["/segment"]);
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let stack = Stack::start().await;
    let body = |name: &str| json!({ "name": name, "rule": { "all": [] } });
    let one = stack.post("/segments", body("one")).await.data(201)["id"].clone();
    let two = stack.post("/segments", body("two")).await.data(201)["id"].clone();
    let again = stack.post("/segments", body("one")).await;
    assert_eq!((again.code(), &again.details()["segment_id"]), ("DUPLICATE_SEGMENT", &one));
    let renamed = patch(&stack, &format!("/segments/{two}"), json!({ "name": "one" })).await;
    assert_eq!((renamed.code(), &renamed.details()["segment_id"]), ("DUPLICATE_SEGMENT", &one));
}

#[tokio::test]
async fn a_contact_shows_its_country_and_its_time_zone() {
    let stack = Stack::start().await;
    let wanted = json!({ "phone": "+5581987654321", "time_zone": "america/recife" });
    let made = stack.post("/contacts", wanted).await;
    let shown = |answer: &Answered, status: u16| {
        let contact = answer.data(status);
        (contact["country"].clone(), contact["time_zone"].clone())
    };
    assert_eq!(shown(&made, 201), (json!("BR"), json!("America/Recife")));
    let path = format!("/contacts/{}", made.data(201)["id"]);
    let moved = patch(&stack, &path, json!({ "phone": "+4915123456781", "time_zone": null })).await;
    assert_eq!(shown(&moved, 200), (json!("DE"), Value::Null));
    assert_eq!(shown(&stack.get(&path).await, 200), (json!("DE"), Value::Null));
    let bad = patch(&stack, &path, json!({ "time_zone": "Europe/Atlantis", "country": "FR" })).await;
    assert_eq!(bad.faults(), ["/country"], "a country is read out of the number");
    assert_eq!(
        patch(&stack, &path, json!({ "time_zone": "Europe/Atlantis" })).await.faults(),
        ["/time_zone"]
    );
}

#[tokio::test]
async fn segments_of_another_tenant_do_not_exist() {
    let stack = Stack::start().await;
    let id = stack.post("/segments", json!({ "name": "all", "rule": { "all": [] } })).await.data(201)["id"]
        .clone();
    let other = stack.other_key().await;
    for below in ["", "/count"] {
        let base = format!("/api/v1/tenant/{}/whatsapp/segments/{id}{below}", stack.other_tenant.0);
        let request = http::Request::get(base).header("authorization", format!("Bearer {other}"));
        let answer = stack.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.code(), "SEGMENT_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_rule_may_ask_about_broadcasts_that_are_there_alone() {
    let stack = Stack::start().await;
    let rule = json!({ "any": [
        { "field": "name", "op": "is_set" },
        { "field": "broadcast", "op": "is", "value": { "id": 999, "outcome": "not_sent" } },
    ] });
    let expected = ["/rule/any/1/value/id"];
    assert_eq!(stack.post("/segments", json!({ "name": "x", "rule": rule })).await.faults(), expected);
    assert_eq!(stack.post("/segments/count", json!({ "rule": rule })).await.faults(), expected);
    let made = stack.post("/segments", json!({ "name": "x", "rule": { "all": [] } })).await;
    let path = format!("/segments/{}", made.data(201)["id"]);
    assert_eq!(patch(&stack, &path, json!({ "rule": rule })).await.faults(), expected);
}

#[tokio::test]
async fn a_segment_that_a_draft_goes_to_is_not_removed() {
    let stack = Stack::start().await;
    stack.link_number().await;
    let template = json!({"name": "hi", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello."}]});
    stack.sim.put_template(&template).expect("a template");
    stack.engine.templates.sync(stack.tenant, None).await.expect("synced");
    let made = stack.post("/segments", json!({ "name": "all", "rule": { "all": [] } })).await;
    let id = made.data(201)["id"].clone();
    let draft = json!({ "name": "n", "template_name": "hi", "audience": { "segment_id": id } });
    let draft = stack.post("/broadcasts", draft).await.data(201)["id"].clone();
    let path = format!("/segments/{id}");
    let refused = stack.send(stack.request(Method::DELETE, &path, Body::empty())).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "INVALID_STATE"));
    assert_eq!(refused.details()["current"], format!("used by broadcasts {draft}"));
    let gone = stack.request(Method::DELETE, &format!("/broadcasts/{draft}"), Body::empty());
    stack.send(gone).await.data(200);
    stack.send(stack.request(Method::DELETE, &path, Body::empty())).await.data(200);
}
