//! `/metrics` for who has its token, and the time that answers take.

use std::sync::Arc;

use api_types::Problem;
use api_types::errors::details::Nothing;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::{HeaderMap, Method, header};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::routing::{Routes, routes};
use crate::state::Settings;

/// Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of metrics, for whoever has the token.
#[derive(Clone)]
pub struct Page {
    pub token: Arc<SecretString>,
    pub text: Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Page")
    }
}

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get_metrics))
}

/// Numbers about this server, in Prometheus' text format. Opened by the setting `metrics_token`, which is the bearer
/// token to send; without the setting there is no such page. (`metrics_listen` serves the same on an address of its
/// own.)
#[utoipa::path(get, path = "/metrics", tag = "probes", responses(
    (status = 200, description = "Metrics", body = String, content_type = "text/plain"),
    (status = 401, description = "`UNAUTHENTICATED`: the token is missing or wrong"),
    (status = 404, description = "`ROUTE_NOT_FOUND`: the setting is not given")))]
async fn get_metrics(State(settings): State<Settings>, headers: HeaderMap) -> Result<Response, ApiError> {
    let Some(page) = settings.metrics else { return Err(Problem::RouteNotFound(Nothing {}).into()) };
    let presented = crate::caller::bearer(&headers).unwrap_or_default();
    if verify_slices_are_equal(presented.as_bytes(), page.token.expose_secret().as_bytes()).is_err() {
        return Err(Problem::Unauthenticated(Nothing {}).into());
    }
    let headers = [(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, (page.text)().await).into_response())
}

/// Around all routes: how long each answer took to begin, by the route's pattern, never by the path itself.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = word(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // Whoever guesses paths must not make series.
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let status = match response.status().as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::histogram!(
        "waxwing_http_request_duration_seconds",
        "route" => route, "method" => method, "status" => status
    )
    .record(began.elapsed().as_secs_f64());
    response
}

/// Methods that clients make up must not make series.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
