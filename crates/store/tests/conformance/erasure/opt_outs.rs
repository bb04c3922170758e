//! The no of an erased person, whichever way the person comes back.

use domain::audit::Action;
use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use ports::Paging;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{Contact, ContactPatch, ContactStore, NewContact, UpdatedContact};
use ports::imports::{Applied, ImportStore, ProblemKind};
use ports::webhooks::{Change, Inbound};
use serde_json::json;

use super::{BSUID, NUMBER, batch, erase, erased_after_no, good_row, new_import, person};
use crate::samples::{identity, new_contact};
use crate::scene::{Scene, words};
use crate::support::{Bench, at};

on_each_engine!(
    an_opt_out_holds_when_the_number_is_made_again,
    an_opt_out_holds_when_the_number_is_imported,
    an_opt_out_holds_when_the_person_writes_and_ends_with_a_real_opt_in,
    an_opt_out_holds_when_another_contact_gets_the_number,
    whoever_had_not_said_no_starts_anew,
);

async fn assert_out(scene: &Scene, contact: &Contact) {
    assert!(contact.consent.explicitly_out(), "{:?}", contact.consent);
    assert_eq!(contact.consent.opted_out_at, Some(at(500)));
    let read = scene.bench.read_contact(scene.tenant, contact.id).await;
    assert_eq!(read.consent, contact.consent);
    let ledger =
        scene.store().consent_records(scene.tenant, contact.id, &Paging::default()).await.unwrap().items;
    let entries: Vec<_> = ledger.iter().map(|record| (record.kind, record.source, record.at)).collect();
    assert_eq!(entries, [(ConsentKind::OptOut, ConsentSource::Keyword, at(500))]);
    assert!(ledger[0].evidence["kept_from_erasure"].is_i64());
}

async fn an_opt_out_holds_when_the_number_is_made_again(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let claimed = NewContact { opt_in: Some((ConsentSource::Api, json!({}))), ..new_contact(NUMBER) };
    let by_number = scene.bench.contact(scene.tenant, claimed).await;
    assert_out(&scene, &by_number).await;
    let by_user_id = Identity { phone: None, bsuid: Some(BSUID.into()) };
    let by_user_id = NewContact { identity: by_user_id, ..NewContact::default() };
    let by_user_id = scene.bench.contact(scene.tenant, by_user_id).await;
    assert_out(&scene, &by_user_id).await;
    let somebody = scene.bench.contact(scene.tenant, new_contact(3)).await;
    assert_eq!(somebody.consent, Default::default());
    let real = NewConsent {
        contact_id: by_number.id,
        kind: ConsentKind::OptIn,
        source: ConsentSource::Api,
        at: at(2_500),
        evidence: json!({}),
    };
    let outcome = scene.store().record_consent(scene.tenant, real).await.unwrap().unwrap();
    assert!(outcome.changed && outcome.contact.consent.opted_in, "an opt-in of its own lifts it");
}

async fn an_opt_out_holds_when_the_number_is_imported(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let import = scene.store().create_import(scene.tenant, new_import()).await.unwrap();
    let batch = batch(import.id, vec![good_row(1, 3), good_row(2, NUMBER), good_row(3, 4)], 3);
    let applied = scene.store().import_batch(scene.tenant, &batch).await.unwrap();
    let Applied::Applied(import) = applied else { panic!("not applied: {applied:?}") };
    assert_eq!((import.counts.imported, import.consent_refused, import.opted_out), (3, 1, 0));
    let by = async |number| {
        scene.store().contact_by_identity(scene.tenant, &identity(number)).await.unwrap().expect("there")
    };
    assert_out(&scene, &by(NUMBER).await).await;
    for number in [3, 4] {
        let contact = by(number).await;
        assert!(contact.consent.opted_in);
        let ledger =
            scene.store().consent_records(scene.tenant, contact.id, &Paging::default()).await.unwrap();
        assert_eq!(ledger.total, 1);
    }
    scene.bench.seal(scene.tenant).await;
    let trail = scene.bench.trail(scene.tenant).await;
    let told =
        trail.iter().find(|link| link.entry.action == Action::ContactsImported.as_str()).expect("told");
    let after: serde_json::Value = serde_json::from_str(told.entry.after.as_ref().unwrap()).unwrap();
    let [first, last] = [by(3).await.id, by(4).await.id];
    // The erased person's new contact lies between.
    let ids = json!([[first, first], [last, last]]);
    assert_eq!((&after["opted_in"], &after["opted_out"]), (&ids, &json!([])));
    let notes =
        scene.store().import_problems_of(scene.tenant, import.id, ProblemKind::Note, 9).await.unwrap();
    assert_eq!(notes.iter().map(|note| note.row).collect::<Vec<_>>(), [2]);
}

async fn an_opt_out_holds_when_the_person_writes_and_ends_with_a_real_opt_in(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let writes = Inbound { at: at(1_600), from: person(), ..scene.inbound(NUMBER, "w.back") };
    let projected = scene.project(vec![Change::Inbound(writes)]).await;
    let contact = scene.bench.read_contact(scene.tenant, projected.inbound[0].1).await;
    assert!(contact.consent.wrote_after_opt_out, "an answer is wanted");
    assert_out(&scene, &contact).await;
    let start = Inbound {
        at: at(1_700),
        content: words("START"),
        word: Some(domain::consent::words::Word::OptIn),
        ..scene.inbound(NUMBER, "w.start")
    };
    scene.project(vec![Change::Inbound(start)]).await;
    assert!(scene.bench.read_contact(scene.tenant, contact.id).await.consent.opted_in);
}

async fn an_opt_out_holds_when_another_contact_gets_the_number(bench: Bench) {
    let scene = Scene::of(bench).await;
    erased_after_no(&scene).await;
    let other = scene.bench.contact(scene.tenant, new_contact(3)).await;
    let patch = ContactPatch { identity: Some(identity(NUMBER)), ..ContactPatch::default() };
    let changed = scene.store().update_contact(scene.tenant, other.id, patch, at(1_600)).await.unwrap();
    let UpdatedContact::Updated(changed) = changed else { panic!("{changed:?}") };
    assert_out(&scene, &changed).await;
}

async fn whoever_had_not_said_no_starts_anew(bench: Bench) {
    let scene = Scene::of(bench).await;
    let contact = scene.opted_in(NUMBER).await;
    let receipt = erase(scene.store(), scene.tenant, contact).await;
    assert!(receipt.kept.iter().any(|kept| kept.what.contains("no opt-out")), "{receipt:?}");
    let back = scene.bench.contact(scene.tenant, new_contact(NUMBER)).await;
    assert_eq!(back.consent, Default::default(), "not opted in any more");
    let again = scene.store().delete_contact(scene.tenant, back.id, at(1_100)).await.unwrap();
    assert!(again);
    let claimed = NewContact { opt_in: Some((ConsentSource::Api, json!({}))), ..new_contact(NUMBER) };
    assert!(scene.bench.contact(scene.tenant, claimed).await.consent.opted_in);
}
