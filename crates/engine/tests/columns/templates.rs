use bytes::Bytes;
use domain::TemplateId;
use domain::templates::{Category, Status};
use engine::media::Upload;
use engine::templates::{Edit, NewDraft, TemplateError};
use futures::StreamExt;
use ports::templates::{Template, TemplateFilter};
use serde_json::{Value, json};

use crate::house::{House, eventually, page};

fn order() -> NewDraft {
    NewDraft {
        connection_id: None,
        name: "order_shipped".into(),
        language: "en_US".into(),
        category: Category::Utility,
        parameter_format: None,
        components: json!([{
            "type": "BODY",
            "text": "Hello {{1}}, your order {{2}} is on its way to you and will arrive soon.",
            "example": {"body_text": [["Pablo", "860"]]}
        }]),
        param_names: vec!["customer_name".into(), "order_id".into()],
        submit: true,
    }
}

async fn listed(house: &House, status: Option<Status>) -> Vec<Template> {
    let filter = TemplateFilter { status, ..TemplateFilter::default() };
    house.engine.templates.list(house.tenant, &filter, &page()).await.unwrap().items
}

/// The simulator reviews nothing by itself here.
async fn reviewed_by_hand() -> House {
    let house = House::build().await;
    house.handle("PATCH", "/faults", json!({"review": {"delay_ms": null}})).await;
    house.linked().await;
    house
}

#[tokio::test]
async fn a_template_is_submitted_reviewed_edited_and_deleted() {
    let house = reviewed_by_hand().await;
    let templates = &house.engine.templates;
    let made = templates.create(house.tenant, order()).await.unwrap();
    assert_eq!((made.template.status.clone(), made.asked_category), (Status::Pending, None));
    assert!(made.template.meta_id.is_some());
    let again = templates.create(house.tenant, order()).await;
    assert!(matches!(again, Err(TemplateError::Exists(id)) if id == made.template.id), "{again:?}");
    let pending = templates.edit(
        house.tenant,
        made.template.id,
        Edit { category: Some(Category::Marketing), ..Edit::default() },
    );
    assert!(matches!(pending.await, Err(TemplateError::InvalidState { .. })));

    let review = json!({"status": "REJECTED", "reason": "INVALID_FORMAT"});
    house.handle("POST", "/templates/order_shipped/review", review).await;
    let synced = templates.sync(house.tenant, None).await.unwrap();
    assert_eq!((synced.counts.updated, synced.counts.added, synced.counts.removed), (1, 0, 0));
    let rejected = templates.get(house.tenant, made.template.id).await.unwrap();
    assert_eq!(
        (rejected.status, rejected.rejection_reason.as_deref()),
        (Status::Rejected, Some("INVALID_FORMAT"))
    );
    assert_eq!(rejected.param_names, ["customer_name", "order_id"]);

    let mut components = order().components;
    components[0]["text"] = json!("Dear {{1}}, your order {{2}} is on its way to you and will arrive soon.");
    let edit = Edit { components: Some(components.clone()), ..Edit::default() };
    let edited = templates.edit(house.tenant, made.template.id, edit).await.unwrap().template;
    assert_eq!((edited.status, edited.rejection_reason), (Status::Pending, None));
    assert_eq!(edited.components[0]["text"], components[0]["text"]);
    house.handle("POST", "/templates/order_shipped/review", json!({"status": "APPROVED"})).await;
    templates.sync(house.tenant, None).await.unwrap();
    assert_eq!(listed(&house, Some(Status::Approved)).await.len(), 1);

    templates.delete(house.tenant, made.template.id).await.unwrap();
    assert!(listed(&house, Some(Status::Approved)).await.is_empty());
    let synced = templates.sync(house.tenant, None).await.unwrap();
    assert_eq!((synced.counts.added, synced.counts.removed), (0, 0), "it is gone there, too");
}

#[tokio::test]
async fn what_meta_would_refuse_never_reaches_it() {
    let house = reviewed_by_hand().await;
    let draft = NewDraft {
        name: "Order Shipped".into(),
        components: json!([{"type": "BODY", "text": "{{1}} is your number"}]),
        param_names: Vec::new(),
        ..order()
    };
    let Err(TemplateError::Invalid(faults)) = house.engine.templates.create(house.tenant, draft).await else {
        panic!("refused");
    };
    let found: Vec<&str> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert!(
        found.contains(&"/name") && found.iter().any(|pointer| pointer.starts_with("/components/0")),
        "{found:?}"
    );
    assert!(listed(&house, None).await.is_empty());
    let state = house.engine.templates.sync(house.tenant, None).await.unwrap();
    assert_eq!(state.counts.added, 0);
}

