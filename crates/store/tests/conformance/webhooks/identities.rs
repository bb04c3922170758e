//! Numbers and user ids that turn out to be somebody else's.

use domain::contacts::Identity;
use ports::consent::ConsentStore;
use ports::contacts::ContactStore;
use ports::conversations::ConversationStore;
use ports::messages::MessageFilter;
use ports::webhooks::{Change, IdentityChange, Inbound};

use crate::samples::{identity, phone};
use crate::scene::{Scene, source};
use crate::support::{Bench, at};

on_each_engine!(
    two_contacts_that_turn_out_to_be_one_are_joined,
    a_number_that_has_a_new_owner_moves_to_the_new_contact,
    a_customer_with_a_new_number_keeps_the_thread,
);

fn named(number: Option<u32>, bsuid: Option<&str>) -> Identity {
    Identity { phone: number.map(phone), bsuid: bsuid.map(str::to_owned) }
}

async fn two_contacts_that_turn_out_to_be_one_are_joined(bench: Bench) {
    let scene = Scene::of(bench).await;
    let by_phone = scene.opted_in(1).await;
    let sent = scene.send(scene.job(by_phone)).await;
    let hidden = Inbound { from: named(None, Some("US.7")), ..scene.stop(1, "wamid.1") };
    let by_bsuid = scene.project(vec![Change::Inbound(hidden)]).await.inbound[0].1;
    assert_ne!(by_phone, by_bsuid);
    let before = Inbound { at: at(91), ..scene.inbound(2, "wamid.2") };
    let revealing = Inbound { from: named(Some(1), Some("US.7")), at: at(92), ..scene.inbound(1, "wamid.3") };
    let after = Inbound { at: at(93), ..scene.inbound(2, "wamid.4") };
    let projected =
        scene.project([before, revealing, after].into_iter().map(Change::Inbound).collect()).await;
    assert_eq!(projected.inbound.len(), 3);
    assert_eq!(projected.inbound[1].1, by_phone);
    let person = scene.bench.read_contact(scene.tenant, by_bsuid).await;
    assert_eq!((person.id, &person.identity), (by_phone, &named(Some(1), Some("US.7"))));
    assert!(person.consent.explicitly_out(), "the stricter consent survives");
    let ledger = scene.store().consent_records(scene.tenant, by_phone, &Default::default()).await.unwrap();
    assert_eq!(ledger.total, 2, "both ledgers are read");
    let thread = sent.conversation_id.unwrap();
    let in_thread = scene.listed(MessageFilter { conversation_id: Some(thread), ..Default::default() }).await;
    assert_eq!(in_thread.len(), 4, "sent, STOP, its confirmation, the revealing one");
    assert!(in_thread.iter().all(|message| message.contact_id == by_phone));
    let kept = scene.store().conversation(scene.tenant, thread).await.unwrap().unwrap();
    assert_eq!((kept.unread, kept.last_inbound_at), (2, Some(at(92))));
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 2);
}

async fn a_number_that_has_a_new_owner_moves_to_the_new_contact(bench: Bench) {
    let scene = Scene::of(bench).await;
    let from = |identity, wamid: &str| Change::Inbound(Inbound { from: identity, ..scene.inbound(1, wamid) });
    let first = scene.project(vec![from(named(Some(1), Some("US.1")), "wamid.1")]).await.inbound[0].1;
    let second = scene.project(vec![from(named(Some(2), Some("US.2")), "wamid.2")]).await.inbound[0].1;
    let later = scene.project(vec![from(named(Some(1), Some("US.2")), "wamid.3")]).await.inbound[0].1;
    assert_eq!(later, second);
    assert_eq!(scene.bench.read_contact(scene.tenant, first).await.identity, named(None, Some("US.1")));
    assert_eq!(scene.bench.read_contact(scene.tenant, second).await.identity, named(Some(1), Some("US.2")));
}

async fn a_customer_with_a_new_number_keeps_the_thread(bench: Bench) {
    let scene = Scene::of(bench).await;
    let before = scene.project(vec![Change::Inbound(scene.inbound(1, "wamid.1"))]).await.inbound[0];
    let change = IdentityChange { source: source(), old: identity(1), new: identity(2), at: at(95) };
    let after = scene
        .project(vec![Change::Identity(change.clone()), Change::Inbound(scene.inbound(2, "wamid.2"))])
        .await
        .inbound[0];
    assert_eq!((before.1, before.2), (after.1, after.2));
    assert_eq!(scene.bench.read_contact(scene.tenant, before.1).await.identity, identity(2));
    scene.project(vec![Change::Identity(change)]).await;
    let stranger = IdentityChange { source: source(), old: identity(8), new: identity(9), at: at(95) };
    scene.project(vec![Change::Identity(stranger)]).await;
    let contacts =
        scene.store().contacts(scene.tenant, &Default::default(), &Default::default()).await.unwrap();
    assert_eq!(contacts.total, 1);
}
