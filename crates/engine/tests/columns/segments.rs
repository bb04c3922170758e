use domain::segments::Rule;
use engine::contacts::CreateContact;
use engine::segments::SegmentError;
use ports::segments::{Counted, SegmentPatch};
use serde_json::json;

use crate::house::{House, page};

fn fresh() -> Rule {
    serde_json::from_value(json!({ "field": "created_at", "op": "within_days", "value": 7 })).unwrap()
}

#[tokio::test]
async fn a_count_moves_with_the_clock() {
    let house = House::build().await;
    let contact = CreateContact { phone: Some("+15551234567".into()), ..CreateContact::default() };
    house.engine.contacts.create(house.tenant, contact).await.unwrap();
    let segments = &house.engine.segments;
    let segment = segments.create(house.tenant, " fresh ", &fresh()).await.unwrap();
    assert_eq!(segment.name, "fresh");
    let now = segments.count(house.tenant, segment.id).await.unwrap();
    assert_eq!(now.counted, Counted { contacts: 1, opted_in: 0 });
    house.advance(8 * 24);
    let later = segments.count(house.tenant, segment.id).await.unwrap();
    assert_eq!(later.counted, Counted { contacts: 0, opted_in: 0 });
    assert!(later.at > now.at);
}

#[tokio::test]
async fn a_segment_needs_a_name_of_its_own() {
    let house = House::build().await;
    let segments = &house.engine.segments;
    let long = "x".repeat(129);
    for name in ["", "  ", long.as_str()] {
        let refused = segments.create(house.tenant, name, &fresh()).await;
        assert!(matches!(refused, Err(SegmentError::Invalid(_))), "{name}");
    }
    let one = segments.create(house.tenant, "one", &fresh()).await.unwrap();
    let two = segments.create(house.tenant, "two", &fresh()).await.unwrap();
    let again = segments.create(house.tenant, " one", &fresh()).await;
    assert!(matches!(again, Err(SegmentError::NameTaken(id)) if id == one.id));
    let patch = SegmentPatch { name: Some("one ".into()), rule: None };
    let renamed = segments.update(house.tenant, two.id, patch).await;
    assert!(matches!(renamed, Err(SegmentError::NameTaken(id)) if id == one.id));
}

#[tokio::test]
async fn a_segment_is_its_tenants_and_gone_once_it_is_deleted() {
    let house = House::build().await;
    let segments = &house.engine.segments;
    let segment = segments.create(house.tenant, "fresh", &fresh()).await.unwrap();
    let stranger = house.stranger().await;
    assert!(matches!(segments.count(stranger, segment.id).await, Err(SegmentError::NotFound)));
    assert!(matches!(segments.filter(stranger, segment.id).await, Err(SegmentError::NotFound)));
    assert!(matches!(segments.delete(stranger, segment.id).await, Err(SegmentError::NotFound)));
    segments.delete(house.tenant, segment.id).await.unwrap();
    assert!(matches!(segments.get(house.tenant, segment.id).await, Err(SegmentError::NotFound)));
    assert_eq!(segments.list(house.tenant, &page()).await.unwrap().total, 0);
}
