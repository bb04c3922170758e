//! A template, sent to oneself: a send like any other, its consent and its limits too.

use api_types::Problem;
use api_types::errors::details::MissingTemplate;
use api_types::messages::{MessageRequest, SentMessage};
use api_types::{Success, templates::TestSendTemplate};
use axum::extract::State;
use axum::response::Response;
use domain::{ConnectionId, TemplateId, TenantId};
use engine::connections::{ConnectionError, Connections};
use engine::templates::TemplateError;

use super::keyed::Keyed;
use super::send::{Clerk, To};
use crate::answer::Result;
use crate::body::Id;
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(test_send_template))
}

/// Sends a template to one contact, to see it on a phone.
#[utoipa::path(post, path = "/templates/{id}/test-send", tag = "templates", request_body = TestSendTemplate,
    params(("Prefer" = Option<String>, Header, description = "`wait=N` (seconds) or `respond-async`")),
    responses((status = 201, description = "Accepted by Meta", body = Success<SentMessage>),
        (status = 202, description = "Queued", body = Success<SentMessage>)),
    extensions(("x-required-permission" = json!("messages_send")), ("x-error-codes" = json!([
        "CONTACT_NOT_OPTED_IN", "TEMPLATE_NOT_APPROVED", "INVALID_PHONE_FORMAT", "RATE_LIMIT_EXCEEDED",
        "RECIPIENT_NOT_ON_WHATSAPP", "TEMPLATE_PARAMS_MISMATCH", "TOKEN_EXPIRED", "CONNECTION_NOT_FOUND",
        "TEMPLATE_NOT_FOUND", "CONNECTION_NOT_CONFIGURED", "CONNECTION_DISABLED", "SEND_OUTCOME_UNKNOWN",
        "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn test_send_template(
    caller: Caller<needs::MessagesSend>,
    State(clerk): State<Clerk>,
    State(connections): State<Connections>,
    Id(id): Id<TemplateId>,
    request: Keyed<TestSendTemplate>,
) -> Result<Response> {
    let template = match clerk.templates.get(caller.tenant, id).await {
        Ok(template) => template,
        Err(TemplateError::Store(error)) => return Err(error.into()),
        Err(_) => return Err(not_found(id)),
    };
    let connection = match request.body.connection_id {
        Some(connection) => Some(connection),
        None => number_of(&connections, caller.tenant, &template.waba_id).await?,
    };
    let request = request.map(|wanted| MessageRequest {
        to: Some(wanted.to),
        connection_id: connection,
        template_name: Some(template.name),
        template_language: Some(template.language),
        template_params: wanted.template_params,
        ..MessageRequest::default()
    });
    clerk.send(&caller, To::Request, request).await
}

fn not_found(id: TemplateId) -> ApiError {
    let missing = MissingTemplate {
        id: Some(id.0),
        template_name: None,
        template_language: None,
        available_languages: Vec::new(),
    };
    Problem::TemplateNotFound(missing).into()
}

/// A number on the account that owns the template, the default one first.
async fn number_of(
    connections: &Connections,
    tenant: TenantId,
    waba_id: &str,
) -> Result<Option<ConnectionId>> {
    match connections.list(tenant).await {
        Ok(all) => Ok(all.iter().find(|connection| connection.waba_id == waba_id).map(|found| found.id)),
        Err(ConnectionError::Store(error)) => Err(error.into()),
        Err(error) => Err(ApiError::internal(error)),
    }
}
