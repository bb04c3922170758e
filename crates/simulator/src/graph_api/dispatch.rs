//! Finds the handler of a Graph call.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;

use super::{
    Answer, Params, account_nodes, auth, block_users, debug_token, health, phone_nodes, profile,
    registration, subscriptions,
};
use crate::accounts::Token;
use crate::connection::Connection;
use crate::errors::GraphError;
use crate::media;
use crate::messages::gate::{Endpoint, injected_error};
use crate::messages::route;
use crate::sim::Sim;
use crate::templates;

const BODY_MAX: usize = 110 * 1_024 * 1_024;

/// A management call, read and authenticated.
pub(crate) struct Call<'a> {
    pub(crate) sim: &'a Arc<Sim>,
    pub(crate) method: &'a str,
    pub(crate) token: Token,
    pub(crate) params: Params,
    pub(crate) body: Bytes,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) path: &'a str,
}

impl Call<'_> {
    /// The object is missing, invisible, or has no such edge.
    pub(crate) fn no_object(&self, id: &str) -> GraphError {
        GraphError::no_object(self.method, id)
    }

    /// The WABA exists and the token may manage it.
    pub(crate) fn manage_waba(&self, waba_id: &str) -> Result<(), GraphError> {
        self.sim.accounts().waba(waba_id).map(|_| ()).ok_or_else(|| self.no_object(waba_id))?;
        auth::may_manage(&self.token, waba_id)
    }

    /// The WABA of a number that the token may manage.
    pub(crate) fn manage_phone(&self, phone_id: &str) -> Result<String, GraphError> {
        let waba_id = self.sim.accounts().phone(phone_id).map(|phone| phone.waba_id.clone());
        let waba_id = waba_id.ok_or_else(|| self.no_object(phone_id))?;
        auth::may_manage(&self.token, &waba_id)?;
        Ok(waba_id)
    }
}

/// Entry for every path that is not the simulator's own.
pub(crate) async fn dispatch(State(sim): State<Arc<Sim>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return sim.refuse(&GraphError::plain(413, 1, "The request body is too large."));
    };
    let path = parts.uri.path().replace("%3A", ":");
    let segments: Vec<&str> = without_version(&path);
    let query = parts.uri.query();
    let bearer = token_of(&parts.headers, query);
    if let (&Method::POST, [phone_id, edge @ ("messages" | "marketing_messages")]) =
        (&parts.method, segments.as_slice())
    {
        let endpoint = if *edge == "messages" { Endpoint::Messages } else { Endpoint::MarketingMessages };
        let form = form_body(&parts.headers, query, &body);
        let body = form.as_deref().unwrap_or(&body);
        let request = crate::messages::accept::Request { phone_id, token: bearer.as_deref(), body, endpoint };
        let connection = parts.extensions.get::<ConnectInfo<Connection>>().map(|info| info.0.clone());
        return route::send(sim, connection, request).await;
    }
    let answer =
        manage(&sim, &parts.method, &segments, &path, query, bearer.as_deref(), &parts.headers, body).await;
    answer.unwrap_or_else(|error| sim.refuse(&error))
}

/// Messages may come as a form too; they are turned into JSON once.
fn form_body(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Option<Vec<u8>> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !content_type.starts_with("application/x-www-form-urlencoded") || body.first() == Some(&b'{') {
        return None;
    }
    let params = Params::read(query, content_type, body).ok()?;
    serde_json::to_vec(&params.value()).ok()
}

fn without_version(path: &str) -> Vec<&str> {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_version = |text: &str| {
        let number = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
        number.is_some_and(|(major, minor)| [major, minor].iter().all(|n| n.parse::<u16>().is_ok()))
    };
    if segments.first().is_some_and(|first| is_version(first)) {
        segments.remove(0);
    }
    segments
}

/// The bearer (or, for uploads, OAuth) token, else the `access_token` parameter.
fn token_of(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme = header.and_then(|value| value.split_once(' '));
    if let Some((_, token)) =
        scheme.filter(|(scheme, _)| ["bearer", "oauth"].contains(&scheme.to_ascii_lowercase().as_str()))
    {
        return Some(token.trim().to_owned());
    }
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.into_owned().find(|(key, _)| key == "access_token").map(|(_, token)| token)
}

async fn manage(
    sim: &Arc<Sim>,
    method: &Method,
    segments: &[&str],
    path: &str,
    query: Option<&str>,
    bearer: Option<&str>,
    headers: &HeaderMap,
    body: Bytes,
) -> Answer {
    let faults = sim.faults.get();
    if faults.error_on == "all" && sim.entropy.chance(faults.error_rate) {
        return Err(injected_error(&faults));
    }
    let now = sim.clock.now();
    let token = match auth::authenticate(&sim.accounts(), bearer, now) {
        Ok(token) => token.clone(),
        // The app's own token `id|secret` is good for debug_token and subscriptions.
        Err(error) => debug_token::app_token(sim, bearer).ok_or(error)?,
    };
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let raw = matches!(segments, [upload] if upload.starts_with("upload:"))
        || content_type.starts_with("multipart/");
    let params = Params::read(query, content_type, if raw { b"" } else { &body })?;
    let call = Call { sim, method: method.as_str(), token, params, body, headers, path };
    let usage = sim_usage(&call, faults.management_calls_per_hour)?;
    let mut response = edge(&call, segments).await?;
    response.headers_mut().extend(usage);
    Ok(response)
}

