//! Figures: what is counted by the hour.

/// A figure. Those of messages count a message in the hour in which Meta took it (or, when it never did, in which it
/// failed), whenever it arrived or was read: so that a rate compares the same messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Messages that Meta took, by template (0: none).
    Sent,
    /// Of those, the ones that arrived, by template.
    Delivered,
    /// Of those, the ones that were read, by template.
    Read,
    /// Messages that failed, by template.
    Failed,
    /// The same messages by Meta's error code (0: not Meta's).
    Errors,
    /// Messages of customers, in the hour of the message.
    Received,
    /// Of those, the ones that follow a message of ours.
    Replied,
    /// Entries of the consent ledger.
    OptIns,
    OptOuts,
    /// Calls to Meta that send.
    Calls,
    /// Of those, the ones refused or not answered, by Meta's error code (0: none was told).
    CallErrors,
}

impl Metric {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Errors,
        Self::Received,
        Self::Replied,
        Self::OptIns,
        Self::OptOuts,
        Self::Calls,
        Self::CallErrors,
    ];

    /// The store's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Errors => "errors",
            Self::Received => "received",
            Self::Replied => "replied",
            Self::OptIns => "opt_ins",
            Self::OptOuts => "opt_outs",
            Self::Calls => "calls",
            Self::CallErrors => "call_errors",
        }
    }
}

impl std::str::FromStr for Metric {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|metric| metric.as_str() == word);
        found.ok_or_else(|| format!("there is no figure \"{word}\""))
    }
}
