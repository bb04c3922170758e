//! Why a message was not sent, in the words of the table of errors.

use api_types::errors::details::{
    Disabled, Missing, MissingTemplate, NotApproved, NotOnWhatsapp, NotOptedIn, Nothing, OutcomeUnknown,
    ParamsMismatch, Rejected, TokenOver, Unreachable, WindowExpired,
};
use api_types::messages::MessageRequest;
use api_types::{Faults, Problem};
use domain::messages::gate::Refusal;
use domain::{ConnectionId, ContactId, ConversationId, TenantId};
use engine::contacts::ContactError;
use engine::conversations::ConversationError;
use engine::messages::{SendError, Sent};
use engine::templates::TemplateError;
use ports::messages::Failure;
use ports::templates::Template;

use super::send::{Clerk, To};
use crate::answer::Result;
use crate::error::ApiError;
use crate::idempotency::reused;

/// What the request named, to be named again when it is not found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    contact: Option<ContactId>,
    connection: Option<ConnectionId>,
    conversation: Option<ConversationId>,
}

impl Asked {
    pub(super) fn of(request: &MessageRequest, to: To) -> Self {
        let conversation = match to {
            To::Request => None,
            To::Conversation(id) => Some(id),
        };
        Self { contact: request.contact_id, connection: request.connection_id, conversation }
    }
}

/// A message that was not accepted: nothing was written.
pub(super) fn refuse(error: SendError, asked: &Asked, key: Option<&str>) -> ApiError {
    let problem = match error {
        SendError::NotConfigured => Problem::ConnectionNotConfigured(Nothing {}),
        SendError::ConnectionNotFound => {
            Problem::ConnectionNotFound(Missing { id: asked.connection.map_or(0, |id| id.0) })
        }
        SendError::ConnectionDisabled(id) => Problem::ConnectionDisabled(Disabled { connection_id: id.0 }),
        SendError::ContactNotFound => {
            Problem::ContactNotFound(Missing { id: asked.contact.map_or(0, |id| id.0) })
        }
        SendError::ConversationNotFound => {
            Problem::ConversationNotFound(Missing { id: asked.conversation.map_or(0, |id| id.0) })
        }
        SendError::MediaNotFound(id) => Problem::MediaNotFound(Missing { id: id.0 }),
        SendError::ReplyToPurged => return super::purged(),
        SendError::ReplyToNotFound => return ApiError::fault("/reply_to", "is not a message known here"),
        SendError::TemplateNotFound { name, language, languages } => no_template(name, language, languages),
        SendError::ParamsMismatch { template_name, mismatch } => {
            let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            Problem::TemplateParamsMismatch(ParamsMismatch {
                template_name,
                expected_params: count(mismatch.expected_params),
                provided_params: count(mismatch.provided_params),
                param_names: mismatch.param_names,
                problems: mismatch.problems,
            })
        }
        SendError::Faults(found) => {
            let mut faults = Faults::default();
            for fault in found {
                faults.add_at(fault.pointer, fault.problem);
            }
            return faults.into();
        }
        SendError::Refused(refusal) => gate(refusal),
        SendError::KeyReused => return reused(key.unwrap_or_default()),
        SendError::Store(error) => return error.into(),
    };
    problem.into()
}

fn no_template(name: String, language: Option<String>, languages: Vec<String>) -> Problem {
    if language.is_none() && languages.len() > 1 {
        let mut faults = Faults::default();
        let problem = format!("is missing; \"{name}\" exists in {}", languages.join(", "));
        faults.add_at("/template_language", problem);
        return Problem::ValidationFailed(api_types::errors::details::Invalid { faults: faults.into_vec() });
    }
    Problem::TemplateNotFound(MissingTemplate {
        id: None,
        template_name: Some(name),
        template_language: language,
        available_languages: languages,
    })
}

/// The gate said no.
pub(super) fn gate(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotOptedIn { contact_id, opted_in, opted_out_at, marketing_stopped } => {
            let contact_id = contact_id.map(|id| id.0);
            Problem::ContactNotOptedIn(NotOptedIn { contact_id, opted_in, opted_out_at, marketing_stopped })
        }
        Refusal::Unreachable { contact_id, phone, meta_error_code } => {
            Problem::RecipientNotOnWhatsapp(NotOnWhatsapp {
                phone,
                meta_error_code,
                contact_id: Some(contact_id.0),
                message_id: None,
            })
        }
        Refusal::TemplateNotApproved { template_id, template_name, status, rejection_reason } => {
            Problem::TemplateNotApproved(NotApproved {
                template_id: template_id.0,
                template_name,
                status: status.as_str().to_owned(),
                rejection_reason,
            })
        }
        Refusal::WindowExpired { conversation_id, expired_at } => {
            Problem::ConversationExpired(WindowExpired::of(conversation_id.map(|id| id.0), expired_at))
        }
    }
}

