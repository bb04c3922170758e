//! A list as a form: options first, then the file.

use api_types::Problem;
use api_types::errors::details::TooLarge;
use api_types::imports::ImportOptions;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;
use domain::{ApiKeyId, ImportId};
use engine::imports::{Imports, Order, Received};
use futures::StreamExt as _;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::Result;
use crate::error::ApiError;

/// Bytes of a form around its file.
pub(super) const AROUND: u64 = 1024 * 1024;
/// Bytes of a field that is no file.
const SMALL: usize = 64 * 1024;
/// Parts of a file on their way from the client to the disk.
const PARTS: usize = 4;

pub(super) async fn read(
    imports: &Imports,
    key: Option<ApiKeyId>,
    request: Request,
) -> Result<(Received, Order, bool)> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| ApiError::fault("", format!("is not a readable form: {}", error.body_text())))?;
    let limit = imports.limit();
    let mut members = Map::new();
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error, limit))? {
        let name: String = field.name().unwrap_or_default().chars().take(100).collect();
        if name != "file" {
            let text = text(field, &name, limit).await?;
            let value = value(&name, text)?;
            if members.insert(name.clone(), value).is_some() {
                return Err(ApiError::fault(format!("/{name}"), "is given more than once"));
            }
            continue;
        }
        let filename = field.file_name().map(str::to_owned);
        // Faults are told before the file is sent.
        let options: ImportOptions = api_types::read::read(Value::Object(members.clone()))?;
        let (mut order, mut is_trial) = super::order(options, filename.clone(), false, key)?;
        let received = file(imports, field).await?;
        if Imports::is_json(&received) {
            let options = with_own(imports, &received, members).await?;
            (order, is_trial) = super::order(options, filename, true, key)?;
        }
        return match form.next_field().await.map_err(|error| broken(&error, limit))? {
            None => Ok((received, order, is_trial)),
            Some(_) => Err(ApiError::fault("/file", "must be the last field of the form")),
        };
    }
    Err(ApiError::fault("/file", "is missing"))
}

/// A JSON file says itself what holds for its contacts; what the form says goes before it.
async fn with_own(
    imports: &Imports,
    received: &Received,
    members: Map<String, Value>,
) -> Result<ImportOptions> {
    let mut own = imports.members(received).await.map_err(super::failed(ImportId(0)))?;
    own.extend(members.into_iter().filter(|(_, value)| !value.is_null()));
    Ok(api_types::read::read(Value::Object(own))?)
}

async fn text(mut field: Field<'_>, name: &str, limit: u64) -> Result<String> {
    let mut text = Vec::new();
    while let Some(part) = field.chunk().await.map_err(|error| broken(&error, limit))? {
        text.extend_from_slice(&part);
        if text.len() > SMALL {
            return Err(ApiError::fault(format!("/{name}"), format!("must have at most {SMALL} bytes")));
        }
    }
    String::from_utf8(text).map_err(|_| ApiError::fault(format!("/{name}"), "is not UTF-8"))
}

/// A field as the member that it would be in JSON.
fn value(name: &str, text: String) -> Result<Value> {
    Ok(match (name, text.trim()) {
        (_, "") if name != "delimiter" => Value::Null,
        ("mapping", text) => serde_json::from_str(text)
            .map_err(|error| ApiError::fault("/mapping", format!("is not valid JSON: {error}")))?,
        ("has_header" | "default_opted_in" | "skip_duplicates" | "dry_run", "true" | "1") => true.into(),
        ("has_header" | "default_opted_in" | "skip_duplicates" | "dry_run", "false" | "0") => false.into(),
        ("tags", text) if text.starts_with('[') => serde_json::from_str(text)
            .map_err(|error| ApiError::fault("/tags", format!("is not valid JSON: {error}")))?,
        ("tags", text) => text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect(),
        ("delimiter", "tab" | "\\t") => "\t".into(),
        ("delimiter", _) if text.is_empty() => Value::Null,
        ("delimiter", _) => text.into(),
        (_, text) => text.into(),
    })
}

/// The file goes part by part from the client through a narrow channel to the disk.
async fn file(imports: &Imports, field: Field<'_>) -> Result<Received> {
    let (parts, arriving) = mpsc::channel(PARTS);
    let bytes = ReceiverStream::new(arriving).boxed();
    let (received, ()) = tokio::join!(imports.receive(bytes), pump(field, parts));
    received.map_err(super::failed(ImportId(0)))
}

/// Ends when the field does, or when nobody takes its parts any more.
async fn pump(mut field: Field<'_>, parts: mpsc::Sender<std::io::Result<Bytes>>) {
    loop {
        let part = match field.chunk().await {
            Ok(None) => return,
            Ok(Some(part)) => Ok(part),
            Err(error) => Err(std::io::Error::other(error)),
        };
        let over = part.is_err();
        if parts.send(part).await.is_err() || over {
            return;
        }
    }
}

fn broken(error: &MultipartError, limit: u64) -> ApiError {
    if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::PayloadTooLarge(TooLarge { limit_bytes: limit }).into();
    }
    ApiError::fault("", format!("is not a readable form: {}", error.body_text()))
}
