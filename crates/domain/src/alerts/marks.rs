//! What Meta thinks of a number, and whether it thinks less of it than before.

/// Where a messaging limit stands among others: `TIER_250` < `TIER_1K` < … < `TIER_UNLIMITED`; `None` for a word that
/// is no limit.
/// See <https://developers.facebook.com/docs/whatsapp/messaging-limits>.
fn limit(word: &str) -> Option<u64> {
    let tier = word.strip_prefix("TIER_")?;
    if tier == "UNLIMITED" {
        return Some(u64::MAX);
    }
    match tier.strip_suffix('K') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1_000),
        None => tier.parse().ok(),
    }
}

/// Where a quality rating stands: `RED` < `YELLOW` < `GREEN`; `None` for `UNKNOWN` and other words.
fn quality(word: &str) -> Option<u64> {
    match word {
        "RED" => Some(0),
        "YELLOW" => Some(1),
        "GREEN" => Some(2),
        _ => None,
    }
}

/// How a mark moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    Lower,
    Higher,
    /// Equal, or one of them says nothing.
    Not,
}

/// How a number's messaging limit moved.
pub fn limit_moved(before: &str, now: &str) -> Moved {
    moved(limit(before), limit(now))
}

/// How a number's quality rating moved.
pub fn quality_moved(before: &str, now: &str) -> Moved {
    moved(quality(before), quality(now))
}

fn moved(before: Option<u64>, now: Option<u64>) -> Moved {
    match (before, now) {
        (Some(before), Some(now)) if now < before => Moved::Lower,
        (Some(before), Some(now)) if now > before => Moved::Higher,
        _ => Moved::Not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stand_in_metas_order() {
        let tiers = ["TIER_50", "TIER_250", "TIER_1K", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"];
        for pair in tiers.windows(2) {
            assert_eq!(limit_moved(pair[0], pair[1]), Moved::Higher, "{pair:?}");
            assert_eq!(limit_moved(pair[1], pair[0]), Moved::Lower, "{pair:?}");
        }
        assert_eq!(limit_moved("TIER_1K", "TIER_1K"), Moved::Not);
        assert_eq!(limit_moved("TIER_1K", "TIER_NOT_SET"), Moved::Not);
    }

    #[test]
    fn an_unknown_quality_is_neither_better_nor_worse() {
        assert_eq!(quality_moved("GREEN", "RED"), Moved::Lower);
        assert_eq!(quality_moved("YELLOW", "GREEN"), Moved::Higher);
        assert_eq!(quality_moved("GREEN", "UNKNOWN"), Moved::Not);
    }
}
