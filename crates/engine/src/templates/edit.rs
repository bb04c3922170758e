//! Editing: what was submitted is submitted again.

use domain::templates::{Category, Status};
use domain::{TemplateId, TenantId};
use ports::templates::{Template, TemplatePatch};
use serde_json::Value;

use super::check;
use super::create::submission;
use super::{Submission, TemplateError, Templates};
use crate::faults::Faults;

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edit {
    pub category: Option<Category>,
    pub components: Option<Value>,
    pub param_names: Option<Vec<String>>,
}

/// Meta, "Edit templates".
const EDITABLE: &[Status] = &[Status::Draft, Status::Approved, Status::Rejected, Status::Paused];

impl Templates {
    /// Changes a template; when what Meta reviews was changed and the template was submitted before, it is submitted
    /// again. Names of parameters are ours alone and change at any time.
    ///
    /// # Errors
    /// [`TemplateError::Invalid`] with everything that Meta would refuse, [`TemplateError::InvalidState`],
    /// [`TemplateError::Gateway`] with Meta's own words, [`TemplateError::NotFound`], or the store's. After an error
    /// nothing is changed.
    pub async fn edit(
        &self,
        tenant: TenantId,
        template: TemplateId,
        edit: Edit,
    ) -> Result<Submission, TemplateError> {
        let current = self.get(tenant, template).await?;
        let asked_category = edit.category.clone().unwrap_or_else(|| current.category.clone());
        let reviewed = asked_category != current.category
            || edit.components.as_ref().is_some_and(|components| *components != current.components);
        let mut wanted = Template {
            category: asked_category.clone(),
            components: edit.components.unwrap_or_else(|| current.components.clone()),
            param_names: edit.param_names.unwrap_or_else(|| current.param_names.clone()),
            ..current.clone()
        };
        if reviewed && !current.status.editable() {
            return Err(TemplateError::InvalidState { current: current.status, allowed: EDITABLE });
        }
        if current.status == Status::Approved && wanted.category != current.category {
            let problem = "Meta does not change the category of an approved template";
            return Err(Faults::one("/category", problem).into());
        }
        let warnings = check::kept(&wanted).passed()?;
        let patch = |wanted: &Template, status: Option<Status>| TemplatePatch {
            category: Some(wanted.category.clone()),
            components: Some(wanted.components.clone()),
            param_names: Some(wanted.param_names.clone()),
            rejection_reason: status.is_some().then_some(None),
            status,
            ..TemplatePatch::default()
        };
        let Some(meta_id) = current.meta_id.clone().filter(|_| reviewed) else {
            let template = self.change(tenant, current.id, patch(&wanted, None)).await?;
            return Ok(Submission { template, warnings, asked_category: None });
        };
        let account = self.account_of(tenant, &current.waba_id).await?;
        wanted.components = self.with_handles(tenant, &account, wanted.components).await?;
        let edited = self.deps.gateway.edit_template(&account.access, &meta_id, &submission(&wanted)).await;
        if let Err(error) = edited {
            return Err(self.refused(tenant, &account, error).await?);
        }
        // An edited approved template stays approved unless its review fails; the others are reviewed first.
        let status = (current.status != Status::Approved).then_some(Status::Pending);
        self.change(tenant, current.id, patch(&wanted, status)).await?;
        // Where it stands now is Meta's to say; should that fail, the webhook or the next sync tells.
        if let Err(error) = self.sync_account(tenant, &account).await {
            tracing::warn!(tenant.id = %tenant, template.id = %current.id, %error, "Meta's list was not read");
        }
        let template = self.get(tenant, current.id).await?;
        let other = template.category != asked_category;
        Ok(Submission { template, warnings, asked_category: other.then_some(asked_category) })
    }
}
