//! A tenant never sees, and never touches, a row of another: every verb, by column.

use std::time::Duration;

use domain::access::Scope;
use domain::connections::ConnectionState;
use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::conversations::ConversationStatus;
use domain::messages::{Direction, Status};
use domain::segments::Rule;
use domain::{
    AlertId, ApiKeyId, CannedReplyId, ConnectionId, ContactId, ConversationId, InboxId, InboxItemId, MediaId,
    MessageId, TemplateId, TenantId, templates,
};
use ports::Paging;
use ports::access::{AccessStore, EventFilter, NewApiKey, NewSecurityEvent};
use ports::alerts::{AlertStore, NewAlert, Severity};
use ports::connections::{Broken, ConnectionPatch, ConnectionStore};
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactFilter, ContactPatch, ContactStore, NewContact, UpdatedContact};
use ports::conversations::{ConversationFilter, ConversationPatch, ConversationStore};
use ports::lanes::{LaneStore, Lease, Outcome, QueueStats, Settlement};
use ports::media::{MediaStore, NewMedia};
use ports::messages::{AcceptJob, AcceptOutcome, Addressee, MessageFilter, MessageStore, Moved, ReplyTo};
use ports::segments::{SegmentPatch, SegmentStore, UpdatedSegment};
use ports::templates::{TemplateFilter, TemplatePatch, TemplateStore};
use ports::webhooks::{
    AsideReason, Change, ConnectionEvent, IdentityChange, InboxStats, MarketingPreference, SetAside, Source,
    StatusReport, TemplateEvent, WebhookStore,
};
use serde_json::json;

use crate::samples::{TOKEN, WABA, identity, inbound, job, new_connection, new_template, phone};
use crate::support::{Bench, at};

on_each_engine!(
    keys_and_security_events_are_their_tenants,
    alerts_are_their_tenants,
    connections_and_secrets_are_their_tenants,
    contacts_are_their_tenants,
    segments_are_their_tenants,
    consent_is_its_tenants,
    conversations_are_their_tenants,
    templates_are_their_tenants,
    media_are_their_tenants,
    messages_are_their_tenants,
    nothing_is_accepted_for_things_of_another_tenant,
    lanes_are_their_tenants,
    webhooks_are_their_tenants,
    a_projection_touches_its_own_tenant_alone,
);

/// Two tenants: one that has something of everything, one that has a connection alone.
struct Street {
    bench: Bench,
    /// The one who has.
    owner: TenantId,
    /// The one who looks.
    stranger: TenantId,
    own_connection: ConnectionId,
    key: ApiKeyId,
    alert: AlertId,
    connection: ConnectionId,
    contact: ContactId,
    conversation: ConversationId,
    reply: CannedReplyId,
    template: TemplateId,
    media: MediaId,
    message: MessageId,
    aside: InboxItemId,
}

impl Street {
    async fn new(bench: Bench) -> Self {
        let (owner, stranger) = (bench.tenant().await, bench.tenant().await);
        let store = &bench.store;
        let own_connection = bench.connect(stranger, new_connection("stranger")).await.id;
        let connection = bench.connect(owner, new_connection("owner")).await.id;
        let (contact, conversation) = bench.receive(owner, inbound(connection, identity(1), "w-in", 1)).await;
        let key = store.create_api_key(owner, new_key()).await.unwrap().id;
        store.record_security_events(vec![event(owner)]).await.unwrap();
        store.raise_alerts(vec![alert(owner)]).await.unwrap();
        let alert = store.alerts(owner, None, &Paging::default()).await.unwrap().items[0].id;
        store.record_consent(owner, opt_in(contact)).await.unwrap().unwrap();
        store.add_note(owner, conversation, "ana", "note", at(2)).await.unwrap().unwrap();
        let reply = store.create_canned_reply(owner, "hours", "nine", at(2)).await.unwrap().unwrap().id;
        let template = bench.template(owner, new_template("promo")).await.id;
        let media = store.create_media(owner, new_media(connection)).await.unwrap().id;
        let message = bench.send(job(owner, connection, Addressee::Contact(contact))).await;
        bench.apply(owner, vec![set_aside()]).await;
        let aside = store.aside_items(owner, None, &Paging::default()).await.unwrap().items[0].id;
        Self {
            bench,
            owner,
            stranger,
            own_connection,
            key,
            alert,
            connection,
            contact,
            conversation,
            reply,
            template,
            media,
            message,
            aside,
        }
    }

