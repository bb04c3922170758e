//! What a tenant sends: templates, media, messages, and the lanes that they go on.

use std::time::Duration;

use domain::messages::{Direction, Status};
use domain::templates;
use ports::Paging;
use ports::lanes::{LaneStore, Lease, Outcome, QueueStats, Settlement};
use ports::media::MediaStore;
use ports::messages::{AcceptJob, AcceptOutcome, Addressee, MessageFilter, MessageStore, Moved, ReplyTo};
use ports::templates::{TemplateFilter, TemplatePatch, TemplateStore};
use serde_json::json;

use super::Street;
use crate::samples::{WABA, identity, inbound, job, new_template, phone};
use crate::support::{Bench, at};

on_each_engine!(
    templates_are_their_tenants,
    media_are_their_tenants,
    messages_are_their_tenants,
    nothing_is_accepted_for_things_of_another_tenant,
    lanes_are_their_tenants,
);

async fn templates_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.template);
    let before = street.of_owner().await;
    assert_eq!(store.template(stranger, theirs).await.unwrap(), None);
    for connection in [street.connection, street.own_connection] {
        let named = store.templates_named(stranger, connection, "promo", None).await.unwrap();
        assert!(named.is_empty(), "both have the same account at Meta");
    }
    let filter = TemplateFilter { waba_id: Some(WABA.into()), ..TemplateFilter::default() };
    assert_eq!(store.templates(stranger, &filter, &Paging::default()).await.unwrap().total, 0);
    let patch = TemplatePatch { status: Some(templates::Status::Disabled), ..TemplatePatch::default() };
    assert_eq!(store.update_template(stranger, theirs, patch, at(5)).await.unwrap(), None);
    assert!(!store.delete_template(stranger, theirs, at(5)).await.unwrap());
    assert_eq!(store.remove_templates_missing(stranger, WABA, &[], at(5)).await.unwrap(), 0);
    let changed =
        ports::templates::NewTemplate { status: templates::Status::Rejected, ..new_template("promo") };
    let counts = store.sync_templates(stranger, vec![changed], at(5)).await.unwrap();
    assert_eq!((counts.added, counts.updated), (1, 0));
    assert_eq!(street.of_owner().await, before);
}

async fn media_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.media);
    let before = street.of_owner().await;
    assert_eq!(store.media(stranger, theirs).await.unwrap(), None);
    assert_eq!(store.media_of(stranger, &[theirs]).await.unwrap(), []);
    store.set_media_uploaded(stranger, theirs, "meta-x", at(5)).await.unwrap();
    store.set_media_fetched(stranger, theirs, "2/y.png", 9, "00").await.unwrap();
    store.set_media_failed(stranger, theirs, "why", Some(at(5))).await.unwrap();
    assert_eq!(street.of_owner().await, before);
}

async fn messages_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.message);
    let before = street.of_owner().await;
    assert_eq!(store.message(stranger, theirs).await.unwrap(), None);
    assert_eq!(store.message_events(stranger, theirs).await.unwrap(), None);
    for filter in [
        MessageFilter::default(),
        MessageFilter { contact_id: Some(street.contact), ..MessageFilter::default() },
        MessageFilter { conversation_id: Some(street.conversation), ..MessageFilter::default() },
        MessageFilter { connection_id: Some(street.connection), ..MessageFilter::default() },
        MessageFilter { status: Some(Status::Queued), ..MessageFilter::default() },
        MessageFilter { direction: Some(Direction::Inbound), ..MessageFilter::default() },
    ] {
        assert_eq!(
            store.messages(stranger, &filter, &Paging::default()).await.unwrap().total,
            0,
            "{filter:?}"
        );
    }
    assert_eq!(store.cancel_message(stranger, theirs, at(5)).await.unwrap(), Moved::NotFound);
    assert_eq!(store.requeue_message(stranger, theirs, true, at(5)).await.unwrap(), Moved::NotFound);
    assert_eq!(street.of_owner().await, before);
}

async fn nothing_is_accepted_for_things_of_another_tenant(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, own) = (&street.bench.store, street.stranger, street.own_connection);
    let keyed = AcceptJob {
        key: Some(("k".into(), [1; 32])),
        ..job(street.owner, street.connection, Addressee::Contact(street.contact))
    };
    street.bench.send(keyed.clone()).await;
    let before = street.of_owner().await;
    let (friend, thread) = street.bench.receive(stranger, inbound(own, identity(1), "w-own", 1)).await;
    let to_friend = job(stranger, own, Addressee::Contact(friend));
    let outcomes = store
        .accept(vec![
            job(stranger, own, Addressee::Contact(street.contact)),
            job(stranger, own, Addressee::Conversation(street.conversation)),
            AcceptJob { connection_id: street.connection, ..to_friend.clone() },
            AcceptJob { reply_to: Some(ReplyTo::Message(street.message)), ..to_friend.clone() },
            AcceptJob { key: keyed.key, ..to_friend.clone() },
            job(stranger, own, Addressee::Phone(phone(1))),
            job(stranger, own, Addressee::Conversation(thread)),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes[0], AcceptOutcome::ContactNotFound);
    assert_eq!(outcomes[1], AcceptOutcome::ConversationNotFound);
    assert_eq!(outcomes[2], AcceptOutcome::ConnectionNotFound);
    assert_eq!(outcomes[3], AcceptOutcome::ReplyToNotFound);
    for outcome in &outcomes[4..] {
        let AcceptOutcome::Accepted(accepted) = outcome else { panic!("{outcome:?}") };
        assert_eq!((accepted.contact_id, accepted.connection_id), (friend, own));
    }
    assert_eq!(street.of_owner().await, before);
}

async fn lanes_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.connection);
    let before = street.of_owner().await;
    let until = at(60) + Duration::from_secs(60);
    let taken = store.take_lane(street.owner, theirs, "node-1", at(20), until).await.unwrap().unwrap();
    assert!(store.take_lane(stranger, theirs, "node-2", at(20), until).await.unwrap().is_none());
    assert_eq!(store.queue_stats(stranger, theirs, at(20)).await.unwrap(), QueueStats::default());
    let forged = Lease { tenant_id: stranger, ..taken.lease.clone() };
    assert!(!store.renew_lane(&forged, until, &json!({ "forged": true })).await.unwrap());
    store.release_lane(&forged, &json!({ "forged": true })).await.unwrap();
    let claim = store.claim_due(&forged, 10, at(30)).await.unwrap();
    assert_eq!((claim.claimed.len(), claim.refused.len(), claim.next_due), (0, 0, None));
    let outcome = Outcome {
        message_id: street.message,
        contact_id: street.contact,
        settlement: Settlement::Sent { wamid: "forged".into(), held: false },
        at: at(30),
    };
    let moved = store.record_outcomes(&forged, vec![outcome]).await.unwrap();
    assert!(moved.is_empty(), "{moved:?}");
    assert_eq!(street.of_owner().await, before);
    assert_eq!(store.queue_stats(street.owner, theirs, at(20)).await.unwrap().queued, 1);
    assert_eq!(store.claim_due(&taken.lease, 10, at(30)).await.unwrap().claimed.len(), 1);
}
