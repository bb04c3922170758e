//! The simulated phone at `/sim`: a person plays a customer. Plain HTML with its own style and script, no network.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::sim::Sim;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

pub(crate) fn routes() -> Router<Arc<Sim>> {
    Router::new()
        .route("/sim", get(|| async { Html(PAGE) }))
        .route("/sim/page.js", get(|| async { typed("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/sim/page.css", get(|| async { typed("text/css; charset=utf-8", STYLE) }))
}

fn typed(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}
