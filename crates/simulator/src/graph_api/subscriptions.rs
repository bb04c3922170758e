//! Which app gets whose webhooks, and where to. Setting an address performs the handshake.

use serde_json::{Value, json};

use super::{Answer, Call, json, success};
use crate::accounts::Subscription;
use crate::errors::GraphError;
use crate::webhooks::handshake;

/// `/{waba}/subscribed_apps`: the app of the calling token.
pub(crate) async fn subscribed_apps(call: &Call<'_>, waba_id: &str) -> Answer {
    call.manage_waba(waba_id)?;
    match call.method {
        "GET" => list(call, waba_id),
        "POST" => subscribe(call, waba_id).await,
        "DELETE" => {
            let mut accounts = call.sim.accounts_mut();
            if let Some(waba) = accounts.waba_mut(waba_id) {
                waba.subscriptions.retain(|known| known.app_id != call.token.app_id);
            }
            Ok(success())
        }
        _ => Err(call.no_object(waba_id)),
    }
}

fn list(call: &Call<'_>, waba_id: &str) -> Answer {
    let accounts = call.sim.accounts();
    let subscriptions = accounts.waba(waba_id).map(|waba| waba.subscriptions.as_slice()).unwrap_or_default();
    let data: Vec<Value> = subscriptions
        .iter()
        .map(|subscription| {
            let id = &subscription.app_id;
            let name = accounts.app(id).map(|app| app.name.clone());
            let link = format!("https://www.facebook.com/games/?app_id={id}");
            let mut item = json!({"whatsapp_business_api_data": {"link": link, "name": name, "id": id}});
            if let Some(url) = &subscription.override_callback {
                item["override_callback_uri"] = url.as_str().into();
            }
            item
        })
        .collect();
    Ok(json(json!({ "data": data })))
}

async fn subscribe(call: &Call<'_>, waba_id: &str) -> Answer {
    let callback = call.params.text("override_callback_uri").filter(|url| !url.is_empty());
    if let Some(url) = &callback {
        let token = call.params.required("verify_token")?;
        check_url(url)?;
        handshake::verify(&call.sim.client, &call.sim.entropy, url, &token).await?;
    }
    let mut accounts = call.sim.accounts_mut();
    let waba = accounts.waba_mut(waba_id).ok_or_else(|| call.no_object(waba_id))?;
    waba.subscriptions.retain(|known| known.app_id != call.token.app_id);
    waba.subscriptions.push(Subscription { app_id: call.token.app_id.clone(), override_callback: callback });
    Ok(success())
}

/// `/{app}/subscriptions`, with the app's own token.
pub(crate) async fn app(call: &Call<'_>, app_id: &str) -> Answer {
    if call.token.app_id != app_id {
        return Err(call.no_object(app_id));
    }
    match call.method {
        "GET" => show(call, app_id),
        "POST" => set(call, app_id).await,
        "DELETE" => {
            if let Some(app) = call.sim.accounts_mut().app_mut(app_id) {
                app.callback_url = None;
            }
            Ok(success())
        }
        _ => Err(call.no_object(app_id)),
    }
}

fn show(call: &Call<'_>, app_id: &str) -> Answer {
    let accounts = call.sim.accounts();
    let app = accounts.app(app_id).ok_or_else(|| call.no_object(app_id))?;
    let fields: Vec<Value> =
        app.fields.iter().map(|name| json!({"name": name, "version": "v25.0"})).collect();
    let data = app.callback_url.iter().map(|url| {
        json!({"object": "whatsapp_business_account", "callback_url": url, "fields": fields, "active": true})
    });
    Ok(json(json!({"data": data.collect::<Vec<_>>()})))
}

async fn set(call: &Call<'_>, app_id: &str) -> Answer {
    if call.params.required("object")? != "whatsapp_business_account" {
        return Err(GraphError::param("Param object must be whatsapp_business_account."));
    }
    let url = call.params.required("callback_url")?;
    let token = call.params.required("verify_token")?;
    check_url(&url)?;
    handshake::verify(&call.sim.client, &call.sim.entropy, &url, &token).await?;
    let mut accounts = call.sim.accounts_mut();
    let app = accounts.app_mut(app_id).ok_or_else(|| call.no_object(app_id))?;
    app.callback_url = Some(url);
    app.verify_token = token;
    app.fields = call.params.list("fields");
    Ok(success())
}

/// An http(s) address of up to 200 characters. Meta wants https; here a test server without TLS will do.
pub(crate) fn check_url(url: &str) -> Result<(), GraphError> {
    if url.len() > 200 || !crate::messages::fields::is_web_url(url) {
        return Err(GraphError::param("The callback must be a valid URL of at most 200 characters."));
    }
    Ok(())
}
