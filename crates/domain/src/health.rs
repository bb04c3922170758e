//! Health: how a tenant stands, judged from what is known of it.
//!
//! Whoever is asked "does it work?" wants one word, and whoever hears anything but "healthy" wants to know why and what
//! to do. So every judgement here is a [`Reason`] with a severity, and the word is that of the worst of them.

use jiff::{SignedDuration, Timestamp};

use crate::connections::{ConnectionState, TokenWarning, token_warning};
use crate::pacing::Rate;
use crate::{ConnectionId, MessageId};

/// A message that is due and has waited so long is worth a look.
pub const WAITS_LONG: SignedDuration = SignedDuration::from_mins(10);
/// A message that is due and has waited so long does not go out.
pub const WAITS_TOO_LONG: SignedDuration = SignedDuration::from_hours(1);
/// Fewer messages than this say nothing about how many fail.
pub const LEAST_SAMPLE: i64 = 20;

/// The word for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything works.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// Messages do not go out, or nobody can tell whether they do.
    Unhealthy,
}

impl Verdict {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// How much a reason weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Info,
    /// Degrades.
    Warning,
    /// Makes unhealthy.
    Critical,
}

impl Severity {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What is looked at, as the checks are named in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Connection,
    RateLimit,
    PendingMessages,
    FailedMessages,
    Templates,
}

impl Check {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::RateLimit => "rate_limit",
            Self::PendingMessages => "pending_messages",
            Self::FailedMessages => "failed_messages_24h",
            Self::Templates => "templates",
        }
    }
}

/// Why it is not (only) healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub check: Check,
    pub severity: Severity,
    /// The number that it is about.
    pub connection: Option<ConnectionId>,
    pub what: String,
    pub what_to_do: String,
}

/// What is known of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberFacts {
    pub id: ConnectionId,
    pub name: String,
    pub is_default: bool,
    pub state: ConnectionState,
    pub state_reason: Option<String>,
    /// `None`: never, or not known.
    pub token_expires_at: Option<Timestamp>,
    pub handshake_at: Option<Timestamp>,
    pub last_webhook_at: Option<Timestamp>,
    pub rate: Rate,
    /// Nothing is sent before then.
    pub throttled_until: Option<Timestamp>,
    /// What throttling left of the rate, in (0, 1].
    pub factor: f64,
    /// When the message became due that has waited longest.
    pub oldest_due_at: Option<Timestamp>,
    /// Some node holds its lane.
    pub lane_held: bool,
}

/// Templates by what can be done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TemplateCounts {
    pub approved: i64,
    pub pending: i64,
    pub rejected: i64,
    pub paused: i64,
    pub disabled: i64,
}

/// The latest messages of the last 24 hours, and how they went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    pub outbound: i64,
    pub failed: i64,
}

/// All that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub numbers: Vec<NumberFacts>,
    pub templates: TemplateCounts,
    pub sample: Sample,
    /// Messages of which nobody knows whether Meta took them: the one that has waited longest.
    pub in_doubt: Option<(MessageId, Timestamp)>,
    pub now: Timestamp,
}

/// The reasons, the worst first, and the word for the whole.
pub fn judge(facts: &Facts) -> (Verdict, Vec<Reason>) {
    let mut reasons = Vec::new();
    no_number(facts, &mut reasons);
    for number in &facts.numbers {
        let judged = [state(number), token(number, facts.now), webhooks(number), pace(number, facts.now)];
        reasons.extend(judged.into_iter().flatten());
        reasons.extend(queue(number, facts.now));
    }
    reasons.extend(failures(facts.sample));
    reasons.extend(doubt(facts));
    reasons.extend(templates(facts.templates));
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    (verdict(reasons.iter()), reasons)
}

/// The word for these reasons.
pub fn verdict<'a>(reasons: impl IntoIterator<Item = &'a Reason>) -> Verdict {
    match reasons.into_iter().map(|reason| reason.severity).max() {
        None | Some(Severity::Info) => Verdict::Healthy,
        Some(Severity::Warning) => Verdict::Degraded,
        Some(Severity::Critical) => Verdict::Unhealthy,
    }
}

fn no_number(facts: &Facts, reasons: &mut Vec<Reason>) {
    let (what, what_to_do) = if facts.numbers.is_empty() {
        ("there is no number to send from", "Link a WhatsApp number: POST …/connections.")
    } else if facts.numbers.iter().all(|number| number.state == ConnectionState::Disabled) {
        ("every number is switched off", "Switch a number on: PATCH …/connections/{id} with disabled: false.")
    } else {
        return;
    };
    reasons.push(Reason {
        check: Check::Connection,
        severity: Severity::Critical,
        connection: None,
        what: what.into(),
        what_to_do: what_to_do.into(),
    });
}

/// What concerns the number that everything goes out from weighs more than what concerns another.
fn weight(number: &NumberFacts) -> Severity {
    if number.is_default { Severity::Critical } else { Severity::Warning }
}

fn about(number: &NumberFacts, check: Check, severity: Severity, what: String, what_to_do: &str) -> Reason {
    Reason {
        check,
        severity,
        connection: Some(number.id),
        what: format!("{}: {what}", number.name),
        what_to_do: what_to_do.to_owned(),
    }
}

