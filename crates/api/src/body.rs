//! JSON bodies, query strings and path ids: read with every fault at once.

use api_types::errors::details::WrongMediaType;
use api_types::read::{Fields, FromJson, FromQuery, FromText, read, read_query};
use api_types::{Faults, Place, Problem};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::Value;

use crate::error::ApiError;
use crate::payload;

/// A JSON body, read as `T`. No body at all reads as `{}`, so that calls without anything to say need none.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: FromJson, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = payload::read(&parts.headers, body, payload::JSON_LIMIT).await?;
        parse(&parts.headers, &bytes).map(Self)
    }
}

/// The body of a call that has nothing to say: none at all, `{}` or `null`. Anything else is a mistake that must not go
/// unseen.
#[derive(Debug, Clone, Copy)]
pub struct NoBody;

impl FromJson for NoBody {
    fn from_json(value: Value, place: &Place<'_>, faults: &mut Faults) -> Option<Self> {
        if !value.is_null() {
            Fields::of(value, place, faults)?.finish();
        }
        Some(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Json::from_request(request, state).await.map(|Json(nothing)| nothing)
    }
}

/// Reads a JSON body that was already received.
pub(crate) fn parse<T: FromJson>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Ok(read(Value::Object(serde_json::Map::new()))?);
    }
    require_json(headers)?;
    let value = serde_json::from_slice::<Value>(bytes).map_err(|error| {
        // serde_json's text ends with the line and column.
        ApiError::fault("", format!("is not valid JSON: {error}"))
    })?;
    Ok(read(value)?)
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let provided = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence =
        provided.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
    let is_json = essence.as_deref().is_some_and(|essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    });
    if is_json {
        return Ok(());
    }
    Err(unsupported(provided, &["application/json"]))
}

/// UNSUPPORTED_MEDIA_TYPE
pub(crate) fn unsupported(provided: Option<&str>, supported: &[&str]) -> ApiError {
    Problem::UnsupportedMediaType(WrongMediaType {
        provided: provided.map(str::to_owned),
        supported: supported.iter().map(|&supported| supported.to_owned()).collect(),
    })
    .into()
}

/// The query string, read as `T`; two sets of parameters as a tuple.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: FromQuery, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(read_query(pairs(parts.uri.query().unwrap_or_default()))?))
    }
}

/// The pairs of a query string, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The `{id}` of the path.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: FromText, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        path_member(parts, state, "id").await.map(Self)
    }
}

/// A member of the path.
pub(crate) async fn path_member<T: FromText, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    name: &str,
) -> Result<T, ApiError> {
    let not_text = |_| ApiError::fault(format!("/{name}"), "is not UTF-8");
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(not_text)?;
    let text = params.iter().find(|param| param.0 == name).map(|param| param.1).unwrap_or_default();
    T::from_text(text).map_err(|problem| {
        let mut faults = Faults::default();
        faults.add_at(format!("/{name}"), problem);
        faults.into()
    })
}
