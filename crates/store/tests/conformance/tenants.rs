//! Tenants and their settings.

use domain::TenantId;
use ports::tenants::{InDoubtRuling, TenantSettings, TenantStore};

use crate::support::Bench;

on_each_engine!(
    settings_are_replaced_whole,
    a_tenant_that_does_not_exist_is_none,
    settings_of_one_tenant_are_not_anothers
);

fn settings() -> TenantSettings {
    TenantSettings {
        opt_out_words: vec!["halt".into(), "größe".into()],
        opt_in_words: vec!["los".into()],
        opt_out_confirmation: None,
        opt_in_confirmation: Some("Da bist du ja \u{1F600}".into()),
        default_country: Some("DE".into()),
        in_doubt_after_seconds: 60,
        in_doubt_ruling: InDoubtRuling::Wait,
        languages: vec!["pt_BR".into(), "de".into()],
        time_zone: Some("Europe/Berlin".into()),
        quiet_hours: serde_json::from_value(serde_json::json!({"from": "21:00:00", "to": "08:00:00"})).ok(),
        frequency_cap: serde_json::from_value(serde_json::json!({"messages": 2, "days": 7})).ok(),
    }
}

async fn settings_are_replaced_whole(bench: Bench) {
    let tenant = bench.tenant().await;
    let before = bench.store.tenant(tenant).await.unwrap().unwrap();
    assert_eq!(before.settings, TenantSettings::default());
    let after = bench.store.set_tenant_settings(tenant, &settings()).await.unwrap().unwrap();
    assert_eq!(after.settings, settings());
    assert_eq!((after.id, after.name.as_str(), after.created_at), (tenant, "Acme", before.created_at));
    assert_eq!(bench.store.tenant(tenant).await.unwrap(), Some(after));
}

async fn a_tenant_that_does_not_exist_is_none(bench: Bench) {
    let nobody = TenantId(9_999);
    assert_eq!(bench.store.tenant(nobody).await.unwrap(), None);
    assert_eq!(bench.store.set_tenant_settings(nobody, &settings()).await.unwrap(), None);
}

async fn settings_of_one_tenant_are_not_anothers(bench: Bench) {
    let (one, other) = (bench.tenant().await, bench.tenant().await);
    bench.store.set_tenant_settings(one, &settings()).await.unwrap();
    assert_eq!(bench.store.tenant(other).await.unwrap().unwrap().settings, TenantSettings::default());
}
