//! Persons' rights: all that is known of them, and being forgotten.

use std::time::Duration;

use api_types::erasure::{Erasure, ErasureReceipt, ErasureState, KeptItem, ReceiptCheck};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::audit::{Action, NewEntry};
use domain::erasure::{Kept, Receipt};
use domain::{ContactId, ErasureId, TenantId};
use engine::audit::Audit;
use engine::erasure::{ErasureError, Erasures};
use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::answer::{Answer, Result, accepted, list, ok, paging};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

/// How long a caller waits for the receipt.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(export_person))
        .routes(routes!(erase_contact))
        .routes(routes!(list_erasures))
        .routes(routes!(verify_erasure))
        .routes(routes!(get_erasure))
}

/// All that is known of a contact, as a ZIP: JSON files and the files that were sent and received.
#[utoipa::path(get, path = "/contacts/{id}/export", tag = "erasure",
    responses((status = 200, content_type = "application/zip", body = String)),
    extensions(("x-required-permission" = json!("contacts_disclose")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn export_person(
    caller: Caller<needs::ContactsDisclose>,
    Id(id): Id<ContactId>,
    State(erasures): State<Erasures>,
    State(audit): State<Audit>,
) -> Result<Response> {
    let bytes = erasures.export(caller.tenant, id).await.map_err(failed(id.0))?;
    audit.note(caller.tenant, NewEntry::about(Action::PersonExported, "contact", id)).await?;
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    let attachment = HeaderValue::from_str(&format!("attachment; filename=\"contact-{id}.zip\""));
    headers.insert(header::CONTENT_DISPOSITION, attachment.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Erases a person: identity, messages both ways, files, notes, and whatever else names them. What is kept (the consent
/// ledger without its evidence, an opt-out under a keyed hash) stands in the receipt. The identity is gone when this
/// answers; 202: the last traces are still being removed, ask for the erasure again. A repeat answers the same erasure.
#[utoipa::path(post, path = "/contacts/{id}/erase", tag = "erasure",
    responses((status = 200, body = Success<Erasure>), (status = 202, body = Success<Erasure>)),
    extensions(("x-required-permission" = json!("contacts_erase")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn erase_contact(
    caller: Caller<needs::ContactsErase>,
    Id(id): Id<ContactId>,
    State(erasures): State<Erasures>,
    _: NoBody,
) -> Result<Answer<Erasure>> {
    let erasure = erasures.erase(caller.tenant, id, PATIENCE).await.map_err(failed(id.0))?;
    let erasure = body(erasure);
    Ok(if erasure.state == ErasureState::Done { ok(erasure) } else { accepted(erasure) })
}

/// Erasures, newest first.
#[utoipa::path(get, path = "/erasures", tag = "erasure", params(PagingQuery),
    responses((status = 200, body = Success<List<Erasure>>)),
    extensions(("x-required-permission" = json!("retention_read"))))]
async fn list_erasures(
    caller: Caller<needs::RetentionRead>,
    State(erasures): State<Erasures>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Erasure>>> {
    let found = erasures.list(caller.tenant, &paging(&page)).await.map_err(failed(0))?;
    list(&page, found, body)
}

/// An erasure with its receipt.
#[utoipa::path(get, path = "/erasures/{id}", tag = "erasure",
    responses((status = 200, body = Success<Erasure>)),
    extensions(("x-required-permission" = json!("retention_read")), ("x-error-codes" = json!(["ERASURE_NOT_FOUND"]))))]
async fn get_erasure(
    caller: Caller<needs::RetentionRead>,
    Id(id): Id<ErasureId>,
    State(erasures): State<Erasures>,
) -> Result<Answer<Erasure>> {
    Ok(ok(body(erasures.get(caller.tenant, id).await.map_err(failed(id.0))?)))
}

/// Checks a receipt that somebody shows: whether this server wrote it, and nobody changed it since.
#[utoipa::path(post, path = "/erasures/verify", tag = "erasure", request_body = ErasureReceipt,
    responses((status = 200, body = Success<ReceiptCheck>)),
    extensions(("x-required-permission" = json!("retention_read"))))]
async fn verify_erasure(
    caller: Caller<needs::RetentionRead>,
    State(erasures): State<Erasures>,
    Json(shown): Json<ErasureReceipt>,
) -> Result<Answer<ReceiptCheck>> {
    let digest = shown.digest.clone();
    let genuine = match receipt(caller.tenant, shown) {
        Some(receipt) => erasures.is_genuine(caller.tenant, &receipt, &digest).await.map_err(failed(0))?,
        None => false,
    };
    Ok(ok(ReceiptCheck { genuine }))
}

/// `None`: no receipt of ours looks like this.
fn receipt(tenant_id: TenantId, shown: ErasureReceipt) -> Option<Receipt> {
    let removed = shown.removed.into_iter().map(|(what, rows)| Some((what, rows.as_i64()?)));
    let text = |item: &Map<String, Value>, name: &str| item.get(name)?.as_str().map(str::to_owned);
    let kept = shown
        .kept
        .iter()
        .map(|item| (item.len() == 2).then_some(Kept { what: text(item, "what")?, why: text(item, "why")? }));
    Some(Receipt {
        erasure_id: shown.erasure_id,
        tenant_id,
        contact_id: shown.contact_id,
        at: shown.at,
        finished_at: shown.finished_at,
        removed: removed.collect::<Option<_>>()?,
        kept: kept.collect::<Option<_>>()?,
    })
}

fn body(erasure: ports::erasure::Erasure) -> Erasure {
    let (receipt, digest) = erasure.receipt.unzip();
    Erasure {
        erasure_id: erasure.id.0,
        contact_id: erasure.contact_id.0,
        state: if receipt.is_some() { ErasureState::Done } else { ErasureState::Running },
        at: erasure.at,
        finished_at: receipt.as_ref().map(|receipt| receipt.finished_at),
        removed: receipt.as_ref().map(|receipt| receipt.removed.clone()).unwrap_or_default(),
        kept: receipt
            .map(|receipt| receipt.kept)
            .unwrap_or_default()
            .into_iter()
            .map(|kept| KeptItem { what: kept.what, why: kept.why })
            .collect(),
        digest,
    }
}

fn failed(id: i64) -> impl FnOnce(ErasureError) -> ApiError {
    move |error| match error {
        ErasureError::ContactNotFound => Problem::ContactNotFound(Missing { id }).into(),
        ErasureError::NotFound => Problem::ErasureNotFound(Missing { id }).into(),
        ErasureError::Store(error) => error.into(),
    }
}
