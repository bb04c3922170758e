//! Messages as the API shows them.

use api_types::messages::{Message, MessageFailure};

/// A message as the API shows it.
pub(crate) fn message(message: ports::messages::Message) -> Message {
    Message {
        id: message.id.0,
        contact_id: message.contact_id.0,
        conversation_id: message.conversation_id.map(|id| id.0),
        connection_id: message.connection_id.0,
        direction: message.direction.into(),
        status: message.status.into(),
        priority: message.priority.into(),
        message_type: message.content.message_type().to_owned(),
        preview: message.content.preview(),
        // Content is made of texts, numbers and JSON: it can always be written.
        content: match message.content_purged_at {
            Some(_) => serde_json::Value::Null,
            None => serde_json::to_value(&message.content).unwrap_or_default(),
        },
        template_id: message.template_id.map(|id| id.0),
        wamid: message.wamid,
        reply_to: message.reply_to,
        error: message.failure.map(failure),
        pricing_category: message.pricing_category,
        attempts: message.attempts,
        retry_of: message.retry_of.map(|id| id.0),
        broadcast_id: message.broadcast_id.map(|id| id.0),
        created_at: message.created_at,
        send_at: message.send_at,
        due_at: message.due_at,
        sent_at: message.sent_at,
        delivered_at: message.delivered_at,
        read_at: message.read_at,
        failed_at: message.failed_at,
        content_purged_at: message.content_purged_at,
    }
}

pub(crate) fn failure(failure: ports::messages::Failure) -> MessageFailure {
    MessageFailure {
        code: failure.code,
        message: failure.message,
        meta_error_code: failure.meta_error_code,
        meta_message: failure.meta_message,
        fbtrace_id: failure.fbtrace_id,
        advice: failure.advice,
        not_before: failure.not_before,
    }
}
