//! Uploads and lists: too large to be read before the call, so their bodies are told apart as they stream by. A second
//! key beside the call's keeps what the body was; a repeat is read to its end and compared before it is answered.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderValue, header};
use ports::idempotency::{KeptAnswer, Reserved};

use super::{Keyed, digest, replay, reused};
use crate::error::ApiError;

/// Ends the path of a list of contacts.
const IMPORT: &str = "/contacts/import";

pub(super) fn is_one(request: &Request) -> bool {
    content_type(request).starts_with("multipart/") || request.uri().path().ends_with(IMPORT)
}

fn content_type(request: &Request) -> &str {
    let value = request.headers().get(header::CONTENT_TYPE);
    value.map(HeaderValue::to_str).and_then(Result::ok).unwrap_or_default()
}

/// As [`super::once`], for these.
pub(super) async fn once(keyed: Keyed, request: Request, next: Next) -> Result<Response, ApiError> {
    let print = Fingerprint::new(boundary(content_type(&request)));
    let (parts, body) = request.into_parts();
    let call = digest(&parts, &[]);
    if let Some(answer) = keyed.reserve(&keyed.kept_as, call).await? {
        let print = read_through(print, body).await?;
        return match keyed.reserve_body(print).await? {
            Reserved::OtherBody => Err(reused(&keyed.key)),
            _ => Ok(replay(answer)),
        };
    }
    let print = Arc::new(Mutex::new(print));
    let passing = Arc::clone(&print);
    let body = body.into_data_stream().inspect(move |part| {
        if let Ok(part) = part {
            passing.lock().unwrap_or_else(PoisonError::into_inner).take(part);
        }
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(body))).await;
    if response.status().is_success() {
        let print = print.lock().unwrap_or_else(PoisonError::into_inner).clone();
        keyed.remember_body(print).await;
    }
    keyed.keep(response).await
}

async fn read_through(mut print: Fingerprint, body: Body) -> Result<Fingerprint, ApiError> {
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        print.take(&part.map_err(crate::payload::cut)?);
    }
    Ok(print)
}

impl Keyed {
    /// No client's key holds a blank.
    fn of_body(&self) -> String {
        format!("{} body", self.kept_as)
    }

    async fn reserve_body(&self, print: Fingerprint) -> Result<Reserved, ApiError> {
        Ok(self.store.reserve_key(self.tenant, &self.of_body(), print.end(), self.clock.now()).await?)
    }

    /// Before the answer is kept: whoever is answered by a repeat has been compared.
    async fn remember_body(&self, print: Fingerprint) {
        let (key, nothing) = (self.of_body(), KeptAnswer { status: 204, body: Vec::new() });
        let kept = async {
            self.store.reserve_key(self.tenant, &key, print.end(), self.clock.now()).await?;
            self.store.keep_answer(self.tenant, &key, nothing, self.clock.now()).await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "what was uploaded under an idempotency key is not known to a repeat");
        }
    }
}

fn boundary(content_type: &str) -> Option<Vec<u8>> {
    let parameters = content_type.split(';').skip(1).filter_map(|one| one.trim().split_once('='));
    let (_, value) = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then(|| format!("--{value}").into_bytes())
}

/// SHA-256 of a body, part by part. Of a form the boundary, which clients make up anew for each attempt, does not count,
/// nor what follows the last one.
#[derive(Clone)]
struct Fingerprint {
    context: Context,
    boundary: Option<Vec<u8>>,
    /// What may be the beginning of a boundary.
    held: Vec<u8>,
    over: bool,
}

impl Fingerprint {
    fn new(boundary: Option<Vec<u8>>) -> Self {
        Self { context: Context::new(&SHA256), boundary, held: Vec::new(), over: false }
    }

    fn take(&mut self, part: &Bytes) {
        let Some(boundary) = &self.boundary else { return self.context.update(part) };
        if self.over {
            return;
        }
        self.held.extend_from_slice(part);
        let mut from = 0;
        while let Some(at) = find(&self.held[from..], boundary).map(|at| from + at) {
            self.context.update(&self.held[from..at]);
            let behind = at + boundary.len();
            match self.held.get(behind..behind + 2) {
                Some(b"--") => {
                    self.over = true;
                    return;
                }
                Some(_) => {
                    self.context.update(b"--");
                    from = behind;
                }
                None => {
                    self.held.drain(..at);
                    return;
                }
            }
        }
        let end = Ord::max(from, (self.held.len() + 1).saturating_sub(boundary.len()));
        self.context.update(&self.held[from..end]);
        self.held.drain(..end);
    }

    fn end(mut self) -> [u8; 32] {
        if !self.over {
            self.context.update(&self.held);
        }
        self.context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    let first = sought.first()?;
    bytes.windows(sought.len()).position(|window| window.first() == Some(first) && window == sought)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(boundary: &str, body: &str, size: usize) -> [u8; 32] {
        let mut print =
            Fingerprint::new(super::boundary(&format!("multipart/form-data; boundary={boundary}")));
        for part in body.as_bytes().chunks(size) {
            print.take(&Bytes::copy_from_slice(part));
        }
        print.end()
    }

    fn form(boundary: &str, file: &str) -> String {
        format!("--{boundary}\r\nname=\"a\"\r\n\r\n1\r\n--{boundary}\r\n\r\n{file}\r\n--{boundary}--\r\n")
    }

    #[test]
    fn a_form_is_the_same_under_another_boundary_and_in_other_parts() {
        let one = print("ab--c", &form("ab--c", "phone\n--ab-\n"), 1_000);
        for size in [1, 2, 7, 64] {
            assert_eq!(print("ab--c", &form("ab--c", "phone\n--ab-\n"), size), one, "{size}");
            assert_eq!(print("\"xyz 1\"", &form("xyz 1", "phone\n--ab-\n"), size), one, "{size}");
            assert_ne!(print("ab--c", &form("ab--c", "phone\n--ab_\n"), size), one, "{size}");
        }
    }

    #[test]
    fn what_is_no_form_counts_whole() {
        let json = |text: &'static str| {
            let mut print = Fingerprint::new(boundary("application/json"));
            print.take(&Bytes::from_static(text.as_bytes()));
            print.end()
        };
        assert_ne!(json("{\"a\":1}"), json("{\"a\":2}"));
        assert_eq!(json("{}"), json("{}"));
    }
}
