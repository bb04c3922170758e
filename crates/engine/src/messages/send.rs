//! Sending one message: everything that can be told before the commit is told before it, then it is accepted, then
//! the caller waits a while for Meta's answer.

mod content;
mod throttle;
mod wait;

use std::time::Duration;

use domain::connections::ConnectionState;
use domain::messages::content::{Content, Fault};
use domain::messages::gate::Refusal;
use domain::messages::{Priority, Status};
use domain::templates::{Params, ParamsMismatch};
use domain::{ApiKeyId, ConnectionId, ContactId, ConversationId, MediaId, MessageId, TenantId, Timestamp};
use ports::StoreError;
use ports::idempotency::KeptAnswer;
use ports::messages::{AcceptJob, AcceptOutcome, Addressee, Failure, ReplyTo};

use super::Messages;
use crate::directory::Entry;

pub use throttle::Throttle;

/// A message to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct SendCommand {
    pub to: Addressee,
    /// `None`: the conversation's, else the tenant's default.
    pub connection: Option<ConnectionId>,
    pub body: Body,
    pub reply_to: Option<ReplyTo>,
    pub send_at: Option<Timestamp>,
    pub created_by: Option<ApiKeyId>,
    /// Idempotency key and SHA-256 of the request.
    pub key: Option<(String, [u8; 32])>,
    /// How long to wait for Meta's answer; zero: not at all.
    pub wait: Duration,
    pub priority: Option<Priority>,
}

/// What to send.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Anything but a template.
    FreeForm(Content),
    /// A template by name; without a language the only one there is.
    Template { name: String, language: Option<String>, params: Params },
}

/// A message that was accepted, and how it went so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub message_id: MessageId,
    pub contact_id: ContactId,
    pub conversation_id: Option<ConversationId>,
    pub connection_id: ConnectionId,
    pub outcome: SendOutcome,
}

/// How it went.
#[derive(Debug, Clone, PartialEq)]
pub enum SendOutcome {
    /// Meta took it.
    Sent { wamid: String, at: Timestamp },
    /// It waits for its turn (nobody waited for it, or not long enough), or for its time.
    Queued { send_at: Option<Timestamp> },
    /// Meta said no.
    Failed(Failure),
    /// The gate said no at the last moment (a STOP came in between).
    Refused(Refusal),
    /// It waits because the number is at its limit.
    Throttled(Throttle),
    /// It waits because the connection does not send any more.
    Halted { failure: Failure, token_expired_at: Option<Timestamp> },
    /// It waits because Meta could not be reached.
    Unreachable(Failure),
    /// Nobody knows whether Meta took it.
    InDoubt(Failure),
    /// The same call was made before under this key.
    Replayed { answer: Option<KeptAnswer>, status: Status, wamid: Option<String>, sent_at: Option<Timestamp> },
}

