//! Webhooks, one item each, signed (Meta, "Webhooks", field `messages`).

use graph::signature::{HEADER, sign};

use crate::clock;
use crate::load::Requests;
use crate::world::{APP_SECRET, Copies, World, phone};

/// Meta's path at the server.
const PATH: &str = "/webhooks/whatsapp";
/// About the size of a request.
const BYTES: usize = 1_100;
/// The steps of a message, in the order in which they come.
const STEPS: [&str; 3] = ["sent", "delivered", "read"];
/// Messages that are on their way together.
const TOGETHER: usize = 1_000;

/// Who posts.
struct Number {
    id: String,
    waba: String,
}

impl Number {
    fn of(world: &World) -> Self {
        Self { id: world.numbers[0].clone(), waba: world.waba.clone() }
    }

    fn post(&self, requests: &mut Requests, items: &str) {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{}","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"{}"}},{items}}},"field":"messages"}}]}}]}}"#,
            self.waba, self.id
        );
        let signature = sign(APP_SECRET.as_bytes(), body.as_bytes());
        requests.post(PATH, &[("user-agent", "facebookexternalua"), (HEADER, &signature)], body.as_bytes());
    }
}

/// Statuses of messages that exist, each once: `sent`, `delivered` and `read` of a thousand messages, then of the
/// next thousand.
pub(crate) struct Statuses {
    number: Number,
    tenant: i64,
    copies: Copies,
    /// How many were posted.
    used: usize,
}

impl Statuses {
    pub(crate) fn new(world: &World, copies: Copies) -> Self {
        Self { number: Number::of(world), tenant: world.tenant, copies, used: 0 }
    }

    /// The next ones, at most so many.
    pub(crate) fn next(&self, most: usize) -> Requests {
        let count = most.min(self.copies.count * STEPS.len() - self.used);
        let mut requests = Requests::with_capacity(count, BYTES);
        let now = clock::unix_seconds();
        for position in self.used..self.used + count {
            let (message, step) = place(position);
            self.post(&mut requests, message, step, now);
        }
        requests
    }

    /// So many of them were posted.
    pub(crate) fn posted(&mut self, count: usize) {
        self.used += count;
    }

    /// How many messages are `read` when everything posted is projected.
    pub(crate) fn read(&self) -> usize {
        let whole = self.used / (TOGETHER * STEPS.len()) * TOGETHER;
        let rest = self.used % (TOGETHER * STEPS.len());
        whole + rest.saturating_sub(TOGETHER * 2)
    }

    fn post(&self, requests: &mut Requests, message: usize, step: &str, now: u64) {
        let digits = phone(message);
        let digits = digits.trim_start_matches('+');
        let items = format!(
            r#""contacts":[{{"profile":{{"name":"Customer"}},"wa_id":"{digits}","user_id":"DE.{digits}00"}}],"statuses":[{{"id":"{}","status":"{step}","timestamp":"{now}","recipient_id":"{digits}","recipient_user_id":"DE.{digits}00","biz_opaque_callback_data":"wxw1.{}.{}.1","pricing":{{"billable":true,"pricing_model":"PMP","category":"utility","type":"regular"}}}}]"#,
            self.copies.wamid(message),
            self.tenant,
            Copies::id(message),
        );
        self.number.post(requests, &items);
    }
}

fn place(position: usize) -> (usize, &'static str) {
    let (group, within) = (position / (TOGETHER * STEPS.len()), position % (TOGETHER * STEPS.len()));
    (group * TOGETHER + within % TOGETHER, STEPS[within / TOGETHER])
}

/// Customers who write, in turn, each message once.
pub(crate) struct Customers {
    number: Number,
    used: usize,
}

impl Customers {
    pub(crate) fn new(world: &World) -> Self {
        Self { number: Number::of(world), used: 0 }
    }

    /// The next messages.
    pub(crate) fn next(&self, count: usize) -> Requests {
        let mut requests = Requests::with_capacity(count, BYTES);
        let now = clock::unix_seconds();
        for message in self.used..self.used + count {
            let digits = phone(message);
            let digits = digits.trim_start_matches('+');
            let items = format!(
                r#""contacts":[{{"profile":{{"name":"Customer"}},"wa_id":"{digits}"}}],"messages":[{{"from":"{digits}","id":"wamid.HBgNNDkxNTEyMzAwMDAwMBUCABIYFjNFQjBD{message:012}","timestamp":"{now}","type":"text","text":{{"body":"Thank you, when does number {message} arrive?"}}}}]"#
            );
            self.number.post(&mut requests, &items);
        }
        requests
    }

    /// So many of them were posted.
    pub(crate) fn posted(&mut self, count: usize) {
        self.used += count;
    }

    /// How many were posted so far.
    pub(crate) fn all(&self) -> usize {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_goes_through_its_steps_in_order() {
        assert_eq!(place(0), (0, "sent"));
        assert_eq!(place(999), (999, "sent"));
        assert_eq!(place(1_000), (0, "delivered"));
        assert_eq!(place(2_999), (999, "read"));
        assert_eq!(place(3_000), (1_000, "sent"));
    }
}
