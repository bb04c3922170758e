use domain::contacts::Identity;
use domain::phone::PhoneFault;
use domain::{ApiKeyId, ContactId};
use engine::consent::Testimony;
use engine::contacts::{ContactError, CreateContact, PatchContact};
use engine::tenants::SettingsPatch;
use ports::contacts::ContactFilter;
use serde_json::json;

use crate::house::{House, page};

fn named(phone: &str) -> CreateContact {
    CreateContact { phone: Some(phone.into()), name: Some(" Ada ".into()), ..CreateContact::default() }
}

fn pointers(error: ContactError) -> Vec<String> {
    match error {
        ContactError::Invalid(faults) => faults.0.into_iter().map(|fault| fault.pointer).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_contact_is_made_with_its_consent_and_found_by_its_number() {
    let house = House::build().await;
    let contacts = &house.engine.contacts;
    let opt_in = Some(Testimony::by_call(Some(ApiKeyId(3)), Some(json!({"form": "/join"}))));
    let made =
        contacts.create(house.tenant, CreateContact { opt_in, ..named("+1 555 123 4567") }).await.unwrap();
    assert_eq!(made.name.as_deref(), Some("Ada"));
    assert!(made.consent.opted_in);
    let found = contacts.find_by_phone(house.tenant, "+15551234567").await.unwrap();
    assert_eq!(found, made);
    let ledger = house.engine.consent.ledger(house.tenant, made.id, &page()).await.unwrap().items;
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].evidence, json!({"form": "/join", "api_key_id": 3}));
    let stranger = house.stranger().await;
    assert!(matches!(contacts.get(stranger, made.id).await, Err(ContactError::NotFound)));
    assert!(matches!(contacts.delete(stranger, made.id).await, Err(ContactError::NotFound)));
    assert_eq!(contacts.list(stranger, &ContactFilter::default(), &page()).await.unwrap().total, 0);
}

#[tokio::test]
async fn a_number_without_country_code_is_read_by_the_tenants_country() {
    let house = House::build().await;
    let contacts = &house.engine.contacts;
    let refused = contacts.create(house.tenant, named("0151 23456789")).await;
    let Err(ContactError::InvalidPhone(invalid)) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (invalid.provided.as_str(), invalid.reason),
        ("0151 23456789", PhoneFault::CountryCodeMissing)
    );
    let germany = SettingsPatch { default_country: Some(Some("DE".into())), ..SettingsPatch::default() };
    house.engine.tenants.patch_settings(house.tenant, germany).await.unwrap();
    let made = contacts.create(house.tenant, named("0151 23456789")).await.unwrap();
    assert_eq!(made.identity.phone.unwrap().as_str(), "+4915123456789");
}

#[tokio::test]
async fn nobody_is_kept_twice() {
    let house = House::build().await;
    let contacts = &house.engine.contacts;
    let first = contacts.create(house.tenant, named("+15551234567")).await.unwrap();
    let again = contacts.create(house.tenant, named("+1 (555) 123-4567")).await;
    assert!(matches!(again, Err(ContactError::Duplicate(id)) if id == first.id), "{again:?}");
    let other = contacts.create(house.tenant, named("+15551234568")).await.unwrap();
    let patch = PatchContact { phone: Some(Some("+15551234567".into())), ..PatchContact::default() };
    let taken = contacts.patch(house.tenant, other.id, patch).await;
    assert!(matches!(taken, Err(ContactError::Duplicate(id)) if id == first.id), "{taken:?}");
    contacts.delete(house.tenant, first.id).await.unwrap();
    contacts.create(house.tenant, named("+15551234567")).await.unwrap();
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let house = House::build().await;
    let wanted = CreateContact {
        phone: Some("555-1234".into()),
        bsuid: Some("not one".into()),
        language: Some("english".into()),
        tags: vec!["".into()],
        fields: json!({"age": 41}).as_object().unwrap().clone(),
        ..CreateContact::default()
    };
    let error = house.engine.contacts.create(house.tenant, wanted).await.unwrap_err();
    assert_eq!(pointers(error), ["/bsuid", "/language", "/tags/0", "/fields/age", "/phone"]);
    let nothing = house.engine.contacts.create(house.tenant, CreateContact::default()).await.unwrap_err();
    assert_eq!(pointers(nothing), ["/phone"]);
}

#[tokio::test]
async fn a_change_leaves_alone_what_it_does_not_name() {
    let house = House::build().await;
    let contacts = &house.engine.contacts;
    let made = contacts
        .create(
            house.tenant,
            CreateContact {
                tags: vec!["vip".into()],
                fields: json!({"city": "Berlin", "zip": "10115"}).as_object().unwrap().clone(),
                ..named("+15551234567")
            },
        )
        .await
        .unwrap();
    let patch = PatchContact {
        name: Some(None),
        fields: Some(json!({"zip": null, "street": "Torstr."}).as_object().unwrap().clone()),
        bsuid: Some(Some("US.13491208655302741918".into())),
        ..PatchContact::default()
    };
    let changed = contacts.patch(house.tenant, made.id, patch).await.unwrap();
    assert_eq!((changed.name, changed.tags), (None, vec!["vip".to_owned()]));
    assert_eq!(json!(changed.fields), json!({"city": "Berlin", "street": "Torstr."}));
    let by_bsuid = Identity { phone: None, bsuid: Some("US.13491208655302741918".into()) };
    assert_eq!(contacts.find(house.tenant, &by_bsuid).await.unwrap().id, made.id);
    let without_phone = PatchContact { phone: Some(None), ..PatchContact::default() };
    let changed = contacts.patch(house.tenant, made.id, without_phone).await.unwrap();
    assert_eq!(changed.identity, by_bsuid);
    let nobody = PatchContact { bsuid: Some(None), ..PatchContact::default() };
    assert_eq!(pointers(contacts.patch(house.tenant, made.id, nobody).await.unwrap_err()), ["/bsuid"]);
    let missing = contacts.patch(house.tenant, ContactId(4711), PatchContact::default()).await;
    assert!(matches!(missing, Err(ContactError::NotFound)));
}
