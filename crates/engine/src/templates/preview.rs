//! What a template looks like when it is filled in.

use domain::templates::{Definition, Params, Preview, check};
use domain::{TemplateId, TenantId};
use serde_json::Value;

use super::{TemplateError, Templates};
use crate::faults::Faults;

impl Templates {
    /// Filled with these parameters; without any, with the template's own samples.
    ///
    /// # Errors
    /// [`TemplateError::Invalid`] when the parameters cannot be read, [`TemplateError::Mismatch`] when they do not
    /// fit, [`TemplateError::NotFound`], or the store's.
    pub async fn preview(
        &self,
        tenant: TenantId,
        template: TemplateId,
        params: Option<&Value>,
    ) -> Result<Preview, TemplateError> {
        let template = self.get(tenant, template).await?;
        let definition = Definition::parse(template.components, template.parameter_format);
        let Some(params) = params else { return Ok(Preview::render(&definition, None)) };
        let params = Params::read(params).map_err(unreadable)?;
        match check(&definition, &template.param_names, &params) {
            Ok(bound) => Ok(Preview::render(&definition, Some(&bound))),
            Err(mismatch) => Err(TemplateError::Mismatch(template.name, Box::new(mismatch))),
        }
    }
}

fn unreadable(found: Vec<domain::templates::params::ParamFault>) -> TemplateError {
    let mut faults = Faults::default();
    for fault in found {
        faults.add(format!("/template_params{}", fault.pointer), fault.problem);
    }
    TemplateError::Invalid(faults)
}
