//! What Meta tells a tenant: the inbox, and what its items do.

use domain::contacts::Identity;
use domain::messages::Status;
use domain::templates;
use ports::Paging;
use ports::connections::Broken;
use ports::webhooks::{
    AsideReason, Change, ConnectionEvent, IdentityChange, InboxStats, MarketingPreference, StatusReport,
    TemplateEvent, WebhookStore,
};

use super::{Street, source};
use crate::samples::{WABA, identity, inbound, phone};
use crate::support::{Bench, at};

on_each_engine!(webhooks_are_their_tenants, a_projection_touches_its_own_tenant_alone);

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
