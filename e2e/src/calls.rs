//! Calls to the API and to the simulator, as any client makes them.

use std::time::Duration;

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

/// An answer: status, body, a few headers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, body, headers }
    }

    /// The body's `data`, after checking that it was a success with this status.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body.get("data").cloned().unwrap_or(self.body)
    }

    /// The body's `error`, after checking status and code.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        assert_eq!(self.body["success"], false, "{:#}", self.body);
        assert_eq!(self.body["error"]["code"], code, "{:#}", self.body);
        self.body["error"].clone()
    }
}

fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).build().expect("a client")
}

/// A client of the tenant API with one key.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    pub url: String,
    pub tenant: i64,
    pub key: String,
}

impl Api {
    /// A client for this server, tenant and key.
    pub fn new(url: &str, tenant: i64, key: &str) -> Self {
        Self { client: client(), url: url.trim_end_matches('/').into(), tenant, key: key.into() }
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1/tenant/{}/whatsapp{path}", self.url, self.tenant)
    }

    /// Calls a path below the tenant's base; `None` when no answer came (the server was killed).
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, self.at(path)).bearer_auth(&self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().ok().map(Answer::of)
    }

    /// As [`try_call`](Self::try_call), of a server that lives.
    ///
    /// # Panics
    /// When no answer came.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_call(method, path, body, &[]).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    /// POST.
    #[track_caller]
    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(&body))
    }

    /// A contact with consent; answers its id.
    #[track_caller]
    pub fn opted_in_contact(&self, phone: &str) -> i64 {
        let contact = self.post("/contacts", json!({ "phone": phone, "opted_in": true })).expect(201);
        contact["id"].as_i64().unwrap_or_else(|| panic!("no id in {contact:#}"))
    }

    /// Posts raw bytes to a webhook path, signed or not.
    pub fn webhook(&self, path: &str, body: &[u8], signature: Option<&[u8]>) -> Option<Answer> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(body.to_vec());
        if let Some(signature) = signature {
            let value = reqwest::header::HeaderValue::from_bytes(signature).expect("bytes fit for a header");
            request = request.header("x-hub-signature-256", value);
        }
        request.send().ok().map(Answer::of)
    }

    /// GET of any path of the server.
    pub fn plain(&self, path: &str) -> Option<Answer> {
        self.client.get(format!("{}{path}", self.url)).send().ok().map(Answer::of)
    }
}

/// The simulator's handles.
#[derive(Debug, Clone)]
pub struct Simulator {
    client: Client,
    pub url: String,
}

impl Simulator {
    /// The simulator at this address.
    pub fn new(url: &str) -> Self {
        Self { client: client(), url: url.trim_end_matches('/').into() }
    }

    /// Calls a handle below `/_sim`.
    ///
    /// # Panics
    /// When no answer came, or not a success.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}/_sim{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::of(request.send().expect("the simulator answers"));
        assert!(answer.status < 300, "{path}: {} {:#}", answer.status, answer.body);
        answer.body
    }

    /// Every accepted message, in order.
    #[track_caller]
    pub fn ledger(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let after = all.last().and_then(|entry: &Value| entry["seq"].as_i64()).unwrap_or(0);
            let page = self.call("GET", &format!("/ledger?after={after}"), None);
            let entries =
                page.as_array().or_else(|| page["entries"].as_array()).or_else(|| page["ledger"].as_array());
            match entries {
                Some(entries) if !entries.is_empty() => all.extend(entries.iter().cloned()),
                _ => return all,
            }
        }
    }

    /// How many calls were refused with this code.
    #[track_caller]
    pub fn refused(&self, code: i64) -> u64 {
        self.call("GET", "/state", None)["refused"][code.to_string()].as_u64().unwrap_or(0)
    }

    /// Accepted messages to this number.
    #[track_caller]
    pub fn sent_to(&self, phone: &str) -> Vec<Value> {
        let digits = phone.trim_start_matches('+');
        let to = |entry: &Value| entry["to"].as_str().unwrap_or_default().trim_start_matches('+') == digits;
        self.ledger().into_iter().filter(to).collect()
    }

    /// The customer writes.
    #[track_caller]
    pub fn writes(&self, phone: &str, text: &str) {
        self.call(
            "POST",
            &format!("/customers/{}/messages", phone.trim_start_matches('+')),
            Some(json!({ "text": text })),
        );
    }

    /// How this customer behaves.
    #[track_caller]
    pub fn customer(&self, phone: &str, behaviour: Value) {
        self.call("PUT", &format!("/customers/{}", phone.trim_start_matches('+')), Some(behaviour));
    }

    /// Faults from now on.
    #[track_caller]
    pub fn faults(&self, faults: Value) {
        self.call("PUT", "/faults", Some(faults));
    }

    /// Moves the shared clock.
    #[track_caller]
    pub fn advance(&self, by: &str) {
        self.call("POST", "/clock", Some(json!({ "advance": by })));
    }

    /// Puts a template in any state at Meta's side.
    #[track_caller]
    pub fn template(&self, template: Value) {
        self.call("POST", "/templates", Some(template));
    }
}
