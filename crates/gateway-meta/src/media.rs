//! Files, up and down, in streams: none is held in memory whole.

use std::io;

use bytes::Bytes;
use futures::StreamExt;
use graph::media::{MediaInfo, MediaUploaded, UploadHandle, UploadSession};
use ports::gateway::{Access, ByteStream, GatewayError, MediaLocation};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, Url};

use crate::call::{authorization, read};
use crate::client::{MetaClient, address, base};
use crate::outcome::{self, refused_here};

/// The largest file that Meta takes or hands out (a document), in bytes.
const LARGEST: u64 = 100 * 1024 * 1024;
/// Meta's code for a file that cannot be sent.
const UPLOAD_FAULT: i64 = 131_053;
/// Meta's code for a file that cannot be fetched.
const DOWNLOAD_FAULT: i64 = 131_052;

impl MetaClient {
    pub(crate) async fn upload(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        size: u64,
        bytes: ByteStream,
    ) -> Result<String, GatewayError> {
        if size > LARGEST {
            return Err(refused_here(UPLOAD_FAULT, "the file is larger than the 100 MB that Meta takes"));
        }
        let url = address(access, &[&access.phone_number_id, "media"])?;
        let body = Body::wrap_stream(measured(bytes, size, true));
        let file = Part::stream_with_length(body, size).file_name(filename.to_owned());
        let file = file.mime_str(mime_type).map_err(outcome::not_sent)?;
        let form = Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", mime_type.to_owned())
            .part("file", file);
        let request = self.request(Method::POST, url, &access.token, self.patience.transfer)?.multipart(form);
        Ok(read::<MediaUploaded>(self.perform(request).await?).await?.id)
    }

    /// Meta's resumable upload, in one go: a session, then the bytes.
    pub(crate) async fn upload_for_sample(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Result<String, GatewayError> {
        let app = access.app_id.as_deref();
        let app =
            app.ok_or_else(|| refused_here(100, "a sample is uploaded to the app, and its id is not set"))?;
        let mut url = address(access, &[app, "uploads"])?;
        url.query_pairs_mut()
            .append_pair("file_name", filename)
            .append_pair("file_length", &bytes.len().to_string())
            .append_pair("file_type", mime_type);
        let request = self.request(Method::POST, url, &access.token, self.patience.answer)?;
        let session: UploadSession = read(self.perform(request).await?).await?;
        let url = session_address(access, &session.id)?;
        self.guard.check(&url).map_err(outcome::not_allowed)?;
        let request = self
            .http
            .post(url)
            .header(reqwest::header::AUTHORIZATION, authorization("OAuth", &access.token)?)
            .header("file_offset", "0")
            .timeout(self.patience.transfer)
            .body(bytes);
        Ok(read::<UploadHandle>(self.perform(request).await?).await?.h)
    }

    pub(crate) async fn location_of(
        &self,
        access: &Access,
        meta_id: &str,
    ) -> Result<MediaLocation, GatewayError> {
        let url = address(access, &[meta_id])?;
        let query = [("phone_number_id", access.phone_number_id.as_str())];
        let info: MediaInfo = self.get(access, url, &query).await?;
        Ok(MediaLocation {
            url: info.url,
            mime_type: info.mime_type.unwrap_or_else(|| "application/octet-stream".into()),
            sha256: info.sha256,
            size: info.file_size,
        })
    }

    pub(crate) async fn download(
        &self,
        access: &Access,
        location: &MediaLocation,
    ) -> Result<ByteStream, GatewayError> {
        let url = download_address(access, &location.url)?;
        not_too_large(location.size)?;
        let request = self.request(Method::GET, url, &access.token, self.patience.transfer)?;
        let response = self.perform(request).await?;
        let size = response.content_length().or(location.size).unwrap_or_default();
        if size > LARGEST {
            return Err(refused_here(
                DOWNLOAD_FAULT,
                "the file is larger than the 100 MB that Meta hands out",
            ));
        }
        let parts = response.bytes_stream();
        let parts =
            parts.map(|part| part.map_err(|fault| io::Error::other(outcome::of_cut(fault).to_string())));
        Ok(measured(parts.boxed(), LARGEST, false))
    }
}

/// The id of a session is `upload:<...>` and may hold a query of its own, so it is joined as it is.
fn session_address(access: &Access, session: &str) -> Result<Url, GatewayError> {
    let unusable = || GatewayError::Unknown("Meta's answer names no upload session".into());
    let known = session.strip_prefix("upload:").is_some_and(|rest| !rest.contains(['/', '#', '\\']));
    let url = format!("{}/{session}", base(access)?);
    if known { url.parse().map_err(|_| unusable()) } else { Err(unusable()) }
}

/// The token goes over TLS only, unless the Graph API itself is spoken to without (a simulator).
fn download_address(access: &Access, url: &str) -> Result<Url, GatewayError> {
    let url: Url =
        url.parse().map_err(|_| refused_here(DOWNLOAD_FAULT, "the file's address is not usable"))?;
    if url.scheme() != "https" && base(access)?.scheme() == "https" {
        return Err(refused_here(DOWNLOAD_FAULT, "the file's address is not safe for the token"));
    }
    Ok(url)
}

fn not_too_large(size: Option<u64>) -> Result<(), GatewayError> {
    if size.is_some_and(|size| size > LARGEST) {
        return Err(refused_here(DOWNLOAD_FAULT, "the file is larger than the 100 MB that Meta hands out"));
    }
    Ok(())
}

/// The same bytes, failing when they are more than they may be (or, when exact, fewer).
fn measured(bytes: ByteStream, limit: u64, exact: bool) -> ByteStream {
    let fault = |text| Some((Err(io::Error::other(text)), None));
    let state = Some((bytes, 0_u64));
    futures::stream::unfold(state, move |state| async move {
        let (mut bytes, seen) = state?;
        match bytes.next().await {
            Some(Ok(part)) => {
                let seen = seen + part.len() as u64;
                if seen > limit {
                    fault("the file is longer than announced")
                } else {
                    Some((Ok(part), Some((bytes, seen))))
                }
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if exact && seen < limit => fault("the file is shorter than announced"),
            None => None,
        }
    })
    .boxed()
}
