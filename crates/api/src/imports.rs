//! Imports: lists of contacts on their way in, streamed to disk.

mod bodies;
mod form;

use std::convert::Infallible;
use std::time::Duration;

use api_types::errors::details::{Missing, TooLarge, WrongState};
use api_types::imports::{CsvQuery, Import, ImportContacts, ImportOptions, ImportTrial, UploadContacts};
use api_types::read::read;
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::audit::{Action, NewEntry};
use domain::imports::ImportState;
use domain::{ApiKeyId, ImportId, TenantId};
use engine::audit::Audit;
use engine::imports::read::Hints;
use engine::imports::{ImportError, Imports, Options, Order, Received};
use futures::{Stream, StreamExt as _, stream};
use http::header;
use serde_json::Value;

use crate::answer::{Answer, Result, accepted, list, ok, paging};
use crate::body::{Id, NoBody, Query, unsupported};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::files::csv_file;
use crate::messages::prefer;
use crate::payload;
use crate::routing::{Routes, routes};
use crate::state::Settings;

/// How long an answer waits for an import to end, when the client does not say.
const WAIT: Duration = Duration::from_secs(5);
/// The same of a list of a thousand rows or so.
const WAIT_FOR_SMALL: Duration = Duration::from_secs(30);
/// Bytes of such a list, at most.
const SMALL: u64 = 256 * 1024;
/// Between two looks at an import that somebody watches.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(import_contacts))
        // The limit of a list is a setting, kept where it is written to disk.
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(list_imports))
        .routes(routes!(get_import))
        .routes(routes!(watch_import))
        .routes(routes!(cancel_import))
        .routes(routes!(get_import_errors))
}

/// Imports a list of contacts: JSON, or a form with a CSV or XLSX file. Small lists are answered with their report, for
/// others 202 says where to look. With `dry_run` the answer is an `ImportTrial`.
#[utoipa::path(post, path = "/contacts/import", tag = "contacts",
    request_body(content(
        (ImportContacts = "application/json"),
        (UploadContacts = "multipart/form-data"))),
    responses(
        (status = 200, description = "It is over, or was a dry run", body = Success<Import>),
        (status = 202, description = "It is at work", body = Success<Import>)),
    extensions(("x-required-permission" = json!("contacts_import"))))]
