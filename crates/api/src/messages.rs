//! Messages: sent, listed, looked at, called back, tried again.

mod bodies;
mod conversation;
mod keyed;
mod outcome;
pub(crate) mod prefer;
mod refusals;
mod send;
mod test_send;

use api_types::errors::details::{Missing, WrongState};
use api_types::messages::{
    Message, MessageEvent, MessageQuery, MessageRequest, MessageWithEvents, RetryMessage, SentMessage,
};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use axum::response::Response;
use domain::MessageId;
use domain::messages::Status;
use engine::messages::{Messages, RetryError};
use ports::messages::{MessageFilter, Moved};

use crate::answer::{Answer, Result, list, ok, paging};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) use bodies::{failure as failure_body, message as message_body};
use keyed::Keyed;
use send::{Clerk, To};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_messages, create_message))
        .routes(routes!(get_message))
        .routes(routes!(cancel_message))
        .routes(routes!(retry_message))
        .merge(conversation::routes())
        .merge(test_send::routes())
}

/// Sends a message.
///
/// Waits up to 10 s for Meta's answer (`Prefer: wait=N`, at most 30; `Prefer: respond-async`): 201 once Meta accepted
/// it, else 202 and it goes out by itself. An idempotency key makes a repeat harmless.
#[utoipa::path(post, path = "/messages", tag = "messages", request_body = MessageRequest,
    params(("Prefer" = Option<String>, Header, description = "`wait=N` (seconds) or `respond-async`")),
    responses((status = 201, description = "Accepted by Meta", body = Success<SentMessage>),
        (status = 202, description = "Queued", body = Success<SentMessage>)),
    extensions(("x-required-permission" = json!("messages_send")), ("x-error-codes" = json!([
        "CONTACT_NOT_OPTED_IN", "CONVERSATION_EXPIRED", "TEMPLATE_NOT_APPROVED", "INVALID_PHONE_FORMAT",
        "RATE_LIMIT_EXCEEDED", "RECIPIENT_NOT_ON_WHATSAPP", "TEMPLATE_PARAMS_MISMATCH", "TOKEN_EXPIRED",
        "CONTACT_NOT_FOUND", "CONNECTION_NOT_FOUND", "TEMPLATE_NOT_FOUND", "MEDIA_NOT_FOUND",
        "CONNECTION_NOT_CONFIGURED", "CONNECTION_DISABLED", "SEND_OUTCOME_UNKNOWN", "META_REJECTED",
        "META_UNAVAILABLE", "INVALID_STATE"]))))]
async fn create_message(
    caller: Caller<needs::MessagesSend>,
    State(clerk): State<Clerk>,
    request: Keyed<MessageRequest>,
) -> Result<Response> {
    clerk.send(&caller, To::Request, request).await
}

/// Lists messages, newest first.
#[utoipa::path(get, path = "/messages", tag = "messages", params(MessageQuery, PagingQuery),
    responses((status = 200, description = "A part of the list", body = Success<List<Message>>)),
    extensions(("x-required-permission" = json!("messages_read"))))]
async fn list_messages(
    caller: Caller<needs::MessagesRead>,
    State(messages): State<Messages>,
    Query((wanted, page)): Query<(MessageQuery, PagingQuery)>,
) -> Result<Answer<List<Message>>> {
    let filter = MessageFilter {
        contact_id: wanted.contact_id,
        conversation_id: wanted.conversation_id,
        connection_id: wanted.connection_id,
        direction: wanted.direction.map(Into::into),
        status: wanted.status.map(Into::into),
        since: wanted.since,
        broadcast_id: wanted.broadcast_id,
    };
    list(&page, messages.list(caller.tenant, &filter, &paging(&page)).await?, message_body)
}

/// Shows a message with its life.
#[utoipa::path(get, path = "/messages/{id}", tag = "messages", params(("id" = i64, Path)),
    responses((status = 200, description = "The message", body = Success<MessageWithEvents>)),
    extensions(("x-required-permission" = json!("messages_read")), ("x-error-codes" = json!(["MESSAGE_NOT_FOUND"]))))]
