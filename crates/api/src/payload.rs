//! Bodies, read up to a limit.

use api_types::Problem;
use api_types::errors::details::TooLarge;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, header};

use crate::error::ApiError;

/// Largest JSON body.
pub const JSON_LIMIT: usize = 1024 * 1024;
/// Largest webhook body; Meta's are at most 3 MB (Meta, "Webhooks, payload size").
pub const WEBHOOK_LIMIT: usize = 4 * 1024 * 1024;
/// Largest upload; Meta's largest media are documents of 100 MB (Meta, "Media").
pub const MEDIA_LIMIT: u64 = 100 * 1000 * 1000;

/// Reads a whole body. One that comes in one piece, as small ones do, is not copied.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::from(Problem::PayloadTooLarge(TooLarge { limit_bytes: limit as u64 }));
    let announced = length(headers);
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut parts = body.into_data_stream();
    let mut whole = match parts.next().await {
        None => return Ok(Bytes::new()),
        Some(first) => first.map_err(cut)?,
    };
    let mut rest: Option<BytesMut> = None;
    loop {
        if rest.as_ref().map_or(whole.len(), BytesMut::len) > limit {
            return Err(too_large());
        }
        let Some(part) = parts.next().await else { break };
        let part = part.map_err(cut)?;
        rest.get_or_insert_with(|| {
            let mut buffer =
                BytesMut::with_capacity(announced.map_or(2 * whole.len(), |length| length as usize));
            buffer.extend_from_slice(&whole);
            buffer
        })
        .extend_from_slice(&part);
    }
    if let Some(rest) = rest {
        whole = rest.freeze();
    }
    Ok(whole)
}

/// What the client says the length is.
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn cut(error: axum::Error) -> ApiError {
    tracing::debug!(%error, "a body broke off");
    ApiError::fault("", "the body broke off before its end")
}