async fn import_contacts(
    caller: Caller<needs::ContactsImport>,
    State(imports): State<Imports>,
    request: Request,
) -> Result<Response> {
    let headers = request.headers().clone();
    let limit = imports.limit();
    if payload::length(&headers).is_some_and(|length| length > limit + form::AROUND) {
        return Err(Problem::PayloadTooLarge(TooLarge { limit_bytes: limit }).into());
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let (received, order, is_trial) = match essence.to_ascii_lowercase().as_str() {
        "application/json" => from_json(&imports, caller.key, request).await?,
        "multipart/form-data" => form::read(&imports, caller.key, request).await?,
        _ => return Err(unsupported(content_type, &["application/json", "multipart/form-data"])),
    };
    if is_trial {
        let trial = imports.try_out(caller.tenant, &received, order).await.map_err(failed(ImportId(0)))?;
        return Ok(ok::<ImportTrial>(bodies::trial(trial)).into_response());
    }
    let import = imports.start(caller.tenant, received, order).await.map_err(failed(ImportId(0)))?;
    let wait = match (headers.contains_key("prefer"), import.size <= SMALL) {
        (true, _) => prefer::wait(&headers),
        (false, true) => WAIT_FOR_SMALL,
        (false, false) => WAIT,
    };
    let import = imports.wait(caller.tenant, import.id, wait).await.map_err(failed(import.id))?;
    let is_over = import.state.is_over();
    let report = report(&imports, caller.tenant, import).await?;
    Ok(if is_over { ok(report).into_response() } else { accepted(report).into_response() })
}

async fn from_json(
    imports: &Imports,
    key: Option<ApiKeyId>,
    request: Request,
) -> Result<(Received, Order, bool)> {
    let bytes = request.into_body().into_data_stream().map(|part| part.map_err(std::io::Error::other));
    let received = imports.receive(bytes.boxed()).await.map_err(failed(ImportId(0)))?;
    let members = imports.members(&received).await.map_err(failed(ImportId(0)))?;
    let options: ImportOptions = read(Value::Object(members))?;
    let of_files = [
        ("mapping", options.mapping.is_some()),
        ("unknown_columns", options.unknown_columns.is_some()),
        ("has_header", options.has_header.is_some()),
        ("delimiter", options.delimiter.is_some()),
        ("sheet", options.sheet.is_some()),
    ];
    if let Some((name, _)) = of_files.into_iter().find(|(_, given)| *given) {
        return Err(ApiError::fault(format!("/{name}"), "is for files, not for JSON"));
    }
    order(options, None, true, key).map(|(order, is_trial)| (received, order, is_trial))
}

fn order(
    options: ImportOptions,
    filename: Option<String>,
    is_json: bool,
    key: Option<ApiKeyId>,
) -> Result<(Order, bool)> {
    let mapping = options
        .mapping_texts()
        .map_err(|heading| ApiError::fault(format!("/mapping/{heading}"), "must be a string"))?;
    let order = Order {
        filename,
        hints: Hints {
            is_json,
            has_header: options.has_header,
            delimiter: options.delimiter.and_then(|text| text.chars().next()),
            sheet: options.sheet,
        },
        options: Options {
            mapping,
            unknown_columns: options.unknown_columns.map(Into::into).unwrap_or_default(),
            default_country: options.default_country,
            tags: options.tags.unwrap_or_default(),
            default_opted_in: options.default_opted_in.unwrap_or(false),
            consent_source: options.consent_source,
            consent_evidence: options.consent_evidence,
            skip_duplicates: options.skip_duplicates.unwrap_or(true),
        },
        api_key: key,
    };
    Ok((order, options.dry_run.unwrap_or(false)))
}

async fn report(imports: &Imports, tenant: TenantId, import: ports::imports::Import) -> Result<Import> {
    let problems = imports.details(tenant, import.id).await.map_err(failed(import.id))?;
    let notes = imports.notes(tenant, import.id).await.map_err(failed(import.id))?;
    Ok(bodies::import(import, Some(bodies::Details { problems, notes })))
}

/// Imports, newest first, without their details.
#[utoipa::path(get, path = "/contacts/imports", tag = "contacts", params(PagingQuery),
    responses((status = 200, body = Success<List<Import>>)),
    extensions(("x-required-permission" = json!("contacts_read"))))]
async fn list_imports(
    caller: Caller<needs::ContactsRead>,
    State(imports): State<Imports>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Import>>> {
    let found = imports.list(caller.tenant, &paging(&page)).await.map_err(failed(ImportId(0)))?;
    list(&page, found, |import| bodies::import(import, None))
}

/// How an import stands, with its first 1,000 problems.
#[utoipa::path(get, path = "/contacts/import/{id}", tag = "contacts",
    responses((status = 200, body = Success<Import>)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["IMPORT_NOT_FOUND"]))))]
async fn get_import(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<ImportId>,
    State(imports): State<Imports>,
) -> Result<Answer<Import>> {
    let import = imports.get(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(report(&imports, caller.tenant, import).await?))
}

/// Server-sent events: `progress` with the import as it is (without details) whenever it moved, until it is over.
#[utoipa::path(get, path = "/contacts/import/{id}/events", tag = "contacts",
    responses((status = 200, content_type = "text/event-stream", body = String)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["IMPORT_NOT_FOUND"]))))]
