//! Media: files up and down, streamed both ways.

use api_types::errors::details::{Missing, Nothing, TooLarge, WrongState};
use api_types::media::{Media, UploadMedia};
use api_types::{Problem, Success};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::response::Response;
use bytes::Bytes;
use domain::{ConnectionId, MediaId};
use engine::media::{MediaError, MediaFiles, SUPPORTED, Upload, Uploaded};
use futures::StreamExt;
use http::{HeaderValue, header};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::{Answer, Result, created, ok};
use crate::body::{Id, unsupported};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

/// The largest file, and room for what stands around it in the form. Each kind has its own, lower limit.
const FORM_LIMIT: usize = 101 * 1024 * 1024;
/// Parts of a file on their way from the client to the disk.
const PARTS: usize = 4;
/// Bytes of a form's field that is no file.
const SMALL: usize = 64;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(upload_media))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .routes(routes!(get_media))
        .routes(routes!(download_media))
}

/// Uploads a file, for messages and for samples of templates. The fields before `file` are read first.
#[utoipa::path(post, path = "/media", tag = "media",
    request_body(content = UploadMedia, content_type = "multipart/form-data"),
    responses((status = 201, body = Success<Media>)),
    extensions(
        ("x-required-permission" = json!("media_write")),
        ("x-error-codes" = json!(["CONNECTION_NOT_FOUND", "CONNECTION_NOT_CONFIGURED", "TOKEN_EXPIRED",
            "META_REJECTED"]))))]
async fn upload_media(
    caller: Caller<needs::MediaWrite>,
    State(media): State<MediaFiles>,
    request: Request,
) -> Result<Answer<Media>> {
    let provided = request.headers().get(header::CONTENT_TYPE).cloned();
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| {
        let provided = provided.as_ref().and_then(|value| value.to_str().ok());
        unsupported(provided, &["multipart/form-data"])
    })?;
    let mut connection = None;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("connection_id") => connection = Some(connection_id(field).await?),
            Some("file") => {
                let uploaded = file(&media, &caller, connection, field).await?;
                return match form.next_field().await.map_err(broken)? {
                    None => Ok(told(uploaded)),
                    Some(_) => Err(ApiError::fault("/file", "must be the last field of the form")),
                };
            }
            other => {
                let name: String = other.unwrap_or_default().chars().take(100).collect();
                return Err(ApiError::fault(format!("/{name}"), "is not a known field"));
            }
        }
    }
    Err(ApiError::fault("/file", "is missing"))
}

async fn connection_id(mut field: Field<'_>) -> Result<ConnectionId> {
    let mut text = Vec::new();
    while let Some(part) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&part);
        if text.len() > SMALL {
            break;
        }
    }
    let id = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
    id.map(ConnectionId).ok_or_else(|| ApiError::fault("/connection_id", "must be an integer"))
}

/// The file goes part by part from the client through a narrow channel to the disk: neither waits for more than a few
/// parts of the other.
async fn file<N>(
    media: &MediaFiles,
    caller: &Caller<N>,
    connection_id: Option<ConnectionId>,
    field: Field<'_>,
) -> Result<Uploaded> {
    let mime_type = field.content_type().unwrap_or_default().to_owned();
    let filename = field.file_name().map(str::to_owned);
    let upload = Upload { connection_id, mime_type, filename };
    let (parts, arriving) = mpsc::channel(PARTS);
    let bytes = ReceiverStream::new(arriving).boxed();
    let (uploaded, ()) = tokio::join!(media.upload(caller.tenant, upload, bytes), pump(field, parts));
    uploaded.map_err(failed(connection_id.map(|connection| connection.0)))
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

fn told(uploaded: Uploaded) -> Answer<Media> {
    let warning = uploaded.problem.map(|error| error.to_string());
    created(Media { warning, ..body(uploaded.media) })
}

/// What is known of a file.
#[utoipa::path(get, path = "/media/{id}", tag = "media",
    responses((status = 200, body = Success<Media>)),
    extensions(("x-required-permission" = json!("messages_read")), ("x-error-codes" = json!(["MEDIA_NOT_FOUND"]))))]
async fn get_media(
    caller: Caller<needs::MessagesRead>,
    Id(id): Id<MediaId>,
    State(media): State<MediaFiles>,
) -> Result<Answer<Media>> {
    Ok(ok(body(media.get(caller.tenant, id).await.map_err(failed(Some(id.0)))?)))
}

/// The bytes of a file.
#[utoipa::path(get, path = "/media/{id}/content", tag = "media",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)),
    extensions(
        ("x-required-permission" = json!("messages_read")),
        ("x-error-codes" = json!(["MEDIA_NOT_FOUND", "INVALID_STATE"]))))]
async fn download_media(
    caller: Caller<needs::MessagesRead>,
    Id(id): Id<MediaId>,
    State(media): State<MediaFiles>,
) -> Result<Response> {
    let (found, bytes) = media.open(caller.tenant, id).await.map_err(failed(Some(id.0)))?;
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&found.mime_type).unwrap_or(octets));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(found.size.max(0)));
    headers.insert(header::CONTENT_DISPOSITION, disposition(found.filename.as_deref(), id));
    // A customer's file is never run as a page of ours.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    Ok(response)
}

/// RFC 6266 with the extended notation of RFC 8187.
fn disposition(filename: Option<&str>, id: MediaId) -> HeaderValue {
    let plain = format!("media-{id}");
    let name = filename.unwrap_or(&plain);
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let value = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment"))
}

fn body(media: ports::media::Media) -> Media {
    Media {
        id: media.id.0,
        connection_id: media.connection_id.0,
        direction: media.direction.into(),
        mime_type: media.mime_type,
        filename: media.filename,
        size: media.size,
        sha256: media.sha256,
        available: media.path.is_some(),
        failure: media.failure,
        warning: None,
        created_at: media.created_at,
    }
}

fn broken(error: MultipartError) -> ApiError {
    if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::PayloadTooLarge(TooLarge { limit_bytes: FORM_LIMIT as u64 }).into();
    }
    ApiError::fault("", format!("is not a readable form: {}", error.body_text()))
}

/// `id`: of the file, or of the connection where the file is not there yet.
pub(crate) fn failed(id: Option<i64>) -> impl FnOnce(MediaError) -> ApiError {
    let missing = Missing { id: id.unwrap_or(0) };
    move |error| match error {
        MediaError::NotFound => Problem::MediaNotFound(missing).into(),
        MediaError::ConnectionNotFound => Problem::ConnectionNotFound(missing).into(),
        MediaError::NoConnection => Problem::ConnectionNotConfigured(Nothing {}).into(),
        MediaError::UnsupportedType(mime_type) => unsupported(Some(&mime_type), &SUPPORTED),
        MediaError::TooLarge { limit } => Problem::PayloadTooLarge(TooLarge { limit_bytes: limit }).into(),
        MediaError::Invalid(faults) => faults.into(),
        MediaError::NotFetched(failure) => Problem::InvalidState(WrongState {
            current: failure.unwrap_or_else(|| "not fetched yet".to_owned()),
            allowed: vec!["available".to_owned()],
            not_before: None,
        })
        .into(),
        MediaError::CutOff(_) => ApiError::fault("/file", "broke off before its end"),
        MediaError::Disk(error) => ApiError::internal(error),
        MediaError::Gateway(error) => error.into(),
        MediaError::Store(error) => error.into(),
    }
}
