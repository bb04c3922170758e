//! The client against the simulator over HTTP, which is as strict as Meta.

#![allow(clippy::unwrap_used)]

mod stand_in;

use bytes::Bytes;
use domain::contacts::Identity;
use domain::messages::Content;
use domain::messages::content::{Location, Media, MediaKind, MediaSource, ReactionTarget};
use domain::messages::retry::FailureKind;
use domain::templates::{Category, ParameterFormat};
use futures::{StreamExt, stream};
use ports::gateway::{Access, GatewayError, MetaGateway, Outgoing, TemplateSubmission};
use serde_json::json;
use simulator::{AccountConfig, RunningSimulator, SimConfig, Simulator};
use stand_in::{client, outgoing};

const CUSTOMER: &str = "+16505551234";

async fn simulator() -> (RunningSimulator, Access) {
    let running = Simulator::start(SimConfig::default()).await.unwrap();
    let account = AccountConfig::default();
    let access = Access {
        graph_url: running.url(),
        phone_number_id: account.phones[0].id.clone(),
        waba_id: account.waba_id,
        app_id: Some(account.app_id),
        token: account.token.into(),
    };
    running.customer_says(&access.phone_number_id, CUSTOMER, "hello").unwrap();
    (running, access)
}

fn to(number: &str, content: Content) -> Outgoing {
    Outgoing { to: Identity { phone: Some(number.parse().unwrap()), bsuid: None }, ..outgoing(content) }
}

