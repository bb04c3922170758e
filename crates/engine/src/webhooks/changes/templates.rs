//! What Meta says of a template.

use domain::templates;
use graph::webhook::{Item, ItemKind};
use ports::webhooks::{Source, TemplateEvent};

use super::Reader;

impl Reader<'_> {
    pub(super) fn template(&self, item: &Item, source: &Source) -> Option<TemplateEvent> {
        let at = self.at(item.entry_time);
        let event =
            |meta_id: &Option<String>, name: &Option<String>, language: &Option<String>| TemplateEvent {
                source: source.clone(),
                waba_id: item.waba_id.clone().unwrap_or_default(),
                meta_id: meta_id.clone(),
                name: name.clone().unwrap_or_default(),
                language: language.as_deref().unwrap_or_default().replace('-', "_"),
                status: None,
                rejection_reason: None,
                quality: None,
                category: None,
                at,
            };
        Some(match &item.kind {
            ItemKind::TemplateStatus(change) => {
                let status = templates::Status::from_meta(&change.event);
                let told = |text: &Option<String>| text.clone().filter(|text| text != "NONE");
                TemplateEvent {
                    rejection_reason: told(&change.rejection_reason)
                        .or_else(|| told(&change.reason))
                        .filter(|_| status == templates::Status::Rejected),
                    category: change.category.as_deref().map(templates::Category::from_meta),
                    status: Some(status),
                    ..event(&change.template_id, &change.name, &change.language)
                }
            }
            ItemKind::TemplateQuality(change) => TemplateEvent {
                quality: Some(change.new_quality_score.clone()),
                ..event(&change.template_id, &change.name, &change.language)
            },
            // An announced change is not yet a change.
            ItemKind::TemplateCategory(change) if change.upcoming().is_some() => return None,
            ItemKind::TemplateCategory(change) => TemplateEvent {
                category: Some(templates::Category::from_meta(&change.new_category)),
                ..event(&change.template_id, &change.name, &change.language)
            },
            _ => return None,
        })
    }
}
