//! Calls that prepare and look, not measured.

use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::Value;

/// One for all: making one reads the authorities of this machine, and who looks every few milliseconds must not take the time
/// of what is measured.
static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

/// A client below one address.
pub(crate) struct Api {
    client: Client,
    base: String,
    key: String,
}

impl Api {
    pub(super) fn new(base: String, key: &str) -> Self {
        Self { client: CLIENT.clone(), base, key: key.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// The answer's `data` when it has one, else the answer.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, &url).bearer_auth(&self.key);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("{url} does not answer"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{url}: {status}: {text}");
        }
        let mut value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(value.get_mut("data").map(Value::take).unwrap_or(value))
    }
}