async fn watch_import(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<ImportId>,
    State(imports): State<Imports>,
    State(settings): State<Settings>,
) -> Result<Response> {
    let first = imports.get(caller.tenant, id).await.map_err(failed(id))?;
    let stopping = imports.clone();
    let over = async move {
        tokio::select! {
            () = stopping.stopping() => {}
            () = settings.closing.cancelled() => {}
        }
    };
    let events = events(imports, caller.tenant, first)
        .map(Ok::<_, Infallible>)
        // Else a watcher would keep the server from stopping.
        .take_until(over);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn events(
    imports: Imports,
    tenant: TenantId,
    first: ports::imports::Import,
) -> impl Stream<Item = Event> + Send + 'static {
    let event = |import: ports::imports::Import| {
        let body = serde_json::to_string(&bodies::import(import, None)).unwrap_or_default();
        Event::default().event("progress").data(body)
    };
    let following = stream::unfold(Some(first.clone()), move |known| {
        let imports = imports.clone();
        async move {
            let known = known.filter(|known| !known.state.is_over())?;
            loop {
                let found = imports.wait(tenant, known.id, LOOK).await.ok()?;
                if found.updated_at != known.updated_at || found.state != known.state {
                    return Some((event(found.clone()), Some(found)));
                }
                // Of another node nobody is told here.
                tokio::time::sleep(LOOK / 5).await;
            }
        }
    });
    stream::once(async move { event(first) }).chain(following)
}

/// Stops an import; contacts that it made stay.
#[utoipa::path(post, path = "/contacts/import/{id}/cancel", tag = "contacts",
    responses((status = 200, body = Success<Import>)),
    extensions(
        ("x-required-permission" = json!("contacts_import")),
        ("x-error-codes" = json!(["IMPORT_NOT_FOUND", "INVALID_STATE"]))))]
async fn cancel_import(
    caller: Caller<needs::ContactsImport>,
    Id(id): Id<ImportId>,
    State(imports): State<Imports>,
    _: NoBody,
) -> Result<Answer<Import>> {
    let import = imports.cancel(caller.tenant, id).await.map_err(failed(id))?;
    Ok(ok(report(&imports, caller.tenant, import).await?))
}

/// Every row that became no contact, as it stood in the file, with its number and the reason: mend it and send it again.
#[utoipa::path(get, path = "/contacts/import/{id}/errors.csv", tag = "contacts", params(CsvQuery),
    responses((status = 200, content_type = "text/csv", body = String)),
    extensions(("x-required-permission" = json!("contacts_read")), ("x-error-codes" = json!(["IMPORT_NOT_FOUND"]))))]
async fn get_import_errors(
    caller: Caller<needs::ContactsRead>,
    Id(id): Id<ImportId>,
    State(imports): State<Imports>,
    State(audit): State<Audit>,
    Query(csv): Query<CsvQuery>,
) -> Result<Response> {
    let with_mark = csv.bom == Some(true);
    let bytes = imports.errors_csv(caller.tenant, id, with_mark).await.map_err(failed(id))?;
    audit.note(caller.tenant, NewEntry::about(Action::ContactsExported, "import", id)).await?;
    Ok(csv_file(bytes, &format!("import-{id}-errors.csv")))
}

fn failed(import: ImportId) -> impl FnOnce(ImportError) -> ApiError {
    move |error| match error {
        ImportError::NotFound => Problem::ImportNotFound(Missing { id: import.0 }).into(),
        ImportError::Over(state) => Problem::InvalidState(WrongState {
            current: state.as_str().to_owned(),
            allowed: vec![ImportState::Running.as_str().to_owned()],
            not_before: None,
        })
        .into(),
        ImportError::TooLarge { limit } => Problem::PayloadTooLarge(TooLarge { limit_bytes: limit }).into(),
        ImportError::Invalid(faults) => faults.into(),
        ImportError::CutOff(_) => ApiError::fault("", "the body broke off before its end"),
        ImportError::Disk(error) => ApiError::internal(error),
        ImportError::TenantNotFound => ApiError::internal("the caller's tenant is gone"),
        ImportError::Store(error) => error.into(),
    }
}
