//! Alerts.

use domain::audit::Actor;
use domain::{AlertId, TenantId};
use ports::Paging;
use ports::alerts::{Alert, AlertStore, NewAlert, Severity};

use crate::samples::{at_once, walk};
use crate::support::{Bench, at};

on_each_engine!(
    a_condition_that_stays_is_one_alert_that_counts,
    a_hundred_nodes_that_raise_the_same_open_one_alert,
    equal_alerts_in_one_call_open_one,
    a_condition_that_comes_back_opens_a_new_alert,
    the_first_acknowledgement_is_kept,
    alerts_are_listed_newest_first_open_or_resolved,
    two_who_raise_many_in_different_order_both_succeed,
);

fn alert(tenant: TenantId, subject: &str, second: i64) -> NewAlert {
    NewAlert {
        tenant_id: tenant,
        kind: "token_expired".into(),
        subject: subject.into(),
        severity: Severity::Critical,
        message: "The token has expired".into(),
        details: serde_json::json!({ "code": 190 }),
        at: at(second),
        count: 1,
    }
}

async fn listed(bench: &Bench, tenant: TenantId, open: Option<bool>) -> Vec<Alert> {
    bench.store.alerts(tenant, open, &Paging::default()).await.unwrap().items
}

async fn a_condition_that_stays_is_one_alert_that_counts(bench: Bench) {
    let tenant = bench.tenant().await;
    assert_eq!(bench.store.raise_alerts(vec![alert(tenant, "connection:1", 0)]).await.unwrap(), [true]);
    let again = NewAlert { count: 5, ..alert(tenant, "connection:1", 60) };
    assert_eq!(bench.store.raise_alerts(vec![again]).await.unwrap(), [false]);
    let late = alert(tenant, "connection:1", 30);
    assert_eq!(bench.store.raise_alerts(vec![late]).await.unwrap(), [false]);
    let alerts = listed(&bench, tenant, None).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].opened_at, alerts[0].last_at, alerts[0].count), (at(0), at(60), 7));
    assert_eq!(alerts[0].severity, Severity::Critical);
    assert_eq!(alerts[0].details, serde_json::json!({ "code": 190 }));
}

async fn a_hundred_nodes_that_raise_the_same_open_one_alert(bench: Bench) {
    let tenant = bench.tenant().await;
    let opened = at_once(&bench.store, 100, |store, _| async move {
        store.raise_alerts(vec![alert(tenant, "connection:1", 0)]).await.unwrap()[0]
    })
    .await;
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    let alerts = listed(&bench, tenant, Some(true)).await;
    assert_eq!((alerts.len(), alerts[0].count), (1, 100));
}

async fn equal_alerts_in_one_call_open_one(bench: Bench) {
    let tenant = bench.tenant().await;
    let raised = vec![alert(tenant, "b", 0), alert(tenant, "a", 1), alert(tenant, "b", 2)];
    assert_eq!(bench.store.raise_alerts(raised).await.unwrap(), [true, true, false]);
    let alerts = listed(&bench, tenant, None).await;
    assert_eq!(alerts.len(), 2);
    let b = alerts.iter().find(|alert| alert.subject == "b").unwrap();
    assert_eq!((b.count, b.opened_at, b.last_at), (2, at(0), at(2)));
    assert!(bench.store.raise_alerts(Vec::new()).await.unwrap().is_empty());
}

async fn a_condition_that_comes_back_opens_a_new_alert(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.store.raise_alerts(vec![alert(tenant, "connection:1", 0)]).await.unwrap();
    let resolve = |second| bench.store.resolve_alert(tenant, "token_expired", "connection:1", at(second));
    assert!(resolve(10).await.unwrap());
    assert!(!resolve(11).await.unwrap());
    assert_eq!(bench.store.raise_alerts(vec![alert(tenant, "connection:1", 20)]).await.unwrap(), [true]);
    let alerts = listed(&bench, tenant, None).await;
    assert_eq!(alerts.iter().map(|alert| alert.resolved_at).collect::<Vec<_>>(), [None, Some(at(10))]);
}

async fn the_first_acknowledgement_is_kept(bench: Bench) {
    let tenant = bench.tenant().await;
    bench.store.raise_alerts(vec![alert(tenant, "connection:1", 0)]).await.unwrap();
    let id = listed(&bench, tenant, None).await[0].id;
    for second in [5, 9] {
        let acknowledged = bench
            .store
            .acknowledge_alert(tenant, id, &Actor::member(1, "Ada"), at(second))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(acknowledged.acknowledged_at, Some(at(5)));
    }
    assert_eq!(
        bench.store.acknowledge_alert(tenant, AlertId(999), &Actor::system(), at(1)).await.unwrap(),
        None
    );
}

async fn alerts_are_listed_newest_first_open_or_resolved(bench: Bench) {
    let tenant = bench.tenant().await;
    for number in 0..15 {
        bench.store.raise_alerts(vec![alert(tenant, &format!("connection:{number}"), number)]).await.unwrap();
    }
    for number in 0..5 {
        let subject = format!("connection:{number}");
        bench.store.resolve_alert(tenant, "token_expired", &subject, at(100)).await.unwrap();
    }
    let store = &bench.store;
    for (open, wanted) in [(None, 15), (Some(true), 10), (Some(false), 5)] {
        let all = walk(4, |paging| async move { store.alerts(tenant, open, &paging).await.unwrap() }).await;
        assert_eq!(all.len(), wanted);
        assert!(all.is_sorted_by_key(|alert| std::cmp::Reverse(alert.opened_at)));
        assert!(open.is_none_or(|open| all.iter().all(|alert| alert.resolved_at.is_none() == open)));
        assert_eq!(store.alerts(tenant, open, &Paging::default()).await.unwrap().total, wanted as u64);
    }
}

async fn two_who_raise_many_in_different_order_both_succeed(bench: Bench) {
    let tenant = bench.tenant().await;
    let opened = at_once(&bench.store, 20, |store, number| async move {
        let mut alerts: Vec<_> = (0..20).map(|subject| alert(tenant, &format!("s{subject}"), 0)).collect();
        alerts.rotate_left(number as usize);
        store.raise_alerts(alerts).await.unwrap()
    })
    .await;
    assert_eq!(opened.iter().flatten().filter(|opened| **opened).count(), 20);
    assert!(listed(&bench, tenant, None).await.iter().all(|alert| alert.count == 20));
}
