//! The no of a person whose contact was removed without an erasure: it holds no less.

use domain::consent::{ConsentKind, ConsentSource, ConsentState};
use domain::contacts::Identity;
use domain::{ContactId, InboxId};
use ports::Paging;
use ports::consent::{ConsentRecord, ConsentStore, NewConsent};
use ports::contacts::{Contact, ContactPatch, ContactStore, CreatedContact, NewContact, UpdatedContact};
use ports::erasure::ErasureStore;
use ports::imports::{Applied, ImportStore, ProblemKind};
use ports::operator::OperatorStore;
use ports::webhooks::{Change, IdentityChange, Inbound, Source};
use serde_json::{Value, json};

use super::{BSUID, NUMBER, batch, erased_after_no, finish, good_row, new_import, person};
use crate::samples::{at_once, identity, new_contact, phone, texts};
use crate::scene::{Scene, words};
use crate::support::{Bench, KEY, at};

on_each_engine!(
    a_deleted_persons_opt_out_holds_when_the_number_is_made_again,
    a_deleted_persons_opt_out_holds_when_the_number_is_imported,
    a_deleted_persons_opt_out_holds_when_the_person_writes_and_nothing_written_before_is_dropped,
    a_deleted_persons_opt_out_holds_when_another_contact_gets_the_number,
    a_deleted_persons_marketing_stop_holds_beside_an_opt_in,
    a_deleted_persons_opt_out_is_ended_by_an_opt_in_of_its_own,
    whoever_was_deleted_while_opted_in_leaves_nothing,
    whoever_was_deleted_while_opted_in_again_has_no_older_no_revived,
    a_joined_person_leaves_the_no_of_either_contact,
    a_no_that_was_kept_is_kept_again_by_the_next_deletion,
    a_deletion_leaves_the_erasure_under_way_its_receipt,
    an_erasure_takes_over_what_a_deletion_kept,
    what_a_deletion_keeps_is_its_tenants,
    renewing_the_sealing_key_loses_no_opt_out_of_a_deletion,
    a_deleted_persons_opt_out_holds_when_the_number_is_made_at_the_same_moment,
    the_first_deletions_and_erasures_at_once_keep_every_no,
);

fn claimed() -> NewContact {
    NewContact { opt_in: Some((ConsentSource::Api, json!({}))), ..new_contact(NUMBER) }
}

async fn decide(scene: &Scene, contact: ContactId, kind: ConsentKind, source: ConsentSource, second: i64) {
    let new = NewConsent { contact_id: contact, kind, source, at: at(second), evidence: json!({}) };
    let outcome = scene.store().record_consent(scene.tenant, new).await.unwrap().unwrap();
    assert!(outcome.changed, "{outcome:?}");
}

async fn opted_in(scene: &Scene) -> ContactId {
    let new = NewContact { identity: person(), ..claimed() };
    scene.bench.contact(scene.tenant, new).await.id
}

async fn delete(scene: &Scene, contact: ContactId) {
    assert!(scene.store().delete_contact(scene.tenant, contact, at(1_000)).await.unwrap());
}

/// A person who opted out and whose contact was removed.
async fn deleted_after_no(scene: &Scene) -> ContactId {
    let contact = opted_in(scene).await;
    decide(scene, contact, ConsentKind::OptOut, ConsentSource::Keyword, 500).await;
    delete(scene, contact).await;
    contact
}

async fn ledger(scene: &Scene, contact: ContactId) -> Vec<ConsentRecord> {
    scene.store().consent_records(scene.tenant, contact, &Paging::default()).await.unwrap().items
}

/// Out since the STOP, and the ledger says from where that is known.
async fn assert_out(scene: &Scene, contact: &Contact, evidence: Value) {
    assert!(contact.consent.explicitly_out(), "{:?}", contact.consent);
    assert_eq!(contact.consent.opted_out_at, Some(at(500)));
    assert_eq!(scene.bench.read_contact(scene.tenant, contact.id).await.consent, contact.consent);
    let ledger = ledger(scene, contact.id).await;
    let [entry] = &ledger[..] else { panic!("{ledger:?}") };
    assert_eq!((entry.kind, entry.source, entry.at), (ConsentKind::OptOut, ConsentSource::Keyword, at(500)));
    assert_eq!(entry.evidence, evidence);
}

