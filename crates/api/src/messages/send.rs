//! Sending: from a request to a command, and from what became of it to an answer.

use api_types::Problem;
use api_types::errors::details::InvalidPhone;
use api_types::messages::{Draft, MessageRequest, ReplyTo};
use axum::extract::FromRef;
use axum::response::{IntoResponse, Response};
use domain::phone::{self, PhoneFault, PhoneNumber};
use domain::{ConversationId, TenantId};
use engine::contacts::Contacts;
use engine::conversations::Conversations;
use engine::messages::{Body, Messages, SendCommand, Sent};
use engine::templates::Templates;
use engine::tenants::Tenants;
use ports::idempotency::KeptAnswer;
use ports::messages::Addressee;

use super::keyed::Keyed;
use super::refusals::{Asked, refuse};
use crate::answer::Result;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::state::ApiState;

/// Who takes a send at the counter: the use cases that its answer may need.
#[derive(Clone)]
pub(super) struct Clerk {
    pub(super) messages: Messages,
    pub(super) contacts: Contacts,
    pub(super) conversations: Conversations,
    pub(super) templates: Templates,
    tenants: Tenants,
}

impl FromRef<ApiState> for Clerk {
    fn from_ref(state: &ApiState) -> Self {
        Self {
            messages: Messages::from_ref(state),
            contacts: Contacts::from_ref(state),
            conversations: Conversations::from_ref(state),
            templates: Templates::from_ref(state),
            tenants: Tenants::from_ref(state),
        }
    }
}

/// Who is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// Whom the request names.
    Request,
    /// The contact of this conversation.
    Conversation(ConversationId),
}

impl Clerk {
    pub(super) async fn send<N>(
        &self,
        caller: &Caller<N>,
        to: To,
        request: Keyed<MessageRequest>,
    ) -> Result<Response> {
        let Keyed { mut body, key, wait } = request;
        let (asked, used_key) = (Asked::of(&body, to), key.clone().map(|key| key.0));
        let (to, draft) = self.read(caller.tenant, to, &mut body).await?;
        let command = SendCommand {
            to,
            connection: body.connection_id,
            body: match draft {
                Draft::Free(content) => Body::FreeForm(content),
                Draft::Template { name, language, params } => Body::Template { name, language, params },
            },
            reply_to: body.reply_to.map(|reply| match reply {
                ReplyTo::Message(id) => ports::messages::ReplyTo::Message(id),
                ReplyTo::Wamid(wamid) => ports::messages::ReplyTo::Wamid(wamid),
            }),
            send_at: body.send_at,
            created_by: caller.key,
            key,
            wait,
            priority: None,
        };
        let sent = self
            .messages
            .send(caller.tenant, command)
            .await
            .map_err(|error| refuse(error, &asked, used_key.as_deref()))?;
        self.answer(caller.tenant, sent, used_key).await
    }

    /// Addressee and content, with the faults of both at once.
    async fn read(&self, tenant: TenantId, to: To, body: &mut MessageRequest) -> Result<(Addressee, Draft)> {
        let draft = body.take_draft();
        let to = match to {
            To::Conversation(id) => Ok(Addressee::Conversation(id)),
            To::Request => self.addressee(tenant, body).await?,
        };
        match (to, draft) {
            (Ok(to), Ok(draft)) => Ok((to, draft)),
            (Err(Wrong::Phone(invalid)), Ok(_)) => {
                Err(Problem::InvalidPhoneFormat(InvalidPhone::from(*invalid)).into())
            }
            (Err(Wrong::Fault(pointer, problem)), Ok(_)) => Err(ApiError::fault(pointer, problem)),
            (Ok(_), Err(faults)) => Err(faults.into()),
            (Err(wrong), Err(mut faults)) => {
                match wrong {
                    Wrong::Phone(invalid) => faults.add_at("/to", invalid.reason.explanation()),
                    Wrong::Fault(pointer, problem) => faults.add_at(pointer, problem),
                }
                Err(faults.into())
            }
        }
    }

    async fn addressee(
        &self,
        tenant: TenantId,
        body: &MessageRequest,
    ) -> Result<std::result::Result<Addressee, Wrong>> {
        let to = match (&body.contact_id, &body.to) {
            (Some(contact), None) => return Ok(Ok(Addressee::Contact(*contact))),
            (None, Some(to)) => to,
            (Some(_), Some(_)) => {
                return Ok(Err(Wrong::Fault("/to", "does not go together with contact_id")));
            }
            (None, None) => return Ok(Err(Wrong::Fault("/to", "is missing; give it or contact_id"))),
        };
        if is_user_id(to) {
            return Ok(Ok(Addressee::Bsuid(to.clone())));
        }
        let mut read = PhoneNumber::parse(to, None);
        if matches!(&read, Err(invalid) if invalid.reason == PhoneFault::CountryCodeMissing) {
            let country = self.default_country(tenant).await?;
            read = PhoneNumber::parse(to, country.as_deref());
        }
        Ok(read.map(Addressee::Phone).map_err(|invalid| Wrong::Phone(Box::new(invalid))))
    }

    async fn default_country(&self, tenant: TenantId) -> Result<Option<String>> {
        match self.tenants.get(tenant).await {
            Ok(tenant) => Ok(tenant.settings.default_country),
            Err(engine::tenants::TenantError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// The answer, kept for a repeat when a key was given and something was sent or queued.
    async fn answer(&self, tenant: TenantId, sent: Sent, key: Option<String>) -> Result<Response> {
        let answered = self.outcome(tenant, sent).await?;
        let (status, bytes) = match answered {
            super::outcome::Answered::Replayed(response) => return Ok(response),
            super::outcome::Answered::New(answer) => answer.into_parts()?,
        };
        if let Some(key) = key {
            let (messages, answer) =
                (self.messages.clone(), KeptAnswer { status: status.as_u16(), body: bytes.to_vec() });
            // Best effort and not worth the client's time: without it a repeat is answered from the message.
            tokio::spawn(async move { messages.keep_answer(tenant, key, answer).await });
        }
        Ok(crate::answer::json(status, bytes).into_response())
    }
}

enum Wrong {
    Phone(Box<phone::InvalidPhone>),
    Fault(&'static str, &'static str),
}

/// Meta's business-scoped user ids begin with a country and a dot, as no phone number does (Meta,
/// "Business-scoped user IDs").
fn is_user_id(to: &str) -> bool {
    to.split_once('.').is_some_and(|(country, rest)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}
