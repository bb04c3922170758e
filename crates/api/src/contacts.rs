//! Contacts.

use api_types::contacts::{Contact, ContactQuery, CreateContact, Review, UpdateContact};
use api_types::errors::details::{DuplicateContact, Missing};
use api_types::imports::CsvQuery;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use axum::response::Response;
use domain::audit::{Action, NewEntry};
use domain::{ContactId, TenantId};
use engine::audit::Audit;
use engine::consent::Testimony;
use engine::contacts::{ContactError, Contacts, PatchContact};
use engine::segments::Segments;
use ports::contacts::ContactFilter;
use serde_json::{Value, json};

use crate::answer::{Answer, Result, created, list, ok, paging};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::files::csv_file;
use crate::routing::{Routes, routes};
use crate::segments;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_contacts, create_contact))
        .routes(routes!(export_contacts))
        .routes(routes!(get_contact, update_contact, delete_contact))
        .routes(routes!(review_contact))
}

/// Contacts, newest first.
#[utoipa::path(get, path = "/contacts", tag = "contacts", params(ContactQuery, PagingQuery),
    responses((status = 200, body = Success<List<Contact>>)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["SEGMENT_NOT_FOUND"]))))]
async fn list_contacts(
    caller: Caller<needs::ContactsRead>,
    State(contacts): State<Contacts>,
    State(saved): State<Segments>,
    Query((wanted, page)): Query<(ContactQuery, PagingQuery)>,
) -> Result<Answer<List<Contact>>> {
    let filter = filter(caller.tenant, &saved, wanted).await?;
    let found = contacts.list(caller.tenant, &filter, &paging(&page)).await.map_err(failed(ContactId(0)))?;
    list(&page, found, body)
}

async fn filter(tenant: TenantId, saved: &Segments, wanted: ContactQuery) -> Result<ContactFilter> {
    let rule = match wanted.segment {
        Some(id) => Some(saved.filter(tenant, id).await.map_err(segments::failed(id))?),
        None => None,
    };
    Ok(ContactFilter {
        opted_in: wanted.opted_in,
        needs_review: wanted.needs_review,
        tags: wanted.tags,
        search: wanted.search,
        rule,
    })
}

/// Contacts as a CSV that an import reads back, newest first. Nothing in it is taken for a formula by a spreadsheet.
#[utoipa::path(get, path = "/contacts/export.csv", tag = "contacts", params(ContactQuery, CsvQuery),
    responses((status = 200, content_type = "text/csv", body = String)),
    extensions(("x-required-permission" = json!("exports")), ("x-error-codes" = json!(["SEGMENT_NOT_FOUND"]))))]
async fn export_contacts(
    caller: Caller<needs::Exports>,
    State(contacts): State<Contacts>,
    State(saved): State<Segments>,
    State(audit): State<Audit>,
    Query((wanted, csv)): Query<(ContactQuery, CsvQuery)>,
) -> Result<Response> {
    let filter = filter(caller.tenant, &saved, wanted).await?;
    audit.note(caller.tenant, NewEntry::new(Action::ContactsExported, "contacts")).await?;
    Ok(csv_file(contacts.export(caller.tenant, filter, csv.bom == Some(true)), "contacts.csv"))
}

/// Makes a contact.
#[utoipa::path(post, path = "/contacts", tag = "contacts", request_body = CreateContact,
    responses((status = 201, body = Success<Contact>)),
    extensions(
        ("x-required-permission" = json!("contacts_write")),
        ("x-error-codes" = json!(["INVALID_PHONE_FORMAT", "DUPLICATE_CONTACT"]))))]
async fn create_contact(
    caller: Caller<needs::ContactsWrite>,
    State(contacts): State<Contacts>,
    Json(wanted): Json<CreateContact>,
) -> Result<Answer<Contact>> {
    let evidence = wanted.opt_in_evidence.map(Value::Object);
    let opted_in = wanted.opted_in.unwrap_or(false);
    if evidence.is_some() && !opted_in {
        return Err(ApiError::fault("/opt_in_evidence", "proves nothing without opted_in: true"));
    }
    let new = engine::contacts::CreateContact {
        phone: wanted.phone,
        bsuid: wanted.bsuid,
        name: wanted.name,
        language: wanted.language,
        time_zone: wanted.time_zone,
        tags: wanted.tags.unwrap_or_default(),
        fields: wanted.fields.unwrap_or_default(),
        opt_in: opted_in.then(|| Testimony::by_call(caller.key, evidence)),
    };
    let contact = contacts.create(caller.tenant, new).await.map_err(failed(ContactId(0)))?;
    Ok(created(body(contact)))
}

