//! Idempotency keys of calls that create: the first answer is given again.
//!
//! Sends are not handled here: their key is part of the commit that accepts the message. Only answers of calls that
//! did something (2xx) are kept; a refusal changed nothing, so a repeat is asked anew. Keys are apart for keys of
//! different scopes and for each member, so that nobody is answered by a replay what they may not ask.

mod upload;

use std::sync::Arc;

use api_types::Problem;
use api_types::errors::details::{KeyInUse, KeyReused};
use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use domain::{Clock, TenantId};
use engine::access::{Authenticated, Who};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ports::Store;
use ports::idempotency::{KeptAnswer, Reserved};

use crate::answer::{Kept, json};
use crate::error::ApiError;
use crate::payload;

/// The header that carries the key.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key of a request: 1 to 255 visible ASCII characters; `None`: there is none.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if visible && (1..=255).contains(&key.len()) && given.next().is_none() => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(ApiError::fault(
            "/Idempotency-Key",
            "must be given once, with 1 to 255 visible ASCII characters",
        )),
    }
}

/// IDEMPOTENCY_KEY_REUSED
pub(crate) fn reused(key: &str) -> ApiError {
    Problem::IdempotencyKeyReused(KeyReused { idempotency_key: key.to_owned() }).into()
}

/// SHA-256 of what is asked: method, path and body.
pub(crate) fn digest(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for piece in [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), body] {
        context.update(&(piece.len() as u64).to_be_bytes());
        context.update(piece);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Answers given before, as a response.
pub(crate) fn replay(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = json(status, answer.body.into());
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Around every POST that creates.
pub(crate) async fn once(
    State((store, clock)): State<(Arc<dyn Store>, Arc<dyn Clock>)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let Some(key) = key_of(request.headers())? else { return Ok(next.run(request).await) };
    let Some(known) = request.extensions().get::<Authenticated>().cloned() else {
        return Err(ApiError::internal("an idempotency key was met outside of the door"));
    };
    let keyed = Keyed { store, clock, tenant: known.tenant_id, kept_as: namespaced(&known, &key), key };
    if upload::is_one(&request) {
        return upload::once(keyed, request, next).await;
    }
    let (request, digest) = fingerprint(request).await?;
    if let Some(answer) = keyed.reserve(&keyed.kept_as, digest).await? {
        return Ok(replay(answer));
    }
    let response = next.run(request).await;
    keyed.keep(response).await
}

/// A call under a key.
struct Keyed {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    /// As the client names it.
    key: String,
    kept_as: String,
}

impl Keyed {
    /// The answer given before; `None`: the call is the caller's to do.
    async fn reserve(&self, kept_as: &str, digest: [u8; 32]) -> Result<Option<KeptAnswer>, ApiError> {
        match self.store.reserve_key(self.tenant, kept_as, digest, self.clock.now()).await? {
            Reserved::Fresh => Ok(None),
            Reserved::Answered(answer) => Ok(Some(answer)),
            Reserved::InProgress => {
                let idempotency_key = self.key.clone();
                Err(Problem::IdempotencyKeyInUse(KeyInUse { idempotency_key, retry_after_seconds: 1 }).into())
            }
            Reserved::OtherBody => Err(reused(&self.key)),
        }
    }

    async fn keep(&self, response: Response) -> Result<Response, ApiError> {
        keep(self.store.as_ref(), self.clock.as_ref(), self.tenant, &self.kept_as, response).await
    }
}

fn namespaced(known: &Authenticated, key: &str) -> String {
    match &known.who {
        Who::Key { scopes, .. } => {
            let mut scopes: Vec<&str> = scopes.iter().map(|scope| &scope.as_str()[..1]).collect();
            scopes.sort_unstable();
            format!("{}:{key}", scopes.concat())
        }
        Who::Member { id, .. } => format!("member {id}:{key}"),
    }
}

/// The body is read to be compared.
async fn fingerprint(request: Request) -> Result<(Request, [u8; 32]), ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = payload::read(&parts.headers, body, payload::JSON_LIMIT).await?;
    let digest = digest(&parts, &bytes);
    Ok((Request::from_parts(parts, Body::from(bytes)), digest))
}

async fn keep(
    store: &dyn Store,
    clock: &dyn Clock,
    tenant: TenantId,
    key: &str,
    response: Response,
) -> Result<Response, ApiError> {
    if !response.status().is_success() || response.extensions().get::<Problem>().is_some() {
        if let Err(error) = store.release_key(tenant, key).await {
            tracing::warn!(%error, "an idempotency key stays reserved until its time is over");
        }
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(ApiError::internal)?;
    let kept: Bytes = parts.extensions.remove::<Kept>().map_or_else(|| bytes.clone(), |kept| kept.0);
    let answer = KeptAnswer { status: parts.status.as_u16(), body: kept.to_vec() };
    if let Err(error) = store.keep_answer(tenant, key, answer, clock.now()).await {
        // What was asked is done; failing now would only make the client do it again.
        tracing::error!(%error, "the answer of an idempotent call was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

#[cfg(test)]
mod tests;
