//! Files that a client saves.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use ports::gateway::ByteStream;

/// A table for a spreadsheet.
pub(crate) fn csv_file(bytes: ByteStream, name: &str) -> Response {
    file(bytes, HeaderValue::from_static("text/csv; charset=utf-8"), name)
}

/// A JSON object a line.
pub(crate) fn json_lines_file(bytes: ByteStream, name: &str) -> Response {
    file(bytes, HeaderValue::from_static("application/x-ndjson"), name)
}

fn file(bytes: ByteStream, kind: HeaderValue, name: &str) -> Response {
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    let attachment = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, attachment.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
