//! Takes steps out of the stream of log events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::span::Step;

/// Steps that found no room.
pub(crate) type Dropped = Arc<AtomicU64>;

/// Passes steps on; never waits.
pub(crate) struct StepLayer {
    give: mpsc::Sender<Step>,
    dropped: Dropped,
}

impl StepLayer {
    pub(super) fn new(give: mpsc::Sender<Step>) -> Self {
        Self { give, dropped: Dropped::default() }
    }

    pub(super) fn dropped(&self) -> Dropped {
        Arc::clone(&self.dropped)
    }
}

impl<S: Subscriber> Layer<S> for StepLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut step = Step::default();
        event.record(&mut Reader(&mut step));
        if self.give.try_send(step).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Reader<'a>(&'a mut Step);

impl Visit for Reader<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        match field.name() {
            "message.id" => self.0.message = value,
            "from" => self.0.from = value,
            "to" => self.0.to = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "step" => value.clone_into(&mut self.0.name),
            "outcome" => value.clone_into(&mut self.0.outcome),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
