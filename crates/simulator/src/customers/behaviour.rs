//! How a customer takes one message: the sum of what was set for them, their magic number and the odds.

use serde_json::Value;

use super::magic::{self, Deed};
use super::{Customer, UserKey};
use crate::entropy::Entropy;
use crate::faults::Faults;

/// What will become of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    pub(crate) refuse: Option<i64>,
    pub(crate) fail: Option<i64>,
    pub(crate) deliver: bool,
    pub(crate) read: bool,
    pub(crate) skip_delivered: bool,
    /// A voice note: it is played once it was read.
    pub(crate) voice: bool,
    pub(crate) fail_after_delivered: bool,
    pub(crate) backwards: bool,
    pub(crate) twice: bool,
    pub(crate) slow_ms: u64,
    pub(crate) slow_factor: u64,
    pub(crate) cut_after: bool,
    pub(crate) cut_before: bool,
    pub(crate) hang: bool,
    pub(crate) slow_answer_ms: u64,
    /// Texts the customer answers with.
    pub(crate) replies: Vec<String>,
    pub(crate) taps: bool,
    /// How many times STOP is written.
    pub(crate) stops: u8,
    pub(crate) held: Option<Held>,
}

/// A message held for quality assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Release,
    Drop,
}

pub(crate) fn behaviour(
    user: UserKey,
    set: Option<&Customer>,
    faults: &Faults,
    entropy: &Entropy,
    template: bool,
) -> Behaviour {
    let mut b = by_odds(faults, entropy, template);
    match (set, magic::deed(user.number())) {
        (Some(customer), _) => apply_customer(&mut b, customer, entropy),
        (None, Some(deed)) => apply_deed(&mut b, deed),
        (None, None) => apply_absence(&mut b, user, faults, entropy),
    }
    b
}

fn apply_absence(b: &mut Behaviour, user: UserKey, faults: &Faults, entropy: &Entropy) {
    if faults.not_on_whatsapp_rate <= 0.0 {
        return;
    }
    let place = entropy.fixed(user.number());
    if place >= faults.not_on_whatsapp_rate {
        return;
    }
    let at_once = match faults.not_on_whatsapp_at.as_str() {
        "once" => true,
        "either" => place < faults.not_on_whatsapp_rate / 2.0,
        _ => false,
    };
    if at_once {
        b.refuse = Some(131026);
    } else {
        b.fail = Some(131026);
    }
}

fn by_odds(faults: &Faults, entropy: &Entropy, template: bool) -> Behaviour {
    let release = faults.held_outcome != "drop";
    let held = template && entropy.chance(faults.held_rate);
    Behaviour {
        fail: entropy.chance(faults.failure_rate).then_some(faults.failure_code),
        deliver: !entropy.chance(faults.never_delivered_rate),
        read: entropy.chance(faults.read_rate),
        skip_delivered: entropy.chance(faults.read_without_delivered_rate),
        fail_after_delivered: entropy.chance(faults.delivered_and_failed_rate),
        slow_factor: 1,
        replies: if entropy.chance(faults.reply_rate) { vec!["Thanks!".into()] } else { Vec::new() },
        taps: entropy.chance(faults.tap_rate),
        stops: u8::from(entropy.chance(faults.stop_rate)),
        held: held.then_some(if release { Held::Release } else { Held::Drop }),
        ..Behaviour::default()
    }
}

fn apply_customer(b: &mut Behaviour, customer: &Customer, entropy: &Entropy) {
    let gone = (customer.on_whatsapp == Some(false)).then_some(131026);
    if let Some(code) = customer.failure.or(gone) {
        if customer.failure_at.as_deref() == Some("once") {
            b.refuse = Some(code);
        } else {
            b.fail = Some(code);
        }
    }
    if let Some(delivered) = customer.delivered {
        b.deliver = delivered;
    }
    b.slow_ms = customer.slow_ms.unwrap_or(0);
    if let Some(reads) = &customer.reads {
        b.read = draw(reads, entropy);
    }
    if let Some(taps) = &customer.taps {
        b.taps = draw(taps, entropy);
    }
    if let Some(stops) = &customer.stops {
        b.stops = u8::from(draw(stops, entropy));
    }
    if let Some(replies) = &customer.replies {
        b.replies = texts(replies, entropy);
    }
}

fn apply_deed(b: &mut Behaviour, deed: Deed) {
    match deed {
        Deed::Refuse(code) => b.refuse = Some(code),
        Deed::Fail(code) => b.fail = Some(code),
        Deed::Slow => b.slow_factor = 100,
        Deed::NeverDelivered => b.deliver = false,
        Deed::NeverRead => b.read = false,
        Deed::ReadWithoutDelivered => (b.read, b.skip_delivered) = (true, true),
        Deed::DeliveredThenFailed => (b.read, b.fail_after_delivered) = (false, true),
        Deed::StatusesBackwards => (b.read, b.backwards) = (true, true),
        Deed::StatusesTwice => b.twice = true,
        Deed::CutAfterAccept => b.cut_after = true,
        Deed::CutBeforeAccept => b.cut_before = true,
        Deed::Hang => b.hang = true,
        Deed::SlowAnswer => b.slow_answer_ms = 5_000,
        Deed::Replies => b.replies = vec!["Thanks!".into()],
        Deed::Taps => b.taps = true,
        Deed::Stops => b.stops = 1,
        Deed::StopsTwice => b.stops = 2,
        // These two show in identities, not in statuses.
        Deed::HidesPhone | Deed::OtherWaId => {}
        Deed::HeldThenSent => b.held = Some(Held::Release),
        Deed::HeldThenDropped => b.held = Some(Held::Drop),
    }
}

fn draw(odds: &Value, entropy: &Entropy) -> bool {
    match odds {
        Value::Bool(flag) => *flag,
        Value::Number(rate) => entropy.chance(rate.as_f64().unwrap_or(0.0).clamp(0.0, 1.0)),
        Value::Null => false,
        _ => true,
    }
}

fn texts(replies: &Value, entropy: &Entropy) -> Vec<String> {
    match replies {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(Into::into).collect(),
        odds if draw(odds, entropy) => vec!["Thanks!".into()],
        _ => Vec::new(),
    }
}
