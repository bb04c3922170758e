//! What is sent, settled before the commit.

use domain::messages::content::{Content, Fault, MediaKind};
use domain::{ConnectionId, TemplateId, TenantId};
use ports::StoreError;
use ports::templates::Template;

use super::{Body, SendError};
use crate::messages::Messages;

impl Messages {
    pub(super) async fn content(
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

    pub(super) async fn check_media(&self, tenant: TenantId, content: &Content) -> Result<(), SendError> {
        let pointer = if content.is_free_form() { "/media/media_id" } else { "/template_params" };
        let mut faults = Vec::new();
        for (id, shown_as) in content.own_files() {
            let file = self.deps.store.media(tenant, id).await?.ok_or(SendError::MediaNotFound(id))?;
            if let Some(misfit) = MediaKind::misfit(&file.mime_type, shown_as) {
                faults.push(Fault { pointer: pointer.into(), problem: format!("file {id} {misfit}") });
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(SendError::Faults(faults)) }
    }
}