fn refused(outcome: Result<impl Sized, GatewayError>) -> (FailureKind, i64) {
    match outcome.err().unwrap() {
        GatewayError::Refused(refusal) => (refusal.kind, refusal.code),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_kind_of_message_is_accepted() {
    let (simulator, access) = simulator().await;
    let asked = simulator.customer_says(&access.phone_number_id, CUSTOMER, "?").unwrap();
    let image = MediaSource::Link("https://example.org/a.png".into());
    let file = Media {
        kind: MediaKind::Image,
        source: image,
        caption: Some("c".into()),
        filename: None,
        voice: false,
        mime_type: None,
    };
    let buttons = json!({"type": "button", "body": {"text": "b"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}});
    let contents = [
        Content::Text { body: "see https://example.org".into(), preview_url: true },
        Content::Media(file),
        Content::Interactive { interactive: buttons },
        Content::Location(Location { latitude: 52.5, longitude: 13.4, name: None, address: None }),
        Content::Contacts {
            contacts: vec![json!({"name": {"formatted_name": "Ada L", "first_name": "Ada"}})],
        },
        Content::Reaction { target: ReactionTarget::Wamid(asked.clone()), emoji: Some("👍".into()) },
    ];
    for (at, content) in contents.into_iter().enumerate() {
        let message = Outgoing { callback_data: format!("m-{at}"), ..to(CUSTOMER, content) };
        let accepted = client().send(&access, &message).await.unwrap();
        assert_eq!(accepted.wa_id.as_deref(), Some("16505551234"));
        assert!(accepted.wamid.starts_with("wamid."));
    }
    let callbacks: Vec<_> = simulator.ledger(0).into_iter().filter_map(|entry| entry.callback_data).collect();
    assert_eq!(callbacks, ["m-0", "m-1", "m-2", "m-3", "m-4", "m-5"]);
    client().mark_read(&access, &asked, true).await.unwrap();
}

#[tokio::test]
async fn a_template_is_sent_and_its_faults_are_told() {
    let (simulator, access) = simulator().await;
    let body = json!({"type": "BODY", "text": "Hi {{1}}, it is {{2}} now."});
    simulator.put_template(&json!({"name": "order", "components": [body]})).unwrap();
    let bound = |texts: &[&str]| {
        let parameters: Vec<_> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
        Some(json!([{"type": "body", "parameters": parameters}]))
    };
    let template = |name: &str, components| {
        let content =
            Content::Template { name: name.into(), language: "en_US".into(), params: Default::default() };
        Outgoing { components, ..to("+16505550000", content) }
    };
    client().send(&access, &template("order", bound(&["Ada", "noon"]))).await.unwrap();
    let few = client().send(&access, &template("order", bound(&["Ada"]))).await;
    assert_eq!(refused(few), (FailureKind::TemplateParams, 132_000));
    let unknown = client().send(&access, &template("no_such", None)).await;
    assert_eq!(refused(unknown), (FailureKind::TemplateUnusable, 132_001));
    assert_eq!(simulator.ledger(0).len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_cut_is_unknown_and_the_ledger_knows() {
    let (simulator, access) = simulator().await;
    for (rates, accepted) in [
        (json!({"cut_after_accept_rate": 1.0}), 1),
        (json!({"garbled_answer_rate": 1.0}), 2),
        (json!({"cut_before_accept_rate": 1.0}), 2),
    ] {
        simulator.set_faults(serde_json::from_value(rates.clone()).unwrap());
        let outcome = client().send(&access, &to(CUSTOMER, Content::text("hi"))).await;
        assert!(matches!(outcome, Err(GatewayError::Unknown(_))), "{rates}: {outcome:?}");
        assert_eq!(simulator.ledger(0).len(), accepted, "{rates}");
    }
}

#[tokio::test]
async fn a_template_lives_from_submission_to_deletion() {
    let (_simulator, access) = simulator().await;
    let mut template = TemplateSubmission {
        name: "seasonal".into(),
        language: "en_US".into(),
        category: Category::Marketing,
        parameter_format: ParameterFormat::Positional,
        components: json!([{"type": "BODY", "text": "Hello {{1}}, come and see us soon.", "example": {"body_text": [["Ada"]]}}]),
    };
    let submitted = client().create_template(&access, &template).await.unwrap();
    let listed = client().list_templates(&access, None).await.unwrap();
    let row = listed.templates.iter().find(|row| row.meta_id == submitted.meta_id).unwrap();
    assert_eq!(
        (row.name.as_str(), &row.category, row.components[0]["type"].as_str()),
        ("seasonal", &Category::Marketing, Some("BODY"))
    );
    template.components = json!([{"type": "BODY", "text": "{{1}}"}]);
    let fault = client().create_template(&access, &template).await.unwrap_err();
    let GatewayError::Refused(refusal) = fault else { panic!("{fault}") };
    assert!(!refusal.advice.is_empty());
    client().delete_template(&access, &submitted.meta_id, "seasonal").await.unwrap();
    let listed = client().list_templates(&access, None).await.unwrap();
    assert!(listed.templates.iter().all(|row| row.meta_id != submitted.meta_id));
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_the_same() {
    let (_simulator, access) = simulator().await;
    let png = b"\x89PNG\r\n\x1a\n-and-the-rest";
    let bytes = || stream::iter([Ok(Bytes::from_static(png))]).boxed();
    let id = client().upload_media(&access, "image/png", "a.png", png.len() as u64, bytes()).await.unwrap();
    let location = client().locate_media(&access, &id).await.unwrap();
    assert_eq!((location.mime_type.as_str(), location.size), ("image/png", Some(png.len() as u64)));
    let parts: Vec<_> = client().fetch_media(&access, &location).await.unwrap().collect().await;
    let whole: Vec<u8> = parts.into_iter().flat_map(|part| part.unwrap().to_vec()).collect();
    assert_eq!(whole, png);
    let handle =
        client().upload_sample(&access, "image/png", "a.png", Bytes::from_static(png)).await.unwrap();
    assert!(!handle.is_empty());
}

#[tokio::test]
async fn a_connection_is_diagnosed() {
    let (_simulator, access) = simulator().await;
    let token = client().debug_token(&access).await.unwrap();
    assert!(token.is_valid && token.scopes.iter().any(|scope| scope == "whatsapp_business_messaging"));
    let number = client().number(&access).await.unwrap();
    assert_eq!(
        (number.status.as_deref(), number.throughput.as_deref()),
        (Some("CONNECTED"), Some("STANDARD"))
    );
    assert_eq!(number.can_send.as_deref(), Some("AVAILABLE"));
    assert_eq!(
        client().account_numbers(&access).await.unwrap(),
        std::slice::from_ref(&access.phone_number_id)
    );
    client().subscribe_app(&access, None).await.unwrap();
    assert_eq!(client().subscribed_apps(&access).await.unwrap(), [access.app_id.clone().unwrap()]);
    let stranger = Access { token: "EAAnobody".to_owned().into(), ..access };
    assert!(!client().debug_token(&stranger).await.unwrap().is_valid);
    assert_eq!(refused(client().number(&stranger).await), (FailureKind::ConnectionBroken, 190));
}
