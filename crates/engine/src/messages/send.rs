//! Sending one message: everything that can be told before the commit is told before it, then it is accepted, then
//! the caller waits a while for Meta's answer.

use std::time::Duration;

use domain::connections::ConnectionState;
use domain::messages::content::{Content, Fault, MediaKind};
use domain::messages::gate::Refusal;
use domain::messages::{Priority, Status};
use domain::templates::{Params, ParamsMismatch};
use domain::{
    ApiKeyId, ConnectionId, ContactId, ConversationId, MediaId, MessageId, SignedDuration, TemplateId,
    TenantId, Timestamp,
};
use ports::StoreError;
use ports::idempotency::KeptAnswer;
use ports::messages::{AcceptJob, AcceptOutcome, Accepted, Addressee, Failure, ReplyTo};
use ports::templates::Template;

use super::waiters::{News, Waiter};
use super::{Messages, news_of};
use crate::directory::Entry;

/// How often a call looks at its message when another node holds the lane.
const LOOK: Duration = Duration::from_millis(250);

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

/// A rate limit as the product owner's document prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    /// Messages per period that this number may send.
    pub limit: u32,
    /// E.g. `1 minute`.
    pub period: String,
    pub retry_after_seconds: i64,
    pub messages_queued: i64,
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

    async fn content(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        body: &Body,
    ) -> Result<(Content, Option<TemplateId>), SendError> {
        let (name, language, params) = match body {
            Body::FreeForm(content) => {
                let faults = content.validate();
                return if faults.is_empty() {
                    Ok((content.clone(), None))
                } else {
                    Err(SendError::Faults(faults))
                };
            }
            Body::Template { name, language, params } => (name, language, params),
        };
        let rows = self.lookup.templates(tenant, connection, name, language.as_deref()).await?;
        let template = match &rows[..] {
            [only] => only,
            _ => return Err(self.no_such_template(tenant, connection, name, language, &rows).await?),
        };
        // An unapproved template is refused for that, whatever its parameters: the gate says so.
        if template.status.sendable() {
            let definition = self.definitions.of_row(template).await;
            definition
                .bind(params)
                .map_err(|mismatch| SendError::ParamsMismatch { template_name: name.clone(), mismatch })?;
        }
        let content = Content::Template {
            name: template.name.clone(),
            language: template.language.clone(),
            params: params.clone(),
        };
        Ok((content, Some(template.id)))
    }

    async fn no_such_template(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        name: &str,
        language: &Option<String>,
        rows: &[Template],
    ) -> Result<SendError, StoreError> {
        let languages = if rows.is_empty() && language.is_some() {
            let all = self.deps.store.templates_named(tenant, connection, name, None).await?;
            all.into_iter().map(|row| row.language).collect()
        } else {
            rows.iter().map(|row| row.language.clone()).collect()
        };
        Ok(SendError::TemplateNotFound { name: name.to_owned(), language: language.clone(), languages })
    }

    async fn check_media(&self, tenant: TenantId, content: &Content) -> Result<(), SendError> {
        let shown_as = match content {
            Content::Media(media) if media.kind != MediaKind::Document => Some(media.kind),
            // Any file can be a document.
            _ => None,
        };
        for id in content.own_media() {
            let file = self.deps.store.media(tenant, id).await?.ok_or(SendError::MediaNotFound(id))?;
            if let Some(kind) = shown_as.filter(|kind| *kind != MediaKind::of_mime(&file.mime_type)) {
                let problem = format!("is {}, which cannot be sent as {}", file.mime_type, kind.as_str());
                return Err(SendError::Faults(vec![Fault { pointer: "/media/media_id".into(), problem }]));
            }
        }
        Ok(())
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

    async fn follow(
        &self,
        tenant: TenantId,
        entry: &Entry,
        accepted: Accepted,
        scheduled: Option<Timestamp>,
        wait: Duration,
    ) -> Sent {
        let outcome = if scheduled.is_some() || wait.is_zero() {
            self.lanes.wake(accepted.connection_id);
            SendOutcome::Queued { send_at: scheduled }
        } else {
            let mut news = self.waiters.wait_for(accepted.message_id);
            self.lanes.wake(accepted.connection_id);
            self.wait(tenant, entry, accepted.message_id, &mut news, wait).await
        };
        Sent {
            message_id: accepted.message_id,
            contact_id: accepted.contact_id,
            conversation_id: accepted.conversation_id,
            connection_id: accepted.connection_id,
            outcome,
        }
    }

    async fn wait(
        &self,
        tenant: TenantId,
        entry: &Entry,
        message: MessageId,
        news: &mut Waiter,
        wait: Duration,
    ) -> SendOutcome {
        if let Some(outcome) = self.hopeless(tenant, entry, message, wait).await {
            return outcome;
        }
        let deadline = tokio::time::Instant::now() + wait;
        let mut last = None;
        loop {
            let heard = tokio::select! {
                heard = news.recv() => heard,
                () = tokio::time::sleep_until(deadline) => break,
                () = tokio::time::sleep(LOOK), if self.standing(entry).is_none() => {
                    self.get(tenant, message).await.ok().flatten().as_ref().and_then(news_of)
                }
            };
            match heard {
                Some(News::Sent { wamid, at }) => return SendOutcome::Sent { wamid, at },
                Some(News::Failed(failure)) => return SendOutcome::Failed(failure),
                Some(News::Refused(refusal)) => return SendOutcome::Refused(refusal),
                Some(News::InDoubt(failure)) => return SendOutcome::InDoubt(failure),
                Some(News::Halted(failure)) => return self.halted(entry, failure),
                Some(News::Throttled { until }) => {
                    return SendOutcome::Throttled(self.throttle(entry, Some(until)).await);
                }
                Some(News::Retrying { unreachable, why }) => last = Some((unreachable, why)),
                None => {}
            }
        }
        match last {
            Some((true, why)) => SendOutcome::Unreachable(why),
            _ => self.still_queued(entry).await,
        }
    }

    /// What is known beforehand not to end within the wait: a broken connection, a pause, a queue too long.
    async fn hopeless(
        &self,
        tenant: TenantId,
        entry: &Entry,
        message: MessageId,
        wait: Duration,
    ) -> Option<SendOutcome> {
        let listing = self.directory.listing();
        let entry = listing.entry(entry.connection.id)?;
        if entry.connection.state == ConnectionState::Error {
            return Some(self.halted(entry, halted_before(entry, self.deps.clock.now())));
        }
        let standing = self.standing(entry)?;
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let behind = standing.wait > wait && !self.overtakes(tenant, message).await;
        if behind || standing.paused_until.is_some() {
            return Some(SendOutcome::Throttled(self.throttle(entry, standing.paused_until).await));
        }
        None
    }

    /// A reply goes before the queue that the wait was counted from.
    async fn overtakes(&self, tenant: TenantId, message: MessageId) -> bool {
        let found = self.get(tenant, message).await.ok().flatten();
        found.is_some_and(|message| message.priority == Priority::Reply)
    }

    async fn still_queued(&self, entry: &Entry) -> SendOutcome {
        let now = self.deps.clock.now();
        match self.standing(entry) {
            Some(standing) if standing.paused_until.is_some_and(|until| until > now) => {
                SendOutcome::Throttled(self.throttle(entry, standing.paused_until).await)
            }
            Some(standing) if standing.wait > SignedDuration::from_secs(1) => {
                SendOutcome::Throttled(self.throttle(entry, None).await)
            }
            _ => SendOutcome::Queued { send_at: None },
        }
    }

    /// The time that Meta told beforehand, else that at which Meta refused the token.
    fn halted(&self, entry: &Entry, failure: Failure) -> SendOutcome {
        let listing = self.directory.listing();
        let known = listing.entry(entry.connection.id).and_then(|entry| entry.connection.token_expires_at);
        let now = self.deps.clock.now();
        let token_expired_at = Some(known.filter(|at| *at <= now).unwrap_or(now));
        SendOutcome::Halted { failure, token_expired_at }
    }

    fn standing(&self, entry: &Entry) -> Option<super::lane::Standing> {
        self.lanes.standing(entry.connection.id, self.deps.clock.now())
    }

    /// The rate limit of a number that Meta throttles at this moment. Of a lane that another node holds it is what that
    /// node kept when it last prolonged its lease.
    pub(crate) async fn throttled(&self, entry: &Entry) -> Option<Throttle> {
        let standing = match self.standing(entry) {
            Some(standing) => standing,
            None => self.standing_elsewhere(entry).await?,
        };
        if !standing.slowed {
            return None;
        }
        Some(self.throttle(entry, standing.paused_until).await)
    }

    async fn standing_elsewhere(&self, entry: &Entry) -> Option<super::lane::Standing> {
        let (tenant, connection) = (entry.connection.tenant_id, entry.connection.id);
        let kept = self.deps.store.kept_pace(tenant, connection).await.ok().flatten()?;
        let pacer: domain::pacing::Pacer = serde_json::from_value(kept).ok()?;
        Some(super::lane::Standing::of(&pacer, 0, self.deps.clock.now()))
    }

    async fn throttle(&self, entry: &Entry, until: Option<Timestamp>) -> Throttle {
        let now = self.deps.clock.now();
        let connection = &entry.connection;
        let stats = self.deps.store.queue_stats(connection.tenant_id, connection.id, now).await;
        let pause = until.map_or(SignedDuration::ZERO, |until| until.duration_since(now));
        let wait = self.standing(entry).map_or(pause, |standing| standing.wait.max(pause));
        Throttle {
            limit: connection.rate.count,
            period: connection.rate.period_label(),
            retry_after_seconds: (wait.as_millis() as i64).div_euclid(1000).max(0) + 1,
            messages_queued: stats.map_or(1, |stats| stats.queued.max(1)),
        }
    }
}

fn halted_before(entry: &Entry, now: Timestamp) -> Failure {
    let reason = entry.connection.state_reason.as_deref().unwrap_or("Meta refuses this connection");
    let token_is_over = entry.connection.token_expires_at.is_some_and(|end| end <= now);
    super::failure::plain(
        if token_is_over { "TOKEN_EXPIRED" } else { "META_REJECTED" },
        reason,
        None,
        "Reconnect WhatsApp in Settings: the queue then goes on where it stopped.",
    )
}
