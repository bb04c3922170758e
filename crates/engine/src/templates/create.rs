//! Making and submitting templates.

use domain::templates::{Category, Finding, Status};
use domain::{TemplateId, TenantId};
use ports::gateway::{GatewayError, Submitted, TemplateSubmission};
use ports::templates::{CreatedTemplate, NewTemplate, Template, TemplatePatch};

use super::{Account, NewDraft, TemplateError, Templates, check};

/// What came of a submission, or of keeping a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub template: Template,
    /// What Meta may refuse, or what should be looked at.
    pub warnings: Vec<Finding>,
    /// What was asked for, when Meta put the template into another category.
    pub asked_category: Option<Category>,
}

/// Meta, "Error codes" with code 100: there is one of this name and language, or its name is still cooling down.
const NAME_TAKEN: [i64; 2] = [2_388_023, 2_388_024];

impl Templates {
    /// Checks a template against Meta's rules, keeps it, and submits it unless it is to stay a draft. A submission that
    /// fails leaves nothing behind.
    ///
    /// # Errors
    /// [`TemplateError::Invalid`] with everything that Meta would refuse, [`TemplateError::Exists`],
    /// [`TemplateError::Gateway`] with Meta's own words, [`TemplateError::NoConnection`],
    /// [`TemplateError::ConnectionNotFound`], [`TemplateError::Media`], or the store's.
    pub async fn create(&self, tenant: TenantId, draft: NewDraft) -> Result<Submission, TemplateError> {
        let account = self.account(tenant, draft.connection_id).await?;
        let checked = check::draft(&draft);
        let warnings = checked.passed()?;
        let format = check::format(&draft);
        let known = self
            .deps
            .store
            .templates_named(tenant, account.connection.id, &draft.name, Some(&draft.language))
            .await?;
        // One that is gone at Meta makes room for a new one.
        if let Some(known) = known.iter().find(|known| known.status != Status::Deleted) {
            return Err(TemplateError::Exists(known.id));
        }
        let components = match draft.submit {
            true => self.with_handles(tenant, &account, draft.components).await?,
            false => draft.components,
        };
        let new = NewTemplate {
            waba_id: account.connection.waba_id.clone(),
            name: draft.name,
            language: draft.language,
            category: draft.category,
            status: Status::Draft,
            rejection_reason: None,
            quality: None,
            meta_id: None,
            parameter_format: format,
            components,
            param_names: draft.param_names,
        };
        let template = match self.deps.store.create_template(tenant, new, self.deps.clock.now()).await? {
            CreatedTemplate::Created(template) => template,
            CreatedTemplate::Exists(id) => return Err(TemplateError::Exists(id)),
        };
        (self.changed)(tenant);
        if !draft.submit {
            return Ok(Submission { template, warnings, asked_category: None });
        }
        let (id, name, language) = (template.id, template.name.clone(), template.language.clone());
        match self.hand_in(tenant, &account, template).await {
            Ok((template, asked_category)) => Ok(Submission { template, warnings, asked_category }),
            Err(error) => {
                self.deps.store.delete_template(tenant, id, self.deps.clock.now()).await?;
                (self.changed)(tenant);
                match is_taken(&error) {
                    true => Err(self.taken(tenant, &account, &name, &language).await?.unwrap_or(error)),
                    false => Err(error),
                }
            }
        }
    }

    /// Submits a draft.
    ///
    /// # Errors
    /// [`TemplateError::InvalidState`] when it was submitted before; else as [`Templates::create`], and the draft
    /// stays.
    pub async fn submit(&self, tenant: TenantId, template: TemplateId) -> Result<Submission, TemplateError> {
        let mut template = self.get(tenant, template).await?;
        if template.status != Status::Draft {
            return Err(TemplateError::InvalidState { current: template.status, allowed: &[Status::Draft] });
        }
        let warnings = check::kept(&template).passed()?;
        let account = self.account_of(tenant, &template.waba_id).await?;
        let components = self.with_handles(tenant, &account, template.components.clone()).await?;
        if components != template.components {
            let patch = TemplatePatch { components: Some(components), ..TemplatePatch::default() };
            template = self.change(tenant, template.id, patch).await?;
        }
        let (template, asked_category) = self.hand_in(tenant, &account, template).await?;
        Ok(Submission { template, warnings, asked_category })
    }

    /// To Meta, and what Meta answered into the row. An answer that was lost is looked for in Meta's list.
    async fn hand_in(
        &self,
        tenant: TenantId,
        account: &Account,
        template: Template,
    ) -> Result<(Template, Option<Category>), TemplateError> {
        let asked = template.category.clone();
        let error = match self.deps.gateway.create_template(&account.access, &submission(&template)).await {
            Ok(submitted) => {
                let template = self.note_submitted(tenant, template, submitted).await?;
                let other = template.category != asked;
                return Ok((template, other.then_some(asked)));
            }
            Err(error) => error,
        };
        if matches!(error, GatewayError::Unknown(_)) {
            if let Err(error) = self.sync_account(tenant, account).await {
                tracing::warn!(tenant.id = %tenant, template.id = %template.id, %error, "Meta's list was not read");
            }
            let now = self.get(tenant, template.id).await?;
            if now.meta_id.is_some() {
                let other = now.category != asked;
                return Ok((now, other.then_some(asked)));
            }
        }
        Err(self.refused(tenant, account, error).await?)
    }

    /// Meta has one of this name that was not known here: now it is.
    async fn taken(
        &self,
        tenant: TenantId,
        account: &Account,
        name: &str,
        language: &str,
    ) -> Result<Option<TemplateError>, TemplateError> {
        if let Err(error) = self.sync_account(tenant, account).await {
            tracing::warn!(tenant.id = %tenant, %error, "Meta's list was not read");
        }
        let known =
            self.deps.store.templates_named(tenant, account.connection.id, name, Some(language)).await?;
        let known = known.into_iter().find(|known| known.status != Status::Deleted);
        Ok(known.map(|known| TemplateError::Exists(known.id)))
    }

    async fn note_submitted(
        &self,
        tenant: TenantId,
        template: Template,
        submitted: Submitted,
    ) -> Result<Template, TemplateError> {
        let patch = TemplatePatch {
            status: Some(Status::from_meta(&submitted.status)),
            category: submitted.category,
            meta_id: Some(submitted.meta_id),
            rejection_reason: Some(None),
            ..TemplatePatch::default()
        };
        let template = self.change(tenant, template.id, patch).await?;
        tracing::info!(tenant.id = %tenant, template.id = %template.id, status = %template.status, "template submitted");
        Ok(template)
    }

    pub(super) async fn change(
        &self,
        tenant: TenantId,
        template: TemplateId,
        patch: TemplatePatch,
    ) -> Result<Template, TemplateError> {
        let now = self.deps.clock.now();
        let changed = self.deps.store.update_template(tenant, template, patch, now).await?;
        (self.changed)(tenant);
        changed.ok_or(TemplateError::NotFound)
    }
}

fn is_taken(error: &TemplateError) -> bool {
    matches!(error, TemplateError::Gateway(GatewayError::Refused(refusal))
        if refusal.subcode.is_some_and(|subcode| NAME_TAKEN.contains(&subcode)))
}

pub(super) fn submission(template: &Template) -> TemplateSubmission {
    TemplateSubmission {
        name: template.name.clone(),
        language: template.language.clone(),
        category: template.category.clone(),
        parameter_format: template.parameter_format,
        components: template.components.clone(),
    }
}
