//! More accounts and numbers, their state, and the callback.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Controlled, Problem, body, done};
use crate::config::{AccountConfig, PhoneConfig};
use crate::identifiers::{access_token, node_id};
use crate::sim::Sim;

/// Adds an account, or numbers to one that exists; ids that are not given are made up.
pub(crate) async fn add(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let Value::Object(mut given) = body(&bytes)? else {
        return Err(Problem::bad("the body must be an object"));
    };
    if !given.contains_key("app_id") {
        let first =
            sim.accounts().apps().first().cloned().ok_or_else(|| Problem::missing("there is no app"))?;
        given.insert("app_id".into(), first.id.into());
        given.insert("app_secret".into(), first.secret.into());
        given.insert("verify_token".into(), first.verify_token.into());
    }
    for key in ["waba_id", "business_id"] {
        given.entry(key).or_insert_with(|| node_id(&sim.entropy).into());
    }
    given.entry("token").or_insert_with(|| access_token(&sim.entropy).into());
    given.entry("phones").or_insert_with(|| json!([{}]));
    for phone in given.get_mut("phones").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(phone) = phone.as_object_mut() else { continue };
        phone.entry("id").or_insert_with(|| node_id(&sim.entropy).into());
        let tail = sim.entropy.below(10_000);
        phone.entry("display_phone_number").or_insert_with(|| format!("+1 555-079-{tail:04}").into());
    }
    let config: AccountConfig = serde_json::from_value(Value::Object(given)).map_err(Problem::bad)?;
    sim.accounts_mut().add(&config, sim.clock.now());
    serde_json::to_value(&config).map(axum::Json).map_err(Problem::bad)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// STANDARD or HIGH (told by `phone_number_quality_update`).
    throughput: Option<String>,
    /// GREEN, YELLOW, RED.
    quality: Option<String>,
    /// CONNECTED, FLAGGED, RESTRICTED, BANNED, ...
    status: Option<String>,
    /// TIER_250 and so on (of the account).
    tier: Option<String>,
    /// AVAILABLE, LIMITED, BLOCKED.
    health: Option<String>,
    health_errors: Option<Vec<Value>>,
    /// VERIFIED, NOT_VERIFIED, EXPIRED.
    code_verification_status: Option<String>,
    identity_check: Option<bool>,
    disable_marketing_messages_on_cloud_api: Option<bool>,
    /// A further number for an account.
    add_phone: Option<PhoneConfig>,
}

/// Changes a number or an account by its id.
pub(crate) async fn change(State(sim): State<Arc<Sim>>, Path(id): Path<String>, bytes: Bytes) -> Controlled {
    let change: Change = serde_json::from_value(body(&bytes)?).map_err(Problem::bad)?;
    let told = if sim.accounts().phone(&id).is_some() {
        change_phone(&sim, &id, change)
    } else if sim.accounts().waba(&id).is_some() {
        change_waba(&sim, &id, change)
    } else {
        return Err(Problem::missing(format!("there is no number and no account {id}")));
    };
    for (waba_id, value) in told {
        sim.announce(&waba_id, "phone_number_quality_update", &value);
    }
    done()
}

type Told = Vec<(String, Value)>;

fn change_phone(sim: &Sim, id: &str, change: Change) -> Told {
    let mut accounts = sim.accounts_mut();
    let Some(phone) = accounts.phone_mut(id) else { return Told::new() };
    phone.quality = change.quality.unwrap_or_else(|| phone.quality.clone());
    phone.status = change.status.unwrap_or_else(|| phone.status.clone());
    phone.health = change.health.unwrap_or_else(|| phone.health.clone());
    phone.health_errors = change.health_errors.unwrap_or_else(|| phone.health_errors.clone());
    phone.code_status = change.code_verification_status.unwrap_or_else(|| phone.code_status.clone());
    phone.identity_check = change.identity_check.unwrap_or(phone.identity_check);
    let upgraded = change.throughput.as_deref() == Some("HIGH") && phone.throughput != "HIGH";
    phone.throughput = change.throughput.unwrap_or_else(|| phone.throughput.clone());
    let (waba_id, display) = (phone.waba_id.clone(), phone.digits.clone());
    if !upgraded {
        return Told::new();
    }
    let tier = accounts.waba(&waba_id).map(|waba| waba.tier.clone());
    vec![(
        waba_id,
        json!({"display_phone_number": display, "event": "THROUGHPUT_UPGRADE", "current_limit": tier,
        "max_daily_conversations_per_business": tier}),
    )]
}

fn change_waba(sim: &Sim, id: &str, change: Change) -> Told {
    let mut accounts = sim.accounts_mut();
    if let Some(phone) = &change.add_phone {
        accounts.add_phone(id, phone, sim.clock.now());
    }
    let Some(waba) = accounts.waba_mut(id) else { return Told::new() };
    waba.health = change.health.unwrap_or_else(|| waba.health.clone());
    waba.health_errors = change.health_errors.unwrap_or_else(|| waba.health_errors.clone());
    if let Some(flag) = change.disable_marketing_messages_on_cloud_api {
        waba.no_marketing_on_cloud_api = flag;
    }
    let Some(tier) = change.tier else { return Told::new() };
    let old = std::mem::replace(&mut waba.tier, tier.clone());
    let phones = accounts.phones().iter().filter(|phone| phone.waba_id == id);
    phones
        .map(|phone| {
            let value = json!({"display_phone_number": phone.digits, "event": "ONBOARDING", "current_limit": tier,
                "old_limit": old, "max_daily_conversations_per_business": tier});
            (id.to_owned(), value)
        })
        .collect()
}

/// `{url, app_id?}`: where webhooks go, without a handshake.
pub(crate) async fn callback(State(sim): State<Arc<Sim>>, bytes: Bytes) -> Controlled {
    let given = body(&bytes)?;
    let url = given.get("url").and_then(Value::as_str).ok_or_else(|| Problem::bad("give {\"url\": …}"))?;
    let only = given.get("app_id").and_then(Value::as_str);
    let mut accounts = sim.accounts_mut();
    let ids: Vec<String> = accounts.apps().iter().map(|app| app.id.clone()).collect();
    for id in ids.iter().filter(|id| only.is_none_or(|only| only == id.as_str())) {
        if let Some(app) = accounts.app_mut(id) {
            app.callback_url = Some(url.to_owned());
        }
    }
    done()
}