async fn a_deleted_persons_opt_out_holds_when_the_number_is_made_again(bench: Bench) {
    let scene = Scene::of(bench).await;
    let gone = deleted_after_no(&scene).await;
    let evidence = json!({ "kept_from_deletion": gone });
    let by_number = scene.bench.contact(scene.tenant, claimed()).await;
    assert_out(&scene, &by_number, evidence.clone()).await;
    let by_user_id = Identity { phone: None, bsuid: Some(BSUID.into()) };
    let by_user_id = NewContact { identity: by_user_id, ..claimed() };
    let by_user_id = scene.bench.contact(scene.tenant, by_user_id).await;
    assert_out(&scene, &by_user_id, evidence).await;
    let somebody = scene.bench.contact(scene.tenant, new_contact(3)).await;
    assert_eq!(somebody.consent, ConsentState::default());
    assert_eq!(ledger(&scene, gone).await.len(), 2, "its own ledger stays as it was");
}

async fn a_deleted_persons_opt_out_holds_when_the_number_is_imported(bench: Bench) {
    let scene = Scene::of(bench).await;
    let gone = deleted_after_no(&scene).await;
    let kept = scene.store().kept_consent(scene.tenant, &[identity(NUMBER), identity(3)]).await.unwrap();
    assert!(kept[0].as_ref().is_some_and(ConsentState::explicitly_out), "a dry run knows: {kept:?}");
    assert_eq!(kept[1], None);
    let import = scene.store().create_import(scene.tenant, new_import()).await.unwrap();
    let batch = batch(import.id, vec![good_row(1, 3), good_row(2, NUMBER)], 2);
    let applied = scene.store().import_batch(scene.tenant, &batch).await.unwrap();
    let Applied::Applied(import) = applied else { panic!("not applied: {applied:?}") };
    assert_eq!((import.counts.imported, import.consent_refused), (2, 1));
    let notes =
        scene.store().import_problems_of(scene.tenant, import.id, ProblemKind::Note, 9).await.unwrap();
    assert_eq!(notes.iter().map(|note| note.row).collect::<Vec<_>>(), [2]);
    let by = async |number| {
        scene.store().contact_by_identity(scene.tenant, &identity(number)).await.unwrap().expect("there")
    };
    assert_out(&scene, &by(NUMBER).await, json!({ "kept_from_deletion": gone })).await;
    assert!(by(3).await.consent.opted_in);
}

/// Nobody asked for what is on its way to be forgotten.
async fn a_deleted_persons_opt_out_holds_when_the_person_writes_and_nothing_written_before_is_dropped(
    bench: Bench,
) {
    let scene = Scene::of(bench).await;
    let gone = deleted_after_no(&scene).await;
    let writes = Inbound { at: at(999), from: person(), ..scene.inbound(NUMBER, "w.before") };
    let projected = scene.project(vec![Change::Inbound(writes)]).await;
    let contact = scene.bench.read_contact(scene.tenant, projected.inbound[0].1).await;
    assert!(contact.consent.wrote_after_opt_out, "an answer is wanted");
    assert_out(&scene, &contact, json!({ "kept_from_deletion": gone })).await;
    let start = Inbound {
        at: at(1_700),
        content: words("START"),
        word: Some(domain::consent::words::Word::OptIn),
        ..scene.inbound(NUMBER, "w.start")
    };
    scene.project(vec![Change::Inbound(start)]).await;
    assert!(scene.bench.read_contact(scene.tenant, contact.id).await.consent.opted_in);
}

async fn a_deleted_persons_opt_out_holds_when_another_contact_gets_the_number(bench: Bench) {
    let scene = Scene::of(bench).await;
    let gone = deleted_after_no(&scene).await;
    let other = scene.bench.contact(scene.tenant, new_contact(3)).await;
    let patch = ContactPatch { identity: Some(identity(NUMBER)), ..ContactPatch::default() };
    let changed = scene.store().update_contact(scene.tenant, other.id, patch, at(1_600)).await.unwrap();
    let UpdatedContact::Updated(changed) = changed else { panic!("{changed:?}") };
    assert_out(&scene, &changed, json!({ "kept_from_deletion": gone })).await;
}

async fn a_deleted_persons_marketing_stop_holds_beside_an_opt_in(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = opted_in(&scene).await;
    decide(&scene, contact, ConsentKind::MarketingStop, ConsentSource::MetaPreference, 500).await;
    delete(&scene, contact).await;
    let back = scene.bench.contact(scene.tenant, claimed()).await;
    assert!(back.consent.opted_in && back.consent.marketing_stopped, "{:?}", back.consent);
    assert_eq!(scene.bench.read_contact(scene.tenant, back.id).await.consent, back.consent);
    decide(&scene, back.id, ConsentKind::MarketingResume, ConsentSource::MetaPreference, 1_500).await;
    delete(&scene, back.id).await;
    let again = scene.bench.contact(scene.tenant, claimed()).await;
    assert!(again.consent.opted_in && !again.consent.marketing_stopped, "{:?}", again.consent);
}

