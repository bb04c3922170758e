//! A step as a span.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// A step as it was told. Times are microseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(super) name: String,
    pub(super) message: i64,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) outcome: String,
}

/// Makes ids out of those of messages, the same on every node that has the same key.
#[derive(Debug, Clone)]
pub(super) struct Ids(hmac::Key);

impl Ids {
    pub(super) fn of(key: &[u8]) -> Self {
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"ids of traces");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// Of the trace, and of the span that all others stand under.
    fn of_message(&self, message: i64) -> (TraceId, SpanId) {
        let tag = self.tag(&message.to_be_bytes());
        let trace = tag.first_chunk::<16>().copied().unwrap_or_default();
        (TraceId::from_bytes(trace), span_id(tag.get(16..).unwrap_or_default()))
    }

    /// Of a step. The same step told twice (two nodes, a repeat) is one span.
    fn of_step(&self, step: &Step) -> SpanId {
        let text = format!("{} {} {} {} {}", step.message, step.name, step.from, step.to, step.outcome);
        span_id(self.tag(text.as_bytes()).as_slice())
    }

    fn tag(&self, of: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.0, of);
        tag.as_ref().first_chunk::<32>().copied().unwrap_or_default()
    }

    pub(super) fn span(&self, step: Step) -> SpanData {
        let (trace, root) = self.of_message(step.message);
        let is_root = step.name == engine::telemetry::MESSAGE;
        let own = if is_root { root } else { self.of_step(&step) };
        let failed =
            !matches!(step.outcome.as_str(), "ok" | "accepted" | "claimed" | "sent" | "delivered" | "read");
        SpanData {
            span_context: SpanContext::new(trace, own, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: if is_root { SpanId::INVALID } else { root },
            parent_span_is_remote: false,
            span_kind: kind(&step.name),
            name: step.name.into(),
            start_time: time(step.from),
            end_time: time(step.to.max(step.from)),
            attributes: vec![
                KeyValue::new("waxwing.message.id", step.message),
                KeyValue::new("waxwing.outcome", step.outcome.clone()),
            ],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if failed { Status::error(step.outcome) } else { Status::Unset },
            instrumentation_scope: InstrumentationScope::builder("waxwing").build(),
        }
    }
}

fn span_id(bytes: &[u8]) -> SpanId {
    SpanId::from_bytes(bytes.first_chunk::<8>().copied().unwrap_or_default())
}

fn kind(step: &str) -> SpanKind {
    match step {
        "api.send" => SpanKind::Server,
        "meta.send" => SpanKind::Client,
        "webhook.status" => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn time(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, from: i64) -> Step {
        Step { name: name.into(), message: 7, from, to: from + 5, outcome: "ok".into() }
    }

    #[test]
    fn the_steps_of_a_message_stand_in_one_trace_under_one_root_on_every_node() {
        let (here, there) = (Ids::of(&[1; 32]), Ids::of(&[1; 32]));
        let root = here.span(step("message", 10));
        let call = there.span(step("meta.send", 12));
        let status = there.span(step("webhook.status", 20));
        assert_eq!(root.span_context.trace_id(), call.span_context.trace_id());
        assert_eq!(root.span_context.trace_id(), status.span_context.trace_id());
        assert_eq!(root.parent_span_id, SpanId::INVALID);
        assert_eq!([call.parent_span_id, status.parent_span_id], [root.span_context.span_id(); 2]);
        assert_ne!(call.span_context.span_id(), status.span_context.span_id());
        assert!(root.span_context.is_valid());
    }

    #[test]
    fn another_message_and_another_installation_have_traces_of_their_own() {
        let ids = Ids::of(&[1; 32]);
        let one = ids.span(step("message", 10)).span_context.trace_id();
        let other = ids.span(Step { message: 8, ..step("message", 10) }).span_context.trace_id();
        let elsewhere = Ids::of(&[2; 32]).span(step("message", 10)).span_context.trace_id();
        assert_ne!(one, other);
        assert_ne!(one, elsewhere);
    }
}
