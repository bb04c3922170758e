//! What customers say of consent: STOP, START, and whether they want marketing.

use domain::consent::ConsentKind;
use domain::consent::words::Word;
use domain::messages::Direction;
use ports::consent::ConsentStore;
use ports::messages::{AcceptJob, MessageFilter};
use ports::webhooks::{Change, Inbound, MarketingPreference, Projection, WebhookStore};

use crate::samples::{at_once, identity};
use crate::scene::{GOODBYE, Scene, source, words};
use crate::support::{Bench, at};

on_each_engine!(
    a_second_stop_sends_no_second_confirmation,
    fifty_stops_at_once_on_two_nodes_leave_one_record_and_one_confirmation,
    a_confirmation_is_claimed_although_the_contact_opted_out,
    start_opts_in_again_with_one_confirmation,
    a_marketing_preference_counts_for_a_stranger_too,
);

async fn a_second_stop_sends_no_second_confirmation(bench: Bench) {
    let scene = Scene::of(bench).await;
    let first = scene.project(vec![Change::Inbound(scene.stop(1, "wamid.1"))]).await;
    assert_eq!(first.wake, [scene.connection]);
    let second = scene.project(vec![Change::Inbound(scene.stop(1, "wamid.2"))]).await;
    assert_eq!((second.wake, second.consents), (vec![], vec![]));
    assert_eq!(confirmations(&scene).await, 1);
}

async fn confirmations(scene: &Scene) -> usize {
    let outbound = MessageFilter { direction: Some(Direction::Outbound), ..Default::default() };
    scene.listed(outbound).await.iter().filter(|message| message.content == words(GOODBYE)).count()
}

async fn fifty_stops_at_once_on_two_nodes_leave_one_record_and_one_confirmation(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    let nodes = [scene.store().clone(), other];
    let (tenant, connection) = (scene.tenant, scene.connection);
    let stops: Vec<Inbound> = (0..50).map(|number| scene.stop(1, &format!("wamid.{number}"))).collect();
    let projected = at_once(scene.store(), 50, |_, number| {
        let (node, stop) = (nodes[number as usize % 2].clone(), stops[number as usize].clone());
        async move {
            let changes = vec![Change::Inbound(stop)];
            let projection = Projection { tenant_id: tenant, done: Vec::new(), changes, at: at(100) };
            node.project(projection).await.expect("projected")
        }
    })
    .await;
    assert!(projected.iter().all(|one| one.inbound.len() == 1), "every message is kept");
    assert_eq!(projected.iter().filter(|one| one.wake == [connection]).count(), 1);
    let contact = projected[0].inbound[0].1;
    let ledger = scene.store().consent_records(scene.tenant, contact, &Default::default()).await.unwrap();
    assert_eq!((ledger.total, ledger.items[0].kind), (1, ConsentKind::OptOut));
    assert_eq!(ledger.items[0].evidence["text"], "STOP");
    assert_eq!(confirmations(&scene).await, 1);
}

async fn a_confirmation_is_claimed_although_the_contact_opted_out(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.project(vec![Change::Inbound(scene.stop(1, "wamid.1"))]).await;
    let lease = scene.lane("node").await;
    let claim = ports::lanes::LaneStore::claim_due(scene.store(), &lease, 10, at(101)).await.unwrap();
    assert_eq!(claim.claimed.len(), 1);
    assert_eq!(claim.claimed[0].content, words(GOODBYE));
    let contact = claim.claimed[0].contact_id;
    let answer = AcceptJob { at: at(101), ..scene.text(contact) };
    let refused = scene.accept(vec![answer]).await.remove(0);
    assert!(matches!(refused, ports::messages::AcceptOutcome::Refused(_)), "{refused:?}");
}

async fn start_opts_in_again_with_one_confirmation(bench: Bench) {
    let scene = Scene::of(bench).await;
    scene.project(vec![Change::Inbound(scene.stop(1, "wamid.1"))]).await;
    let start = |wamid: &str| {
        let inbound = scene.inbound(1, wamid);
        let confirmation = Some("welcome".to_owned());
        Change::Inbound(Inbound { word: Some(Word::OptIn), confirmation, at: at(95), ..inbound })
    };
    scene.project(vec![start("wamid.2"), start("wamid.3")]).await;
    let welcomes = scene.listed(MessageFilter::default()).await;
    let welcomes: Vec<_> = welcomes.iter().filter(|one| one.content == words("welcome")).collect();
    assert_eq!(welcomes.len(), 1);
    let person = scene.bench.read_contact(scene.tenant, welcomes[0].contact_id).await;
    assert!(person.consent.opted_in);
    scene.send(scene.job(person.id)).await;
}

async fn a_marketing_preference_counts_for_a_stranger_too(bench: Bench) {
    let scene = Scene::of(bench).await;
    let choice = |stop| {
        Change::Preference(MarketingPreference {
            source: source(),
            connection_id: scene.connection,
            who: identity(1),
            stop,
            at: at(95),
        })
    };
    let projected = scene.project(vec![choice(true), choice(true)]).await;
    assert_eq!(projected.consents.len(), 1);
    let contact = projected.consents[0].0;
    assert!(scene.bench.read_contact(scene.tenant, contact).await.consent.marketing_stopped);
    scene.project(vec![choice(false)]).await;
    assert!(!scene.bench.read_contact(scene.tenant, contact).await.consent.marketing_stopped);
}
