//! What the gate wants to know, read in the caller's transaction.

use domain::messages::Content;
use domain::messages::gate::{Intent, Recipient, TemplateFacts};
use domain::templates::{Category, Status};
use domain::{ContactId, ConversationId, TemplateId};
use sea_orm::QueryResult;

use crate::contacts::row::{consent_from_row, review_from_row};
use crate::db::{Fault, Row};

/// The columns of the contact under the alias `c`, of the conversation `v` and of the template `t` that
/// [`recipient`] and [`intent`] read.
pub(crate) const COLUMNS: &str = "c.id AS contact_id, c.phone AS phone, c.opted_in AS opted_in, \
     c.opted_in_at AS opted_in_at, c.opted_out_at AS opted_out_at, c.marketing_stopped AS marketing_stopped, \
     c.wrote_after_opt_out AS wrote_after_opt_out, c.review_reason AS review_reason, c.review_code AS review_code, \
     c.review_at AS review_at, v.id AS conversation_id, v.window_expires_at AS window_expires_at, \
     t.id AS template_id, t.name AS template_name, t.status AS template_status, t.category AS template_category, \
     t.rejection_reason AS template_rejection_reason";

/// The word of `messages.purpose` for the one message that passes after STOP.
pub(crate) const OPT_OUT_CONFIRMATION: &str = "opt_out_confirmation";
/// The word of `messages.purpose` for the answer to START.
pub(crate) const OPT_IN_CONFIRMATION: &str = "opt_in_confirmation";

/// Who it would go to.
pub(crate) fn recipient(row: &QueryResult) -> Result<Recipient, Fault> {
    Ok(Recipient {
        contact_id: ContactId(row.get("contact_id")?),
        phone: row.get("phone")?,
        consent: consent_from_row(row)?,
        unreachable: review_from_row(row)?.map(|review| review.meta_error_code),
        conversation_id: row.get::<Option<i64>>("conversation_id")?.map(ConversationId),
        window_expires_at: row.time_opt("window_expires_at")?,
    })
}

/// What would be sent. A template that is gone counts as deleted.
pub(crate) fn intent(row: &QueryResult, content: &Content, purpose: Option<&str>) -> Result<Intent, Fault> {
    if purpose == Some(OPT_OUT_CONFIRMATION) {
        return Ok(Intent::OptOutConfirmation);
    }
    let Content::Template { name, .. } = content else { return Ok(Intent::FreeForm) };
    let Some(id) = row.get::<Option<i64>>("template_id")? else {
        return Ok(Intent::Template(TemplateFacts {
            id: TemplateId(0),
            name: name.clone(),
            status: Status::Deleted,
            category: Category::Utility,
            rejection_reason: None,
        }));
    };
    Ok(Intent::Template(TemplateFacts {
        id: TemplateId(id),
        name: row.get("template_name")?,
        status: Status::from_word(&row.get::<String>("template_status")?),
        category: Category::from_word(&row.get::<String>("template_category")?),
        rejection_reason: row.get("template_rejection_reason")?,
    }))
}
