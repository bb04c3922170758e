//! Upload, look-up, download and deletion of media.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{Response as HttpResponse, StatusCode, header};
use bytes::Bytes;
use serde_json::json;

use super::{Medium, rules};
use crate::errors::GraphError;
use crate::graph_api::auth::may_message;
use crate::graph_api::{Answer, Call, json, success};
use crate::identifiers::{node_id, trace_id};

/// `POST /{phone}/media`: multipart with `messaging_product`, `file` and `type`.
pub(crate) async fn upload(call: &Call<'_>, phone_id: &str) -> Answer {
    let waba_id = call.sim.accounts().phone(phone_id).map(|phone| phone.waba_id.clone());
    let waba_id = waba_id.ok_or_else(|| call.no_object(phone_id))?;
    may_message(&call.token, &waba_id)?;
    let form = Form::read(call).await?;
    match form.product.as_deref() {
        None => return Err(GraphError::required("messaging_product")),
        Some("whatsapp") => {}
        Some(other) => {
            let text = format!("Param messaging_product must be one of {{WHATSAPP}} - got \"{other}\".");
            return Err(GraphError::param(text));
        }
    }
    let Some((mime, bytes)) = form.file else { return Err(GraphError::required("file")) };
    let mime = mime.or(form.kind).ok_or_else(|| GraphError::required("type"))?;
    let Some(limit) = rules::limit(&mime) else {
        let text = format!(
            "Param file must be a file with one of the following types: {}. Received file of type '{mime}'.",
            rules::supported()
        );
        return Err(GraphError::param(text));
    };
    if bytes.is_empty() {
        return Err(GraphError::message(131053, "The file is empty."));
    }
    if bytes.len() > limit {
        let text = format!("Media file size is too big: {} bytes, at most {limit} for {mime}.", bytes.len());
        return Err(GraphError::message(131053, text));
    }
    let id = node_id(&call.sim.entropy);
    call.sim.media().put(Medium::new(id.clone(), &waba_id, &mime, bytes, call.sim.clock.now_ms(), false));
    Ok(json(json!({"id": id})))
}

#[derive(Default)]
struct Form {
    product: Option<String>,
    kind: Option<String>,
    file: Option<(Option<String>, Bytes)>,
}

impl Form {
    async fn read(call: &Call<'_>) -> Result<Self, GraphError> {
        let bad = |fault: String| GraphError::param(format!("The multipart body cannot be read: {fault}"));
        let mut request = Request::new(Body::from(call.body.clone()));
        *request.headers_mut() = call.headers.clone();
        // The dispatcher has limited the body already.
        DefaultBodyLimit::disable().apply(&mut request);
        let mut parts =
            Multipart::from_request(request, &()).await.map_err(|fault| bad(fault.body_text()))?;
        let mut form = Self::default();
        while let Some(field) = parts.next_field().await.map_err(|fault| bad(fault.body_text()))? {
            let name = field.name().unwrap_or_default().to_owned();
            let mime = field.content_type().map(ToOwned::to_owned);
            let bytes = field.bytes().await.map_err(|fault| bad(fault.body_text()))?;
            let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
            match name.as_str() {
                "messaging_product" => form.product = Some(text()),
                "type" => form.kind = Some(text()),
                "file" => form.file = Some((mime.filter(|mime| mime != "application/octet-stream"), bytes)),
                _ => {}
            }
        }
        Ok(form)
    }
}

/// `GET /{media}`: a URL for five minutes. `phone_number_id`, when given, must be of the same account.
pub(crate) fn get(call: &Call<'_>, id: &str) -> Answer {
    let now_ms = call.sim.clock.now_ms();
    let medium = call.sim.media().get(id, now_ms).cloned().ok_or_else(|| call.no_object(id))?;
    may_message(&call.token, &medium.waba_id)?;
    if let Some(phone_id) = call.params.text("phone_number_id") {
        let same = call.sim.accounts().phone(&phone_id).is_some_and(|phone| phone.waba_id == medium.waba_id);
        if !same {
            return Err(call.no_object(id));
        }
    }
    let ticket = call.sim.media().ticket(id, trace_id(&call.sim.entropy), now_ms);
    Ok(json(json!({
        "url": format!("{}/_media/{ticket}", call.sim.url()),
        "mime_type": medium.mime,
        "sha256": medium.sha256,
        "file_size": medium.bytes.len(),
        "id": id,
        "messaging_product": "whatsapp",
    })))
}

/// `GET {url}`: the bytes, while the URL is good; 404 afterwards.
pub(crate) fn download(call: &Call<'_>, ticket: &str) -> Answer {
    let medium = call.sim.media().redeem(ticket, call.sim.clock.now_ms()).cloned();
    let answer = match medium {
        None => {
            HttpResponse::builder().status(StatusCode::NOT_FOUND).body(Body::from("URL signature expired"))
        }
        Some(medium) => {
            may_message(&call.token, &medium.waba_id)?;
            HttpResponse::builder().header(header::CONTENT_TYPE, &medium.mime).body(Body::from(medium.bytes))
        }
    };
    answer.map_err(|_| GraphError::message(131000, "The media type cannot be written as a header."))
}

/// `DELETE /{media}`.
pub(crate) fn delete(call: &Call<'_>, id: &str) -> Answer {
    let waba_id = call.sim.media().get(id, call.sim.clock.now_ms()).map(|medium| medium.waba_id.clone());
    may_message(&call.token, &waba_id.ok_or_else(|| call.no_object(id))?)?;
    call.sim.media().remove(id);
    Ok(success())
}
