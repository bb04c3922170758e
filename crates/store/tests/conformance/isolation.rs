//! A tenant never sees, and never touches, a row of another: every verb, by column.

mod messages;
mod people;
mod webhooks;

use domain::access::Scope;
use domain::connections::ConnectionState;
use domain::consent::{ConsentKind, ConsentSource};
use domain::messages::Direction;
use domain::{
    AlertId, ApiKeyId, CannedReplyId, ConnectionId, ContactId, ConversationId, InboxId, InboxItemId, MediaId,
    MessageId, TemplateId, TenantId,
};
use ports::Paging;
use ports::access::{AccessStore, EventFilter, NewApiKey, NewSecurityEvent};
use ports::alerts::{AlertStore, NewAlert, Severity};
use ports::connections::{Broken, ConnectionPatch, ConnectionStore};
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactFilter, ContactStore};
use ports::conversations::{ConversationFilter, ConversationStore};
use ports::media::{MediaStore, NewMedia};
use ports::messages::{Addressee, MessageFilter, MessageStore};
use ports::templates::{TemplateFilter, TemplateStore};
use ports::webhooks::{AsideReason, Change, SetAside, Source, WebhookStore};
use serde_json::json;

use crate::samples::{TOKEN, identity, inbound, job, new_connection, new_template};
use crate::support::{Bench, at};

on_each_engine!(
    keys_and_security_events_are_their_tenants,
    alerts_are_their_tenants,
    connections_and_secrets_are_their_tenants,
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