    /// All that the owner has, as text.
    async fn of_owner(&self) -> String {
        let store = &self.bench.store;
        let (tenant, paging) = (self.owner, Paging::default());
        let secrets = store.connection_secrets(tenant, self.connection).await.unwrap().unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&secrets.access_token), TOKEN);
        format!(
            "{:#?}",
            (
                store.api_keys(tenant).await.unwrap(),
                store.alerts(tenant, None, &paging).await.unwrap(),
                store.connections(tenant).await.unwrap(),
                store.contacts(tenant, &ContactFilter::default(), &paging).await.unwrap(),
                store.consent_records(tenant, self.contact, &paging).await.unwrap(),
                store.conversations(tenant, &ConversationFilter::default(), &paging).await.unwrap(),
                store.notes(tenant, self.conversation).await.unwrap(),
                store.canned_replies(tenant).await.unwrap(),
                store.templates(tenant, &TemplateFilter::default(), &paging).await.unwrap(),
                store.media(tenant, self.media).await.unwrap(),
                store.messages(tenant, &MessageFilter::default(), &paging).await.unwrap(),
                store.aside_items(tenant, None, &paging).await.unwrap(),
            )
        )
    }
}

fn new_key() -> NewApiKey {
    NewApiKey {
        name: "Key".into(),
        prefix: "wxw".into(),
        hash: [3; 32],
        scopes: vec![Scope::Read],
        networks: Default::default(),
        expires_at: None,
        at: at(0),
    }
}

fn event(tenant: TenantId) -> NewSecurityEvent {
    NewSecurityEvent {
        tenant_id: tenant,
        kind: "api_key_refused".into(),
        connection_id: None,
        address: None,
        reason: "unknown".into(),
        at: at(0),
        count: 1,
    }
}

fn alert(tenant: TenantId) -> NewAlert {
    NewAlert {
        tenant_id: tenant,
        kind: "token_expired".into(),
        subject: "connection:1".into(),
        severity: Severity::Critical,
        message: "expired".into(),
        details: json!({}),
        at: at(0),
        count: 1,
    }
}

fn opt_in(contact: ContactId) -> NewConsent {
    NewConsent {
        contact_id: contact,
        kind: ConsentKind::OptIn,
        source: ConsentSource::Api,
        at: at(2),
        evidence: json!({}),
    }
}

fn new_media(connection: ConnectionId) -> NewMedia {
    NewMedia {
        connection_id: connection,
        direction: Direction::Outbound,
        mime_type: "image/png".into(),
        filename: None,
        size: 3,
        sha256: None,
        meta_id: None,
        meta_expires_at: None,
        path: Some("1/x.png".into()),
        at: at(0),
    }
}

fn source(pointer: &str) -> Source {
    Source { inbox_id: InboxId(1), pointer: pointer.into() }
}

fn set_aside() -> Change {
    Change::Aside(SetAside {
        source: source("/entry/0"),
        connection_id: None,
        field: "flows".into(),
        reason: AsideReason::Unrecognised,
        why: "not known".into(),
        raw: json!({ "secret": "of the owner" }),
        at: at(0),
    })
}

async fn keys_and_security_events_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger) = (&street.bench.store, street.stranger);
    let before = street.of_owner().await;
    assert!(store.api_keys(stranger).await.unwrap().is_empty());
    assert_eq!(store.revoke_api_key(stranger, street.key, at(5)).await.unwrap(), None);
    let events = store.security_events(stranger, &EventFilter::default(), &Paging::default()).await.unwrap();
    assert_eq!((events.items.len(), events.total), (0, 0));
    store.record_security_events(vec![event(stranger)]).await.unwrap();
    assert_eq!(
        store.security_events(street.owner, &EventFilter::default(), &Paging::default()).await.unwrap().items
            [0]
        .count,
        1
    );
    assert_eq!(street.of_owner().await, before);
}