/// One contact.
#[utoipa::path(get, path = "/contacts/{id}", tag = "contacts",
    responses((status = 200, body = Success<Contact>)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn get_contact(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<ContactId>,
    State(contacts): State<Contacts>,
) -> Result<Answer<Contact>> {
    Ok(ok(body(contacts.get(caller.tenant, id).await.map_err(failed(id))?)))
}

/// Changes a contact; consent is changed by its own calls.
#[utoipa::path(patch, path = "/contacts/{id}", tag = "contacts", request_body = UpdateContact,
    responses((status = 200, body = Success<Contact>)),
    extensions(
        ("x-required-permission" = json!("contacts_write")),
        ("x-error-codes" = json!(["CONTACT_NOT_FOUND", "INVALID_PHONE_FORMAT", "DUPLICATE_CONTACT"]))))]
async fn update_contact(
    caller: Caller<needs::ContactsWrite>,
    Id(id): Id<ContactId>,
    State(contacts): State<Contacts>,
    Json(wanted): Json<UpdateContact>,
) -> Result<Answer<Contact>> {
    let patch = PatchContact {
        phone: wanted.phone.into_option(),
        bsuid: wanted.bsuid.into_option(),
        name: wanted.name.into_option(),
        language: wanted.language.into_option(),
        time_zone: wanted.time_zone.into_option(),
        tags: wanted.tags,
        fields: wanted.fields,
    };
    Ok(ok(body(contacts.patch(caller.tenant, id, patch).await.map_err(failed(id))?)))
}

/// Removes a contact with its conversations and messages; the consent ledger keeps its entries.
///
/// An opt-out or a marketing stop is kept under a keyed hash of number and user id and holds when they come back: a
/// list or `opted_in: true` of a new contact does not lift an opt-out, `POST /contacts/{id}/opt-in` does.
#[utoipa::path(delete, path = "/contacts/{id}", tag = "contacts",
    responses((status = 200, body = Success<Value>)),
    extensions(("x-required-permission" = json!("contacts_write")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn delete_contact(
    caller: Caller<needs::ContactsWrite>,
    Id(id): Id<ContactId>,
    State(contacts): State<Contacts>,
) -> Result<Answer<Value>> {
    contacts.delete(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

/// Takes off the flag that keeps a contact from being sent to.
#[utoipa::path(post, path = "/contacts/{id}/reviewed", tag = "contacts",
    responses((status = 200, body = Success<Contact>)),
    extensions(("x-required-permission" = json!("contacts_write")), ("x-error-codes" = json!(["CONTACT_NOT_FOUND"]))))]
async fn review_contact(
    caller: Caller<needs::ContactsWrite>,
    Id(id): Id<ContactId>,
    State(contacts): State<Contacts>,
    _: NoBody,
) -> Result<Answer<Contact>> {
    Ok(ok(body(contacts.reviewed(caller.tenant, id).await.map_err(failed(id))?)))
}

pub(crate) fn body(contact: ports::contacts::Contact) -> Contact {
    Contact {
        id: contact.id.0,
        phone: contact.identity.phone.map(String::from),
        bsuid: contact.identity.bsuid,
        username: contact.username,
        name: contact.name,
        language: contact.language,
        country: contact.country,
        time_zone: contact.time_zone,
        tags: contact.tags,
        fields: contact.fields,
        opted_in: contact.consent.opted_in,
        opted_in_at: contact.consent.opted_in_at,
        opted_out_at: contact.consent.opted_out_at,
        marketing_stopped: contact.consent.marketing_stopped,
        needs_review: contact.review.is_some(),
        review: contact.review.map(|review| Review {
            reason: review.reason,
            meta_error_code: review.meta_error_code,
            at: review.at,
        }),
        last_inbound_at: contact.last_inbound_at,
        created_at: contact.created_at,
        updated_at: contact.updated_at,
    }
}

fn failed(contact: ContactId) -> impl FnOnce(ContactError) -> ApiError {
    move |error| match error {
        ContactError::NotFound => Problem::ContactNotFound(Missing { id: contact.0 }).into(),
        ContactError::InvalidPhone(invalid) => Problem::InvalidPhoneFormat((*invalid).into()).into(),
        ContactError::Invalid(faults) => faults.into(),
        ContactError::Duplicate(other) => {
            Problem::DuplicateContact(DuplicateContact { contact_id: other.0 }).into()
        }
        // The key was found a moment ago, its tenant was not.
        ContactError::TenantNotFound => ApiError::internal("the caller's tenant is gone"),
        ContactError::Store(error) => error.into(),
    }
}
