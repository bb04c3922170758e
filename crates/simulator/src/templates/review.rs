//! Review: automatic after a delay, or by `POST /_sim/templates/{name}/review`; pauses that end by the clock.

use super::{Template, events};
use crate::sim::Sim;
use crate::statuses::Event;

const HOUR_MS: i64 = 3_600_000;

/// Plans the automatic verdict for a pending template.
pub(crate) fn schedule(sim: &Sim, template: &Template) {
    if template.status != "PENDING" {
        return;
    }
    if let Some(delay_ms) = sim.faults.get().review.delay_ms {
        let event = Event::Review { template_id: template.id.clone(), version: template.version };
        sim.outbox.plan(vec![(delay_ms, event)]);
    }
}

/// Ends a review, unless the template was edited or judged since.
pub(crate) fn finish(sim: &Sim, id: &str, version: u32) {
    let review = sim.faults.get().review.clone();
    let Some(template) = sim.templates().by_id(id).cloned() else { return };
    if template.version != version || template.status != "PENDING" {
        return;
    }
    let copied = is_copy(sim, &template);
    let verdict = if copied { "REJECTED" } else { review.verdict.as_str() };
    judge(sim, id, verdict, Some(&review.reason));
}

/// Body and footer of another template: Meta rejects the copy, except for authentication.
fn is_copy(sim: &Sim, template: &Template) -> bool {
    let texts = |template: &Template| {
        let kinds = ["BODY", "FOOTER"];
        let parts = template.components.iter().filter(|part| kinds.iter().any(|kind| part["type"] == *kind));
        parts.map(|part| part["text"].clone()).collect::<Vec<_>>()
    };
    let own = texts(template);
    template.category != "AUTHENTICATION"
        && sim.templates().of(&template.waba_id).any(|other| {
            other.id != template.id
                && other.status == "APPROVED"
                && other.language == template.language
                && texts(other) == own
        })
}

/// Sets a status and tells it by webhook. A first pause lasts 3 hours, a second 6, a third disables.
pub(crate) fn judge(sim: &Sim, id: &str, status: &str, reason: Option<&str>) {
    let now_ms = sim.clock.now_ms();
    let outcome = sim.templates_mut().change(id, |template| {
        let mut event = (status.to_owned(), None);
        match status {
            "PAUSED" => {
                template.pauses += 1;
                event.1 = Some(if template.pauses == 1 { "FIRST_PAUSE" } else { "SECOND_PAUSE" });
                if template.pauses >= 3 {
                    event = ("DISABLED".into(), Some("DISABLED"));
                }
            }
            "DISABLED" => event.1 = Some("DISABLED"),
            // An event, not a status: the template can be sent again.
            "REINSTATED" | "UNPAUSED" => {
                template.status = "APPROVED".into();
                event.1 = (status == "UNPAUSED").then_some("UNPAUSE");
            }
            // A warning; the template can still be sent.
            "FLAGGED" => {}
            _ => {}
        }
        if !matches!(status, "REINSTATED" | "UNPAUSED" | "FLAGGED") {
            template.status.clone_from(&event.0);
        }
        template.rejected_reason =
            if status == "REJECTED" { reason.unwrap_or("INVALID_FORMAT").into() } else { "NONE".into() };
        template.updated_ms = now_ms;
        template.version += 1;
        (event, template.version, template.pauses)
    });
    let Some(((event, title), version, pauses)) = outcome else { return };
    let told = if event == "UNPAUSED" { "APPROVED" } else { event.as_str() };
    events::status(sim, id, told, title);
    if event == "PAUSED" {
        sim.pauses().push((now_ms + pause_ms(pauses), id.to_owned(), version));
    }
}

fn pause_ms(pauses: u32) -> i64 {
    if pauses <= 1 { 3 * HOUR_MS } else { 6 * HOUR_MS }
}

/// Ends a pause, unless something happened since.
pub(crate) fn unpause(sim: &Sim, id: &str, version: u32) {
    let still = sim.templates().by_id(id).is_some_and(|t| t.version == version && t.status == "PAUSED");
    if still {
        judge(sim, id, "UNPAUSED", None);
    }
}

/// Ends the pauses whose time has come; called when the clock was moved, and every second.
pub(crate) fn end_pauses(sim: &Sim) {
    let now_ms = sim.clock.now_ms();
    let due: Vec<(i64, String, u32)> = {
        let mut pauses = sim.pauses();
        let (due, rest) = pauses.drain(..).partition(|(end, ..)| *end <= now_ms);
        *pauses = rest;
        due
    };
    for (_, id, version) in due {
        unpause(sim, &id, version);
    }
}
