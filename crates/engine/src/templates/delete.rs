//! Deleting, at Meta and here.

use domain::{TemplateId, TenantId};
use ports::gateway::GatewayError;

use super::{TemplateError, Templates};

/// Graph's answer about an object that does not exist (any more): code 100, this subcode.
const GONE: (i64, i64) = (100, 33);

impl Templates {
    /// Deletes one language of a template. Meta keeps the name of an approved one for 30 days.
    ///
    /// # Errors
    /// [`TemplateError::NotFound`], [`TemplateError::Gateway`] when Meta refuses (it is kept then), or the store's.
    pub async fn delete(&self, tenant: TenantId, template: TemplateId) -> Result<(), TemplateError> {
        let current = self.get(tenant, template).await?;
        if let Some(meta_id) = &current.meta_id {
            let account = self.account_of(tenant, &current.waba_id).await?;
            match self.deps.gateway.delete_template(&account.access, meta_id, &current.name).await {
                Ok(()) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(self.refused(tenant, &account, error).await?),
            }
        }
        let deleted = self.deps.store.delete_template(tenant, current.id, self.deps.clock.now()).await?;
        (self.changed)(tenant);
        match deleted {
            true => Ok(()),
            false => Err(TemplateError::NotFound),
        }
    }
}

fn is_gone(error: &GatewayError) -> bool {
    matches!(error, GatewayError::Refused(refusal)
        if (refusal.code, refusal.subcode.unwrap_or(0)) == GONE)
}
