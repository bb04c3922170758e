//! A simulator, a receiver for its webhooks, and short ways to talk to both.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use simulator::{AccountConfig, Faults, RunningSimulator, SimClock, SimConfig, Simulator};

pub(crate) const CUSTOMER: &str = "+15551234567";

/// A webhook as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) answered: u16,
}

impl Arrived {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Inner {
    arrived: Vec<Arrived>,
    /// Statuses to answer with, first to last; 200 when empty.
    answers: Vec<u16>,
}

/// A business's webhook server.
#[derive(Clone, Default)]
pub(crate) struct Receiver(Arc<Mutex<Inner>>);

impl Receiver {
    pub(crate) async fn start() -> (Self, String) {
        let receiver = Self::default();
        let router = Router::new().route("/hook", get(handshake).post(receive)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    pub(crate) fn answer_with(&self, answers: &[u16]) {
        self.0.lock().unwrap().answers = answers.to_vec();
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.0.lock().unwrap().arrived.clone()
    }

    /// Changes of all bodies that were answered with 200.
    pub(crate) fn changes(&self) -> Vec<Value> {
        let arrived = self.arrived();
        let taken = arrived.iter().filter(|post| post.answered == 200);
        taken.flat_map(|post| changes_of(&post.json())).collect()
    }

    pub(crate) fn statuses(&self) -> Vec<Value> {
        self.changes().iter().flat_map(|change| items(&change["value"]["statuses"])).collect()
    }

    /// Status names of one message, in order of arrival.
    pub(crate) fn statuses_of(&self, wamid: &str) -> Vec<String> {
        let all = self.statuses();
        let own = all.iter().filter(|status| status["id"] == wamid);
        own.map(|status| status["status"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn messages(&self) -> Vec<Value> {
        self.changes().iter().flat_map(|change| items(&change["value"]["messages"])).collect()
    }

    pub(crate) fn of_field(&self, field: &str) -> Vec<Value> {
        self.changes()
            .into_iter()
            .filter(|change| change["field"] == field)
            .map(|change| change["value"].clone())
            .collect()
    }
}

fn changes_of(body: &Value) -> Vec<Value> {
    items(&body["entry"]).iter().flat_map(|entry| items(&entry["changes"])).collect()
}

pub(crate) fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

async fn handshake(Query(query): Query<Vec<(String, String)>>) -> (StatusCode, String) {
    let find = |key: &str| {
        query.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    if find("hub.mode") == "subscribe" && find("hub.verify_token") == "the-verify-token" {
        (StatusCode::OK, find("hub.challenge"))
    } else {
        (StatusCode::FORBIDDEN, String::new())
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut inner = receiver.0.lock().unwrap();
    let answered = if inner.answers.is_empty() { 200 } else { inner.answers.remove(0) };
    inner.arrived.push(Arrived { headers, body: body.to_vec(), answered });
    StatusCode::from_u16(answered).unwrap()
}

/// A simulator with a webhook receiver, on a clock that stands still until moved.
pub(crate) struct World {
    pub(crate) sim: RunningSimulator,
    pub(crate) receiver: Receiver,
    pub(crate) callback: String,
    pub(crate) clock: SimClock,
    pub(crate) http: reqwest::Client,
    pub(crate) account: AccountConfig,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Faults::default()).await
    }

    pub(crate) async fn with(faults: Faults) -> Self {
        let (receiver, callback) = Receiver::start().await;
        let account = AccountConfig { callback_url: Some(callback.clone()), ..AccountConfig::default() };
        let clock = SimClock::manual("2026-11-22T10:00:00Z".parse().unwrap());
        let config = SimConfig {
            clock: clock.clone(),
            accounts: vec![account.clone()],
            faults,
            ..SimConfig::default()
        };
        let sim = Simulator::start(config).await.unwrap();
        Self { sim, receiver, callback, clock, http: reqwest::Client::new(), account }
    }

    /// Webhooks travel in parallel; where their order is compared there is time between them.
    pub(crate) async fn unhurried() -> Self {
        Self::with(Faults { delivered_ms: 80, read_ms: 80, ..Faults::default() }).await
    }

    pub(crate) fn phone(&self) -> &str {
        &self.account.phones[0].id
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/v25.0/{path}", self.sim.url())
    }

    /// A Graph call with the account's token: HTTP status and body.
    pub(crate) async fn graph(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.graph_as(&self.account.token, method, path, body).await
    }

    pub(crate) async fn graph_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.http.request(method.parse().unwrap(), self.url(path)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// Sends a message body, with the product filled in.
    pub(crate) async fn send(&self, mut body: Value) -> (u16, Value) {
        body["messaging_product"] = "whatsapp".into();
        self.graph("POST", &format!("{}/messages", self.phone()), Some(body)).await
    }

    pub(crate) async fn send_text(&self, to: &str, text: &str) -> (u16, Value) {
        self.send(json!({"to": to, "type": "text", "text": {"body": text}})).await
    }

    /// Sends `hello` and returns the message id.
    pub(crate) async fn send_hello(&self, to: &str) -> String {
        self.put_hello();
        let (status, answer) = self.send(hello(to)).await;
        assert_eq!(status, 200, "{answer}");
        answer["messages"][0]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn put_hello(&self) {
        self.sim
            .put_template(&json!({"name": "hello", "language": "en_US", "category": "UTILITY",
            "components": [{"type": "BODY", "text": "Hello there, welcome."}]}))
            .unwrap();
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/_sim/{path}", self.sim.url());
        let request = self.http.request(method.parse().unwrap(), url);
        let answer = if body.is_null() { request } else { request.json(&body) }.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// The customer writes, so that the window is open.
    pub(crate) async fn open_window(&self, customer: &str) -> String {
        self.sim.customer_says(self.phone(), customer, "hi").unwrap()
    }

    /// Waits until nothing is under way.
    pub(crate) async fn settle(&self) {
        until("everything is delivered", || self.sim.pending() == 0).await;
    }
}

pub(crate) fn hello(to: &str) -> Value {
    json!({"to": to, "type": "template", "template": {"name": "hello", "language": {"code": "en_US"}}})
}

/// Waits for a condition; fails after ten seconds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain until {what}");
}

/// Code and subcode of a refusal.
pub(crate) fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"))
}