async fn alerts_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger) = (&street.bench.store, street.stranger);
    let before = street.of_owner().await;
    for open in [None, Some(true), Some(false)] {
        assert_eq!(store.alerts(stranger, open, &Paging::default()).await.unwrap().total, 0);
    }
    assert_eq!(
        store
            .acknowledge_alert(stranger, street.alert, &domain::audit::Actor::system(), at(5))
            .await
            .unwrap(),
        None
    );
    assert!(!store.resolve_alert(stranger, "token_expired", "connection:1", at(5)).await.unwrap());
    assert_eq!(store.raise_alerts(vec![alert(stranger)]).await.unwrap(), [true]);
    assert_eq!(street.of_owner().await, before);
}

async fn connections_and_secrets_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger, theirs) = (&street.bench.store, street.stranger, street.connection);
    let before = street.of_owner().await;
    assert!(store.connection(stranger, theirs).await.unwrap().is_none());
    assert!(store.connection_secrets(stranger, theirs).await.unwrap().is_none());
    let listed = store.connections(stranger).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [street.own_connection]);
    let patch = ConnectionPatch {
        name: Some("taken over".into()),
        access_token: Some("other".into()),
        is_default: Some(true),
        state: Some((ConnectionState::Disabled, None)),
        ..ConnectionPatch::default()
    };
    assert!(store.update_connection(stranger, theirs, patch, at(5)).await.unwrap().is_none());
    assert!(!store.break_connection(stranger, theirs, &Broken::because("why"), at(5)).await.unwrap());
    assert!(!store.delete_connection(stranger, theirs, at(5)).await.unwrap());
    store.note_handshake(stranger, theirs, at(5)).await.unwrap();
    assert_eq!(street.of_owner().await, before);
}

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

async fn webhooks_are_their_tenants(bench: Bench) {
    let street = Street::new(bench).await;
    let (store, stranger) = (&street.bench.store, street.stranger);
    let before = street.of_owner().await;
    for reason in [None, Some(AsideReason::Unrecognised)] {
        assert_eq!(store.aside_items(stranger, reason, &Paging::default()).await.unwrap().total, 0);
    }
    assert!(store.unresolved_aside(stranger, AsideReason::Unrecognised, 10).await.unwrap().is_empty());
    store.settle_aside(stranger, street.aside, true, "applied", at(5)).await.unwrap();
    assert_eq!(store.inbox_stats(stranger).await.unwrap(), InboxStats::default());
    assert_eq!(store.inbox_stats(street.owner).await.unwrap().unrecognised, 1);
    assert_eq!(street.of_owner().await, before);
}

async fn a_projection_touches_its_own_tenant_alone(bench: Bench) {
    let street = Street::new(bench).await;
    let before = street.of_owner().await;
    let theirs = street.connection;
    let status = StatusReport {
        source: source("/status"),
        connection_id: street.own_connection,
        wamid: "w-in".into(),
        status: Status::Read,
        at: at(9),
        message_id: Some(street.message),
        recipient: identity(1),
        failure: None,
        if_template: None,
        flag: Some(131_026),
        marketing_stop: true,
        verdict: None,
        pricing_category: None,
    };
    let template = TemplateEvent {
        source: source("/template"),
        waba_id: WABA.into(),
        meta_id: Some("meta-promo".into()),
        name: "promo".into(),
        language: "en_US".into(),
        status: Some(templates::Status::Disabled),
        rejection_reason: None,
        quality: None,
        category: None,
        at: at(9),
    };
    let preference = MarketingPreference {
        source: source("/preference"),
        connection_id: street.own_connection,
        who: identity(1),
        stop: true,
        at: at(9),
    };
    let renamed = IdentityChange {
        source: source("/identity"),
        old: identity(1),
        new: Identity { phone: Some(phone(2)), bsuid: Some("US.1".into()) },
        at: at(9),
    };
    let broken = ConnectionEvent {
        source: source("/account"),
        connection_id: theirs,
        quality_rating: Some("RED".into()),
        messaging_limit: None,
        rate_count: Some(1),
        verified_name: None,
        broken: Some(Broken::because("restricted")),
    };
    for change in [
        Change::Status(status),
        Change::Template(template),
        Change::Preference(preference),
        Change::Identity(renamed),
        Change::Connection(broken),
        Change::Inbound(inbound(street.own_connection, identity(1), "w-in", 9)),
    ] {
        street.bench.apply(street.stranger, vec![change.clone()]).await;
        assert_eq!(street.of_owner().await, before, "{change:?}");
    }
}
