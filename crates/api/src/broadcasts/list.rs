//! Lists of recipients, from a file or a request.

use api_types::broadcasts::{ListFault, ListReport, PutList, UploadList};
use api_types::errors::details::TooLarge;
use api_types::{Faults, Problem, Success};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Multipart, Request, State};
use bytes::Bytes;
use domain::broadcasts::State as Standing;
use domain::{BroadcastId, ContactId, TenantId};
use engine::broadcasts::{Broadcasts, ListOrder, ListRead};
use engine::contacts::{ContactError, Contacts};
use engine::imports::{ImportError, Imports, Received};
use futures::StreamExt;
use http::header;
use ports::broadcasts::ListRow;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Rows, failed};
use crate::answer::{Answer, Result, ok};
use crate::body::{Id, Json, unsupported};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};
use crate::state::ApiState;

/// Parts of a file on their way from the client to the disk.
const PARTS: usize = 4;
/// Bytes of a form's field that is no file.
const SMALL: usize = 1_024;
/// Rows of one request.
const ROWS: usize = 10_000;

pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(broadcast_list))
        // The imports' own limit holds for files.
        .layer(DefaultBodyLimit::disable())
}

/// What lists need.
#[derive(Clone)]
pub(super) struct Lists {
    broadcasts: Broadcasts,
    contacts: Contacts,
    imports: Imports,
}

impl FromRef<ApiState> for Lists {
    fn from_ref(state: &ApiState) -> Self {
        Self {
            broadcasts: Broadcasts::from_ref(state),
            contacts: Contacts::from_ref(state),
            imports: Imports::from_ref(state),
        }
    }
}

/// Replaces the list of a broadcast that has not begun: a file (CSV or XLSX, as a form) or rows as JSON. POST does the same
/// as PUT.
///
/// The new list is taken when all of it was read: until then, and when the file is broken, the broadcast has the old one.
///
/// A file without rows is refused; so is, once the broadcast is scheduled, every list that it could not be sent to.
///
/// Its audience must be a list (`"audience": {"list": true}`). Rows whose number cannot be one are reported, and stay:
/// nothing is sent to them, and the results count them as `invalid_number`.
#[utoipa::path(method(put, post), path = "/broadcasts/{id}/list", tag = "broadcasts",
    request_body(content((UploadList = "multipart/form-data"), (PutList = "application/json"))),
    responses((status = 200, body = Success<ListReport>)),
    extensions(("x-required-permission" = json!("broadcasts_write")),
        ("x-error-codes" = json!(["BROADCAST_NOT_FOUND", "INVALID_STATE"]))))]
async fn broadcast_list(
    caller: Caller<needs::BroadcastsWrite>,
    Id(id): Id<BroadcastId>,
    State(lists): State<Lists>,
    request: Request,
) -> Result<Answer<ListReport>> {
    lists.replace(caller.tenant, id, request).await
}

impl Lists {
    async fn replace(
        &self,
        tenant: TenantId,
        id: BroadcastId,
        request: Request,
    ) -> Result<Answer<ListReport>> {
        let broadcast = self.broadcasts.get(tenant, id).await.map_err(failed(id))?;
        // In any other state it is the state that forbids it.
        let open = matches!(broadcast.stands(), Standing::Draft | Standing::Scheduled);
        if open && !broadcast.plan.audience.list {
            let problem = "of the broadcast is no list: change it to {\"list\": true} first";
            return Err(ApiError::fault("/audience", problem));
        }
        let read = match form(request).await? {
            Body::Form(form) => self.upload(tenant, id, form).await?,
            Body::Json(request) => self.put(tenant, id, request).await?,
        };
        let size = self.broadcasts.list_size(tenant, id).await.map_err(failed(id))?;
        Ok(ok(report(id, read, size.rows)))
    }

    async fn put(&self, tenant: TenantId, id: BroadcastId, request: Request) -> Result<ListRead> {
        let Json(wanted) = Json::<PutList>::from_request(request, &()).await?;
        let rows = self.rows_of(tenant, Some(wanted.recipients)).await?.unwrap_or_default();
        let put = self.broadcasts.replace_list(tenant, id, rows, wanted.default_country).await;
        put.map_err(failed(id))
    }

    async fn upload(&self, tenant: TenantId, id: BroadcastId, mut form: Multipart) -> Result<ListRead> {
        let mut order = ListOrder::default();
        while let Some(field) = form.next_field().await.map_err(broken)? {
            match field.name() {
                Some("default_country") => order.default_country = Some(text(field).await?),
                Some("phone_column") => order.phone_column = Some(text(field).await?),
                Some("file") => {
                    let received = self.receive(field).await?;
                    if form.next_field().await.map_err(broken)?.is_some() {
                        return Err(ApiError::fault("/file", "must be the last field of the form"));
                    }
                    let read = self.broadcasts.upload_list(tenant, id, &received, order).await;
                    return read.map_err(failed(id));
                }
                other => {
                    let name: String = other.unwrap_or_default().chars().take(100).collect();
                    return Err(ApiError::fault(format!("/{name}"), "is not a known field"));
                }
            }
        }
        Err(ApiError::fault("/file", "is missing"))
    }

