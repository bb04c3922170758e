//! The messaging limit: different customers reached outside a service window in a moving 24 hours, per
//! business portfolio (WhatsApp, "Messaging limits").

use std::collections::{HashMap, VecDeque};

const DAY_MS: i64 = 24 * 3_600_000;

/// The number of customers a tier allows; None is unlimited.
pub(crate) fn tier_limit(tier: &str) -> Option<usize> {
    match tier {
        "TIER_250" => Some(250),
        "TIER_1K" => Some(1_000),
        "TIER_2K" => Some(2_000),
        "TIER_10K" => Some(10_000),
        "TIER_100K" => Some(100_000),
        _ => None,
    }
}

#[derive(Default)]
struct Reached {
    last: HashMap<u64, i64>,
    order: VecDeque<(i64, u64)>,
}

#[derive(Default)]
pub(crate) struct Portfolio {
    businesses: HashMap<String, Reached>,
}

impl Portfolio {
    pub(crate) fn take(&mut self, business_id: &str, limit: usize, user: u64, now_ms: i64) -> bool {
        if !self.businesses.contains_key(business_id) {
            self.businesses.insert(business_id.to_owned(), Reached::default());
        }
        let Some(reached) = self.businesses.get_mut(business_id) else { return true };
        while let Some(&(at, old)) = reached.order.front().filter(|(at, _)| now_ms - at >= DAY_MS) {
            reached.order.pop_front();
            if reached.last.get(&old) == Some(&at) {
                reached.last.remove(&old);
            }
        }
        if reached.last.contains_key(&user) {
            return true;
        }
        if reached.last.len() >= limit {
            return false;
        }
        reached.last.insert(user, now_ms);
        reached.order.push_back((now_ms, user));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_counts_different_customers_of_a_moving_day() {
        let mut portfolio = Portfolio::default();
        assert!(portfolio.take("b", 2, 1, 0));
        assert!(portfolio.take("b", 2, 2, 1_000));
        assert!(portfolio.take("b", 2, 1, 2_000));
        assert!(!portfolio.take("b", 2, 3, 3_000));
        assert!(portfolio.take("b", 2, 3, DAY_MS));
        assert!(!portfolio.take("b", 2, 4, DAY_MS));
    }
}
