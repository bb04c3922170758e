//! What became of a send, as an answer.

use api_types::Problem;
use api_types::errors::details::{OutcomeUnknown, Throttled, TokenOver, Unreachable};
use api_types::messages::{MessageStatus, SentMessage};
use axum::response::Response;
use domain::messages::Status;
use domain::{TenantId, Timestamp};
use engine::messages::{SendOutcome, Sent, Throttle};
use ports::messages::Failure;

use super::refusals::gate;
use super::send::Clerk;
use crate::answer::{Answer, Result, accepted, created};
use crate::error::ApiError;
use crate::idempotency::{REPLAYED, replay};

/// An answer of now, or one given again.
pub(super) enum Answered {
    New(Answer<SentMessage>),
    Replayed(Response),
}

impl Clerk {
    pub(super) async fn outcome(&self, tenant: TenantId, sent: Sent) -> Result<Answered> {
        let message_id = Some(sent.message_id.0);
        match &sent.outcome {
            SendOutcome::Sent { wamid, at } => {
                let body = body(&sent, Status::Sent, Some(wamid.clone()), Some(*at));
                Ok(Answered::New(created(body)))
            }
            SendOutcome::Queued { send_at } => {
                let mut body = body(&sent, Status::Queued, None, None);
                body.send_at = *send_at;
                Ok(Answered::New(accepted(body)))
            }
            SendOutcome::Failed(failure) => Err(self.failed(tenant, &sent, failure).await),
            SendOutcome::Refused(refusal) => Err(gate(refusal.clone()).into()),
            SendOutcome::Throttled(throttle) => Err(throttled(throttle, message_id).into()),
            SendOutcome::Halted { failure, token_expired_at } if failure.code == "TOKEN_EXPIRED" => {
                Err(Problem::TokenExpired(TokenOver {
                    action_required: TokenOver::ACTION.into(),
                    expired_at: *token_expired_at,
                    connection_id: Some(sent.connection_id.0),
                    message_id,
                })
                .into())
            }
            SendOutcome::Halted { failure, .. } => Err(self.failed(tenant, &sent, failure).await),
            SendOutcome::Unreachable(_) => {
                Err(Problem::MetaUnavailable(Unreachable { message_id, retry_after_seconds: Some(5) }).into())
            }
            SendOutcome::InDoubt(_) => Err(in_doubt(&sent)),
            SendOutcome::Replayed { .. } => self.again(tenant, sent).await,
        }
    }

    /// The answer given before, or, when it was not kept, what the message says now.
    async fn again(&self, tenant: TenantId, sent: Sent) -> Result<Answered> {
        let SendOutcome::Replayed { answer, status, wamid, sent_at } = &sent.outcome else {
            return Err(ApiError::internal("only what was sent before is answered again"));
        };
        if let Some(answer) = answer {
            return Ok(Answered::Replayed(replay(answer.clone())));
        }
        let answer = match status {
            Status::Sent | Status::Delivered | Status::Read => {
                created(body(&sent, *status, wamid.clone(), *sent_at))
            }
            Status::Failed => {
                let message = self.messages.get(tenant, sent.message_id).await?;
                match message.and_then(|message| message.failure) {
                    Some(failure) => return Err(self.failed(tenant, &sent, &failure).await),
                    None => accepted(body(&sent, *status, wamid.clone(), *sent_at)),
                }
            }
            Status::InDoubt => return Err(in_doubt(&sent)),
            Status::Queued | Status::Sending | Status::Cancelled | Status::Received => {
                accepted(body(&sent, *status, wamid.clone(), *sent_at))
            }
        };
        let (status, bytes) = answer.into_parts()?;
        let mut response = crate::answer::json(status, bytes);
        response.headers_mut().insert(REPLAYED, http::HeaderValue::from_static("true"));
        Ok(Answered::Replayed(response))
    }

    async fn failed(&self, tenant: TenantId, sent: &Sent, failure: &Failure) -> ApiError {
        match self.problem_of(tenant, sent, failure).await {
            Ok(problem) => problem.into(),
            Err(error) => error,
        }
    }
}

fn body(sent: &Sent, status: Status, wamid: Option<String>, sent_at: Option<Timestamp>) -> SentMessage {
    SentMessage {
        message_id: sent.message_id.0,
        wamid,
        status: MessageStatus::from(status),
        sent_at,
        send_at: None,
        contact_id: sent.contact_id.0,
        conversation_id: sent.conversation_id.map(|id| id.0),
        connection_id: sent.connection_id.0,
    }
}

fn in_doubt(sent: &Sent) -> ApiError {
    let status = Status::InDoubt.as_str().to_owned();
    Problem::SendOutcomeUnknown(OutcomeUnknown { message_id: sent.message_id.0, status }).into()
}

fn throttled(throttle: &Throttle, message_id: Option<i64>) -> Problem {
    Problem::RateLimitExceeded(Throttled {
        limit: throttle.limit,
        period: throttle.period.clone(),
        retry_after_seconds: u64::try_from(throttle.retry_after_seconds).unwrap_or_default(),
        messages_queued: u64::try_from(throttle.messages_queued).unwrap_or_default(),
        message_id,
    })
}