impl Clerk {
    /// A message that was accepted here and refused by Meta, with what the error's details need.
    pub(super) async fn problem_of(
        &self,
        tenant: TenantId,
        sent: &Sent,
        failure: &Failure,
    ) -> Result<Problem> {
        let message_id = Some(sent.message_id.0);
        let meta_error_code = failure.meta_error_code.unwrap_or_default();
        Ok(match failure.code.as_str() {
            "RECIPIENT_NOT_ON_WHATSAPP" => {
                let contact = self.contact(tenant, sent.contact_id).await?;
                let phone = contact.and_then(|contact| contact.identity.phone).map(String::from);
                let contact_id = Some(sent.contact_id.0);
                Problem::RecipientNotOnWhatsapp(NotOnWhatsapp {
                    phone,
                    meta_error_code,
                    contact_id,
                    message_id,
                })
            }
            "CONTACT_NOT_OPTED_IN" => {
                let consent = self.contact(tenant, sent.contact_id).await?.map(|contact| contact.consent);
                let consent = consent.unwrap_or_default();
                Problem::ContactNotOptedIn(NotOptedIn {
                    contact_id: Some(sent.contact_id.0),
                    opted_in: consent.opted_in,
                    opted_out_at: consent.opted_out_at,
                    // Only Meta's own answer leads here; its webhook may still be on the way.
                    marketing_stopped: true,
                })
            }
            "CONVERSATION_EXPIRED" => {
                let ended = self.window_end(tenant, sent.conversation_id).await?;
                Problem::ConversationExpired(WindowExpired::of(sent.conversation_id.map(|id| id.0), ended))
            }
            "TEMPLATE_NOT_APPROVED" => match self.template(tenant, sent).await? {
                Some(template) => Problem::TemplateNotApproved(NotApproved {
                    template_id: template.id.0,
                    template_name: template.name,
                    status: template.status.as_str().to_owned(),
                    rejection_reason: template.rejection_reason.or_else(|| failure.meta_message.clone()),
                }),
                None => rejected(failure, message_id),
            },
            "TEMPLATE_PARAMS_MISMATCH" => match self.template(tenant, sent).await? {
                Some(template) => {
                    let count = u32::try_from(template.param_names.len()).unwrap_or(u32::MAX);
                    Problem::TemplateParamsMismatch(ParamsMismatch {
                        template_name: template.name,
                        expected_params: count,
                        provided_params: count,
                        param_names: template.param_names,
                        problems: failure.meta_message.clone().into_iter().collect(),
                    })
                }
                None => rejected(failure, message_id),
            },
            "TOKEN_EXPIRED" => Problem::TokenExpired(TokenOver {
                action_required: TokenOver::ACTION.into(),
                expired_at: None,
                connection_id: Some(sent.connection_id.0),
                message_id,
            }),
            "META_UNAVAILABLE" => {
                Problem::MetaUnavailable(Unreachable { message_id, retry_after_seconds: Some(5) })
            }
            "SEND_OUTCOME_UNKNOWN" => Problem::SendOutcomeUnknown(OutcomeUnknown {
                message_id: sent.message_id.0,
                status: "in_doubt".to_owned(),
            }),
            _ => rejected(failure, message_id),
        })
    }

    async fn contact(
        &self,
        tenant: TenantId,
        contact: ContactId,
    ) -> Result<Option<ports::contacts::Contact>> {
        match self.contacts.get(tenant, contact).await {
            Ok(contact) => Ok(Some(contact)),
            Err(ContactError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    async fn window_end(
        &self,
        tenant: TenantId,
        conversation: Option<ConversationId>,
    ) -> Result<Option<domain::Timestamp>> {
        let Some(id) = conversation else { return Ok(None) };
        match self.conversations.get(tenant, id).await {
            Ok(conversation) => Ok(conversation.window_expires_at),
            Err(ConversationError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    async fn template(&self, tenant: TenantId, sent: &Sent) -> Result<Option<Template>> {
        let message = self.messages.get(tenant, sent.message_id).await?;
        let Some(id) = message.and_then(|message| message.template_id) else { return Ok(None) };
        match self.templates.get(tenant, id).await {
            Ok(template) => Ok(Some(template)),
            Err(TemplateError::Store(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}

fn rejected(failure: &Failure, message_id: Option<i64>) -> Problem {
    Problem::MetaRejected(Rejected {
        meta_error_code: failure.meta_error_code.unwrap_or_default(),
        meta_message: failure.meta_message.clone().unwrap_or_else(|| failure.message.clone()),
        fbtrace_id: failure.fbtrace_id.clone(),
        advice: failure.advice.clone().unwrap_or_default(),
        message_id,
    })
}
