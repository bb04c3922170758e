//! Whom a tenant knows: contacts, segments, consent, conversations.

use domain::consent::ConsentKind;
use domain::conversations::ConversationStatus;
use domain::segments::Rule;
use ports::Paging;
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactFilter, ContactPatch, ContactStore, NewContact, UpdatedContact};
use ports::conversations::{ConversationFilter, ConversationPatch, ConversationStore};
use ports::segments::{SegmentPatch, SegmentStore, UpdatedSegment};

use super::{Street, opt_in};
use crate::samples::identity;
use crate::support::{Bench, at};

on_each_engine!(
    contacts_are_their_tenants,
    segments_are_their_tenants,
    consent_is_its_tenants,
    conversations_are_their_tenants,
);

async fn contacts_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.contact);
    let before = street.of_owner().await;
    assert_eq!(store.contact(stranger, theirs).await.unwrap(), None);
    assert_eq!(store.contact_by_identity(stranger, &identity(1)).await.unwrap(), None);
    for search in [None, Some("pat".to_owned()), Some("555".to_owned())] {
        let filter = ContactFilter { search, ..ContactFilter::default() };
        assert_eq!(store.contacts(stranger, &filter, &Paging::default()).await.unwrap().total, 0);
    }
    let patch = ContactPatch { name: Some(Some("Other".into())), ..ContactPatch::default() };
    let updated = store.update_contact(stranger, theirs, patch, at(5)).await.unwrap();
    assert_eq!(updated, UpdatedContact::NotFound);
    assert_eq!(store.clear_review(stranger, theirs, at(5)).await.unwrap(), None);
    assert!(!store.delete_contact(stranger, theirs, at(5)).await.unwrap());
    let same =
        street.bench.contact(stranger, NewContact { identity: identity(1), ..NewContact::default() }).await;
    assert_ne!(same.id, theirs);
    assert!(!same.consent.opted_in, "consent is given to one business");
    let patch = ContactPatch { identity: Some(identity(1)), ..ContactPatch::default() };
    let updated = store.update_contact(stranger, same.id, patch, at(5)).await.unwrap();
    assert!(matches!(updated, UpdatedContact::Updated(_)));
    assert!(store.delete_contact(stranger, same.id, at(6)).await.unwrap());
    assert_eq!(street.of_owner().await, before);
}

async fn segments_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, owner, stranger) = (&street.bench.store, street.owner, street.stranger);
    let everyone = Rule::everyone();
    let theirs = store.create_segment(owner, "everyone", &everyone, at(2)).await.unwrap().unwrap();
    assert_eq!(store.segment(stranger, theirs.id).await.unwrap(), None);
    assert_eq!(store.segments(stranger, &Paging::default()).await.unwrap().total, 0);
    let patch = SegmentPatch { name: Some("taken over".into()), rule: None };
    let updated = store.update_segment(stranger, theirs.id, patch, at(5)).await.unwrap();
    assert_eq!(updated, UpdatedSegment::NotFound);
    let removed = store.delete_segment(stranger, theirs.id).await.unwrap();
    assert_eq!(removed, ports::segments::RemovedSegment::NotFound);
    assert_eq!(store.count_contacts(owner, &everyone, at(5)).await.unwrap().contacts, 1);
    assert_eq!(store.count_contacts(stranger, &everyone, at(5)).await.unwrap().contacts, 0);
    assert_eq!(store.segment(owner, theirs.id).await.unwrap(), Some(theirs));
}

async fn consent_is_its_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger) = (&street.bench.store, street.stranger);
    let before = street.of_owner().await;
    let ledger = store.consent_records(stranger, street.contact, &Paging::default()).await.unwrap();
    assert_eq!((ledger.items.len(), ledger.total), (0, 0));
    let stop = NewConsent { kind: ConsentKind::OptOut, at: at(9), ..opt_in(street.contact) };
    assert_eq!(store.record_consent(stranger, stop).await.unwrap(), None);
    assert_eq!(street.of_owner().await, before);
}

async fn conversations_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.conversation);
    let before = street.of_owner().await;
    assert_eq!(store.conversation(stranger, theirs).await.unwrap(), None);
    for filter in [
        ConversationFilter::default(),
        ConversationFilter { contact_id: Some(street.contact), ..ConversationFilter::default() },
        ConversationFilter { connection_id: Some(street.connection), ..ConversationFilter::default() },
        ConversationFilter { unread: Some(true), ..ConversationFilter::default() },
    ] {
        assert_eq!(store.conversations(stranger, &filter, &Paging::default()).await.unwrap().total, 0);
    }
    let patch =
        ConversationPatch { status: Some(ConversationStatus::Closed), ..ConversationPatch::default() };
    assert_eq!(store.update_conversation(stranger, theirs, patch).await.unwrap(), None);
    assert_eq!(store.mark_conversation_read(stranger, theirs, at(5)).await.unwrap(), None);
    assert_eq!(store.add_note(stranger, theirs, "eve", "read this", at(5)).await.unwrap(), None);
    assert!(store.notes(stranger, theirs).await.unwrap().is_empty());
    assert!(store.canned_replies(stranger).await.unwrap().is_empty());
    assert!(!store.delete_canned_reply(stranger, street.reply).await.unwrap());
    assert_eq!(street.of_owner().await, before);
}