fn state(number: &NumberFacts) -> Option<Reason> {
    if number.state != ConnectionState::Error {
        return None;
    }
    let why = number.state_reason.as_deref().unwrap_or("Meta refuses it");
    let what = format!("does not send: {why}");
    let advice =
        "Reconnect it (POST …/connections/{id}/reconnect); its queue waits and goes on where it stopped.";
    Some(about(number, Check::Connection, weight(number), what, advice))
}

fn token(number: &NumberFacts, now: Timestamp) -> Option<Reason> {
    // A number that broke has said why already, and one that is off does not send.
    if number.state != ConnectionState::Active {
        return None;
    }
    let (severity, what) = match token_warning(number.token_expires_at, now)? {
        TokenWarning::Expired => (weight(number), "its access token is over"),
        TokenWarning::Day => (Severity::Warning, "its access token ends within a day"),
        TokenWarning::Week => (Severity::Info, "its access token ends within a week"),
    };
    let advice = "Give it a new access token: POST …/connections/{id}/reconnect.";
    Some(about(number, Check::Connection, severity, what.into(), advice))
}

/// Without webhooks nobody learns what became of a message, and no customer is heard.
fn webhooks(number: &NumberFacts) -> Option<Reason> {
    let silent = number.handshake_at.is_none() && number.last_webhook_at.is_none();
    if number.state != ConnectionState::Active || !silent {
        return None;
    }
    let what = "Meta never called its webhook address".to_owned();
    let advice = "Enter the webhook address and the verify token at Meta; POST …/connections/{id}/diagnose tells what is missing.";
    Some(about(number, Check::Connection, Severity::Warning, what, advice))
}

fn pace(number: &NumberFacts, now: Timestamp) -> Option<Reason> {
    if number.state != ConnectionState::Active {
        return None;
    }
    let what = match number.throttled_until.filter(|until| *until > now) {
        Some(until) => format!("throttled until {until}"),
        None if number.factor < 1.0 => {
            format!("throttled a moment ago, now at {:.0} % of its rate", number.factor * 100.0)
        }
        None => return None,
    };
    let advice = "Nothing is lost: messages wait and go out at the pace that Meta takes. Send less at once, or have the number's throughput raised.";
    Some(about(number, Check::RateLimit, Severity::Warning, what, advice))
}

fn queue(number: &NumberFacts, now: Timestamp) -> Option<Reason> {
    // What waits for a number that does not send, or for a pause to end, has its reason already.
    let sends =
        number.state == ConnectionState::Active && number.throttled_until.is_none_or(|until| until <= now);
    let waited = now.duration_since(number.oldest_due_at?);
    if !sends || waited < WAITS_LONG {
        return None;
    }
    let severity = if waited >= WAITS_TOO_LONG { weight(number) } else { Severity::Warning };
    let what = format!("a message has been due for {} minutes", waited.as_mins());
    let advice = if number.lane_held {
        "More is sent than the number's rate lets out: send less at once, or have its throughput raised."
    } else {
        "No server sends from this number: is `waxwing serve` running, and does /readyz answer 200?"
    };
    Some(about(number, Check::PendingMessages, severity, what, advice))
}

/// 5 in 100 is more than a list of good numbers has; 20 in 100 is a fault.
fn failures(sample: Sample) -> Option<Reason> {
    if sample.outbound < LEAST_SAMPLE || sample.failed * 20 <= sample.outbound {
        return None;
    }
    let severity = if sample.failed * 5 > sample.outbound { Severity::Critical } else { Severity::Warning };
    Some(Reason {
        check: Check::FailedMessages,
        severity,
        connection: None,
        what: format!("{} of the latest {} messages failed", sample.failed, sample.outbound),
        what_to_do: "Look at why: GET …/messages?status=failed; each names its reason and what to do.".into(),
    })
}

fn doubt(facts: &Facts) -> Option<Reason> {
    let (message, since) = facts.in_doubt?;
    let waited = facts.now.duration_since(since);
    (waited >= WAITS_LONG).then(|| Reason {
        check: Check::PendingMessages,
        severity: Severity::Warning,
        connection: None,
        what: format!("message {message} is in doubt since {} minutes", waited.as_mins()),
        what_to_do: "Meta's answer was lost. A status webhook settles it; are webhooks coming in? Else rule on it by hand: POST …/messages/{id}/retry or /cancel.".into(),
    })
}

fn templates(counts: TemplateCounts) -> Option<Reason> {
    let TemplateCounts { approved, pending, rejected, paused, disabled } = counts;
    let (severity, what) = if approved == 0 && pending + rejected + paused + disabled > 0 {
        (
            Severity::Warning,
            "no template is approved: nothing can be sent outside of open conversations".to_owned(),
        )
    } else if paused + disabled > 0 {
        (Severity::Info, format!("Meta paused or disabled {} template(s)", paused + disabled))
    } else if rejected > 0 {
        (Severity::Info, format!("Meta rejected {rejected} template(s)"))
    } else {
        return None;
    };
    Some(Reason {
        check: Check::Templates,
        severity,
        connection: None,
        what,
        what_to_do: "GET …/templates names each reason; edit and submit again: PATCH …/templates/{id}."
            .into(),
    })
}

#[cfg(test)]
mod tests;
