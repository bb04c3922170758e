//! Connections: a tenant's link to one WhatsApp Business phone number.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a connection can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Sends and receives.
    Active,
    /// Meta refused it (token expired, account restricted, payment missing): the queue stands still with nothing
    /// failed until it is reconnected.
    Error,
    /// Switched off by the tenant.
    Disabled,
}

impl ConnectionState {
    /// The word used on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Error => "error",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for ConnectionState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "active" => Ok(Self::Active),
            "error" => Ok(Self::Error),
            "disabled" => Ok(Self::Disabled),
            other => Err(format!("\"{other}\" is not a connection state; use active, error or disabled")),
        }
    }
}

/// How urgent an ending token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenWarning {
    /// Less than 7 days left.
    Week,
    /// Less than 1 day left.
    Day,
    /// Over.
    Expired,
}

/// What to say of a token that ends at `expires_at` (`None`: never).
pub fn token_warning(expires_at: Option<Timestamp>, now: Timestamp) -> Option<TokenWarning> {
    let left = expires_at?.duration_since(now);
    if left <= SignedDuration::ZERO {
        Some(TokenWarning::Expired)
    } else if left <= SignedDuration::from_hours(24) {
        Some(TokenWarning::Day)
    } else if left <= SignedDuration::from_hours(24 * 7) {
        Some(TokenWarning::Week)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_warned_of_seven_days_and_one_day_ahead() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let days = |n: i64| Some(now + SignedDuration::from_hours(24 * n));
        assert_eq!(token_warning(None, now), None);
        assert_eq!(token_warning(days(8), now), None);
        assert_eq!(token_warning(days(7), now), Some(TokenWarning::Week));
        assert_eq!(token_warning(days(1), now), Some(TokenWarning::Day));
        assert_eq!(token_warning(days(0), now), Some(TokenWarning::Expired));
    }
}
