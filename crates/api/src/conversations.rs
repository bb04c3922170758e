//! Conversations, notes, canned replies. Their messages stand with the messages.

use api_types::conversations::{
    CannedReply, Conversation, ConversationQuery, CreateCannedReply, CreateNote, MarkRead, MarkedRead, Note,
    Told, UpdateConversation,
};
use api_types::errors::details::{DuplicateCannedReply, Missing, WrongState};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::{CannedReplyId, ConversationId, Timestamp};
use engine::conversations::{self as marks, ConversationError, Conversations};
use ports::conversations::{ConversationFilter, ConversationPatch};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::answer::{Answer, Result, created, list, ok, paging, short_list};
use crate::body::{Id, Json, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_conversations))
        .routes(routes!(get_conversation, update_conversation))
        .routes(routes!(read_conversation))
        .routes(routes!(list_notes, create_note))
        .routes(routes!(list_canned_replies, create_canned_reply))
        .routes(routes!(delete_canned_reply))
}

type Clock = Arc<dyn domain::Clock>;

/// Conversations, latest message first.
#[utoipa::path(get, path = "/conversations", tag = "conversations", params(ConversationQuery, PagingQuery),
    responses((status = 200, body = Success<List<Conversation>>)),
    extensions(("x-required-permission" = json!("conversations_read"))))]
async fn list_conversations(
    caller: Caller<needs::ConversationsRead>,
    State(conversations): State<Conversations>,
    State(clock): State<Clock>,
    Query((wanted, page)): Query<(ConversationQuery, PagingQuery)>,
) -> Result<Answer<List<Conversation>>> {
    let filter = ConversationFilter {
        contact_id: wanted.contact_id,
        connection_id: wanted.connection_id,
        status: wanted.status.map(Into::into),
        unread: wanted.unread,
        assignee: wanted.assignee,
        label: wanted.label,
    };
    let found = conversations.list(caller.tenant, &filter, &paging(&page)).await.map_err(failed(0))?;
    let now = clock.now();
    list(&page, found, |conversation| body(conversation, now))
}

/// One conversation.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations",
    responses((status = 200, body = Success<Conversation>)),
    extensions(("x-required-permission" = json!("conversations_read")), ("x-error-codes" = json!(["CONVERSATION_NOT_FOUND"]))))]
async fn get_conversation(
    caller: Caller<needs::ConversationsRead>,
    Id(id): Id<ConversationId>,
    State(conversations): State<Conversations>,
    State(clock): State<Clock>,
) -> Result<Answer<Conversation>> {
    let found = conversations.get(caller.tenant, id).await.map_err(failed(id.0))?;
    Ok(ok(body(found, clock.now())))
}

/// Changes status, assignee, labels.
#[utoipa::path(patch, path = "/conversations/{id}", tag = "conversations", request_body = UpdateConversation,
    responses((status = 200, body = Success<Conversation>)),
    extensions(("x-required-permission" = json!("conversations_write")), ("x-error-codes" = json!(["CONVERSATION_NOT_FOUND"]))))]
async fn update_conversation(
    caller: Caller<needs::ConversationsWrite>,
    Id(id): Id<ConversationId>,
    State(conversations): State<Conversations>,
    State(clock): State<Clock>,
    Json(wanted): Json<UpdateConversation>,
) -> Result<Answer<Conversation>> {
    let patch = ConversationPatch {
        status: wanted.status.map(Into::into),
        assignee: wanted.assignee.into_option(),
        labels: wanted.labels,
    };
    let changed = conversations.patch(caller.tenant, id, patch).await.map_err(failed(id.0))?;
    Ok(ok(body(changed, clock.now())))
}

/// Marks a conversation read, here and on the customer's phone; with `typing` also shows "typing…".
#[utoipa::path(post, path = "/conversations/{id}/read", tag = "conversations", request_body = MarkRead,
    responses((status = 200, body = Success<MarkedRead>)),
    extensions(
        ("x-required-permission" = json!("conversations_write")),
        ("x-error-codes" = json!(["CONVERSATION_NOT_FOUND", "INVALID_STATE"]))))]
async fn read_conversation(
    caller: Caller<needs::ConversationsWrite>,
    Id(id): Id<ConversationId>,
    State(conversations): State<Conversations>,
    State(clock): State<Clock>,
    Json(wanted): Json<MarkRead>,
) -> Result<Answer<MarkedRead>> {
    let marked = match wanted.typing.unwrap_or(false) {
        true => conversations.typing(caller.tenant, id).await,
        false => conversations.mark_read(caller.tenant, id).await,
    }
    .map_err(failed(id.0))?;
    let (told, problem) = match marked.told {
        marks::Told::Yes => (Told::Yes, None),
        marks::Told::NothingNew => (Told::NothingNew, None),
        marks::Told::Failed(error) => (Told::Failed, Some(error.to_string())),
        marks::Told::NoConnection => (Told::NoConnection, None),
    };
    let conversation = body(marked.conversation, clock.now());
    Ok(ok(MarkedRead { conversation, told, problem }))
}

/// Notes on a conversation, oldest first.
#[utoipa::path(get, path = "/conversations/{id}/notes", tag = "conversations", params(PagingQuery),
    responses((status = 200, body = Success<List<Note>>)),
    extensions(("x-required-permission" = json!("conversations_read")), ("x-error-codes" = json!(["CONVERSATION_NOT_FOUND"]))))]
