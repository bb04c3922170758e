//! Each rate of the monitoring table crosses its threshold and comes back: one alert, which says what was counted, stays
//! while the figure is good by less than the margin, ends by itself, and is kept.

use e2e::{Database, Stack, eventually, on_each_engine};
use serde_json::{Value, json};

use crate::live::Listening;
use crate::{all, open, set_rule};

/// A template about which there is an alert or not: what the watch tells of it tells that the watch has looked.
const WITNESS: &str = "witness";

/// A stack, one kind of alert, and somebody who listens.
struct Monitor {
    stack: Stack,
    kind: &'static str,
    stream: Listening,
}

impl Monitor {
    fn start(database: Database, kind: &'static str, rule: Value) -> Self {
        let stack = Stack::start(database);
        stack.sim.faults(json!({ "review": { "delay_ms": null } }));
        stack.hello();
        set_rule(&stack, kind, rule);
        let stream = Listening::to(&stack);
        let monitor = Self { stack, kind, stream };
        monitor.witness("APPROVED", 0);
        monitor
    }

    /// Moves the clock, and waits until the figures were judged as they are then.
    #[track_caller]
    fn look_after(&self, time: &str) {
        self.stack.sim.advance(time);
        // Whatever is looked at meanwhile is looked at once more after this.
        self.witness("PAUSED", 1);
        self.stack.sim.advance("61s");
        self.witness("APPROVED", 0);
    }

    #[track_caller]
    fn witness(&self, verdict: &str, alerts: usize) {
        let body = json!([{ "type": "BODY", "text": "Nobody gets this." }]);
        self.stack.template(WITNESS, verdict, body);
        self.stack.sim.advance("61s");
        eventually("the watch has looked", || {
            let told = all(&self.stack, "template_paused");
            let open = told.iter().filter(|alert| alert["resolved_at"].is_null()).count();
            (open == alerts).then_some(())
        });
    }

    #[track_caller]
    fn review(&self, template: &str, verdict: &str) {
        let path = format!("/templates/{template}/review");
        self.stack.sim.call("POST", &path, Some(json!({ "status": verdict })));
        eventually(&format!("{template} is {verdict}"), || {
            let list = self.stack.api.get(&format!("/templates?search={template}")).expect(200);
            (list["items"][0]["status"] == verdict.to_lowercase().as_str()).then_some(())
        });
    }

    /// There was never one.
    #[track_caller]
    fn is_quiet(&self) {
        assert_eq!(all(&self.stack, self.kind), [Value::Null; 0]);
    }

    /// One has opened, which says this.
    #[track_caller]
    fn opens(&self, said: &Value) -> Value {
        let alert = eventually("the alert opens", || open(&self.stack, self.kind));
        for (member, value) in said.as_object().into_iter().flatten() {
            assert_eq!(alert["details"][member], *value, "{member} of {alert:#}");
        }
        self.stream.hears(&alert, &["opened"]);
        alert
    }

    /// It is still the one that is open, and was counted once.
    #[track_caller]
    fn stays(&self, alert: &Value) {
        let now = open(&self.stack, self.kind).unwrap_or_else(|| panic!("it is over: {alert:#}"));
        assert_eq!((&now["id"], &now["count"]), (&alert["id"], &json!(1)));
        assert_eq!(all(&self.stack, self.kind).len(), 1);
    }

    /// It ended by itself, and is kept with its history.
    #[track_caller]
    fn ends(&self, alert: &Value) {
        eventually("the alert is over", || open(&self.stack, self.kind).is_none().then_some(()));
        assert_eq!(all(&self.stack, self.kind).len(), 1);
        let kept = self.stack.api.get(&format!("/alerts/{}", alert["id"])).expect(200);
        assert!(kept["resolved_at"].is_string() && kept["acknowledged_at"].is_null(), "{kept:#}");
        let history = kept["history"].as_array().cloned().unwrap_or_default();
        let happened: Vec<&Value> = history.iter().map(|event| &event["happened"]).collect();
        assert_eq!(happened, ["opened", "resolved"]);
        assert!(history.iter().all(|event| event["by"].is_null()), "{kept:#}");
        self.stream.hears(alert, &["opened", "resolved"]);
    }

    /// Sends to these, and waits until each message stands so.
    #[track_caller]
    fn sends(&self, numbers: std::ops::Range<usize>, status: &str) {
        let mut sent = Vec::new();
        for number in numbers {
            let contact = self.stack.api.opted_in_contact(&phone(number));
            let body = json!({ "contact_id": contact, "template_name": "hello" });
            sent.push(self.stack.api.post("/messages", body).expect(201)["message_id"].clone());
        }
        for id in sent {
            eventually("the message has come to its end", || {
                let message = self.stack.api.get(&format!("/messages/{id}")).expect(200);
                (message["status"] == status).then_some(())
            });
        }
    }

