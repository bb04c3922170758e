//! The messages of one conversation.

use api_types::errors::details::Missing;
use api_types::messages::{ConversationMessageRequest, Message, MessageRequest, SentMessage};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use axum::response::Response;
use domain::ConversationId;
use engine::conversations::{ConversationError, Conversations};
use engine::messages::Messages;
use ports::messages::MessageFilter;

use super::keyed::Keyed;
use super::message_body;
use super::send::{Clerk, To};
use crate::answer::{Answer, Result, list, paging};
use crate::body::{Id, Query};
use crate::caller::{Caller, needs};
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(list_conversation_messages, create_conversation_message))
}

/// Lists the messages of a conversation, newest first.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "conversations", params(PagingQuery),
    responses((status = 200, description = "A part of the list", body = Success<List<Message>>)),
    extensions(("x-required-permission" = json!("messages_read")), ("x-error-codes" = json!(["CONVERSATION_NOT_FOUND"]))))]
async fn list_conversation_messages(
    caller: Caller<needs::MessagesRead>,
    State(conversations): State<Conversations>,
    State(messages): State<Messages>,
    Id(id): Id<ConversationId>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Message>>> {
    match conversations.get(caller.tenant, id).await {
        Ok(_) => {}
        Err(ConversationError::Store(error)) => return Err(error.into()),
        Err(_) => return Err(Problem::ConversationNotFound(Missing { id: id.0 }).into()),
    }
    let filter = MessageFilter { conversation_id: Some(id), ..MessageFilter::default() };
    list(&page, messages.list(caller.tenant, &filter, &paging(&page)).await?, message_body)
}

/// Sends a message in a conversation: to its contact, from its number.
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "conversations",
    request_body = ConversationMessageRequest,
    params(("Prefer" = Option<String>, Header, description = "`wait=N` (seconds) or `respond-async`")),
    responses((status = 201, description = "Accepted by Meta", body = Success<SentMessage>),
        (status = 202, description = "Queued", body = Success<SentMessage>)),
    extensions(("x-required-permission" = json!("messages_send")), ("x-error-codes" = json!([
        "CONTACT_NOT_OPTED_IN", "CONVERSATION_EXPIRED", "TEMPLATE_NOT_APPROVED", "RATE_LIMIT_EXCEEDED",
        "RECIPIENT_NOT_ON_WHATSAPP", "TEMPLATE_PARAMS_MISMATCH", "TOKEN_EXPIRED", "CONVERSATION_NOT_FOUND",
        "CONNECTION_NOT_FOUND", "TEMPLATE_NOT_FOUND", "MEDIA_NOT_FOUND", "CONNECTION_DISABLED",
        "SEND_OUTCOME_UNKNOWN", "META_REJECTED", "META_UNAVAILABLE", "INVALID_STATE"]))))]
async fn create_conversation_message(
    caller: Caller<needs::MessagesSend>,
    State(clerk): State<Clerk>,
    Id(conversation): Id<ConversationId>,
    request: Keyed<ConversationMessageRequest>,
) -> Result<Response> {
    clerk.send(&caller, To::Conversation(conversation), request.map(MessageRequest::from)).await
}
