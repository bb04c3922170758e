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

/// How many people a portfolio of this tier may write to first within 24 hours; `None`: without limit, or a word that
/// is not known. Source: Meta, "Messaging limits" (`TIER_250`, `TIER_2K`, `TIER_UNLIMITED` …).
pub fn daily_limit(tier: &str) -> Option<i64> {
    let amount = tier.trim().strip_prefix("TIER_")?;
    let (digits, thousands) = match amount.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1_000),
        None => (amount, 1),
    };
    digits.parse::<i64>().ok()?.checked_mul(thousands).filter(|limit| *limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_says_how_many_and_unlimited_is_no_number() {
        let tiers = ["TIER_50", "TIER_250", "TIER_1K", "TIER_2K", "TIER_100K"].map(daily_limit);
        assert_eq!(tiers, [50, 250, 1_000, 2_000, 100_000].map(Some));
        assert_eq!(["TIER_UNLIMITED", "TIER_NOT_SET", "", "250"].map(daily_limit), [None; 4]);
    }

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