async fn a_deleted_persons_opt_out_is_ended_by_an_opt_in_of_its_own(bench: Bench) {
    let scene = Scene::of(bench).await;
    deleted_after_no(&scene).await;
    let back = scene.bench.contact(scene.tenant, claimed()).await.id;
    decide(&scene, back, ConsentKind::OptIn, ConsentSource::Api, 1_500).await;
    assert!(scene.bench.read_contact(scene.tenant, back).await.consent.opted_in);
    delete(&scene, back).await;
    let claimed = scene.bench.contact(scene.tenant, claimed()).await;
    assert!(claimed.consent.opted_in, "what was lifted does not come back: {:?}", claimed.consent);
}

async fn whoever_was_deleted_while_opted_in_leaves_nothing(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = opted_in(&scene).await;
    delete(&scene, contact).await;
    let silent = scene.bench.contact(scene.tenant, new_contact(3)).await.id;
    delete(&scene, silent).await;
    let kept = texts(&scene.bench, "SELECT hash AS text FROM erased_identities").await;
    assert_eq!(kept, [""; 0]);
    let back = scene.bench.contact(scene.tenant, new_contact(NUMBER)).await;
    assert_eq!(back.consent, ConsentState::default(), "not opted in any more");
}

async fn whoever_was_deleted_while_opted_in_again_has_no_older_no_revived(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let back = scene.bench.contact(scene.tenant, NewContact { identity: person(), ..claimed() }).await;
    assert!(back.consent.explicitly_out());
    decide(&scene, back.id, ConsentKind::OptIn, ConsentSource::Api, 1_500).await;
    delete(&scene, back.id).await;
    let by_number = scene.bench.contact(scene.tenant, claimed()).await;
    assert!(by_number.consent.opted_in, "{:?}", by_number.consent);
    let by_user_id = Identity { phone: None, bsuid: Some(BSUID.into()) };
    let by_user_id =
        scene.bench.contact(scene.tenant, NewContact { identity: by_user_id, ..claimed() }).await;
    assert!(by_user_id.consent.opted_in, "{:?}", by_user_id.consent);
}

/// The ledger of a joined contact stays under the id that it had.
async fn a_joined_person_leaves_the_no_of_either_contact(bench: Bench) {
    let scene = Scene::of(bench).await;
    let one = scene.opted_in(NUMBER).await;
    let by_user_id = Identity { phone: None, bsuid: Some(BSUID.into()) };
    let two = NewContact { identity: by_user_id, ..claimed() };
    let two = scene.bench.contact(scene.tenant, two).await.id;
    decide(&scene, two, ConsentKind::OptOut, ConsentSource::Keyword, 500).await;
    let revealed = IdentityChange {
        source: Source { inbox_id: InboxId(1), pointer: "/0".into() },
        old: identity(NUMBER),
        new: person(),
        at: at(600),
    };
    scene.project(vec![Change::Identity(revealed)]).await;
    assert_eq!(scene.bench.read_contact(scene.tenant, two).await.id, one);
    delete(&scene, two).await;
    let back = scene.bench.contact(scene.tenant, claimed()).await;
    assert_out(&scene, &back, json!({ "kept_from_deletion": one })).await;
}

async fn a_no_that_was_kept_is_kept_again_by_the_next_deletion(bench: Bench) {
    let scene = Scene::of(bench).await;
    deleted_after_no(&scene).await;
    let second = scene.bench.contact(scene.tenant, claimed()).await.id;
    delete(&scene, second).await;
    let third = scene.bench.contact(scene.tenant, claimed()).await;
    assert_out(&scene, &third, json!({ "kept_from_deletion": second })).await;
}

async fn a_deletion_leaves_the_erasure_under_way_its_receipt(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = opted_in(&scene).await;
    let begun = scene.store().begin_erasure(scene.tenant, contact, at(1_000)).await.unwrap().expect("there");
    let back = scene.bench.contact(scene.tenant, NewContact { identity: person(), ..claimed() }).await.id;
    decide(&scene, back, ConsentKind::OptOut, ConsentSource::Keyword, 500).await;
    delete(&scene, back).await;
    let (receipt, _) = finish(scene.store(), scene.tenant, begun.id).await;
    assert!(receipt.kept.iter().any(|kept| kept.what.starts_with("2 keyed hash(es)")), "{receipt:?}");
    let late = Inbound { at: at(999), ..scene.inbound(NUMBER, "w.late") };
    let late = scene.project(vec![Change::Inbound(late)]).await;
    assert_eq!(late.inbound.len(), 0, "what was written before the erasure is dropped all the same");
    let again = scene.bench.contact(scene.tenant, claimed()).await;
    assert_out(&scene, &again, json!({ "kept_from_deletion": back })).await;
}

