//! For whoever runs the server: is it alive, can it work.

use std::fmt::Write;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::health::Health;
use http::{StatusCode, header};

use crate::routing::{Routes, routes};
use crate::state::Settings;

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get_livez)).routes(routes!(get_readyz))
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "probes",
    responses((status = 200, description = "Alive", body = String, content_type = "text/plain")))]
async fn get_livez() -> Response {
    plain(StatusCode::OK, "ok\n".to_owned())
}

/// The server can work: its store answers, its tables are up to date, its lanes turn. One line for each; the answer
/// comes within about two seconds, also when the database hangs.
#[utoipa::path(get, path = "/readyz", tag = "probes", responses(
    (status = 200, description = "Ready", body = String, content_type = "text/plain"),
    (status = 503, description = "Not ready: the lines name what is missing", body = String,
        content_type = "text/plain")))]
async fn get_readyz(State(health): State<Health>, State(settings): State<Settings>) -> Response {
    if settings.closing.is_cancelled() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\nserver: is stopping\n".to_owned());
    }
    let readiness = health.ready().await;
    let (status, word) = match readiness.is_ready() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let mut text = format!("{word}\n");
    for (name, fault) in readiness.checks {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "{name}: {}", fault.as_deref().unwrap_or("ok"));
    }
    plain(status, text)
}

fn plain(status: StatusCode, text: String) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