    /// Through a narrow channel to the disk: neither side waits for more than a few parts of the other.
    async fn receive(&self, field: Field<'_>) -> Result<Received> {
        let (parts, arriving) = mpsc::channel(PARTS);
        let bytes = ReceiverStream::new(arriving).boxed();
        let (received, ()) = tokio::join!(self.imports.receive(bytes), pump(field, parts));
        received.map_err(|error| match error {
            ImportError::TooLarge { limit } => {
                Problem::PayloadTooLarge(TooLarge { limit_bytes: limit }).into()
            }
            ImportError::Invalid(faults) => faults.into(),
            ImportError::CutOff(_) => ApiError::fault("/file", "broke off before its end"),
            other => ApiError::internal(other),
        })
    }

    /// Rows as a request names them, their contacts looked up; every fault at once.
    pub(super) async fn rows_of(&self, tenant: TenantId, recipients: Rows) -> Result<Option<Vec<ListRow>>> {
        let Some(recipients) = recipients else { return Ok(None) };
        if recipients.len() > ROWS {
            let problem = format!("must have at most {ROWS} rows; upload a file for more");
            return Err(ApiError::fault("/recipients", problem));
        }
        let mut faults = Faults::default();
        let mut rows = Vec::with_capacity(recipients.len());
        for (index, recipient) in recipients.into_iter().enumerate() {
            let at = format!("/recipients/{index}");
            let given = match (recipient.phone, recipient.contact_id) {
                (Some(phone), None) => Some(phone),
                (None, Some(contact)) => self.phone_of(tenant, contact, &at, &mut faults).await?,
                _ => {
                    faults.add_at(at.as_str(), "needs exactly one of phone and contact_id");
                    None
                }
            };
            let columns = texts(recipient.columns.unwrap_or_default(), &at, &mut faults);
            let row_number = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1);
            rows.push(ListRow { row_number, given: given.unwrap_or_default(), phone: None, columns });
        }
        if faults.is_empty() { Ok(Some(rows)) } else { Err(faults.into()) }
    }

    async fn phone_of(
        &self,
        tenant: TenantId,
        contact: ContactId,
        at: &str,
        faults: &mut Faults,
    ) -> Result<Option<String>> {
        let found = match self.contacts.get(tenant, contact).await {
            Ok(contact) => contact.identity.phone.map(String::from),
            Err(ContactError::NotFound) => {
                faults.add_at(format!("{at}/contact_id"), "is not a contact");
                return Ok(None);
            }
            Err(ContactError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(ApiError::internal(error)),
        };
        if found.is_none() {
            faults.add_at(format!("{at}/contact_id"), "is a contact without a phone number");
        }
        Ok(found)
    }
}

enum Body {
    Form(Multipart),
    Json(Request),
}

async fn form(request: Request) -> Result<Body> {
    let provided = request.headers().get(header::CONTENT_TYPE).cloned();
    let provided = provided.as_ref().and_then(|value| value.to_str().ok());
    let essence = provided.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("multipart/form-data") {
        let form = Multipart::from_request(request, &()).await;
        let accepted = ["multipart/form-data", "application/json"];
        return form.map(Body::Form).map_err(|_| unsupported(provided, &accepted));
    }
    Ok(Body::Json(request))
}

/// Texts; numbers and the like are written out.
fn texts(columns: Map<String, Value>, at: &str, faults: &mut Faults) -> Map<String, Value> {
    let mut texts = Map::new();
    for (name, value) in columns {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => {
                let name = name.replace('~', "~0").replace('/', "~1");
                faults.add_at(format!("{at}/columns/{name}"), "must be a text");
                continue;
            }
        };
        texts.insert(name, text.into());
    }
    texts
}

async fn text(mut field: Field<'_>) -> Result<String> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut text = Vec::new();
    while let Some(part) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&part);
        if text.len() > SMALL {
            return Err(ApiError::fault(format!("/{name}"), format!("must have at most {SMALL} bytes")));
        }
    }
    String::from_utf8(text).map_err(|_| ApiError::fault(format!("/{name}"), "must be UTF-8"))
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

fn broken(error: MultipartError) -> ApiError {
    ApiError::fault("", format!("is not a readable form: {}", error.body_text()))
}

fn report(id: BroadcastId, read: ListRead, list_rows: i64) -> ListReport {
    ListReport {
        broadcast_id: id.0,
        rows: read.rows,
        valid: read.valid,
        invalid: read.rows - read.valid,
        list_rows,
        columns: read.columns,
        error_details: read
            .faults
            .into_iter()
            .map(|fault| ListFault { row: fault.row, phone: fault.phone, error: fault.problem })
            .collect(),
    }
}
