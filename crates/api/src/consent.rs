//! Consent of a contact, and its ledger.

use api_types::consent::{ConsentOutcome, ConsentRecord, RecordConsent};
use api_types::errors::details::Missing;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::ContactId;
use domain::consent::ConsentSource;
use engine::consent::{Consent, ConsentError, Testimony};
use serde_json::Value;

use crate::answer::{Answer, Result, list, ok, paging};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::contacts;
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(opt_in_contact))
        .routes(routes!(opt_out_contact))
        .routes(routes!(list_consent))
}

/// Records that a contact agreed to messages. A repeat records nothing.
#[utoipa::path(post, path = "/contacts/{id}/opt-in", tag = "consent", request_body = RecordConsent,
    responses((status = 200, body = Success<ConsentOutcome>)),
    extensions(("x-required-permission" = json!("contacts_write")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn opt_in_contact(
    caller: Caller<needs::ContactsWrite>,
    Id(id): Id<ContactId>,
    State(consent): State<Consent>,
    Json(wanted): Json<RecordConsent>,
) -> Result<Answer<ConsentOutcome>> {
    let testimony = testimony(&caller, wanted);
    Ok(ok(outcome(consent.opt_in(caller.tenant, id, testimony).await.map_err(failed(id))?)))
}

/// Records that a contact wants no messages. A repeat records nothing; no confirmation is sent.
#[utoipa::path(post, path = "/contacts/{id}/opt-out", tag = "consent", request_body = RecordConsent,
    responses((status = 200, body = Success<ConsentOutcome>)),
    extensions(("x-required-permission" = json!("contacts_write")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn opt_out_contact(
    caller: Caller<needs::ContactsWrite>,
    Id(id): Id<ContactId>,
    State(consent): State<Consent>,
    Json(wanted): Json<RecordConsent>,
) -> Result<Answer<ConsentOutcome>> {
    let testimony = testimony(&caller, wanted);
    Ok(ok(outcome(consent.opt_out(caller.tenant, id, testimony).await.map_err(failed(id))?)))
}

/// The ledger of a contact, newest first.
#[utoipa::path(get, path = "/contacts/{id}/consent", tag = "consent", params(PagingQuery),
    responses((status = 200, body = Success<List<ConsentRecord>>)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn list_consent(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<ContactId>,
    State(consent): State<Consent>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<ConsentRecord>>> {
    let records = consent.ledger(caller.tenant, id, &paging(&page)).await.map_err(failed(id))?;
    list(&page, records, record)
}

fn testimony<N>(caller: &Caller<N>, told: RecordConsent) -> Testimony {
    Testimony {
        source: told.source.map_or(ConsentSource::Api, Into::into),
        api_key: caller.key,
        evidence: told.evidence.map(Value::Object),
    }
}

fn outcome(outcome: ports::consent::ConsentOutcome) -> ConsentOutcome {
    ConsentOutcome {
        contact: contacts::body(outcome.contact),
        changed: outcome.changed,
        record_id: outcome.record_id.map(|record| record.0),
    }
}

fn record(record: ports::consent::ConsentRecord) -> ConsentRecord {
    ConsentRecord {
        id: record.id.0,
        contact_id: record.contact_id.0,
        kind: record.kind.into(),
        source: record.source.into(),
        at: record.at,
        evidence: record.evidence,
    }
}

fn failed(contact: ContactId) -> impl FnOnce(ConsentError) -> ApiError {
    move |error| match error {
        ConsentError::ContactNotFound => Problem::ContactNotFound(Missing { id: contact.0 }).into(),
        ConsentError::Invalid(faults) => faults.into(),
        ConsentError::Store(error) => error.into(),
    }
}
