//! What Meta thinks of numbers and templates, compared with what it thought a minute ago: whichever way the news came
//! (a webhook, a diagnosis, a sync), it is noticed here.

use std::collections::HashMap;

use domain::alerts::Severity;
use domain::alerts::marks::{Moved, limit_moved, quality_moved};
use domain::{TemplateId, TenantId, Timestamp};
use ports::StoreError;
use ports::alerts::rules::Mark;
use ports::alerts::{Alert, NewAlert};
use ports::analytics::TemplateMark;
use ports::connections::Connection;
use serde_json::{Value, json};

use super::{Alerts, connection_subject, kinds};

/// The subject of alerts about a template.
pub(super) fn template_subject(template: TemplateId) -> String {
    format!("template:{template}")
}

/// One comparison of a tenant.
struct Comparison<'a> {
    tenant: TenantId,
    now: Timestamp,
    before: HashMap<String, String>,
    open: &'a [Alert],
    marks: Vec<Mark>,
    raised: Vec<NewAlert>,
    over: Vec<(&'static str, String)>,
}

impl Alerts {
    /// Compares, tells what got worse, and remembers what is.
    pub(super) async fn compare(
        &self,
        tenant: TenantId,
        open: &[Alert],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = &self.deps.store;
        let before = store.marks(tenant).await?.into_iter().map(|mark| (mark.subject, mark.mark)).collect();
        let mut comparison =
            Comparison { tenant, now, before, open, marks: Vec::new(), raised: Vec::new(), over: Vec::new() };
        for connection in store.connections(tenant).await? {
            comparison.quality(&connection);
            comparison.limit(&connection);
        }
        let templates = store.template_marks(tenant).await?;
        for template in &templates {
            comparison.pause(template);
            comparison.category(template);
        }
        comparison.gone(&templates);
        for alert in comparison.raised {
            store.escalate_alert(alert).await?;
        }
        for (kind, subject) in comparison.over {
            store.resolve_alert(tenant, kind, &subject, now).await?;
        }
        // Last: a node that dies before compares once more.
        store.save_marks(tenant, comparison.marks).await
    }
}

impl Comparison<'_> {
    fn is_open(&self, kind: &str, subject: &str) -> bool {
        self.open.iter().any(|alert| alert.kind == kind && alert.subject == subject)
    }

    /// What it was, when it was something else; what it is is remembered.
    fn changed(&mut self, key: String, now: &str) -> Option<String> {
        let before = self.before.get(&key).cloned();
        if before.as_deref() == Some(now) {
            return None;
        }
        self.marks.push(Mark { subject: key, mark: now.to_owned() });
        before
    }

    fn raise(&mut self, kind: &str, subject: String, severity: Severity, message: String, details: Value) {
        self.raised.push(NewAlert {
            tenant_id: self.tenant,
            kind: kind.to_owned(),
            subject,
            severity,
            message,
            details,
            at: self.now,
            count: 1,
        });
    }

    fn quality(&mut self, connection: &Connection) {
        let Some(now) = connection.quality_rating.as_deref() else { return };
        let subject = connection_subject(connection.id);
        let Some(before) = self.changed(format!("{subject}/quality"), now) else { return };
        match quality_moved(&before, now) {
            Moved::Lower => {
                let severity = if now == "RED" { Severity::Critical } else { Severity::Warning };
                let message = format!(
                    "Meta lowered the quality of \"{}\" from {before} to {now}: customers block or report it. \
                     Send less, and only what people asked for.",
                    connection.name
                );
                let details = json!({ "connection_id": connection.id, "before": before, "now": now });
                self.raise(kinds::NUMBER_QUALITY_LOWERED, subject, severity, message, details);
            }
            Moved::Higher => self.over.push((kinds::NUMBER_QUALITY_LOWERED, subject)),
            Moved::Not => {}
        }
    }

    fn limit(&mut self, connection: &Connection) {
        let Some(now) = connection.messaging_limit.as_deref() else { return };
        let subject = connection_subject(connection.id);
        let Some(before) = self.changed(format!("{subject}/limit"), now) else { return };
        match limit_moved(&before, now) {
            Moved::Lower => {
                let message = format!(
                    "Meta lowered the messaging limit of \"{}\" from {before} to {now}",
                    connection.name
                );
                let details = json!({ "connection_id": connection.id, "before": before, "now": now });
                let kind = kinds::MESSAGING_LIMIT_LOWERED;
                self.raise(kind, subject, Severity::Warning, message, details);
            }
            Moved::Higher => self.over.push((kinds::MESSAGING_LIMIT_LOWERED, subject)),
            Moved::Not => {}
        }
    }

    fn pause(&mut self, template: &TemplateMark) {
        let subject = template_subject(template.id);
        let stopped = matches!(template.status.as_str(), "paused" | "disabled");
        let open = self.is_open(kinds::TEMPLATE_PAUSED, &subject);
        match (stopped, open) {
            (true, false) => {
                let message = format!(
                    "Meta {} the template \"{}\" ({}): it cannot be sent",
                    template.status, template.name, template.language
                );
                let details = described(template);
                self.raise(kinds::TEMPLATE_PAUSED, subject, Severity::Warning, message, details);
            }
            (false, true) => self.over.push((kinds::TEMPLATE_PAUSED, subject)),
            _ => {}
        }
    }

    /// Another category has another price. There is nothing to wait for: the alert ends when somebody has seen it.
    fn category(&mut self, template: &TemplateMark) {
        let subject = template_subject(template.id);
        let kind = kinds::TEMPLATE_CATEGORY_CHANGED;
        let seen =
            |alert: &Alert| alert.kind == kind && alert.subject == subject && alert.acknowledged_at.is_some();
        if self.open.iter().any(seen) {
            self.over.push((kind, subject.clone()));
        }
        let Some(before) = self.changed(format!("{subject}/category"), &template.category) else { return };
        // While it is being judged the change is the tenant's own.
        if matches!(template.status.as_str(), "draft" | "pending") {
            return;
        }
        let message = format!(
            "Meta moved the template \"{}\" ({}) from {before} to {}: it is charged and limited as such",
            template.name, template.language, template.category
        );
        let mut details = described(template);
        details["before"] = json!(before);
        self.raise(kind, subject, Severity::Warning, message, details);
    }

    /// A template that was deleted troubles nobody.
    fn gone(&mut self, templates: &[TemplateMark]) {
        for kind in [kinds::TEMPLATE_PAUSED, kinds::TEMPLATE_CATEGORY_CHANGED] {
            let of_kind = self.open.iter().filter(|alert| alert.kind == kind);
            let gone = of_kind.filter(|alert| {
                templates.iter().all(|template| template_subject(template.id) != alert.subject)
            });
            self.over.extend(gone.map(|alert| (kind, alert.subject.clone())));
        }
    }
}

fn described(template: &TemplateMark) -> Value {
    json!({
        "template_id": template.id, "template_name": template.name, "language": template.language,
        "status": template.status, "category": template.category,
    })
}