/// Why a message was not accepted. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("there is no connection to send from")]
    NotConfigured,
    #[error("there is no such connection")]
    ConnectionNotFound,
    #[error("the connection is disabled")]
    ConnectionDisabled(ConnectionId),
    #[error("there is no such contact")]
    ContactNotFound,
    #[error("there is no such conversation")]
    ConversationNotFound,
    #[error("the message to answer is not known")]
    ReplyToNotFound,
    #[error("the content of the message to answer was purged")]
    ReplyToPurged,
    #[error("there is no such file")]
    MediaNotFound(MediaId),
    /// Not in this language, or not at all.
    #[error("there is no template \"{name}\"")]
    TemplateNotFound { name: String, language: Option<String>, languages: Vec<String> },
    #[error("{mismatch}")]
    ParamsMismatch { template_name: String, mismatch: ParamsMismatch },
    #[error("the content cannot be sent")]
    Faults(Vec<Fault>),
    #[error("the message may not be sent")]
    Refused(Refusal),
    #[error("the idempotency key was used with another request")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Messages {
    /// Sends. When this answers `Ok`, the message is durable (also when the outcome is a failure).
    pub async fn send(&self, tenant: TenantId, command: SendCommand) -> Result<Sent, SendError> {
        let from = self.deps.clock.now();
        let entry = self.connection_for(tenant, &command).await?;
        let connection_id = entry.connection.id;
        let (content, template_id) = self.content(tenant, connection_id, &command.body).await?;
        self.check_media(tenant, &content).await?;
        let wait = command.wait;
        let scheduled = command.send_at.filter(|at| *at > self.deps.clock.now());
        let outcome = self
            .accept
            .call(AcceptJob {
                tenant_id: tenant,
                to: command.to,
                connection_id,
                content,
                template_id,
                priority: command.priority,
                reply_to: command.reply_to,
                send_at: scheduled,
                retry_of: None,
                created_by: command.created_by,
                actor: ports::audit::current(),
                key: command.key,
                at: self.deps.clock.now(),
            })
            .await?;
        match outcome {
            AcceptOutcome::Accepted(accepted) => {
                let sent = self.follow(tenant, &entry, accepted, scheduled, wait).await;
                crate::telemetry::sent(sent.message_id, from, self.deps.clock.now());
                Ok(sent)
            }
            AcceptOutcome::Replayed { message_id, answer } => self.replayed(tenant, message_id, answer).await,
            AcceptOutcome::KeyReused => Err(SendError::KeyReused),
            AcceptOutcome::Refused(refusal) => Err(SendError::Refused(refusal)),
            AcceptOutcome::ContactNotFound => Err(SendError::ContactNotFound),
            AcceptOutcome::ConversationNotFound => Err(SendError::ConversationNotFound),
            AcceptOutcome::ReplyToNotFound => Err(SendError::ReplyToNotFound),
            AcceptOutcome::ReplyToPurged => Err(SendError::ReplyToPurged),
            AcceptOutcome::ConnectionNotFound => Err(SendError::ConnectionNotFound),
            AcceptOutcome::Failed => {
                Err(StoreError::Internal("the message could not be accepted".into()).into())
            }
        }
    }

    async fn connection_for(
        &self,
        tenant: TenantId,
        command: &SendCommand,
    ) -> Result<std::sync::Arc<Entry>, SendError> {
        let wanted = match (command.connection, &command.to) {
            (Some(id), _) => Some(id),
            (None, Addressee::Conversation(id)) => {
                let conversation = self.deps.store.conversation(tenant, *id).await?;
                Some(conversation.ok_or(SendError::ConversationNotFound)?.connection_id)
            }
            (None, _) => None,
        };
        let find = || {
            let listing = self.directory.listing();
            let entry = match wanted {
                Some(id) => listing.of_tenant(tenant, id),
                None => listing.default_of(tenant),
            };
            entry.map(std::sync::Arc::clone)
        };
        let missing =
            || if wanted.is_some() { SendError::ConnectionNotFound } else { SendError::NotConfigured };
        let entry = match find() {
            Some(entry) => entry,
            // Another node may have made it a moment ago.
            None => {
                self.directory.refresh().await?;
                find().ok_or_else(missing)?
            }
        };
        if entry.connection.state == ConnectionState::Disabled {
            return Err(SendError::ConnectionDisabled(entry.connection.id));
        }
        Ok(entry)
    }

    async fn replayed(
        &self,
        tenant: TenantId,
        message_id: MessageId,
        answer: Option<KeptAnswer>,
    ) -> Result<Sent, SendError> {
        let message = self.get(tenant, message_id).await?.ok_or(SendError::KeyReused)?;
        Ok(Sent {
            message_id,
            contact_id: message.contact_id,
            conversation_id: message.conversation_id,
            connection_id: message.connection_id,
            outcome: SendOutcome::Replayed {
                answer,
                status: message.status,
                wamid: message.wamid,
                sent_at: message.sent_at,
            },
        })
    }
}