async fn an_erasure_takes_over_what_a_deletion_kept(bench: Bench) {
    let scene = Scene::of(bench).await;
    deleted_after_no(&scene).await;
    let back = scene.bench.contact(scene.tenant, NewContact { identity: person(), ..claimed() }).await.id;
    let begun = scene.store().begin_erasure(scene.tenant, back, at(1_100)).await.unwrap().expect("there");
    let (receipt, _) = finish(scene.store(), scene.tenant, begun.id).await;
    let what = "2 keyed hash(es) of phone number and user id, with the consent: opted out";
    assert!(receipt.kept.iter().any(|kept| kept.what == what), "{receipt:?}");
    let again = scene.bench.contact(scene.tenant, claimed()).await;
    assert_out(&scene, &again, json!({ "kept_from_erasure": begun.id })).await;
}

async fn what_a_deletion_keeps_is_its_tenants(bench: Bench) {
    let scene = Scene::of(bench).await;
    let stranger = scene.bench.tenant().await;
    deleted_after_no(&scene).await;
    let theirs = scene.bench.contact(stranger, claimed()).await;
    assert!(theirs.consent.opted_in, "what one tenant was told is not told to another");
    assert!(scene.store().delete_contact(stranger, theirs.id, at(1_100)).await.unwrap());
    let ours = scene.bench.contact(scene.tenant, claimed()).await;
    assert!(ours.consent.explicitly_out(), "nor does the other's deletion lift it");
}

async fn renewing_the_sealing_key_loses_no_opt_out_of_a_deletion(bench: Bench) {
    let scene = Scene::of(bench).await;
    deleted_after_no(&scene).await;
    let rotating = scene.bench.node_with_keys(vec![[9; 32], KEY]).await;
    assert_eq!(rotating.rotate_secrets().await.unwrap(), 4, "three of the connection, and the hashes' key");
    let new_only = scene.bench.node_with_keys(vec![[9; 32]]).await;
    let identity = Identity::of_phone(phone(NUMBER));
    let kept = new_only.kept_consent(scene.tenant, &[identity]).await.unwrap();
    assert!(kept[0].as_ref().is_some_and(ConsentState::explicitly_out), "{kept:?}");
}

async fn a_deleted_persons_opt_out_holds_when_the_number_is_made_at_the_same_moment(bench: Bench) {
    let scene = Scene::of(bench).await;
    let other = scene.bench.another_node().await;
    for round in 0..20u32 {
        let number = NUMBER + round;
        let claimed = NewContact { opt_in: claimed().opt_in, ..new_contact(number) };
        let contact = scene.opted_in(number).await;
        decide(&scene, contact, ConsentKind::OptOut, ConsentSource::Keyword, 500).await;
        let (_, made) = tokio::join!(
            delete(&scene, contact),
            other.create_contact(scene.tenant, claimed.clone(), at(1_000))
        );
        let back = match made {
            Ok(CreatedContact::Created(contact)) => contact,
            _ => scene.bench.contact(scene.tenant, claimed).await,
        };
        assert_out(&scene, &back, json!({ "kept_from_deletion": contact })).await;
    }
}

/// None of them finds the tenant's key.
async fn the_first_deletions_and_erasures_at_once_keep_every_no(bench: Bench) {
    let scene = Scene::of(bench).await;
    let mut contacts = Vec::new();
    for number in 1..=16 {
        let contact = scene.opted_in(number).await;
        decide(&scene, contact, ConsentKind::OptOut, ConsentSource::Keyword, 500).await;
        contacts.push(contact);
    }
    let tenant = scene.tenant;
    at_once(scene.store(), 16, move |store, index| {
        let contact = contacts[index as usize];
        async move {
            if index % 2 == 0 {
                assert!(store.delete_contact(tenant, contact, at(1_000)).await.unwrap());
            } else {
                store.begin_erasure(tenant, contact, at(1_000)).await.unwrap().expect("there");
            }
        }
    })
    .await;
    let asked: Vec<_> = (1..=16).map(identity).collect();
    let kept = scene.store().kept_consent(tenant, &asked).await.unwrap();
    let is_out = |kept: &Option<ConsentState>| kept.as_ref().is_some_and(ConsentState::explicitly_out);
    assert!(kept.iter().all(is_out), "{kept:?}");
}
