//! How often a key or a member may call.

use std::num::NonZeroU32;
use std::sync::Arc;

use api_types::Problem;
use api_types::errors::details::TooManyCalls;
use domain::{AccountId, ApiKeyId};
use engine::access::Who;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::ApiError;

/// Calls per key, or per member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRate {
    /// Sustained.
    pub per_second: NonZeroU32,
    /// At once, after a rest.
    pub burst: NonZeroU32,
}

impl Default for CallRate {
    fn default() -> Self {
        const { Self { per_second: NonZeroU32::new(200).unwrap(), burst: NonZeroU32::new(400).unwrap() } }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Key(ApiKeyId),
    Account(AccountId),
}

/// Counts the calls of each; clones count together.
#[derive(Debug, Clone, Default)]
pub struct CallLimits(Option<Arc<DefaultKeyedRateLimiter<Counted>>>);

impl CallLimits {
    /// `None`: no limit.
    pub fn new(rate: Option<CallRate>) -> Self {
        let quota = |rate: CallRate| Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self(rate.map(|rate| Arc::new(RateLimiter::keyed(quota(rate)))))
    }

    /// Counts a call.
    pub(crate) fn check(&self, who: &Who) -> Result<(), ApiError> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        let counted = match who {
            Who::Key { id, .. } => Counted::Key(*id),
            Who::Member { account, .. } => Counted::Account(*account),
        };
        limiter.check_key(&counted).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            Problem::ApiRateLimited(TooManyCalls { retry_after_seconds: wait.as_secs() + 1 }).into()
        })
    }
}
