//! Broadcasts: one template to many recipients.

pub mod breaker;
pub mod plan;
pub mod reasons;
pub mod recipe;
pub mod schedule;

use serde::{Deserialize, Serialize};

pub use plan::{Meant, Plan};
pub use reasons::{LeftOut, StopCode, StopReason};

/// Where a broadcast stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Being written; nothing is sent.
    Draft,
    /// Starts by itself at its time.
    Scheduled,
    /// Recipients are frozen, queued and sent.
    Sending,
    /// Held, by a person or by the breaker; what is left waits.
    Paused,
    /// Every recipient has its end.
    Completed,
    /// Ended with nobody reached, or stopped for good.
    Failed,
    /// Called off; what had gone out stays out.
    Cancelled,
}

/// What moves a broadcast from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A draft gets its time.
    Schedule,
    /// It goes back to being a draft.
    Unschedule,
    /// Its time has come and it cannot start: it waits for somebody who mends it.
    Hold,
    /// Now.
    Start,
    Pause,
    Resume,
    Cancel,
    /// The last recipient has its end.
    Complete,
    /// The last recipient has its end and nobody was reached.
    Fail,
    /// Failed recipients are tried anew.
    Reopen,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Scheduled,
        Self::Sending,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Where it stands in the eyes of steps and changes: what is paused and never began (it was held at its time) can be
    /// changed, started and taken back like one that is scheduled. `begun`: whom it means was settled.
    pub fn before_it_began(self, begun: bool) -> Self {
        match self {
            Self::Paused if !begun => Self::Scheduled,
            other => other,
        }
    }

    /// Where a step leads from here; `None`: not from here.
    pub fn after(self, step: Step) -> Option<Self> {
        step.from().contains(&self).then(|| step.to())
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|state| state.as_str()).collect();
            format!("\"{text}\" is not a state of a broadcast; use {}", words.join(", "))
        })
    }
}

impl Step {
    /// The states from which it can be taken.
    pub fn from(self) -> &'static [State] {
        match self {
            Self::Schedule => &[State::Draft, State::Scheduled],
            Self::Unschedule | Self::Hold => &[State::Scheduled],
            Self::Start => &[State::Draft, State::Scheduled],
            Self::Pause => &[State::Sending],
            Self::Resume => &[State::Paused],
            Self::Cancel => &[State::Draft, State::Scheduled, State::Sending, State::Paused],
            Self::Complete | Self::Fail => &[State::Sending],
            Self::Reopen => &[State::Completed, State::Failed, State::Paused, State::Sending],
        }
    }

    /// Where it leads.
    pub fn to(self) -> State {
        match self {
            Self::Schedule => State::Scheduled,
            Self::Unschedule => State::Draft,
            Self::Start | Self::Resume | Self::Reopen => State::Sending,
            Self::Pause | Self::Hold => State::Paused,
            Self::Cancel => State::Cancelled,
            Self::Complete => State::Completed,
            Self::Fail => State::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_can_only_be_reopened_and_what_was_called_off_stays_off() {
        for step in [Step::Schedule, Step::Start, Step::Pause, Step::Resume, Step::Cancel, Step::Complete] {
            assert_eq!(State::Completed.after(step), None, "{step:?}");
            assert_eq!(State::Cancelled.after(step), None, "{step:?}");
        }
        assert_eq!(State::Completed.after(Step::Reopen), Some(State::Sending));
        assert_eq!(State::Cancelled.after(Step::Reopen), None);
    }

    #[test]
    fn a_broadcast_can_be_paused_and_resumed_for_ever() {
        assert_eq!(State::Sending.after(Step::Pause), Some(State::Paused));
        assert_eq!(State::Paused.after(Step::Resume), Some(State::Sending));
        assert_eq!(State::Paused.after(Step::Pause), None);
    }

    #[test]
    fn what_was_held_before_it_began_is_mended_and_started_and_not_resumed() {
        assert_eq!(State::Scheduled.after(Step::Hold), Some(State::Paused));
        let held = State::Paused.before_it_began(false);
        for step in [Step::Start, Step::Schedule, Step::Unschedule, Step::Cancel] {
            assert!(held.after(step).is_some(), "{step:?}");
        }
        for step in [Step::Resume, Step::Pause, Step::Reopen] {
            assert_eq!(held.after(step), None, "{step:?}");
        }
        assert_eq!(State::Paused.before_it_began(true), State::Paused);
        assert_eq!(State::Sending.before_it_began(false), State::Sending);
    }

    #[test]
    fn words_are_read_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse::<State>(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert!("running".parse::<State>().unwrap_err().contains("sending"));
    }
}
