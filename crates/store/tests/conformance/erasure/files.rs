//! Files that the business sent: to one person, or to others too.

use domain::{ContactId, MediaId};
use ports::media::MediaStore;
use ports::messages::{AcceptJob, MessageStore};
use ports::webhooks::Change;
use serde_json::json;

use super::erase;
use crate::scene::Scene;
use crate::support::{Bench, at};

on_each_engine!(a_file_goes_with_the_person_unless_somebody_else_was_sent_it_too);

async fn a_file_goes_with_the_person_unless_somebody_else_was_sent_it_too(bench: Bench) {
    let scene = Scene::of(bench).await;
    let (store, tenant) = (scene.store(), scene.tenant);
    let wrote = |number| Change::Inbound(scene.inbound(number, &format!("wamid.{number}")));
    let people = scene.project(vec![wrote(1), wrote(2)]).await.inbound;
    let (person, other) = (people[0].1, people[1].1);
    let (own, shared) = (scene.picture("own", 95).await.id, scene.picture("shared", 95).await.id);
    for file in [own, shared] {
        sent(&scene, file, person, 100).await;
        store.touch_media(tenant, file, at(100)).await.unwrap();
    }
    // A day later nobody has to note the use anew.
    sent(&scene, shared, other, 100 + 86_000).await;

    erase(store, tenant, person).await;
    assert_eq!(store.media(tenant, own).await.unwrap(), None);
    assert!(store.media(tenant, shared).await.unwrap().is_some());
    erase(store, tenant, other).await;
    assert_eq!(store.media(tenant, shared).await.unwrap(), None);
}

/// Called off at once: what still waits keeps its files anyway.
async fn sent(scene: &Scene, file: MediaId, to: ContactId, second: i64) {
    let content = json!({"type": "media", "kind": "image", "source": {"media_id": file}});
    let content = serde_json::from_value(content).unwrap();
    let accepted = scene.send(AcceptJob { content, at: at(second), ..scene.text(to) }).await;
    scene.store().cancel_message(scene.tenant, accepted.message_id, at(second)).await.unwrap();
}