/// Counts a management call; answers carry how much of the hour is used (Graph API, "Rate limits").
fn sim_usage(call: &Call<'_>, limit: u32) -> Result<HeaderMap, GraphError> {
    let account = call.token.wabas.first().cloned().unwrap_or_default();
    let key = format!("manage/{}/{account}", call.token.app_id);
    let now_ms = call.sim.clock.now_ms();
    if !call.sim.limits.take_hourly(&key, limit, now_ms) {
        let text = "(#80008) There have been too many calls to this WhatsApp Business account. Wait a bit and try again.";
        return Err(GraphError::plain(400, 80008, text).transient());
    }
    let used = call.sim.limits.used_percent(&key, limit, now_ms);
    let usage = serde_json::json!({"call_count": used, "total_cputime": 0, "total_time": 0});
    let mut business = usage.clone();
    business["type"] = "whatsapp".into();
    business["estimated_time_to_regain_access"] = 0.into();
    let mut headers = HeaderMap::new();
    if let Ok(value) = usage.to_string().parse() {
        headers.insert("x-app-usage", value);
    }
    if let Ok(value) = serde_json::json!({ account: [business] }).to_string().parse() {
        headers.insert("x-business-use-case-usage", value);
    }
    Ok(headers)
}

async fn edge(call: &Call<'_>, segments: &[&str]) -> Answer {
    match (call.method, segments) {
        ("GET", ["debug_token"]) => debug_token::get(call),
        ("GET", ["me"]) => debug_token::me(call),
        (_, [session]) if session.starts_with("upload:") => media::resumable::session(call, session),
        ("POST", [app, "uploads"]) => media::resumable::start(call, app),
        ("POST", [phone, "media"]) => media::routes::upload(call, phone).await,
        ("GET", ["_media", ticket]) => media::routes::download(call, ticket),
        (method, [waba, "message_templates"]) => match method {
            "GET" => templates::list::get(call, waba),
            "POST" => templates::create::post(call, waba),
            "DELETE" => templates::delete::by_name(call, waba),
            _ => Err(call.no_object(waba)),
        },
        ("POST", [waba, "upsert_message_templates"]) => templates::create::upsert(call, waba),
        ("POST", [template, "unpause"]) => templates::edit::unpause(call, template),
        ("GET", [waba, "phone_numbers"]) => phone_nodes::list(call, waba),
        (_, [waba, "subscribed_apps"]) => subscriptions::subscribed_apps(call, waba).await,
        (_, [app, "subscriptions"]) => subscriptions::app(call, app).await,
        (_, [phone, "whatsapp_business_profile"]) => profile::handle(call, phone),
        ("POST", [phone, action @ ("register" | "deregister" | "request_code" | "verify_code")]) => {
            registration::handle(call, phone, action)
        }
        (_, [phone, "block_users"]) => block_users::handle(call, phone),
        (_, [phone, "settings"]) => phone_nodes::settings(call, phone),
        ("POST", [phone, "calls"]) => phone_nodes::call(call, phone),
        (_, [id]) => node(call, id).await,
        (_, [id, ..]) => Err(call.no_object(id)),
        (_, []) => Err(GraphError::plain(400, 100, "Unsupported request.").subcode(33)),
    }
}

/// A node by its id: number, account, template or medium.
async fn node(call: &Call<'_>, id: &str) -> Answer {
    let (phone, waba) = {
        let accounts = call.sim.accounts();
        (accounts.phone(id).is_some(), accounts.waba(id).is_some())
    };
    let template = call.sim.templates().by_id(id).is_some();
    let medium = call.sim.media().knows(id);
    let wants_health = super::fields_of(&call.params).iter().any(|field| field == "health_status");
    match (call.method, phone, waba, template, medium) {
        ("GET", true, ..) if wants_health => health::phone(call, id),
        ("GET", true, ..) => phone_nodes::get(call, id),
        ("POST", true, ..) => phone_nodes::post(call, id).await,
        ("GET", _, true, ..) if wants_health => health::waba(call, id),
        ("GET", _, true, ..) => account_nodes::get(call, id),
        ("POST", _, true, ..) => account_nodes::post(call, id),
        ("GET", _, _, true, _) if wants_health => health::template(call, id),
        ("GET", _, _, true, _) => templates::list::get_one(call, id),
        ("POST", _, _, true, _) => templates::edit::post(call, id),
        ("DELETE", _, _, true, _) => templates::delete::by_id(call, id),
        ("GET", .., true) => media::routes::get(call, id),
        ("DELETE", .., true) => media::routes::delete(call, id),
        _ => Err(call.no_object(id)),
    }
}
