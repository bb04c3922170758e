//! Webhooks about templates.

use serde_json::{Value, json};

use super::Template;
use crate::sim::Sim;

/// `message_template_status_update` for the template as it is now.
pub(crate) fn status(sim: &Sim, id: &str, event: &str, title: Option<&str>) {
    let Some(template) = sim.templates().by_id(id).cloned() else { return };
    let reason = if event == "REJECTED" { template.rejected_reason.as_str() } else { "NONE" };
    let mut value = subject(&template);
    value["event"] = event.into();
    value["reason"] = reason.into();
    value["message_template_category"] = template.category.as_str().into();
    if let Some(title) = title {
        value["other_info"] = json!({"title": title, "description": describe(title)});
    }
    if event == "REJECTED" && reason == "INVALID_FORMAT" {
        value["rejection_info"] = json!({
            "reason": "The template does not follow the format rules.",
            "recommendation": "Check variables, samples and buttons, then edit the template.",
        });
    }
    if event == "DISABLED" {
        value["disable_info"] = json!({"disable_date": sim.clock.now().as_second()});
    }
    sim.announce(&template.waba_id, "message_template_status_update", &value);
}

pub(crate) fn quality(sim: &Sim, template: &Template, previous: &str) {
    let mut value = subject(template);
    value["previous_quality_score"] = previous.into();
    value["new_quality_score"] = template.quality.as_str().into();
    sim.announce(&template.waba_id, "message_template_quality_update", &value);
}

/// The change is done: `previous_category` and `new_category`.
pub(crate) fn category_changed(sim: &Sim, template: &Template, previous: &str) {
    let mut value = subject(template);
    value["previous_category"] = previous.into();
    value["new_category"] = template.category.as_str().into();
    sim.announce(&template.waba_id, "template_category_update", &value);
}

/// The change is coming: `new_category` is the current one, `correct_category` the next.
pub(crate) fn category_upcoming(sim: &Sim, template: &Template, next: &str, at_s: i64) {
    let mut value = subject(template);
    value["new_category"] = template.category.as_str().into();
    value["correct_category"] = next.into();
    value["category_update_timestamp"] = at_s.into();
    sim.announce(&template.waba_id, "template_category_update", &value);
}

/// Meta writes the id as a number here, and the language with a hyphen.
fn subject(template: &Template) -> Value {
    json!({
        "message_template_id": template.id.parse::<u64>().unwrap_or_default(),
        "message_template_name": template.name,
        "message_template_language": template.language.replace('_', "-"),
    })
}

fn describe(title: &str) -> &'static str {
    match title {
        "FIRST_PAUSE" => {
            "Your WhatsApp message template has been paused for 3 hours because it continued to have issues."
        }
        "SECOND_PAUSE" => {
            "Your WhatsApp message template has been paused for 6 hours because it continued to have issues."
        }
        "DISABLED" => "Your WhatsApp message template has been disabled because it continued to have issues.",
        "RATE_LIMITING_PAUSE" => "Your WhatsApp message template has been paused by pacing.",
        _ => "Your WhatsApp message template is active again.",
    }
}