    /// A broadcast to this many of a tag of its own has been sent; its id.
    fn broadcasts(&self, tag: &str, numbers: std::ops::Range<usize>) -> i64 {
        let count = numbers.len();
        for number in numbers {
            let body = json!({ "phone": phone(number), "opted_in": true, "tags": [tag] });
            self.stack.api.post("/contacts", body).expect(201);
        }
        let wanted = json!({ "name": tag, "template_name": "hello", "audience": { "tags": [tag] } });
        let made = self.stack.api.post("/broadcasts", wanted).expect(201);
        let id = made["id"].as_i64().or_else(|| made["broadcast_id"].as_i64()).expect("an id");
        assert!(self.stack.api.post(&format!("/broadcasts/{id}/send"), json!({})).status < 300);
        eventually("everybody's message has left", || {
            let broadcast = self.stack.api.get(&format!("/broadcasts/{id}")).expect(200);
            (broadcast["status"] == "completed").then_some(())
        });
        assert_eq!(self.funnel(id)["sent"], count);
        id
    }

    /// Messages that were on their way to these arrive now.
    fn switched_on(&self, numbers: std::ops::Range<usize>) {
        let entries = self.stack.sim.ledger();
        let to: Vec<String> =
            numbers.map(|number| phone(number).trim_start_matches('+').to_owned()).collect();
        let waiting = entries.iter().filter(|entry| {
            let number = entry["to"].as_str().unwrap_or_default();
            to.iter().any(|to| number.trim_start_matches('+') == to)
        });
        let statuses: Vec<Value> = waiting
            .map(|entry| {
                let at: jiff::Timestamp = entry["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
                json!({
                    "id": entry["wamid"], "status": "delivered", "timestamp": (at.as_second() + 60).to_string(),
                    "recipient_id": entry["to"].as_str().unwrap_or_default().trim_start_matches('+'),
                })
            })
            .collect();
        assert_eq!(statuses.len(), to.len());
        let value = json!({
            "messaging_product": "whatsapp", "statuses": statuses,
            "metadata": {
                "display_phone_number": "15550001234", "phone_number_id": self.stack.env["SIM_PHONE_NUMBER_ID"],
            },
        });
        self.stack.sim.call("POST", "/webhooks", Some(json!({ "field": "messages", "value": value })));
    }

    fn funnel(&self, broadcast: i64) -> Value {
        self.stack.api.get(&format!("/broadcasts/{broadcast}/results")).expect(200)["funnel"].clone()
    }

    #[track_caller]
    fn reached(&self, broadcast: i64, count: i64) {
        eventually("so many were reached", || (self.funnel(broadcast)["delivered"] == count).then_some(()));
    }
}

fn phone(number: usize) -> String {
    format!("+1555131{number:04}")
}

#[test]
fn a_delivery_rate_below_90_percent_opens_one_alert_and_ends_it_above_92() {
    on_each_engine(|database| {
        let monitor = Monitor::start(database, "delivery_rate_low", json!({ "minimum": 5 }));
        let faults = |rate: f64| {
            monitor.stack.sim.faults(json!({ "failure_rate": rate, "review": { "delay_ms": null } }));
        };
        faults(1.0);
        monitor.sends(0..2, "failed");
        faults(0.0);
        monitor.sends(2..4, "read");
        monitor.look_after("2h");
        monitor.is_quiet();
        monitor.sends(4..5, "read");
        monitor.look_after("1s");
        monitor.is_quiet();
        monitor.stack.sim.advance("2h");
        let said = json!({
            "rate": 0.6, "threshold": 0.9, "count": 3, "of": 5,
            "errors": [{ "meta_error_code": 131_026, "count": 2 }],
        });
        let alert = monitor.opens(&said);
        assert_eq!(alert["severity"], "critical", "{alert:#}");
        let message = "60 % of 5 messages that Meta took were delivered; the rule's threshold is 90 %";
        assert_eq!(alert["message"], message);
        monitor.look_after("2m");
        monitor.stays(&alert);
        // 18 of 20 are exactly 90 %.
        monitor.sends(5..20, "read");
        monitor.look_after("2h");
        monitor.stays(&alert);
        // 23 of 25.
        monitor.sends(20..25, "read");
        monitor.stack.sim.advance("2h");
        monitor.ends(&alert);
        monitor.look_after("2m");
        assert_eq!(all(&monitor.stack, monitor.kind).len(), 1);
    });
}

#[test]
fn a_read_rate_below_50_percent_opens_one_alert_and_ends_it_above_55() {
    let monitor = Monitor::start(Database::sqlite(), "read_rate_low", json!({ "minimum": 4 }));
    let faults = |rate: f64| {
        monitor.stack.sim.faults(json!({ "read_rate": rate, "review": { "delay_ms": null } }));
    };
    faults(0.0);
    monitor.sends(0..4, "delivered");
    monitor.look_after("2h");
    monitor.is_quiet();
    monitor.stack.sim.advance("24h");
    let alert = monitor.opens(&json!({ "rate": 0.0, "threshold": 0.5, "count": 0, "of": 4 }));
    assert_eq!(alert["severity"], "warning", "{alert:#}");
    faults(1.0);
    // 4 of 8 are exactly 50 %.
    monitor.sends(4..8, "read");
    monitor.look_after("26h");
    monitor.stays(&alert);
    // 5 of 9.
    monitor.sends(8..9, "read");
    monitor.stack.sim.advance("26h");
    monitor.ends(&alert);
}

#[test]
fn an_opt_out_rate_above_5_percent_of_a_broadcast_opens_one_alert_and_ends_it_below_4() {
    on_each_engine(|database| {
        let monitor = Monitor::start(database, "opt_out_rate_high", json!({ "minimum": 10 }));
        let other = monitor.broadcasts("calm", 100..110);
        monitor.reached(other, 10);
        for number in 10..30 {
            monitor.stack.sim.customer(&phone(number), json!({ "delivered": false }));
        }
        let id = monitor.broadcasts("angry", 0..30);
        monitor.reached(id, 10);
        monitor.stack.sim.writes(&phone(0), "STOP");
        eventually("the opt-out is known", || {
            let list = monitor.stack.api.get("/contacts?opted_in=false").expect(200);
            (list["total"] == 1).then_some(())
        });
        monitor.stack.sim.advance("2m");
        let said = json!({
            "rate": 0.1, "threshold": 0.05, "count": 1, "of": 10, "broadcast_id": id, "broadcast_name": "angry",
        });
        let alert = monitor.opens(&said);
        assert_eq!(alert["subject"], format!("broadcast:{id}"));
        // Telephones that were switched off: 1 of 20 is exactly 5 %.
        monitor.switched_on(10..20);
        monitor.reached(id, 20);
        monitor.look_after("2m");
        monitor.stays(&alert);
        monitor.switched_on(20..30);
        monitor.reached(id, 30);
        monitor.stack.sim.advance("2m");
        monitor.ends(&alert);
    });
}

#[test]
fn a_template_rejection_rate_above_20_percent_opens_one_alert_and_ends_it_below_15() {
    let kind = "template_rejection_rate_high";
    let monitor = Monitor::start(Database::sqlite(), kind, json!({ "minimum": 5 }));
    let submit = |name: &str| {
        let wanted = json!({
            "name": name, "language": "en_US", "category": "utility",
            "components": [{ "type": "BODY", "text": "Your order is ready for you." }],
        });
        let made = monitor.stack.api.post("/templates", wanted).expect(201);
        made["id"].as_i64().or_else(|| made["template"]["id"].as_i64()).expect("an id")
    };
    let (first, second) = (submit("first"), submit("second"));
    monitor.review("first", "REJECTED");
    monitor.review("second", "REJECTED");
    // With the two that were there before these are four, and one more is being judged.
    submit("third");
    monitor.look_after("2m");
    monitor.is_quiet();
    monitor.review("third", "APPROVED");
    monitor.stack.sim.advance("2m");
    let said = json!({
        "rate": 0.4, "threshold": 0.2, "count": 2, "of": 5, "rejected": ["first", "second"],
    });
    let alert = monitor.opens(&said);
    let again = |id: i64, name: &str| {
        let edit =
            json!({ "components": [{ "type": "BODY", "text": format!("Order {id} is ready for you.") }] });
        monitor.stack.api.call("PATCH", &format!("/templates/{id}"), Some(&edit)).expect(200);
        monitor.review(name, "APPROVED");
    };
    // One of five is exactly 20 %.
    again(first, "first");
    monitor.look_after("2m");
    monitor.stays(&alert);
    again(second, "second");
    monitor.stack.sim.advance("2m");
    monitor.ends(&alert);
}