#[tokio::test]
async fn metas_refusal_comes_in_its_own_words_and_leaves_nothing_behind() {
    let house = reviewed_by_hand().await;
    let faults = json!({"error_rate": 1.0, "error_code": 200002, "error_on": "all"});
    house.handle("PATCH", "/faults", faults).await;
    let refused = house.engine.templates.create(house.tenant, order()).await;
    assert!(matches!(refused, Err(TemplateError::Gateway(_))), "{refused:?}");
    assert!(listed(&house, None).await.is_empty());
    house.handle("PATCH", "/faults", json!({"error_rate": 0.0})).await;
    house.engine.templates.create(house.tenant, order()).await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_taken_at_meta_is_known_here_afterwards() {
    let house = reviewed_by_hand().await;
    let components = json!([{"type": "BODY", "text": "Hello there."}]);
    house.sim.put_template(&json!({"name": "order_shipped", "components": components})).unwrap();
    let refused = house.engine.templates.create(house.tenant, order()).await;
    let Err(TemplateError::Exists(id)) = refused else { panic!("{refused:?}") };
    let known = house.engine.templates.get(house.tenant, id).await.unwrap();
    assert_eq!((known.status, known.components), (Status::Approved, components));
}

#[tokio::test]
async fn a_draft_waits_until_it_is_submitted() {
    let house = reviewed_by_hand().await;
    let templates = &house.engine.templates;
    let kept = templates.create(house.tenant, NewDraft { submit: false, ..order() }).await.unwrap().template;
    assert_eq!((kept.status, kept.meta_id), (Status::Draft, None));
    assert_eq!(templates.sync(house.tenant, None).await.unwrap().counts.removed, 0, "a draft is ours alone");
    let edit = Edit { category: Some(Category::Marketing), ..Edit::default() };
    assert_eq!(templates.edit(house.tenant, kept.id, edit).await.unwrap().template.status, Status::Draft);
    let submitted = templates.submit(house.tenant, kept.id).await.unwrap().template;
    assert_eq!((submitted.status, submitted.category), (Status::Pending, Category::Marketing));
    let twice = templates.submit(house.tenant, kept.id).await;
    assert!(matches!(twice, Err(TemplateError::InvalidState { .. })), "{twice:?}");
}

#[tokio::test]
async fn a_file_of_ours_is_the_sample_of_a_header() {
    let house = reviewed_by_hand().await;
    let upload = Upload { connection_id: None, mime_type: "image/png".into(), filename: None };
    let bytes = futures::stream::iter([Ok(Bytes::from_static(b"\x89PNG\r\n\x1a\nsample"))]).boxed();
    let media = house.engine.media.upload(house.tenant, upload, bytes).await.unwrap().media.id;
    let with_header = |format: &str, media: i64| {
        let mut draft = order();
        let header = json!({"type": "HEADER", "format": format, "example": {"media_id": media}});
        draft.components.as_array_mut().unwrap().insert(0, header);
        draft
    };
    for (format, media) in [("VIDEO", media.0), ("IMAGE", 4711)] {
        let refused = house.engine.templates.create(house.tenant, with_header(format, media)).await;
        let Err(TemplateError::Invalid(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(faults.0[0].pointer, "/components/0/example/media_id");
    }
    let made = house.engine.templates.create(house.tenant, with_header("IMAGE", media.0)).await.unwrap();
    let handle = &made.template.components[0]["example"]["header_handle"][0];
    assert!(handle.as_str().is_some_and(|handle| handle.len() > 4), "{handle}");
}

#[tokio::test]
async fn a_long_list_is_read_to_its_end_and_what_is_gone_is_deleted_here() {
    let house = reviewed_by_hand().await;
    let seed = |name: String| -> Value {
        json!({"name": name, "components": [{"type": "BODY", "text": "Hello there."}]})
    };
    for number in 0..230 {
        house.sim.put_template(&seed(format!("notice_{number}"))).unwrap();
    }
    let templates = &house.engine.templates;
    let first = templates.sync(house.tenant, None).await.unwrap();
    assert_eq!((first.counts.added, first.unreadable.len()), (230, 0));
    let again = templates.sync(house.tenant, None).await.unwrap();
    assert_eq!((again.counts.unchanged, again.counts.updated), (230, 0));
    house.sim.reset();
    house.sim.put_template(&seed("notice_7".into())).unwrap();
    let after = templates.sync(house.tenant, None).await.unwrap();
    assert!(after.counts.removed >= 229, "{after:?}");
    assert_eq!(listed(&house, Some(Status::Approved)).await.len(), 1);
}

#[tokio::test]
async fn accounts_are_synced_every_hour() {
    let house = reviewed_by_hand().await;
    let components = json!([{"type": "BODY", "text": "Hello there."}]);
    house.sim.put_template(&json!({"name": "first", "components": components})).unwrap();
    let _running = House::run(|stop| house.engine.templates.clone().run(stop));
    let count = |wanted: usize| {
        let house = &house;
        async move { (listed(house, None).await.len() == wanted).then_some(()) }
    };
    eventually("the first sync", || count(1)).await;
    house.sim.put_template(&json!({"name": "second", "components": components})).unwrap();
    house.advance(1);
    eventually("the next sync", || count(2)).await;
}

#[tokio::test]
async fn a_preview_is_filled_with_samples_or_with_what_is_given() {
    let house = reviewed_by_hand().await;
    let templates = &house.engine.templates;
    let id = templates.create(house.tenant, order()).await.unwrap().template.id;
    let shown = templates.preview(house.tenant, id, None).await.unwrap();
    assert!(shown.body.contains("Hello Pablo, your order 860"), "{}", shown.body);
    let given = json!({"customer_name": "Ada", "order_id": "12"});
    let shown = templates.preview(house.tenant, id, Some(&given)).await.unwrap();
    assert!(shown.body.contains("Hello Ada, your order 12"), "{}", shown.body);
    let short = templates.preview(house.tenant, id, Some(&json!(["Ada"]))).await;
    let Err(TemplateError::Mismatch(name, mismatch)) = short else { panic!("{short:?}") };
    assert_eq!((name.as_str(), mismatch.expected_params, mismatch.provided_params), ("order_shipped", 2, 1));
    let stranger = house.stranger().await;
    let foreign = templates.preview(stranger, id, None).await;
    assert!(matches!(foreign, Err(TemplateError::NotFound)));
    assert!(matches!(templates.get(house.tenant, TemplateId(4711)).await, Err(TemplateError::NotFound)));
}
