//! Consent: what a contact decided, and what follows from it.
//!
//! The ledger of records is append-only and lives in the store; [`ConsentState`] is its sum, kept beside the
//! contact. Two decisions are kept apart: the person's own opt-in or opt-out, and the marketing preference that
//! WhatsApp reports. WhatsApp's `resume` never undoes a person's STOP.

pub mod words;

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use words::{ConsentWords, OptOutWords, Word};

/// What a consent record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// The person wants messages.
    OptIn,
    /// The person wants none.
    OptOut,
    /// The person stopped this business's marketing inside WhatsApp.
    MarketingStop,
    /// The person allowed it again inside WhatsApp.
    MarketingResume,
}

impl ConsentKind {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptIn => "opt_in",
            Self::OptOut => "opt_out",
            Self::MarketingStop => "marketing_stop",
            Self::MarketingResume => "marketing_resume",
        }
    }
}

impl FromStr for ConsentKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "opt_in" => Ok(Self::OptIn),
            "opt_out" => Ok(Self::OptOut),
            "marketing_stop" => Ok(Self::MarketingStop),
            "marketing_resume" => Ok(Self::MarketingResume),
            other => Err(format!("\"{other}\" is not a kind of consent record")),
        }
    }
}

/// Where a consent record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentSource {
    /// The tenant's own system.
    Api,
    /// A list of contacts.
    Import,
    /// A word that the person wrote, or a button tapped.
    Keyword,
    /// A colleague in the console.
    Console,
    /// WhatsApp's own marketing preference.
    MetaPreference,
}

impl ConsentSource {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Import => "import",
            Self::Keyword => "keyword",
            Self::Console => "console",
            Self::MetaPreference => "meta_preference",
        }
    }

    /// Whether an opt-in from here may undo an explicit opt-out. A list made before the STOP must not bring the
    /// person back, and WhatsApp speaks for its own preference only.
    pub fn lifts_opt_out(self) -> bool {
        matches!(self, Self::Api | Self::Keyword | Self::Console)
    }
}

impl FromStr for ConsentSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "api" => Ok(Self::Api),
            "import" => Ok(Self::Import),
            "keyword" => Ok(Self::Keyword),
            "console" => Ok(Self::Console),
            "meta_preference" => Ok(Self::MetaPreference),
            other => Err(format!("\"{other}\" is not a source of consent")),
        }
    }
}

/// What a record changed; a confirmation goes out for [`Change::OptedOut`] and [`Change::OptedIn`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that others must hear of.
    None,
    /// Opted in, and was not before.
    OptedIn,
    /// Opted out, and was not before.
    OptedOut,
    /// Marketing stopped, and was not before.
    MarketingStopped,
    /// Marketing allowed, and was stopped before.
    MarketingResumed,
}

impl Change {
    /// Whether anything changed.
    pub fn happened(self) -> bool {
        self != Self::None
    }
}

/// Where a contact stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsentState {
    /// The person agreed to messages and did not take it back.
    pub opted_in: bool,
    /// The opt-in that counts, or the last one before an opt-out.
    pub opted_in_at: Option<Timestamp>,
    /// The opt-out that counts (the first of several in a row), or the last one before an opt-in.
    pub opted_out_at: Option<Timestamp>,
    /// WhatsApp said that the person stopped this business's marketing.
    pub marketing_stopped: bool,
    /// After an explicit opt-out the person wrote something that is no opt-out word: an answer is wanted again.
    pub wrote_after_opt_out: bool,
}

impl ConsentState {
    /// The person said STOP, in whatever way, and has not come back. Never having said anything is not this.
    pub fn explicitly_out(&self) -> bool {
        !self.opted_in && self.opted_out_at.is_some()
    }

    /// Applies one record. A decision older than the one in force changes nothing: webhooks come in any order.
    /// WhatsApp's times are whole seconds, so within one second the record applied last wins.
    pub fn apply(&mut self, kind: ConsentKind, at: Timestamp) -> Change {
        match kind {
            ConsentKind::OptIn => self.opt_in(at),
            ConsentKind::OptOut => self.opt_out(at),
            ConsentKind::MarketingStop if !self.marketing_stopped => {
                self.marketing_stopped = true;
                Change::MarketingStopped
            }
            ConsentKind::MarketingResume if self.marketing_stopped => {
                self.marketing_stopped = false;
                Change::MarketingResumed
            }
            ConsentKind::MarketingStop | ConsentKind::MarketingResume => Change::None,
        }
    }

    /// Applies one record of this source: one that may not lift an explicit opt-out does not.
    pub fn decide(&mut self, kind: ConsentKind, source: ConsentSource, at: Timestamp) -> Change {
        if kind == ConsentKind::OptIn && self.explicitly_out() && !source.lifts_opt_out() {
            return Change::None;
        }
        self.apply(kind, at)
    }

    /// Notes an inbound message that is no opt-out word. Answers whether that reopened the way for replies.
    pub fn wrote(&mut self, at: Timestamp) -> bool {
        let reopens = self.explicitly_out() && !self.wrote_after_opt_out && !older(at, self.opted_out_at);
        self.wrote_after_opt_out |= reopens;
        reopens
    }

    fn opt_in(&mut self, at: Timestamp) -> Change {
        if self.opted_in || older(at, self.decided_at()) {
            return Change::None;
        }
        self.opted_in = true;
        self.opted_in_at = Some(at);
        self.wrote_after_opt_out = false;
        Change::OptedIn
    }

    fn opt_out(&mut self, at: Timestamp) -> Change {
        if older(at, self.decided_at()) {
            return Change::None;
        }
        self.wrote_after_opt_out = false;
        if self.explicitly_out() {
            return Change::None;
        }
        self.opted_in = false;
        self.opted_out_at = Some(at);
        Change::OptedOut
    }

    /// When the decision in force was taken.
    fn decided_at(&self) -> Option<Timestamp> {
        if self.opted_in { self.opted_in_at } else { self.opted_out_at }
    }

    /// The decision in force, ordered: later beats earlier, and at the same moment the stricter beats the laxer.
    fn decision(&self) -> (Option<Timestamp>, bool, bool) {
        let at = match self.decided_at() {
            None if self.opted_in => Some(Timestamp::MIN),
            at => at,
        };
        (at, self.explicitly_out(), !self.wrote_after_opt_out)
    }

    /// The state of two contacts who turn out to be one person: the latest explicit decision of either counts, the
    /// stricter when both were taken at the same moment; a marketing stop of either stays.
    pub fn merge(a: &Self, b: &Self) -> Self {
        let latest = if a.decision() >= b.decision() { a } else { b };
        Self {
            opted_in: latest.opted_in,
            opted_in_at: a.opted_in_at.max(b.opted_in_at),
            opted_out_at: a.opted_out_at.max(b.opted_out_at),
            marketing_stopped: a.marketing_stopped || b.marketing_stopped,
            wrote_after_opt_out: latest.wrote_after_opt_out,
        }
    }
}

/// Whether `at` lies in an earlier second than `than`.
fn older(at: Timestamp, than: Option<Timestamp>) -> bool {
    than.is_some_and(|than| at.as_second() < than.as_second())
}

#[cfg(test)]
mod tests;