async fn list_notes(
    caller: Caller<needs::ConversationsRead>,
    Id(id): Id<ConversationId>,
    State(conversations): State<Conversations>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<Note>>> {
    short_list(&page, conversations.notes(caller.tenant, id).await.map_err(failed(id.0))?, note)
}

/// Adds a note for colleagues.
#[utoipa::path(post, path = "/conversations/{id}/notes", tag = "conversations", request_body = CreateNote,
    responses((status = 201, body = Success<Note>)),
    extensions(("x-required-permission" = json!("conversations_write")), ("x-error-codes" = json!(["CONVERSATION_NOT_FOUND"]))))]
async fn create_note(
    caller: Caller<needs::ConversationsWrite>,
    Id(id): Id<ConversationId>,
    State(conversations): State<Conversations>,
    Json(wanted): Json<CreateNote>,
) -> Result<Answer<Note>> {
    let author = wanted.author.unwrap_or(caller.name);
    let added =
        conversations.add_note(caller.tenant, id, &author, &wanted.text).await.map_err(failed(id.0))?;
    Ok(created(note(added)))
}

/// Canned replies, by shortcut.
#[utoipa::path(get, path = "/canned-replies", tag = "conversations", params(PagingQuery),
    responses((status = 200, body = Success<List<CannedReply>>)),
    extensions(("x-required-permission" = json!("conversations_read"))))]
async fn list_canned_replies(
    caller: Caller<needs::ConversationsRead>,
    State(conversations): State<Conversations>,
    Query(page): Query<PagingQuery>,
) -> Result<Answer<List<CannedReply>>> {
    short_list(&page, conversations.canned_replies(caller.tenant).await.map_err(failed(0))?, canned)
}

/// Makes a canned reply.
#[utoipa::path(post, path = "/canned-replies", tag = "conversations", request_body = CreateCannedReply,
    responses((status = 201, body = Success<CannedReply>)),
    extensions(("x-required-permission" = json!("canned_replies_write")), ("x-error-codes" = json!(["DUPLICATE_CANNED_REPLY"]))))]
async fn create_canned_reply(
    caller: Caller<needs::CannedRepliesWrite>,
    State(conversations): State<Conversations>,
    Json(wanted): Json<CreateCannedReply>,
) -> Result<Answer<CannedReply>> {
    let made = conversations.create_canned_reply(caller.tenant, &wanted.shortcut, &wanted.text).await;
    Ok(created(canned(made.map_err(failed(0))?)))
}

/// Removes a canned reply.
#[utoipa::path(delete, path = "/canned-replies/{id}", tag = "conversations",
    responses((status = 200, body = Success<Value>)),
    extensions(("x-required-permission" = json!("canned_replies_write")), ("x-error-codes" = json!(["CANNED_REPLY_NOT_FOUND"]))))]
async fn delete_canned_reply(
    caller: Caller<needs::CannedRepliesWrite>,
    Id(id): Id<CannedReplyId>,
    State(conversations): State<Conversations>,
) -> Result<Answer<Value>> {
    conversations.delete_canned_reply(caller.tenant, id).await.map_err(failed(id.0))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

fn body(conversation: ports::conversations::Conversation, now: Timestamp) -> Conversation {
    Conversation {
        id: conversation.id.0,
        contact_id: conversation.contact_id.0,
        connection_id: conversation.connection_id.0,
        contact_name: conversation.contact_name,
        contact_phone: conversation.contact_phone,
        status: conversation.status.into(),
        assignee: conversation.assignee,
        labels: conversation.labels,
        window_open: conversation.window_expires_at.is_some_and(|end| now < end),
        window_expires_at: conversation.window_expires_at,
        last_inbound_at: conversation.last_inbound_at,
        last_message_at: conversation.last_message_at,
        last_message_id: conversation.last_message_id.map(|message| message.0),
        last_message_preview: conversation.last_message_preview,
        unread: conversation.unread,
        created_at: conversation.created_at,
    }
}

fn note(note: ports::conversations::Note) -> Note {
    Note {
        id: note.id.0,
        conversation_id: note.conversation_id.0,
        author: note.author,
        text: note.text,
        created_at: note.created_at,
    }
}

fn canned(reply: ports::conversations::CannedReply) -> CannedReply {
    CannedReply { id: reply.id.0, shortcut: reply.shortcut, text: reply.text, created_at: reply.created_at }
}

fn failed(id: i64) -> impl FnOnce(ConversationError) -> ApiError {
    move |error| match error {
        ConversationError::NotFound => Problem::ConversationNotFound(Missing { id }).into(),
        ConversationError::CannedReplyNotFound => Problem::CannedReplyNotFound(Missing { id }).into(),
        ConversationError::ShortcutTaken(other) => {
            Problem::DuplicateCannedReply(DuplicateCannedReply { canned_reply_id: other.0 }).into()
        }
        ConversationError::NothingReceived => Problem::InvalidState(WrongState {
            current: "without a message of the customer".to_owned(),
            allowed: vec!["with a message of the customer".to_owned()],
            not_before: None,
        })
        .into(),
        ConversationError::Invalid(faults) => faults.into(),
        ConversationError::Gateway(error) => error.into(),
        ConversationError::Store(error) => error.into(),
    }
}
