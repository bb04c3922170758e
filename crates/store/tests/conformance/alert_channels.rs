//! Alerts' histories, rules, channels, and what is to be told on them.

use domain::alerts::rules::{Rule, RuleKind};
use domain::audit::{Actor, ActorKind};
use domain::{AlertChannelId, TenantId, Timestamp};
use ports::Paging;
use ports::alerts::channels::{
    Channel, ChannelKind, ChannelPatch, ChannelStore, Delivery, NewChannel, Parcel, Target,
};
use ports::alerts::rules::{Mark, RuleStore};
use ports::alerts::{AlertStore, By, Happened, NewAlert, Severity};
use ports::operator::OperatorStore;
use secrecy::ExposeSecret;
use store::SqlStore;

use crate::samples::at_once;
use crate::support::{Bench, KEY, at};

on_each_engine!(
    an_alert_keeps_its_history,
    an_escalation_is_one_commit_and_is_told_once,
    what_happens_is_told_once_on_every_channel_that_wants_it,
    what_happens_together_is_told_together,
    two_who_take_get_each_parcel_once,
    a_failure_is_told_again_and_given_up_after_all,
    a_channel_keeps_its_secrets_sealed_through_a_rotation,
    rules_and_marks_are_kept_in_place,
    channels_rules_and_histories_are_their_tenants,
);

fn alert(tenant: TenantId, kind: &str, severity: Severity, second: i64) -> NewAlert {
    NewAlert {
        tenant_id: tenant,
        kind: kind.into(),
        subject: "connection:1".into(),
        severity,
        message: "Something is wrong".into(),
        details: serde_json::json!({}),
        at: at(second),
        count: 1,
    }
}

pub(crate) fn new_channel(min_severity: Severity, kinds: &[&str]) -> NewChannel {
    NewChannel {
        name: "Ops".into(),
        kind: ChannelKind::Webhook,
        shown: "https://example.com/hook".into(),
        target: Target {
            address: "https://example.com/hook?secret".to_owned().into(),
            secret: Some("whsec_abc".to_owned().into()),
        },
        min_severity,
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        enabled: true,
        at: at(0),
    }
}

async fn channel(store: &SqlStore, tenant: TenantId) -> Channel {
    store.create_channel(tenant, new_channel(Severity::Info, &[])).await.unwrap()
}

async fn take(store: &SqlStore, second: i64) -> Vec<Parcel> {
    store.take_parcels(at(second), at(second + 300), 10).await.unwrap()
}

fn told(parcel: &Parcel) -> Vec<(Happened, &str)> {
    parcel.news.iter().map(|(event, alert)| (event.happened, alert.kind.as_str())).collect()
}

async fn an_alert_keeps_its_history(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    store.raise_alerts(vec![alert(tenant, "token_expired", Severity::Critical, 0)]).await.unwrap();
    store.raise_alerts(vec![alert(tenant, "token_expired", Severity::Critical, 1)]).await.unwrap();
    let id = store.alerts(tenant, None, &Paging::default()).await.unwrap().items[0].id;
    for (who, second) in [(Actor::member(7, "Ada"), 5), (Actor::api_key(3, "Eve"), 6)] {
        store.acknowledge_alert(tenant, id, &who, at(second)).await.unwrap().unwrap();
    }
    store.resolve_alert(tenant, "token_expired", "connection:1", at(9)).await.unwrap();
    let (kept, history) = store.alert(tenant, id).await.unwrap().unwrap();
    let ada = By { kind: Some(ActorKind::Member), id: Some(7), name: Some("Ada".into()) };
    assert_eq!((kept.count, kept.acknowledged_by.as_ref()), (2, Some(&ada)));
    let history: Vec<(Happened, Timestamp, Option<&By>)> =
        history.iter().map(|event| (event.happened, event.at, event.by.as_ref())).collect();
    assert_eq!(
        history,
        [
            (Happened::Opened, at(0), None),
            (Happened::Acknowledged, at(5), Some(&ada)),
            (Happened::Resolved, at(9), None),
        ]
    );
    let last = store.last_alert_event(tenant).await.unwrap();
    let since = store.alert_events(tenant, last - 1, 10).await.unwrap();
    assert_eq!(since.iter().map(|(event, _)| event.happened).collect::<Vec<_>>(), [Happened::Resolved]);
    let open = store.open_alerts(tenant, &["token_expired"]).await.unwrap();
    assert_eq!(open, []);
}

