//! What Meta tells of the account: its templates, and what breaks a number.

use domain::connections::ConnectionState;
use domain::messages::Status;
use ports::connections::{Broken, ConnectionPatch, ConnectionStore};
use ports::operator::OperatorStore;
use ports::templates::TemplateStore;
use ports::webhooks::{Change, ConnectionEvent, StatusReport, TemplateEvent, Verdict};

use crate::samples::WABA;
use crate::scene::{Scene, source};
use crate::support::{Bench, at};

on_each_engine!(
    a_template_event_moves_its_template,
    an_account_event_breaks_the_connection_once,
    a_failure_breaks_its_number_unless_that_was_repaired_since,
);

async fn a_failure_breaks_its_number_unless_that_was_repaired_since(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (ana, ben) = (scene.opted_in(1).await, scene.opted_in(2).await);
    let lease = scene.lane("node").await;
    scene.sent(&lease, ana, "w1").await;
    scene.sent(&lease, ben, "w2").await;
    let failed = |wamid: &str| {
        let verdict = Some(Verdict::Broken(Broken::because("Meta wants to be paid")));
        Change::Status(StatusReport { verdict, ..scene.status(wamid, Status::Failed, at(60)) })
    };
    let projected = scene.project(vec![failed("w1"), failed("w1")]).await;
    assert_eq!(projected.broken, [scene.connection]);
    let state =
        async || scene.store().connection(scene.tenant, scene.connection).await.unwrap().unwrap().state;
    assert_eq!(state().await, ConnectionState::Error);
    let repaired = ConnectionPatch { state: Some((ConnectionState::Active, None)), ..Default::default() };
    scene.store().update_connection(scene.tenant, scene.connection, repaired, at(110)).await.unwrap();
    // A repeat, and a failure that was on its way when the number was repaired.
    let projected = scene.project(vec![failed("w1"), failed("w2")]).await;
    assert_eq!((projected.broken, projected.moved.len()), (Vec::new(), 1));
    assert_eq!(state().await, ConnectionState::Active);
}

async fn a_template_event_moves_its_template(bench: Bench) {
    let scene = Scene::of(bench).await;
    let event = TemplateEvent {
        source: source(),
        waba_id: WABA.into(),
        meta_id: None,
        name: "order_shipped".into(),
        language: "en-US".into(),
        status: Some(domain::templates::Status::Rejected),
        rejection_reason: Some("INVALID_FORMAT".into()),
        quality: Some("RED".into()),
        category: None,
        at: at(95),
    };
    let unknown = TemplateEvent { name: "elsewhere".into(), ..event.clone() };
    let projected = scene.project(vec![Change::Template(event.clone()), Change::Template(unknown)]).await;
    assert_eq!(projected.templates, [scene.template]);
    let template = scene.store().template(scene.tenant, scene.template).await.unwrap().unwrap();
    assert_eq!(template.status, domain::templates::Status::Rejected);
    assert_eq!(template.rejection_reason.as_deref(), Some("INVALID_FORMAT"));
    assert_eq!((template.quality.as_deref(), template.version), (Some("RED"), 2));
    let approved = TemplateEvent {
        meta_id: Some("meta-order_shipped".into()),
        name: "renamed".into(),
        status: Some(domain::templates::Status::Approved),
        rejection_reason: None,
        ..event
    };
    scene.project(vec![Change::Template(approved)]).await;
    let template = scene.store().template(scene.tenant, scene.template).await.unwrap().unwrap();
    assert_eq!((template.status, template.rejection_reason), (domain::templates::Status::Approved, None));
}

async fn an_account_event_breaks_the_connection_once(bench: Bench) {
    let scene = Scene::of(bench).await;
    let event = ConnectionEvent {
        source: source(),
        connection_id: scene.connection,
        quality_rating: Some("YELLOW".into()),
        messaging_limit: Some("TIER_10K".into()),
        rate_count: Some(1_000),
        verified_name: None,
        broken: Some(ports::connections::Broken::because("account restricted")),
    };
    let version = scene.store().connections_version().await.unwrap();
    let projected = scene.project(vec![Change::Connection(event.clone()), Change::Connection(event)]).await;
    assert_eq!(projected.broken, [scene.connection]);
    let connection = scene.store().connection(scene.tenant, scene.connection).await.unwrap().unwrap();
    assert_eq!(connection.state, domain::connections::ConnectionState::Error);
    assert_eq!((connection.rate.count, connection.quality_rating.as_deref()), (1_000, Some("YELLOW")));
    assert!(scene.store().connections_version().await.unwrap() > version);
}
