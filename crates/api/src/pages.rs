//! The OpenAPI document and a page to read it, both from this binary: no network is needed.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    let config = Config::from("/api/openapi.json").deep_linking(true).persist_authorization(false);
    let page: Router<ApiState> = SwaggerUi::new("/docs").config(config).into();
    page.route("/api/openapi.json", get(get_openapi))
}

async fn get_openapi() -> Response {
    static DOCUMENT: std::sync::LazyLock<bytes::Bytes> =
        std::sync::LazyLock::new(|| crate::openapi().to_string().into());
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}
