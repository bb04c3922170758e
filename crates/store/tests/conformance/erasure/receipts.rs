//! Receipts: which are genuine, and for how long.

use domain::erasure::{Kept, Receipt};
use domain::{ContactId, SignedDuration};
use ports::Paging;
use ports::contacts::ContactStore;
use ports::erasure::{Erasure, ErasureStore};
use ports::operator::OperatorStore;

use super::{NUMBER, erased_after_no, finish};
use crate::samples::new_contact;
use crate::scene::Scene;
use crate::support::{Bench, KEY, at};

on_each_engine!(
    a_receipt_is_genuine_and_a_changed_one_is_not,
    renewing_the_sealing_key_loses_no_opt_out_and_no_receipt,
);

async fn a_receipt_is_genuine_and_a_changed_one_is_not(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    let begun: Erasure =
        scene.store().begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    let (receipt, digest) = finish(scene.store(), scene.tenant, begun.id).await;
    let genuine = async |tenant, receipt: &Receipt, digest: &str| {
        scene.store().is_genuine(tenant, receipt, digest).await.unwrap()
    };
    assert!(genuine(scene.tenant, &receipt, &digest).await);
    let later = receipt.at + SignedDuration::from_secs(1);
    let mut more = receipt.removed.clone();
    more.insert("messages".into(), 1_000);
    let less: Vec<Kept> = receipt.kept[1..].to_vec();
    for changed in [
        Receipt { contact_id: ContactId(contact.0 + 1), ..receipt.clone() },
        Receipt { at: later, ..receipt.clone() },
        Receipt { removed: more, ..receipt.clone() },
        Receipt { kept: less, ..receipt.clone() },
    ] {
        assert!(!genuine(scene.tenant, &changed, &digest).await, "{changed:?}");
    }
    let mut other = digest.clone();
    other.replace_range(0..1, if digest.starts_with('0') { "1" } else { "0" });
    assert!(!genuine(scene.tenant, &receipt, &other).await);
    assert!(!genuine(scene.tenant, &receipt, "").await);
    let stranger = scene.bench.tenant().await;
    let theirs = Receipt { tenant_id: stranger, ..receipt.clone() };
    assert!(!genuine(stranger, &theirs, &digest).await);
}

async fn renewing_the_sealing_key_loses_no_opt_out_and_no_receipt(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let erasure = scene.store().erasures(scene.tenant, &Paging::default()).await.unwrap().items.remove(0);
    let (receipt, digest) = erasure.receipt.expect("finished");
    let rotating = scene.bench.node_with_keys(vec![[9; 32], KEY]).await;
    assert_eq!(
        rotating.rotate_secrets().await.unwrap(),
        4,
        "three of the connection, and the key of the hashes"
    );
    assert_eq!(rotating.rotate_secrets().await.unwrap(), 0);
    let new_only = scene.bench.node_with_keys(vec![[9; 32]]).await;
    assert!(new_only.is_genuine(scene.tenant, &receipt, &digest).await.unwrap());
    let made = new_only.create_contact(scene.tenant, new_contact(NUMBER), at(1_500)).await.unwrap();
    let ports::contacts::CreatedContact::Created(contact) = made else { panic!("{made:?}") };
    assert!(contact.consent.explicitly_out());
}
