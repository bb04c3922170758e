//! Who is in a broadcast.

use api_types::broadcasts::{Recipient, RecipientQuery, RecipientStatus};
use api_types::{List, PagingQuery, Success};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::BroadcastId;
use domain::audit::{Action, NewEntry};
use domain::broadcasts::LeftOut;
use domain::broadcasts::reasons::FailedBy;
use engine::audit::Audit;
use engine::broadcasts::Broadcasts;
use http::{HeaderValue, header};
use ports::broadcasts::{RecipientFilter, RecipientRow, RecipientState};

use super::{failed, must_exist, table};
use crate::answer::{Answer, Result, list, paging};
use crate::body::{Id, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::messages::failure_body;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(list_recipients)).routes(routes!(export_recipients))
}

/// Recipients of a broadcast, those left out among them.
#[utoipa::path(get, path = "/broadcasts/{id}/recipients", tag = "broadcasts", params(RecipientQuery, PagingQuery),
    responses((status = 200, body = Success<List<Recipient>>)),
    extensions(("x-required-permission" = json!("broadcasts_read")), ("x-error-codes" = json!(["BROADCAST_NOT_FOUND"]))))]
async fn list_recipients(
    caller: Caller<needs::BroadcastsRead>,
    Id(id): Id<BroadcastId>,
    State(broadcasts): State<Broadcasts>,
    Query((wanted, page)): Query<(RecipientQuery, PagingQuery)>,
) -> Result<Answer<List<Recipient>>> {
    let filter = filter(wanted)?;
    let found =
        broadcasts.recipients(caller.tenant, id, &filter, &paging(&page)).await.map_err(failed(id))?;
    list(&page, found, body)
}

/// The same as a CSV file for a spreadsheet, whole. What a spreadsheet would take for a formula has an apostrophe
/// before it.
#[utoipa::path(get, path = "/broadcasts/{id}/recipients.csv", tag = "broadcasts", params(RecipientQuery),
    responses((status = 200, content_type = "text/csv", body = String)),
    extensions(("x-required-permission" = json!("exports")), ("x-error-codes" = json!(["BROADCAST_NOT_FOUND"]))))]
async fn export_recipients(
    caller: Caller<needs::Exports>,
    Id(id): Id<BroadcastId>,
    State(broadcasts): State<Broadcasts>,
    State(audit): State<Audit>,
    Query(wanted): Query<RecipientQuery>,
) -> Result<Response> {
    let filter = filter(wanted)?;
    must_exist(&broadcasts, caller.tenant, id).await?;
    audit.note(caller.tenant, NewEntry::about(Action::BroadcastExported, "broadcast", id)).await?;
    let mut response = Response::new(Body::from_stream(table::stream(broadcasts, caller.tenant, id, filter)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let disposition =
        HeaderValue::from_str(&format!("attachment; filename=\"broadcast-{id}-recipients.csv\""));
    headers.insert(header::CONTENT_DISPOSITION, disposition.map_err(ApiError::internal)?);
    Ok(response)
}

/// A reason is one of leaving out or one of failing; which one is told by the word, else by the state.
fn filter(query: RecipientQuery) -> Result<RecipientFilter> {
    let mut filter = RecipientFilter {
        state: query.state.map(state),
        replied: query.replied,
        ..RecipientFilter::default()
    };
    let Some(word) = query.reason else { return Ok(filter) };
    let (left_out, failed_by) = (word.parse::<LeftOut>().ok(), word.parse::<FailedBy>().ok());
    match (left_out, failed_by, query.state) {
        (None, None, _) => {
            return Err(ApiError::fault("/reason", format!("must be one of: {}", reasons().join(", "))));
        }
        (Some(reason), _, Some(RecipientStatus::LeftOut)) | (Some(reason), None, _) => {
            filter.left_out = Some(reason);
        }
        (_, Some(reason), Some(RecipientStatus::Failed)) | (None, Some(reason), _) => {
            filter.failed_by = Some(reason);
        }
        (Some(_), Some(_), _) => {
            let problem =
                "can be a reason for failing or for being left out: give state=failed or state=left_out";
            return Err(ApiError::fault("/reason", problem));
        }
    }
    Ok(filter)
}

fn reasons() -> Vec<&'static str> {
    let mut words: Vec<&str> = LeftOut::ALL.iter().map(|reason| reason.as_str()).collect();
    for reason in FailedBy::ALL {
        if !words.contains(&reason.as_str()) {
            words.push(reason.as_str());
        }
    }
    words
}

macro_rules! states {
    ($($state:ident),+ $(,)?) => {
        fn state(status: RecipientStatus) -> RecipientState {
            match status { $(RecipientStatus::$state => RecipientState::$state),+ }
        }

        fn status(state: RecipientState) -> RecipientStatus {
            match state { $(RecipientState::$state => RecipientStatus::$state),+ }
        }
    };
}

states!(Pending, Queued, Sending, Sent, Delivered, Read, Failed, InDoubt, Cancelled, LeftOut);

pub(super) fn body(row: RecipientRow) -> Recipient {
    let failed_by = row.failure.as_ref().map(|failure| FailedBy::of(&failure.code, failure.meta_error_code));
    let failed_by = failed_by.filter(|_| row.state == RecipientState::Failed);
    let reason = row.left_out.map(LeftOut::as_str).or_else(|| failed_by.map(FailedBy::as_str));
    Recipient {
        id: row.id,
        contact_id: row.contact_id.map(|id| id.0),
        phone: row.phone,
        name: row.name,
        state: status(row.state),
        reason: reason.map(str::to_owned),
        detail: row.detail,
        error: row.failure.map(failure_body),
        row: row.row_number,
        message_id: row.message_id.map(|id| id.0),
        wamid: row.wamid,
        attempt: row.attempt,
        retry_of: row.retry_of.map(|id| id.0),
        due_at: row.due_at,
        sent_at: row.sent_at,
        delivered_at: row.delivered_at,
        read_at: row.read_at,
        failed_at: row.failed_at,
        replied_at: row.replied_at,
        opted_out_at: row.opted_out_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(state: Option<RecipientStatus>, reason: &str) -> Option<RecipientFilter> {
        filter(RecipientQuery { state, reason: Some(reason.into()), replied: None }).ok()
    }

    #[test]
    fn a_reason_is_told_by_its_word_or_by_the_state() {
        assert_eq!(asked(None, "frequency_cap").unwrap().left_out, Some(LeftOut::FrequencyCap));
        assert_eq!(asked(None, "rate_limited").unwrap().failed_by, Some(FailedBy::RateLimited));
        assert_eq!(asked(None, "not_on_whatsapp"), None);
        let failed = asked(Some(RecipientStatus::Failed), "not_on_whatsapp").unwrap();
        assert_eq!((failed.left_out, failed.failed_by), (None, Some(FailedBy::NotOnWhatsapp)));
        let left_out = asked(Some(RecipientStatus::LeftOut), "not_on_whatsapp").unwrap();
        assert_eq!((left_out.left_out, left_out.failed_by), (Some(LeftOut::NotOnWhatsapp), None));
        assert_eq!(asked(None, "because"), None);
    }
}
