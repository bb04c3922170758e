//! Messages that come in about the time of the erasure.

use ports::contacts::ContactStore;
use ports::erasure::ErasureStore;
use ports::webhooks::{Change, Inbound};

use super::{NUMBER, digits, erase, finish};
use crate::backup::everything;
use crate::samples::identity;
use crate::scene::{Scene, words};
use crate::support::{Bench, at};

on_each_engine!(
    a_message_written_before_the_erasure_is_dropped_and_one_written_after_it_is_not,
    nothing_survives_a_message_that_races_with_the_erasure,
);

async fn a_message_written_before_the_erasure_is_dropped_and_one_written_after_it_is_not(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    erase(scene.store(), scene.tenant, contact).await;
    let late = Inbound { at: at(999), ..scene.inbound(NUMBER, "w.late") };
    let other = Inbound { at: at(999), ..scene.inbound(3, "w.other") };
    let projected = scene.project(vec![Change::Inbound(late), Change::Inbound(other)]).await;
    assert_eq!(projected.inbound.len(), 1, "the other's");
    assert_eq!(scene.store().contact_by_identity(scene.tenant, &identity(NUMBER)).await.unwrap(), None);
    let new = Inbound { at: at(1_001), ..scene.inbound(NUMBER, "w.new") };
    assert_eq!(scene.project(vec![Change::Inbound(new)]).await.inbound.len(), 1);
    let back =
        scene.store().contact_by_identity(scene.tenant, &identity(NUMBER)).await.unwrap().expect("there");
    assert_ne!(back.id, contact);
}

async fn nothing_survives_a_message_that_races_with_the_erasure(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    for round in 0..20u32 {
        let number = NUMBER + round;
        let contact = scene.opted_in(number).await;
        let text = format!("secret of round {round}");
        let message = Inbound {
            content: words(&text),
            profile_name: Some(format!("Racer {round}")),
            ..scene.inbound(number, &format!("w.{round}"))
        };
        let (_, begun) = tokio::join!(
            scene.project_on(&other, vec![Change::Inbound(message)]),
            scene.store().begin_erasure(scene.tenant, contact, at(1_000))
        );
        finish(scene.store(), scene.tenant, begun.unwrap().expect("there").id).await;
        let all = everything(scene.store()).await;
        for trace in [text.as_str(), &format!("Racer {round}"), &digits(number)] {
            assert!(!all.windows(trace.len()).any(|part| part == trace.as_bytes()), "round {round}: {trace}");
        }
    }
}