async fn an_escalation_is_one_commit_and_is_told_once(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    channel(store, tenant).await;
    let of = |severity, second| alert(tenant, "token_expiring", severity, second);
    assert!(store.escalate_alert(of(Severity::Warning, 0)).await.unwrap());
    assert!(!store.escalate_alert(of(Severity::Warning, 1)).await.unwrap());
    let opened = at_once(store, 20, |store, _| async move {
        store.escalate_alert(alert(tenant, "token_expiring", Severity::Critical, 2)).await.unwrap()
    })
    .await;
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    assert!(!store.escalate_alert(of(Severity::Info, 3)).await.unwrap(), "never back");
    let alerts = store.alerts(tenant, None, &Paging::default()).await.unwrap().items;
    assert_eq!(
        alerts.iter().map(|one| one.severity).collect::<Vec<_>>(),
        [Severity::Critical, Severity::Warning]
    );
    let (_, history) = store.alert(tenant, alerts[1].id).await.unwrap().unwrap();
    assert_eq!(history.last().unwrap().happened, Happened::Escalated);
    let parcels = take(store, 60).await;
    assert_eq!(parcels.len(), 1);
    assert_eq!(
        told(&parcels[0]),
        [(Happened::Opened, "token_expiring"), (Happened::Opened, "token_expiring")]
    );
}

async fn what_happens_is_told_once_on_every_channel_that_wants_it(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    let all = channel(store, tenant).await.id;
    let critical = store.create_channel(tenant, new_channel(Severity::Critical, &[])).await.unwrap().id;
    let kinds = new_channel(Severity::Info, &["broadcast_stopped"]);
    let kinds = store.create_channel(tenant, kinds).await.unwrap().id;
    let off = channel(store, tenant).await.id;
    let patch = ChannelPatch { enabled: Some(false), ..ChannelPatch::default() };
    store.update_channel(tenant, off, patch, at(0)).await.unwrap().unwrap();
    for number in 0..1_000 {
        let raised = alert(tenant, "webhook_signature_invalid", Severity::Warning, number % 10);
        store.raise_alerts(vec![raised]).await.unwrap();
    }
    store.raise_alerts(vec![alert(tenant, "broadcast_stopped", Severity::Critical, 10)]).await.unwrap();
    let parcels = take(store, 60).await;
    let of = |id: AlertChannelId| parcels.iter().find(|parcel| parcel.channel.id == id).map(told);
    let signature = (Happened::Opened, "webhook_signature_invalid");
    let stopped = (Happened::Opened, "broadcast_stopped");
    assert_eq!(of(all), Some(vec![signature, stopped]), "a thousand occurrences are one piece of news");
    assert_eq!(of(critical), Some(vec![stopped]));
    assert_eq!(of(kinds), Some(vec![stopped]));
    assert_eq!(of(off), None);
    assert_eq!(parcels[0].news[0].1.count, 1_000);
}

async fn what_happens_together_is_told_together(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    channel(store, tenant).await;
    store.raise_alerts(vec![alert(tenant, "a", Severity::Warning, 0)]).await.unwrap();
    assert_eq!(store.next_parcel().await.unwrap(), Some(at(30)));
    assert!(take(store, 29).await.is_empty(), "what comes within half a minute goes with it");
    store.raise_alerts(vec![alert(tenant, "b", Severity::Warning, 29)]).await.unwrap();
    store.resolve_alert(tenant, "a", "connection:1", at(29)).await.unwrap();
    let parcels = take(store, 30).await;
    assert_eq!(parcels.len(), 1);
    assert_eq!(
        told(&parcels[0]),
        [(Happened::Opened, "a"), (Happened::Opened, "b"), (Happened::Resolved, "a")]
    );
    store.settle_parcel(&parcels[0], Delivery::Done, at(31)).await.unwrap();
    assert!(take(store, 9_999).await.is_empty());
    assert_eq!(store.next_parcel().await.unwrap(), None);
    let kept = store.channel(tenant, parcels[0].channel.id).await.unwrap().unwrap().0;
    assert_eq!((kept.delivered_at, kept.error), (Some(at(31)), None));
}

async fn two_who_take_get_each_parcel_once(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    for _ in 0..5 {
        channel(store, tenant).await;
    }
    store.raise_alerts(vec![alert(tenant, "a", Severity::Warning, 0)]).await.unwrap();
    let taken = at_once(store, 10, |store, _| async move { take(&store, 40).await.len() }).await;
    assert_eq!(taken.iter().sum::<usize>(), 5);
    assert!(take(store, 339).await.is_empty());
    assert_eq!(take(store, 341).await.len(), 5, "whoever took them died");
}

