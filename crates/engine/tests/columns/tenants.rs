use engine::tenants::{SettingsPatch, TenantError};

use crate::house::House;

#[tokio::test]
async fn settings_are_changed_as_a_whole_or_not_at_all() {
    let house = House::build().await;
    let tenants = &house.engine.tenants;
    let good = SettingsPatch {
        opt_out_words: Some(vec!["basta".into()]),
        default_country: Some(Some("it".into())),
        ..SettingsPatch::default()
    };
    let changed = tenants.patch_settings(house.tenant, good).await.unwrap().settings;
    assert_eq!(changed.default_country.as_deref(), Some("IT"));
    let bad = SettingsPatch {
        opt_in_words: Some(vec!["Basta".into()]),
        in_doubt_after_seconds: Some(600),
        ..SettingsPatch::default()
    };
    assert!(matches!(tenants.patch_settings(house.tenant, bad).await, Err(TenantError::Invalid(_))));
    assert_eq!(tenants.get(house.tenant).await.unwrap().settings, changed);
    let nobody = tenants.get(domain::TenantId(4711)).await;
    assert!(matches!(nobody, Err(TenantError::NotFound)), "{nobody:?}");
}
