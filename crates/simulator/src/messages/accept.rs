//! Accepting a message: everything that happens under no await, from the raw body to the ledger line.

use serde_json::Value;

use super::envelope::Envelope;
use super::fields::Checked;
use super::gate::{Endpoint, Gate, Passed};
use super::recipient::Recipient;
use super::{interactive, kinds, mark_read, template};
use crate::accounts::{Phone, Token, Waba};
use crate::customers::{Behaviour, behaviour};
use crate::errors::GraphError;
use crate::faults::Faults;
use crate::graph_api::auth;
use crate::ledger::Entry;
use crate::references::References;
use crate::sim::Sim;
use crate::statuses;
use crate::templates::Template;

/// What became of a request.
pub(crate) enum Outcome {
    Sent(Box<Accepted>),
    MarkedRead,
}

/// An accepted message, as far as its answer needs it.
pub(crate) struct Accepted {
    pub(crate) wamid: String,
    pub(crate) input: String,
    pub(crate) wa_id: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) message_status: Option<&'static str>,
    pub(crate) behaviour: Behaviour,
}

/// The request as it came.
pub(crate) struct Request<'a> {
    pub(crate) phone_id: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) body: &'a [u8],
    pub(crate) endpoint: Endpoint,
}

/// Checks a request and, when all is well, writes it to the ledger and plans its statuses.
pub(crate) fn accept(sim: &Sim, faults: &Faults, request: &Request<'_>) -> Checked<Outcome> {
    let accounts = sim.accounts();
    let now = sim.clock.now();
    let token = auth::authenticate(&accounts, request.token, now)?;
    let phone =
        accounts.phone(request.phone_id).ok_or_else(|| GraphError::no_object("POST", request.phone_id))?;
    auth::may_message(token, &phone.waba_id)?;
    let waba =
        accounts.waba(&phone.waba_id).ok_or_else(|| GraphError::no_object("POST", request.phone_id))?;
    let body: Value = serde_json::from_slice(request.body)
        .map_err(|fault| GraphError::param(format!("The request body is not valid JSON: {fault}")))?;
    let sender = Sender { sim, faults, phone, waba, token, now_ms: now.as_millisecond() };
    if body.get("status").is_some() {
        return mark_read::mark(&sender, &body).map(|()| Outcome::MarkedRead);
    }
    sender.send(request, &body).map(|accepted| Outcome::Sent(Box::new(accepted)))
}

pub(crate) struct Sender<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) faults: &'a Faults,
    pub(crate) phone: &'a Phone,
    pub(crate) waba: &'a Waba,
    pub(crate) token: &'a Token,
    pub(crate) now_ms: i64,
}

impl Sender<'_> {
    pub(crate) fn references(&self) -> References<'_> {
        let lenient = self.faults.lenient_references;
        References { sim: self.sim, lenient, waba_id: &self.waba.id, now_ms: self.now_ms }
    }

    fn send(&self, request: &Request<'_>, body: &Value) -> Checked<Accepted> {
        let envelope = Envelope::read(body)?;
        let to = Recipient::of(&envelope, self.phone, &self.sim.customers)?;
        let (name, template) = self.content(&envelope, body)?;
        let gate = Gate {
            sim: self.sim,
            faults: self.faults,
            phone: self.phone,
            waba: self.waba,
            token: self.token,
            endpoint: request.endpoint,
            now_ms: self.now_ms,
        };
        let template = template.as_deref();
        gate.rules(&envelope, &to, template)?;
        let customer = self.sim.customers.get(to.user);
        let is_template = envelope.kind == "template";
        let mut behaviour =
            behaviour::behaviour(to.user, customer.as_deref(), self.faults, &self.sim.entropy, is_template);
        behaviour.voice = body.pointer("/audio/voice").and_then(Value::as_bool).unwrap_or(false);
        gate.injected(&behaviour, to.user)?;
        let passed = gate.limits(to.user, !is_template, envelope.identity_hash)?;
        behaviour.fail =
            behaviour.fail.filter(|_| customer.is_none() || self.sim.customers.take_failure(to.user));
        behaviour.fail = passed.fail.or(behaviour.fail);
        if behaviour.cut_before {
            return Ok(unsent(behaviour));
        }
        Ok(self.book(request, &envelope, &to, name, template, behaviour, &passed))
    }

    fn content(
        &self,
        envelope: &Envelope<'_>,
        body: &Value,
    ) -> Checked<(Option<String>, Option<std::sync::Arc<Template>>)> {
        let references = self.references();
        if let Some(id) = envelope.reply_to {
            references.message(id).map_err(|fault| fault.refuse("context['message_id']"))?;
        }
        match envelope.kind {
            "template" => {
                let (name, template) =
                    template::check(body, &self.waba.id, &self.sim.templates(), &references)?;
                Ok((Some(name), template))
            }
            "interactive" => interactive::check(body, &references).map(|()| (None, None)),
            kind => kinds::check(kind, body, &references).map(|()| (None, None)),
        }
    }

    fn book(
        &self,
        request: &Request<'_>,
        envelope: &Envelope<'_>,
        to: &Recipient<'_>,
        name: Option<String>,
        template: Option<&Template>,
        behaviour: Behaviour,
        passed: &Passed,
    ) -> Accepted {
        let sim = self.sim;
        let category = match template {
            Some(template) => template.pricing(),
            None if name.is_some() => "utility",
            None => "service",
        };
        let mut entry = Entry {
            at_us: passed.at_us,
            phone: self.phone.index,
            nonce: sim.entropy.number() as u32,
            user: to.user,
            kind: envelope.kind,
            category,
            in_window: passed.in_window,
            stages: 0,
            failure: 0,
            previous: 0,
            to: to.input.into(),
            template: name.as_deref().map(Into::into),
            callback: envelope.callback.map(Into::into),
            body: body_text(request.body, self.faults.ledger_bodies),
        };
        let party = entry.party();
        let nonce = entry.nonce;
        let mut ledger = sim.ledger();
        let seq = ledger.len() + 1;
        entry.previous = sim.conversations.with(self.phone.index, to.user, |pair| {
            let previous = if pair.last_out < seq { pair.last_out } else { 0 };
            pair.last_out = seq;
            previous
        });
        ledger.push(entry);
        drop(ledger);
        if self.faults.statuses {
            sim.outbox.plan(statuses::plan(seq, &behaviour, self.faults, &sim.entropy));
        }
        let hidden = to.by_bsuid || sim.customers.hides(to.user);
        Accepted {
            wamid: crate::identifiers::wamid(&party, seq, nonce, true),
            input: to.input.to_owned(),
            wa_id: if to.by_bsuid { None } else { sim.customers.wa_id(to.user) },
            user_id: hidden.then(|| sim.customers.bsuid(to.user)),
            message_status: name.is_some().then_some(match behaviour.held {
                Some(_) => "held_for_quality_assessment",
                None => "accepted",
            }),
            behaviour,
        }
    }
}

fn unsent(behaviour: Behaviour) -> Accepted {
    Accepted {
        wamid: String::new(),
        input: String::new(),
        wa_id: None,
        user_id: None,
        message_status: None,
        behaviour,
    }
}

fn body_text(raw: &[u8], keep: bool) -> Option<Box<str>> {
    if keep { std::str::from_utf8(raw).ok().map(Into::into) } else { None }
}
