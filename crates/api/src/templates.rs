//! Templates. Sending one to oneself stands with the messages.

use api_types::errors::details::{
    DuplicateTemplate, Missing, MissingTemplate, Nothing, ParamsMismatch, WrongState,
};
use api_types::templates::{
    CreateTemplate, Finding, FindingSeverity, LintResult, PreviewTemplate, SyncResult, SyncTemplates,
    Template, TemplatePreview, TemplateQuery, TemplateSubmission, UpdateTemplate,
};
use api_types::{List, PagingQuery, Problem, Success};
use axum::extract::State;
use domain::{ConnectionId, TemplateId};
use engine::templates::{Edit, NewDraft, Submission, TemplateError, Templates};
use ports::templates::TemplateFilter;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Result, created, list, ok, paging};
use crate::body::{Id, Json, NoBody, Query};
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list_templates, create_template))
        .routes(routes!(get_template, update_template, delete_template))
        .routes(routes!(submit_template))
        .routes(routes!(sync_templates))
        .routes(routes!(lint_template))
        .routes(routes!(preview_template))
}

/// Templates, by name and language.
#[utoipa::path(get, path = "/templates", tag = "templates", params(TemplateQuery, PagingQuery),
    responses((status = 200, body = Success<List<Template>>)),
    extensions(("x-required-permission" = json!("templates_read"))))]
async fn list_templates(
    caller: Caller<needs::TemplatesRead>,
    State(templates): State<Templates>,
    Query((wanted, page)): Query<(TemplateQuery, PagingQuery)>,
) -> Result<Answer<List<Template>>> {
    let filter = TemplateFilter {
        status: wanted.status,
        category: wanted.category,
        language: wanted.language,
        search: wanted.search,
        waba_id: wanted.waba_id,
    };
    let found = templates.list(caller.tenant, &filter, &paging(&page)).await.map_err(failed(None, None))?;
    list(&page, found, body)
}