async fn get_message(
    caller: Caller<needs::MessagesRead>,
    State(messages): State<Messages>,
    Id(id): Id<MessageId>,
) -> Result<Answer<MessageWithEvents>> {
    let message = messages.get(caller.tenant, id).await?.ok_or_else(|| not_found(id))?;
    let events = messages.events(caller.tenant, id).await?.ok_or_else(|| not_found(id))?;
    let events = events
        .into_iter()
        .map(|event| MessageEvent { status: event.status, at: event.at, details: event.details })
        .collect();
    Ok(ok(MessageWithEvents { message: message_body(message), events }))
}

/// Calls back a message that still waits.
#[utoipa::path(post, path = "/messages/{id}/cancel", tag = "messages", params(("id" = i64, Path)),
    responses((status = 200, description = "Called back", body = Success<Message>)),
    extensions(("x-required-permission" = json!("messages_send")),
        ("x-error-codes" = json!(["MESSAGE_NOT_FOUND", "INVALID_STATE"]))))]
async fn cancel_message(
    caller: Caller<needs::MessagesSend>,
    State(messages): State<Messages>,
    Id(id): Id<MessageId>,
    _: NoBody,
) -> Result<Answer<Message>> {
    match messages.cancel(caller.tenant, id).await? {
        Moved::Done(message) => Ok(ok(message_body(message))),
        Moved::NotFound => Err(not_found(id)),
        Moved::InvalidState(current) => Err(wrong_state(current, &[Status::Queued])),
        Moved::ContentPurged => Err(purged()),
        Moved::MayHaveArrived => Err(may_have_arrived()),
    }
}

/// Puts a failed message back into its queue.
#[utoipa::path(post, path = "/messages/{id}/retry", tag = "messages", params(("id" = i64, Path)),
    request_body(content = RetryMessage, description = "May be left out"),
    responses((status = 202, description = "Queued again", body = Success<Message>)),
    extensions(("x-required-permission" = json!("messages_send")),
        ("x-error-codes" = json!(["MESSAGE_NOT_FOUND", "INVALID_STATE"]))))]
async fn retry_message(
    caller: Caller<needs::MessagesSend>,
    State(messages): State<Messages>,
    Id(id): Id<MessageId>,
    Json(how): Json<RetryMessage>,
) -> Result<Answer<Message>> {
    let accept_duplicate = how.accept_duplicate.unwrap_or_default();
    match messages.retry(caller.tenant, id, accept_duplicate).await {
        Ok(message) => Ok(crate::answer::accepted(message_body(message))),
        Err(RetryError::NotFound) => Err(not_found(id)),
        Err(RetryError::InvalidState(current)) if accept_duplicate => {
            Err(wrong_state(current, &[Status::Failed, Status::InDoubt]))
        }
        Err(RetryError::InvalidState(current)) => Err(wrong_state(current, &[Status::Failed])),
        Err(RetryError::ContentPurged) => Err(purged()),
        Err(RetryError::MayHaveArrived) => Err(may_have_arrived()),
        Err(RetryError::TooEarly(not_before)) => Err(Problem::InvalidState(WrongState {
            current: Status::Failed.as_str().to_owned(),
            allowed: vec![Status::Failed.as_str().to_owned()],
            not_before: Some(not_before),
        })
        .into()),
        Err(RetryError::Store(error)) => Err(error.into()),
    }
}

/// What the message said is gone: it is neither sent again nor answered.
fn purged() -> ApiError {
    Problem::InvalidState(WrongState {
        current: "content_purged".to_owned(),
        allowed: Vec::new(),
        not_before: None,
    })
    .into()
}

/// It failed because nobody knows what came of it: without `accept_duplicate` it is not sent again.
fn may_have_arrived() -> ApiError {
    Problem::InvalidState(WrongState {
        current: "outcome_unknown".to_owned(),
        allowed: vec![Status::Failed.as_str().to_owned()],
        not_before: None,
    })
    .into()
}

fn not_found(id: MessageId) -> ApiError {
    Problem::MessageNotFound(Missing { id: id.0 }).into()
}

fn wrong_state(current: Status, allowed: &[Status]) -> ApiError {
    Problem::InvalidState(WrongState {
        current: current.as_str().to_owned(),
        allowed: allowed.iter().map(|status| status.as_str().to_owned()).collect(),
        not_before: None,
    })
    .into()
}
