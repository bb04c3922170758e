//! What stands between a well-formed message and its acceptance: limits, blocks, windows, injected faults.

use crate::accounts::{Phone, Token, Waba};
use crate::customers::{Behaviour, UserKey};
use crate::errors::{GraphError, known};
use crate::faults::Faults;
use crate::sim::Sim;
use crate::templates::Template;

use super::envelope::Envelope;
use super::fields::{Checked, invalid};
use super::recipient::{INVALID_RECIPIENT, Recipient};

/// A parameter is not valid.
const NOT_A_NUMBER: i64 = 131009;

/// The endpoint a message came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Messages,
    MarketingMessages,
}

pub(crate) struct Gate<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) faults: &'a Faults,
    pub(crate) phone: &'a Phone,
    pub(crate) waba: &'a Waba,
    pub(crate) token: &'a Token,
    pub(crate) endpoint: Endpoint,
    pub(crate) now_ms: i64,
}

/// What the gate learned on the way.
pub(crate) struct Passed {
    /// When the limits let it through (microseconds).
    pub(crate) at_us: i64,
    pub(crate) in_window: bool,
    /// A code with which the message fails after it was accepted.
    pub(crate) fail: Option<i64>,
}

const TEN_MINUTES_MS: i64 = 600_000;

impl Gate<'_> {
    /// Rules that need no counter: sender, template and recipient must fit each other.
    pub(crate) fn rules(
        &self,
        envelope: &Envelope<'_>,
        to: &Recipient<'_>,
        template: Option<&Template>,
    ) -> Checked {
        if self.phone.status != "CONNECTED" {
            return Err(refusal(133010));
        }
        if to.user.digits().as_deref() == Some(self.phone.digits.as_str()) {
            return Err(refusal(131021));
        }
        if to.by_bsuid && template.is_some_and(|template| template.category == "AUTHENTICATION") {
            return Err(refusal(131062));
        }
        let marketing = template.is_some_and(|template| template.category == "MARKETING");
        match self.endpoint {
            Endpoint::MarketingMessages if envelope.kind != "template" => return Err(refusal(131055)),
            Endpoint::MarketingMessages if template.is_some() && !marketing => return Err(refusal(134100)),
            Endpoint::MarketingMessages if self.faults.marketing_sync && self.is_young(template) => {
                return Err(refusal(134101));
            }
            Endpoint::Messages if marketing && self.waba.no_marketing_on_cloud_api => {
                return Err(refusal(131063));
            }
            _ => {}
        }
        let blocked = to.user.digits().is_some_and(|digits| self.phone.blocked.contains(&digits));
        if blocked {
            return Err(refusal(130403));
        }
        Ok(())
    }

    fn is_young(&self, template: Option<&Template>) -> bool {
        template.is_some_and(|template| self.now_ms - template.created_ms < TEN_MINUTES_MS)
    }

    /// Injected errors: the faults' odds, then what this customer does.
    pub(crate) fn injected(&self, behaviour: &Behaviour, user: UserKey) -> Checked {
        if self.sim.entropy.chance(self.faults.error_rate) {
            return Err(injected_error(self.faults));
        }
        match behaviour.refuse {
            Some(code) if self.sim.customers.take_failure(user) || !self.sim.has_customer(user) => {
                Err(match code {
                    // What is wrong with one customer's request is the number.
                    NOT_A_NUMBER => invalid(INVALID_RECIPIENT),
                    code => refusal(code),
                })
            }
            _ => Ok(()),
        }
    }

    /// Limits, cheapest first; the window decides whether the portfolio's tier counts the customer.
    pub(crate) fn limits(&self, user: UserKey, free_form: bool, identity: Option<&str>) -> Checked<Passed> {
        let limits = &self.sim.limits;
        let (faults, now_ms) = (self.faults, self.now_ms);
        if faults.app_calls_per_hour > 0
            && !limits.take_hourly(&format!("app/{}", self.token.app_id), faults.app_calls_per_hour, now_ms)
        {
            return Err(GraphError::plain(400, 4, "(#4) Application request limit reached").transient());
        }
        if faults.waba_calls_per_hour > 0
            && !limits.take_hourly(&format!("sends/{}", self.waba.id), faults.waba_calls_per_hour, now_ms)
        {
            return Err(refusal(80007));
        }
        let now_us = self.sim.clock.now().as_microsecond();
        if !limits.take_throughput(self.phone.index, self.phone.throughput_per_second(), faults, now_us) {
            return Err(refusal(130429).subcode(2494055));
        }
        let pair_limit = faults.pair_limit;
        let period_ms = (pair_limit.period_seconds * 1_000.0) as i64;
        let (in_window, allowed) = self.sim.conversations.with(self.phone.index, user, |pair| {
            (pair.window_open(now_ms), pair.take(now_ms, pair_limit.burst, period_ms))
        });
        if !allowed {
            return Err(refusal(131056));
        }
        let fail = self.later(user, free_form, in_window, identity)?;
        Ok(Passed { at_us: now_us, in_window, fail })
    }

    fn later(
        &self,
        user: UserKey,
        free_form: bool,
        in_window: bool,
        identity: Option<&str>,
    ) -> Checked<Option<i64>> {
        if free_form && !in_window {
            return self.at(131047, &self.faults.window_error_at);
        }
        if !in_window {
            let tier = self.faults.tier.as_deref().unwrap_or(&self.waba.tier);
            if !self.sim.limits.take_customer(&self.waba.business_id, tier, user.number(), self.now_ms) {
                return self.at(131048, &self.faults.tier_error_at);
            }
        }
        if let Some(hash) = identity.filter(|_| self.phone.identity_check) {
            let known = self.sim.customers.get(user).and_then(|customer| customer.identity_hash.clone());
            if known.is_some_and(|known| known != hash) {
                return Ok(Some(137000));
            }
        }
        Ok(None)
    }

    fn at(&self, code: i64, place: &str) -> Checked<Option<i64>> {
        if place == "once" { Err(refusal(code)) } else { Ok(Some(code)) }
    }
}

/// A refusal in the words of Meta's table.
pub(crate) fn refusal(code: i64) -> GraphError {
    match code {
        190 => {
            GraphError::plain(401, 190, "Error validating access token: Session has expired.").subcode(463)
        }
        4 => GraphError::plain(400, 4, "(#4) Application request limit reached").transient(),
        code => GraphError::message(code, known::lookup(code).details),
    }
}

/// The error that `error_rate` injects.
pub(crate) fn injected_error(faults: &Faults) -> GraphError {
    let error = refusal(faults.error_code);
    match faults.error_status {
        Some(status) => error.http(status),
        None => error,
    }
}
