//! Templates at Meta.

use domain::templates::{Category, ParameterFormat};
use graph::paging::{Page, Success};
use graph::templates::{TemplateCreated, TemplateRow};
use ports::gateway::{Access, GatewayError, MetaTemplate, MetaTemplatePage, Submitted, TemplateSubmission};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::read;
use crate::client::{MetaClient, address};

const FIELDS: &str =
    "id,name,language,status,category,rejected_reason,quality_score,parameter_format,components";
const PAGE_SIZE: &str = "100";

/// What Meta knows a template's category to be.
#[derive(Deserialize)]
struct Kept {
    #[serde(default)]
    category: Option<String>,
}

impl MetaClient {
    pub(crate) async fn submit_template(
        &self,
        access: &Access,
        template: &TemplateSubmission,
    ) -> Result<Submitted, GatewayError> {
        let url = address(access, &[&access.waba_id, "message_templates"])?;
        let body = json!({
            "name": template.name,
            "language": template.language,
            "category": template.category.to_meta(),
            "parameter_format": template.parameter_format.to_meta(),
            "components": template.components,
        });
        let created: TemplateCreated = self.post(access, url, &body).await?;
        Ok(Submitted {
            meta_id: created.id,
            status: created.status.unwrap_or_else(|| "PENDING".into()).to_ascii_uppercase(),
            category: created.category.as_deref().map(Category::from_meta),
        })
    }

    /// Meta refuses a category for an approved template even where it is the one it has, so it goes along only
    /// when it is another.
    pub(crate) async fn resubmit_template(
        &self,
        access: &Access,
        meta_id: &str,
        template: &TemplateSubmission,
    ) -> Result<(), GatewayError> {
        let url = address(access, &[meta_id])?;
        let kept: Kept = self.get(access, url.clone(), &[("fields", "category")]).await?;
        let mut body = json!({ "components": template.components });
        if kept.category.as_deref().map(Category::from_meta).as_ref() != Some(&template.category) {
            body["category"] = template.category.to_meta().into();
        }
        self.post::<Success>(access, url, &body).await.map(drop)
    }

    pub(crate) async fn remove_template(
        &self,
        access: &Access,
        meta_id: &str,
        name: &str,
    ) -> Result<(), GatewayError> {
        let mut url = address(access, &[&access.waba_id, "message_templates"])?;
        url.query_pairs_mut().append_pair("hsm_id", meta_id).append_pair("name", name);
        let request = self.request(Method::DELETE, url, &access.token, self.patience.answer)?;
        read::<Success>(self.perform(request).await?).await.map(drop)
    }

    pub(crate) async fn page_of_templates(
        &self,
        access: &Access,
        after: Option<&str>,
    ) -> Result<MetaTemplatePage, GatewayError> {
        let url = address(access, &[&access.waba_id, "message_templates"])?;
        let mut query = vec![("fields", FIELDS), ("limit", PAGE_SIZE)];
        query.extend(after.map(|cursor| ("after", cursor)));
        let page: Page<TemplateRow> = self.get(access, url, &query).await?;
        let after = page.after().map(str::to_owned);
        let unreadable = page.unreadable.iter().map(describe).collect();
        Ok(MetaTemplatePage { templates: page.data.into_iter().map(template).collect(), unreadable, after })
    }
}

fn template(row: TemplateRow) -> MetaTemplate {
    let reason = row.rejected_reason.filter(|reason| !reason.is_empty() && reason != "NONE");
    MetaTemplate {
        meta_id: row.id,
        name: row.name,
        language: row.language,
        status: row.status.unwrap_or_default().to_ascii_uppercase(),
        category: Category::from_meta(row.category.as_deref().unwrap_or_default()),
        rejected_reason: reason,
        quality: row.quality_score.and_then(|quality| quality.score),
        parameter_format: ParameterFormat::from_meta(row.parameter_format.as_deref().unwrap_or_default()),
        components: row.components,
    }
}

fn describe(row: &Value) -> String {
    let name = row.get("name").or_else(|| row.get("id")).and_then(Value::as_str);
    format!("the template {} lacks an id, a name or a language", name.unwrap_or("without a name"))
}
