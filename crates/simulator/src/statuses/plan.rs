//! The statuses and reactions that one message will bring.

use super::{Event, Later, Reaction};
use crate::customers::Behaviour;
use crate::customers::behaviour::Held;
use crate::entropy::Entropy;
use crate::faults::Faults;
use crate::ledger::Stage;

const SECOND_DEVICE: i64 = 131036;
const DROPPED_WHILE_HELD: i64 = 132015;
const BETWEEN_TEXTS_MS: u64 = 5;

/// Plans everything that follows the acceptance of message `seq`.
pub(crate) fn plan(seq: u64, behaviour: &Behaviour, faults: &Faults, entropy: &Entropy) -> Vec<Later> {
    let mut planner = Planner { seq, behaviour, faults, entropy, events: Vec::with_capacity(3), at: 0 };
    planner.statuses();
    planner.events
}

struct Planner<'a> {
    seq: u64,
    behaviour: &'a Behaviour,
    faults: &'a Faults,
    entropy: &'a Entropy,
    events: Vec<Later>,
    at: u64,
}

impl Planner<'_> {
    fn statuses(&mut self) {
        let (sent_ms, delivered_ms, read_ms) =
            (self.faults.sent_ms, self.faults.delivered_ms, self.faults.read_ms);
        match self.behaviour.held {
            Some(Held::Drop) => {
                self.at = self.faults.held_ms;
                return self.status(Stage::Failed, DROPPED_WHILE_HELD);
            }
            Some(Held::Release) => self.at = self.faults.held_ms,
            None => {}
        }
        if self.behaviour.backwards {
            return self.backwards();
        }
        self.pass(sent_ms);
        if let Some(code) = self.behaviour.fail {
            return self.status(Stage::Failed, code);
        }
        self.status(Stage::Sent, 0);
        if !self.behaviour.deliver {
            return;
        }
        self.pass(delivered_ms);
        if !(self.behaviour.skip_delivered && self.behaviour.read) {
            self.status(Stage::Delivered, 0);
        }
        if self.behaviour.fail_after_delivered {
            self.pass(read_ms);
            return self.status(Stage::Failed, SECOND_DEVICE);
        }
        if self.behaviour.read {
            self.pass(read_ms);
            self.status(Stage::Read, 0);
        }
        if self.behaviour.read && self.behaviour.voice {
            self.pass(read_ms);
            self.status(Stage::Played, 0);
        }
        self.reactions();
    }

    fn backwards(&mut self) {
        for stage in [Stage::Read, Stage::Delivered, Stage::Sent] {
            self.pass(self.faults.delivered_ms.max(2 * self.faults.webhook_batch_ms));
            self.status(stage, 0);
        }
    }

    fn reactions(&mut self) {
        if self.behaviour.taps {
            self.pass(BETWEEN_TEXTS_MS);
            self.react(Reaction::Tap);
        }
        for text in &self.behaviour.replies {
            self.pass(BETWEEN_TEXTS_MS);
            self.react(Reaction::Text(text.clone()));
        }
        for _ in 0..self.behaviour.stops {
            self.react(Reaction::Text("STOP".into()));
        }
    }

    fn pass(&mut self, ms: u64) {
        let jitter = self.entropy.below(self.faults.status_jitter_ms.saturating_add(1));
        let slow = (ms + jitter).saturating_mul(self.behaviour.slow_factor.max(1));
        self.at = self.at.saturating_add(slow).saturating_add(self.behaviour.slow_ms);
    }

    fn status(&mut self, stage: Stage, failure: i64) {
        let failure = i32::try_from(failure).unwrap_or(1);
        let moved = if self.entropy.chance(self.faults.webhook_reorder) {
            self.entropy.below(self.faults.webhook_reorder_ms + 1)
        } else {
            0
        };
        self.events.push((self.at + moved, Event::Status { seq: self.seq, stage, failure }));
        if self.behaviour.twice {
            let again = self.at + moved + 2 * self.faults.webhook_batch_ms + 1;
            self.events.push((again, Event::Status { seq: self.seq, stage, failure }));
        }
    }

    fn react(&mut self, reaction: Reaction) {
        self.events.push((self.at, Event::Reaction { seq: self.seq, reaction }));
    }
}