async fn a_failure_is_told_again_and_given_up_after_all(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    let id = channel(store, tenant).await.id;
    store.raise_alerts(vec![alert(tenant, "a", Severity::Warning, 0)]).await.unwrap();
    let parcel = take(store, 30).await.remove(0);
    assert_eq!((parcel.attempts, parcel.since), (0, at(0)));
    let again = Delivery::Again { due_at: at(90), why: "status 500".into() };
    store.settle_parcel(&parcel, again, at(31)).await.unwrap();
    let kept = store.channel(tenant, id).await.unwrap().unwrap().0;
    assert_eq!(
        (kept.error.as_deref(), kept.error_at, kept.delivered_at),
        (Some("status 500"), Some(at(31)), None)
    );
    assert!(take(store, 89).await.is_empty());
    let parcel = take(store, 90).await.remove(0);
    assert_eq!(parcel.attempts, 1);
    let given_up = Delivery::GivenUp { why: "status 500".into() };
    store.settle_parcel(&parcel, given_up, at(91)).await.unwrap();
    assert!(take(store, 99_999).await.is_empty());
    // And a channel that is removed takes along what was still to be told there.
    store.raise_alerts(vec![alert(tenant, "b", Severity::Warning, 100)]).await.unwrap();
    assert!(store.delete_channel(tenant, id).await.unwrap());
    assert!(!store.delete_channel(tenant, id).await.unwrap());
    assert_eq!(store.next_parcel().await.unwrap(), None);
}

async fn a_channel_keeps_its_secrets_sealed_through_a_rotation(bench: Bench) {
    let tenant = bench.tenant().await;
    let id = channel(&bench.store, tenant).await.id;
    let newer = bench.node_with_keys(vec![[9; 32], KEY]).await;
    assert_eq!(newer.rotate_secrets().await.unwrap(), 2);
    let alone = bench.node_with_keys(vec![[9; 32]]).await;
    let (_, target) = alone.channel(tenant, id).await.unwrap().unwrap();
    assert_eq!(target.address.expose_secret(), "https://example.com/hook?secret");
    assert_eq!(target.secret.unwrap().expose_secret(), "whsec_abc");
    assert!(bench.store.channel(tenant, id).await.is_err(), "the old key opens it no more");
}

async fn rules_and_marks_are_kept_in_place(bench: Bench) {
    let (store, tenant) = (&bench.store, bench.tenant().await);
    assert_eq!(store.changed_rules(tenant).await.unwrap(), []);
    let kind = RuleKind::ReadRateLow;
    for threshold in [0.1, 0.25] {
        let rule = Rule { threshold, ..kind.usual() };
        store.save_rule(tenant, kind, &rule, at(3)).await.unwrap();
    }
    let kept = store.changed_rules(tenant).await.unwrap();
    assert_eq!((kept.len(), kept[0].kind, kept[0].rule.threshold), (1, kind, 0.25));
    let mark = |subject: &str, mark: &str| Mark { subject: subject.into(), mark: mark.into() };
    store.save_marks(tenant, vec![mark("b", "1"), mark("a", "1")]).await.unwrap();
    store.save_marks(tenant, vec![mark("b", "2")]).await.unwrap();
    store.save_marks(tenant, Vec::new()).await.unwrap();
    assert_eq!(store.marks(tenant).await.unwrap(), [mark("a", "1"), mark("b", "2")]);
}

async fn channels_rules_and_histories_are_their_tenants(bench: Bench) {
    let (store, owner, stranger) = (&bench.store, bench.tenant().await, bench.tenant().await);
    let id = channel(store, owner).await.id;
    store.raise_alerts(vec![alert(owner, "a", Severity::Warning, 0)]).await.unwrap();
    let kind = RuleKind::ReadRateLow;
    store.save_rule(owner, kind, &kind.usual(), at(0)).await.unwrap();
    store.save_marks(owner, vec![Mark { subject: "a".into(), mark: "b".into() }]).await.unwrap();
    let raised = store.alerts(owner, None, &Paging::default()).await.unwrap().items[0].id;
    assert!(store.alert(stranger, raised).await.unwrap().is_none());
    assert_eq!(store.open_alerts(stranger, &["a"]).await.unwrap(), []);
    assert!(store.alert_events(stranger, 0, 10).await.unwrap().is_empty());
    assert_eq!(store.last_alert_event(stranger).await.unwrap(), 0);
    assert_eq!(store.changed_rules(stranger).await.unwrap(), []);
    assert_eq!(store.marks(stranger).await.unwrap(), []);
    assert_eq!(store.channels(stranger, &Paging::default()).await.unwrap().total, 0);
    assert!(store.channel(stranger, id).await.unwrap().is_none());
    let patch = ChannelPatch { name: Some("Mine".into()), ..ChannelPatch::default() };
    assert!(store.update_channel(stranger, id, patch, at(1)).await.unwrap().is_none());
    assert!(!store.delete_channel(stranger, id).await.unwrap());
    assert_eq!(store.channel(owner, id).await.unwrap().unwrap().0.name, "Ops");
    // What happens to one tenant is told on no channel of another.
    store.raise_alerts(vec![alert(stranger, "a", Severity::Critical, 0)]).await.unwrap();
    let parcels = take(store, 60).await;
    assert_eq!(parcels.len(), 1);
    assert_eq!(parcels[0].news.len(), 1);
}
