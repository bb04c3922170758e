//! Resumable uploads: sessions, then handles for template samples and profile pictures (Graph API,
//! "Resumable Upload").

use serde_json::json;

use super::store::Upload;
use crate::errors::GraphError;
use crate::graph_api::{Answer, Call, json};
use crate::identifiers::trace_id;

const LENGTH_MAX: i64 = 100 * 1_024 * 1_024;

/// `POST /{app}/uploads?file_length=&file_type=`.
pub(crate) fn start(call: &Call<'_>, app_id: &str) -> Answer {
    if call.sim.accounts().app(app_id).is_none() && app_id != "app" {
        return Err(call.no_object(app_id));
    }
    let length = call.params.number("file_length").ok_or_else(|| GraphError::required("file_length"))?;
    let mime = call.params.required("file_type")?;
    if !(1..=LENGTH_MAX).contains(&length) {
        return Err(GraphError::param("Param file_length is out of range."));
    }
    let session = format!("upload:{}", trace_id(&call.sim.entropy));
    let upload = Upload { length: usize::try_from(length).unwrap_or(0), mime, bytes: Vec::new() };
    call.sim.media().uploads.insert(session.clone(), upload);
    Ok(json(json!({"id": session})))
}

/// `POST /upload:…` takes bytes from `file_offset`; `GET` tells how far it came.
pub(crate) fn session(call: &Call<'_>, session: &str) -> Answer {
    let mut media = call.sim.media();
    let upload = media.uploads.get_mut(session).ok_or_else(|| call.no_object(session))?;
    if call.method == "GET" {
        return Ok(json(json!({"id": session, "file_offset": upload.bytes.len()})));
    }
    let offset = call.headers.get("file_offset").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match offset {
        Some(offset) if offset <= upload.bytes.len() => upload.bytes.truncate(offset),
        _ => return Err(GraphError::param("The header file_offset is missing or beyond what was uploaded.")),
    }
    upload.bytes.extend_from_slice(&call.body);
    if upload.bytes.len() > upload.length {
        return Err(GraphError::param("More bytes were uploaded than file_length said."));
    }
    if upload.bytes.len() < upload.length {
        return Ok(json(json!({"id": session, "file_offset": upload.bytes.len()})));
    }
    let mime = upload.mime.clone();
    media.uploads.remove(session);
    let handle = format!("4::aW{}", trace_id(&call.sim.entropy));
    media.handles.insert(handle.clone(), mime);
    Ok(json(json!({"h": handle})))
}
