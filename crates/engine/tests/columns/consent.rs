use domain::consent::{ConsentKind, ConsentSource};
use domain::{ApiKeyId, ContactId};
use engine::consent::{ConsentError, Testimony};
use engine::contacts::CreateContact;
use serde_json::json;

use crate::house::{House, page};

#[tokio::test]
async fn a_decision_is_recorded_once_and_the_ledger_keeps_all() {
    let house = House::build().await;
    let consent = &house.engine.consent;
    let contact = CreateContact { phone: Some("+15551234567".into()), ..CreateContact::default() };
    let id = house.engine.contacts.create(house.tenant, contact).await.unwrap().id;
    let by_key = || Testimony::by_call(Some(ApiKeyId(3)), Some(json!({"ticket": 12})));
    let first = consent.opt_in(house.tenant, id, by_key()).await.unwrap();
    assert!(first.changed && first.contact.consent.opted_in);
    house.advance(1);
    assert!(!consent.opt_in(house.tenant, id, by_key()).await.unwrap().changed);
    let out = consent.opt_out(house.tenant, id, by_key()).await.unwrap();
    assert!(out.changed && out.contact.consent.explicitly_out());
    assert!(!consent.opt_out(house.tenant, id, by_key()).await.unwrap().changed);
    house.advance(1);
    let console = Testimony { source: ConsentSource::Console, api_key: None, evidence: None };
    assert!(consent.opt_in(house.tenant, id, console).await.unwrap().changed);
    let ledger = consent.ledger(house.tenant, id, &page()).await.unwrap().items;
    let seen: Vec<_> = ledger.iter().map(|record| (record.kind, record.source)).collect();
    let expected = [
        (ConsentKind::OptIn, ConsentSource::Console),
        (ConsentKind::OptOut, ConsentSource::Api),
        (ConsentKind::OptIn, ConsentSource::Api),
    ];
    assert_eq!(seen, expected);
    assert_eq!(ledger[2].evidence, json!({"ticket": 12, "api_key_id": 3}));
    let nobody = consent.opt_in(house.tenant, ContactId(4711), by_key()).await;
    assert!(matches!(nobody, Err(ConsentError::ContactNotFound)));
    let stranger = house.stranger().await;
    let foreign = consent.opt_out(stranger, id, by_key()).await;
    assert!(matches!(foreign, Err(ConsentError::ContactNotFound)));
}
