//! Erasing persons: nothing of them is found anywhere, and their no holds.

mod deletions;
mod files;
mod opt_outs;
mod races;
mod receipts;
mod traces;

use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::erasure::Receipt;
use domain::imports::agreement::Agreement;
use domain::messages::Status;
use domain::{ContactId, ErasureId, TenantId};
use ports::Paging;
use ports::broadcasts::RecipientFilter;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactStore, NewContact};
use ports::erasure::ErasureStore;
use ports::imports::{GoodRow, ImportBatch, NewImport, OnDuplicate, RowConsent};
use ports::messages::{MessageFilter, MessageStore};
use serde_json::json;
use store::SqlStore;

use crate::broadcasts::campaign::Campaign;
use crate::samples::{new_contact, phone};
use crate::scene::Scene;
use crate::support::{Bench, at};

on_each_engine!(
    erasing_again_answers_the_same_erasure,
    a_person_leaves_the_broadcasts_with_their_counts,
    an_erasure_is_its_tenants,
);

const NAME: &str = "Zebulon Quux";
const USERNAME: &str = "zebulonq";
const BSUID: &str = "US.77777778888";
const NUMBER: u32 = 7_654_321;

fn person() -> Identity {
    Identity { phone: Some(phone(NUMBER)), bsuid: Some(BSUID.into()) }
}

async fn finish(store: &SqlStore, tenant: TenantId, erasure: ErasureId) -> (Receipt, String) {
    loop {
        let erasure = store.erase_batch(tenant, erasure, 2, at(2_000)).await.unwrap().expect("there");
        if let Some(receipt) = erasure.receipt {
            return receipt;
        }
    }
}

async fn erase(store: &SqlStore, tenant: TenantId, contact: ContactId) -> Receipt {
    let begun = store.begin_erasure(tenant, contact, at(1_000)).await.unwrap().expect("there");
    finish(store, tenant, begun.id).await.0
}

fn digits(number: u32) -> String {
    format!("1555{number:07}")
}

fn new_import() -> NewImport {
    NewImport {
        filename: Some("list.csv".into()),
        plan: json!({}),
        file: "1/abc".into(),
        size: 1,
        created_by: None,
        holder: "node".into(),
        held_until: at(200),
        at: at(100),
    }
}

fn batch(import: domain::ImportId, good: Vec<GoodRow>, to: u64) -> ImportBatch {
    ImportBatch {
        import,
        holder: "node".into(),
        held_until: at(3_000),
        from: 0,
        to,
        bytes_read: 1,
        good,
        bad: Vec::new(),
        on_duplicate: OnDuplicate::Skip,
        at: at(1_500),
    }
}

/// A row of a list that says yes.
fn good_row(row: u64, number: u32) -> GoodRow {
    GoodRow {
        row,
        phone: phone(number),
        written: phone(number).to_string(),
        country: None,
        name: None,
        language: None,
        time_zone: None,
        tags: Vec::new(),
        fields: Default::default(),
        consent: Some(RowConsent {
            says: Agreement::Yes,
            at: at(1_400),
            before: None,
            evidence: json!({"row": row}),
        }),
        cells: Vec::new(),
    }
}

async fn erasing_again_answers_the_same_erasure(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    let first = scene.store().begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    finish(scene.store(), scene.tenant, first.id).await;
    let again = scene.store().begin_erasure(scene.tenant, contact, at(1_100)).await.unwrap().expect("there");
    assert_eq!((again.id, again.at), (first.id, at(1_000)));
    assert!(again.receipt.is_some());
    assert_eq!(scene.store().erasure(scene.tenant, first.id).await.unwrap(), Some(again.clone()));
    assert_eq!(scene.store().erasures(scene.tenant, &Paging::default()).await.unwrap().items, [again]);
    let nobody = scene.store().begin_erasure(scene.tenant, ContactId(9_999), at(1_100)).await.unwrap();
    assert_eq!(nobody, None);
}

/// A person who opted out and was erased.
async fn erased_after_no(scene: &Scene) {
    let new = NewContact {
        identity: person(),
        opt_in: Some((ConsentSource::Api, json!({}))),
        ..new_contact(NUMBER)
    };
    let contact = scene.bench.contact(scene.tenant, new).await;
    let out = NewConsent {
        contact_id: contact.id,
        kind: ConsentKind::OptOut,
        source: ConsentSource::Keyword,
        at: at(500),
        evidence: json!({"text": "STOP"}),
    };
    scene.store().record_consent(scene.tenant, out).await.unwrap().unwrap();
    erase(scene.store(), scene.tenant, contact.id).await;
}

async fn a_person_leaves_the_broadcasts_with_their_counts(bench: Bench) {
    let campaign = Campaign::frozen(bench, 4).await;
    let scene = &campaign.scene;
    let lease = scene.lane("a").await;
    campaign.feed(2).await;
    campaign.deliver(&lease).await;
    let all = campaign.recipients(RecipientFilter::default()).await;
    let contact = |index: usize| all[index].contact_id.expect("a contact");
    // One was sent to, one is still to come.
    for (who, left) in [(contact(0), 3), (contact(3), 2)] {
        let begun = scene.store().begin_erasure(scene.tenant, who, at(1_000)).await.unwrap().expect("there");
        campaign.check().await;
        scene.report("w.1", Status::Read, at(1_100)).await;
        campaign.check().await;
        finish(scene.store(), scene.tenant, begun.id).await;
        campaign.check().await;
        assert_eq!(campaign.recipients(RecipientFilter::default()).await.len(), left);
    }
    assert_eq!(scene.store().participations(scene.tenant, contact(1)).await.unwrap().len(), 1);
    assert_eq!(scene.store().participations(scene.tenant, contact(0)).await.unwrap(), []);
}

async fn an_erasure_is_its_tenants(bench: Bench) {
    let scene = Scene::of(bench).await;
    let stranger = scene.bench.tenant().await;
    let same = scene.bench.contact(stranger, new_contact(NUMBER)).await;
    erased_after_no(&scene).await;
    let erasure = scene.store().erasures(scene.tenant, &Paging::default()).await.unwrap().items.remove(0);
    let (store, id) = (scene.store(), erasure.id);
    assert_eq!(store.begin_erasure(stranger, erasure.contact_id, at(1_000)).await.unwrap(), None);
    assert_eq!(store.erasure(stranger, id).await.unwrap(), None);
    assert_eq!(store.erase_batch(stranger, id, 9, at(1_000)).await.unwrap(), None);
    assert_eq!(store.erasures(stranger, &Paging::default()).await.unwrap().total, 0);
    assert_eq!(store.contact(stranger, same.id).await.unwrap(), Some(same.clone()));
    assert!(store.delete_contact(stranger, same.id, at(1_000)).await.unwrap());
    let back = scene.bench.contact(stranger, new_contact(NUMBER)).await;
    assert_eq!(back.consent, Default::default(), "what one tenant was told is not told to another");
    let messages = store.messages(stranger, &MessageFilter::default(), &Paging::default()).await.unwrap();
    assert_eq!(messages.total, 0);
}