/// Makes a template: checked against Meta's rules, then submitted (or kept as a draft).
#[utoipa::path(post, path = "/templates", tag = "templates", request_body = CreateTemplate,
    responses((status = 201, body = Success<TemplateSubmission>)),
    extensions(
        ("x-required-permission" = json!("templates_write")),
        ("x-error-codes" = json!(["DUPLICATE_TEMPLATE", "CONNECTION_NOT_FOUND", "CONNECTION_NOT_CONFIGURED",
            "TOKEN_EXPIRED", "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn create_template(
    caller: Caller<needs::TemplatesWrite>,
    State(templates): State<Templates>,
    Json(wanted): Json<CreateTemplate>,
) -> Result<Answer<TemplateSubmission>> {
    let connection = wanted.connection_id;
    let made = templates.create(caller.tenant, draft(wanted)).await.map_err(failed(None, connection))?;
    Ok(told(created(submitted(&made)), &made))
}

/// One template.
#[utoipa::path(get, path = "/templates/{id}", tag = "templates",
    responses((status = 200, body = Success<Template>)),
    extensions(("x-required-permission" = json!("templates_read")), ("x-error-codes" = json!(["TEMPLATE_NOT_FOUND"]))))]
async fn get_template(
    caller: Caller<needs::TemplatesRead>,
    Id(id): Id<TemplateId>,
    State(templates): State<Templates>,
) -> Result<Answer<Template>> {
    Ok(ok(body(templates.get(caller.tenant, id).await.map_err(failed(Some(id), None))?)))
}

/// Changes a template; what was submitted before is submitted again.
#[utoipa::path(patch, path = "/templates/{id}", tag = "templates", request_body = UpdateTemplate,
    responses((status = 200, body = Success<TemplateSubmission>)),
    extensions(
        ("x-required-permission" = json!("templates_write")),
        ("x-error-codes" = json!(["TEMPLATE_NOT_FOUND", "INVALID_STATE", "CONNECTION_NOT_CONFIGURED",
            "TOKEN_EXPIRED", "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn update_template(
    caller: Caller<needs::TemplatesWrite>,
    Id(id): Id<TemplateId>,
    State(templates): State<Templates>,
    Json(wanted): Json<UpdateTemplate>,
) -> Result<Answer<TemplateSubmission>> {
    let edit = Edit {
        category: wanted.category,
        components: wanted.components.map(components),
        param_names: wanted.param_names,
    };
    let edited = templates.edit(caller.tenant, id, edit).await.map_err(failed(Some(id), None))?;
    Ok(told(ok(submitted(&edited)), &edited))
}

/// Deletes one language of a template, at Meta and here.
#[utoipa::path(delete, path = "/templates/{id}", tag = "templates",
    responses((status = 200, body = Success<Value>)),
    extensions(
        ("x-required-permission" = json!("templates_write")),
        ("x-error-codes" = json!(["TEMPLATE_NOT_FOUND", "CONNECTION_NOT_CONFIGURED", "TOKEN_EXPIRED",
            "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn delete_template(
    caller: Caller<needs::TemplatesWrite>,
    Id(id): Id<TemplateId>,
    State(templates): State<Templates>,
) -> Result<Answer<Value>> {
    templates.delete(caller.tenant, id).await.map_err(failed(Some(id), None))?;
    Ok(ok(json!({ "id": id, "deleted": true })))
}

/// Submits a draft to Meta.
#[utoipa::path(post, path = "/templates/{id}/submit", tag = "templates",
    responses((status = 200, body = Success<TemplateSubmission>)),
    extensions(
        ("x-required-permission" = json!("templates_write")),
        ("x-error-codes" = json!(["TEMPLATE_NOT_FOUND", "INVALID_STATE", "CONNECTION_NOT_CONFIGURED",
            "TOKEN_EXPIRED", "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn submit_template(
    caller: Caller<needs::TemplatesWrite>,
    Id(id): Id<TemplateId>,
    State(templates): State<Templates>,
    _: NoBody,
) -> Result<Answer<TemplateSubmission>> {
    let done = templates.submit(caller.tenant, id).await.map_err(failed(Some(id), None))?;
    Ok(told(ok(submitted(&done)), &done))
}

/// Reads Meta's whole list of an account.
#[utoipa::path(post, path = "/templates/sync", tag = "templates", request_body = SyncTemplates,
    responses((status = 200, body = Success<SyncResult>)),
    extensions(
        ("x-required-permission" = json!("templates_write")),
        ("x-error-codes" = json!(["CONNECTION_NOT_FOUND", "CONNECTION_NOT_CONFIGURED", "TOKEN_EXPIRED",
            "META_REJECTED", "META_UNAVAILABLE"]))))]
async fn sync_templates(
    caller: Caller<needs::TemplatesWrite>,
    State(templates): State<Templates>,
    Json(wanted): Json<SyncTemplates>,
) -> Result<Answer<SyncResult>> {
    let connection = wanted.connection_id;
    let synced = templates.sync(caller.tenant, connection).await.map_err(failed(None, connection))?;
    Ok(ok(SyncResult {
        added: synced.counts.added,
        updated: synced.counts.updated,
        unchanged: synced.counts.unchanged,
        removed: synced.counts.removed,
        unreadable: synced.unreadable,
    }))
}

/// Everything that Meta refuses or may refuse in a template; nothing is made.
#[utoipa::path(post, path = "/templates/lint", tag = "templates", request_body = CreateTemplate,
    responses((status = 200, body = Success<LintResult>)),
    extensions(("x-required-permission" = json!("templates_read"))))]
async fn lint_template(
    _caller: Caller<needs::TemplatesRead>,
    State(templates): State<Templates>,
    Json(wanted): Json<CreateTemplate>,
) -> Result<Answer<LintResult>> {
    let findings: Vec<Finding> = templates.lint(&draft(wanted)).into_iter().map(Finding::from).collect();
    let passed = findings.iter().all(|finding| finding.severity != FindingSeverity::Error);
    Ok(ok(LintResult { ok: passed, findings }))
}

/// A template as the customer sees it, with these values or with its own samples.
#[utoipa::path(post, path = "/templates/{id}/preview", tag = "templates", request_body = PreviewTemplate,
    responses((status = 200, body = Success<TemplatePreview>)),
    extensions(
        ("x-required-permission" = json!("templates_read")),
        ("x-error-codes" = json!(["TEMPLATE_NOT_FOUND", "TEMPLATE_PARAMS_MISMATCH"]))))]
async fn preview_template(
    caller: Caller<needs::TemplatesRead>,
    Id(id): Id<TemplateId>,
    State(templates): State<Templates>,
    Json(wanted): Json<PreviewTemplate>,
) -> Result<Answer<TemplatePreview>> {
    let params = wanted.template_params.filter(|params| !params.is_null());
    let shown =
        templates.preview(caller.tenant, id, params.as_ref()).await.map_err(failed(Some(id), None))?;
    Ok(ok(shown.into()))
}

fn draft(wanted: CreateTemplate) -> NewDraft {
    NewDraft {
        connection_id: wanted.connection_id,
        name: wanted.name,
        language: wanted.language,
        category: wanted.category,
        parameter_format: wanted.parameter_format.map(Into::into),
        components: components(wanted.components),
        param_names: wanted.param_names.unwrap_or_default(),
        submit: wanted.submit.unwrap_or(true),
    }
}

fn components(components: Vec<Map<String, Value>>) -> Value {
    components.into_iter().map(Value::Object).collect()
}

fn submitted(submission: &Submission) -> TemplateSubmission {
    TemplateSubmission {
        template: body(submission.template.clone()),
        warnings: submission.warnings.iter().cloned().map(Finding::from).collect(),
        asked_category: submission.asked_category.as_ref().map(ToString::to_string),
    }
}

fn told(answer: Answer<TemplateSubmission>, submission: &Submission) -> Answer<TemplateSubmission> {
    match &submission.asked_category {
        Some(asked) => answer.saying(format!(
            "Meta put the template into the category {}, not {asked}; prices and limits differ",
            submission.template.category
        )),
        None => answer,
    }
}

fn body(template: ports::templates::Template) -> Template {
    let definition =
        domain::templates::Definition::parse(template.components.clone(), template.parameter_format);
    let param_names = definition.param_names(&template.param_names);
    Template {
        id: template.id.0,
        waba_id: template.waba_id,
        name: template.name,
        language: template.language,
        category: template.category.to_string(),
        status: template.status.to_string(),
        rejection_reason: template.rejection_reason,
        quality: template.quality,
        meta_id: template.meta_id,
        parameter_format: template.parameter_format.into(),
        components: template.components,
        param_names,
        created_at: template.created_at,
        updated_at: template.updated_at,
    }
}

fn failed(
    template: Option<TemplateId>,
    connection: Option<ConnectionId>,
) -> impl FnOnce(TemplateError) -> ApiError {
    move |error| match error {
        TemplateError::NotFound => Problem::TemplateNotFound(MissingTemplate {
            id: template.map(|template| template.0),
            template_name: None,
            template_language: None,
            available_languages: Vec::new(),
        })
        .into(),
        TemplateError::ConnectionNotFound => {
            let id = connection.map_or(0, |connection| connection.0);
            Problem::ConnectionNotFound(Missing { id }).into()
        }
        TemplateError::NoConnection => Problem::ConnectionNotConfigured(Nothing {}).into(),
        TemplateError::Exists(other) => {
            Problem::DuplicateTemplate(DuplicateTemplate { template_id: other.0 }).into()
        }
        TemplateError::InvalidState { current, allowed } => Problem::InvalidState(WrongState {
            current: current.to_string(),
            allowed: allowed.iter().map(ToString::to_string).collect(),
            not_before: None,
        })
        .into(),
        TemplateError::Invalid(faults) => faults.into(),
        TemplateError::Mismatch(template_name, mismatch) => Problem::TemplateParamsMismatch(ParamsMismatch {
            template_name,
            expected_params: u32::try_from(mismatch.expected_params).unwrap_or(u32::MAX),
            provided_params: u32::try_from(mismatch.provided_params).unwrap_or(u32::MAX),
            param_names: mismatch.param_names,
            problems: mismatch.problems,
        })
        .into(),
        TemplateError::Media(error) => crate::media::failed(None)(error),
        TemplateError::Gateway(error) => error.into(),
        TemplateError::Store(error) => error.into(),
    }
}
