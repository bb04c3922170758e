//! What happened to a template.

use serde::Serialize;

use crate::fields::Fields;

/// `message_template_status_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateStatus {
    /// APPROVED, REJECTED, PENDING, PAUSED, DISABLED, FLAGGED, REINSTATED, PENDING_DELETION, DELETED, IN_APPEAL,
    /// LIMIT_EXCEEDED, LOCKED, ARCHIVED, UNARCHIVED, or something newer.
    pub event: String,
    pub template_id: Option<String>,
    pub name: Option<String>,
    /// Printed `en-US` or `en_US`; normalise before comparing.
    pub language: Option<String>,
    pub category: Option<String>,
    /// NONE, INVALID_FORMAT, SCAM ...
    pub reason: Option<String>,
    /// What the reviewer says about an INVALID_FORMAT.
    pub rejection_reason: Option<String>,
    pub recommendation: Option<String>,
    pub disable_date: Option<String>,
    /// FIRST_PAUSE, SECOND_PAUSE, RATE_LIMITING_PAUSE, UNPAUSE, DISABLED.
    pub other_title: Option<String>,
    pub other_description: Option<String>,
}

/// `message_template_quality_update`; scores are GREEN, YELLOW, RED, UNKNOWN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateQuality {
    pub template_id: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub previous_quality_score: Option<String>,
    pub new_quality_score: String,
}

/// `template_category_update`. Announced: `new_category` is the *present* one and `correct_category` the next. Done:
/// `previous_category` and `new_category` mean what they say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateCategory {
    pub template_id: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub previous_category: Option<String>,
    pub new_category: String,
    pub correct_category: Option<String>,
    /// UNIX seconds.
    pub update_at: Option<i64>,
}

impl TemplateCategory {
    /// The category that the template will get, while the change is only announced.
    #[must_use]
    pub fn upcoming(&self) -> Option<&str> {
        self.correct_category.as_deref().filter(|_| self.previous_category.is_none())
    }
}

/// `message_template_components_update`: the texts as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateComponents {
    pub template_id: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub title: Option<String>,
    /// The body.
    pub element: Option<String>,
    pub footer: Option<String>,
    pub buttons: Vec<TemplateButtonText>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateButtonText {
    pub kind: Option<String>,
    pub text: Option<String>,
    pub url: Option<String>,
    pub phone_number: Option<String>,
}

impl TemplateStatus {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let inner = |object: &str, name: &str| fields.object(object).and_then(|object| object.text(name));
        Some(Self {
            event: fields.text("event")?,
            template_id: fields.text("message_template_id"),
            name: fields.text("message_template_name"),
            language: fields.text("message_template_language"),
            category: fields.text("message_template_category"),
            reason: fields.text("reason"),
            rejection_reason: inner("rejection_info", "reason"),
            recommendation: inner("rejection_info", "recommendation"),
            disable_date: inner("disable_info", "disable_date"),
            other_title: inner("other_info", "title"),
            other_description: inner("other_info", "description"),
        })
    }
}

impl TemplateQuality {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            template_id: fields.text("message_template_id"),
            name: fields.text("message_template_name"),
            language: fields.text("message_template_language"),
            previous_quality_score: fields.text("previous_quality_score"),
            new_quality_score: fields.text("new_quality_score")?,
        })
    }
}

impl TemplateCategory {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(Self {
            template_id: fields.text("message_template_id"),
            name: fields.text("message_template_name"),
            language: fields.text("message_template_language"),
            previous_category: fields.text("previous_category"),
            new_category: fields.text("new_category")?,
            correct_category: fields.text("correct_category"),
            update_at: fields.integer("category_update_timestamp"),
        })
    }
}

impl TemplateComponents {
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let (template_id, name) = (fields.text("message_template_id"), fields.text("message_template_name"));
        // Without either nobody can tell which template is meant.
        template_id.as_ref().or(name.as_ref())?;
        let buttons = fields.objects("message_template_buttons");
        Some(Self {
            template_id,
            name,
            language: fields.text("message_template_language"),
            title: fields.text("message_template_title"),
            element: fields.text("message_template_element"),
            footer: fields.text("message_template_footer"),
            buttons: buttons.iter().map(TemplateButtonText::read).collect(),
        })
    }
}

impl TemplateButtonText {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            kind: fields.text("message_template_button_type"),
            text: fields.text("message_template_button_text"),
            url: fields.text("message_template_button_url"),
            phone_number: fields.text("message_template_button_phone_number"),
        }
    }
}
