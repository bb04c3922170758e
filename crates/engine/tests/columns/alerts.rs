use domain::audit::Actor;
use engine::alerts::{AlertError, Condition, kinds};
use ports::alerts::Severity;

use crate::house::House;

fn condition(severity: Severity) -> Condition {
    Condition {
        kind: kinds::TOKEN_EXPIRING,
        subject: "connection:1".into(),
        severity,
        message: "ends".into(),
        details: serde_json::json!({}),
    }
}

#[tokio::test]
async fn a_condition_that_lasts_is_one_alert() {
    let house = House::build().await;
    let alerts = &house.engine.alerts;
    assert!(alerts.raise(house.tenant, condition(Severity::Warning)).await.unwrap());
    assert!(!alerts.raise(house.tenant, condition(Severity::Warning)).await.unwrap());
    let open = house.alerts(Some(true)).await;
    assert_eq!((open.len(), open[0].count), (1, 2));
    let first = alerts.acknowledge(house.tenant, open[0].id, &Actor::member(1, "Ada")).await.unwrap();
    house.advance(1);
    let again = alerts.acknowledge(house.tenant, open[0].id, &Actor::member(1, "Ada")).await.unwrap();
    assert_eq!(again.acknowledged_at, first.acknowledged_at);
    let stranger = house.stranger().await;
    assert!(matches!(
        alerts.acknowledge(stranger, open[0].id, &Actor::member(1, "Eve")).await,
        Err(AlertError::NotFound)
    ));
    assert!(alerts.resolve(house.tenant, kinds::TOKEN_EXPIRING, "connection:1").await.unwrap());
    assert!(alerts.raise(house.tenant, condition(Severity::Warning)).await.unwrap(), "a new occurrence");
}

#[tokio::test]
async fn what_gets_worse_is_a_new_alert() {
    let house = House::build().await;
    let alerts = &house.engine.alerts;
    assert!(alerts.escalate(house.tenant, condition(Severity::Warning)).await.unwrap());
    assert!(!alerts.escalate(house.tenant, condition(Severity::Warning)).await.unwrap());
    assert!(alerts.escalate(house.tenant, condition(Severity::Critical)).await.unwrap());
    assert!(!alerts.escalate(house.tenant, condition(Severity::Warning)).await.unwrap(), "never back");
    let open = house.alerts(Some(true)).await;
    assert_eq!((open.len(), open[0].severity), (1, Severity::Critical));
    assert_eq!(house.alerts(Some(false)).await.len(), 1);
}
