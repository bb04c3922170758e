//! Commands that ask a running server, through its HTTP API and with a key like anybody else.
#![allow(rustdoc::bare_urls, reason = "what stands here is printed by --help")]

mod events;

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use domain::TenantId;
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

pub(crate) use events::Events;

/// Which server is asked, and as whom. The handles that `waxwing demo` writes are enough.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientFlags {
    /// Address of the server
    #[arg(long, env = "WAXWING_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// API key; better given in the environment than where every user of this machine can read it
    #[arg(long, env = "WAXWING_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Id of the tenant
    #[arg(long, env = "WAXWING_TENANT", value_name = "ID")]
    tenant: TenantId,
}

impl ClientFlags {
    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Asks one server for one tenant.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    key: SecretString,
}

/// How long to wait for a connection. An answer may take its time: an upload is read to its end before it comes.
const CONNECT: Duration = Duration::from_secs(10);

impl Client {
    /// For the server that the flags name.
    pub(crate) fn of(flags: ClientFlags) -> Result<Self> {
        let Some(key) = flags.api_key.filter(|key| !key.trim().is_empty()) else {
            bail!(
                "no API key: set WAXWING_API_KEY (`waxwing key create --tenant {}` makes one)",
                flags.tenant
            );
        };
        let url = flags.url.trim_end_matches('/');
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            bail!("\"{url}\" is no address of a server: it begins with http:// or https://");
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("waxwing/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("the HTTP client cannot be built")?;
        let base = format!("{url}/api/v1/tenant/{}/whatsapp", flags.tenant);
        Ok(Self { http, base, key: SecretString::from(key.trim().to_owned()) })
    }

    /// `data` of a GET; `path` begins with a slash and stands below the tenant.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.data(self.request(Method::GET, path)).await
    }

    /// `data` of a POST with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.data(self.request(Method::POST, path).json(body)).await
    }

    /// A request with the key, to be sent by [`data`](Self::data) or [`answer`](Self::answer).
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.key.expose_secret())
    }

    /// Sends it; `data` of the answer.
    pub(crate) async fn data(&self, request: RequestBuilder) -> Result<Value> {
        let mut body: Value =
            self.answer(request).await?.json().await.context("the server's answer cannot be read")?;
        Ok(body["data"].take())
    }

    /// Sends it; the answer itself, for bodies that are no JSON. A refusal is an error with the server's own words.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> Result<Response> {
        let answer = request
            .send()
            .await
            .map_err(|error| anyhow!(error.without_url()))
            .with_context(|| format!("{} cannot be asked; does the server run?", self.server()))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        Err(refusal(&body).unwrap_or_else(|| anyhow!("the server answered {status}")))
    }

    /// Server-sent events of a path.
    pub(crate) async fn events(&self, path: &str) -> Result<Events> {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        Ok(Events::of(self.answer(request).await?))
    }

    fn server(&self) -> &str {
        self.base.split("/api/v1/").next().unwrap_or(&self.base)
    }
}

/// The server's own words, with every fault of the request.
fn refusal(body: &Value) -> Option<anyhow::Error> {
    let error = &body["error"];
    let mut text = format!("{} ({})", error["message"].as_str()?, error["code"].as_str()?);
    for fault in error["details"]["faults"].as_array().into_iter().flatten() {
        let (pointer, problem) = (fault["pointer"].as_str()?, fault["problem"].as_str()?);
        text.push_str(&format!("\n  {pointer} {problem}"));
    }
    Some(anyhow!(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flags(url: &str, key: Option<&str>) -> ClientFlags {
        ClientFlags { url: url.into(), api_key: key.map(str::to_owned), tenant: TenantId(3) }
    }

    #[test]
    fn an_address_and_a_key_are_asked_for_in_words() {
        let error = Client::of(flags("http://127.0.0.1:1", Some(" "))).err().unwrap().to_string();
        assert!(error.contains("WAXWING_API_KEY") && error.contains("--tenant 3"), "{error}");
        let error = Client::of(flags("localhost:8080", Some("wxk_x"))).err().unwrap().to_string();
        assert!(error.contains("localhost:8080"), "{error}");
        let client = Client::of(flags("http://127.0.0.1:1/", Some("wxk_x"))).unwrap();
        assert_eq!(client.base, "http://127.0.0.1:1/api/v1/tenant/3/whatsapp");
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words_with_every_fault() {
        let body = json!({"error": {"code": "VALIDATION_FAILED", "message": "The request is not valid", "details":
            {"faults": [{"pointer": "/name", "problem": "is missing"}]}}});
        assert_eq!(
            refusal(&body).unwrap().to_string(),
            "The request is not valid (VALIDATION_FAILED)\n  /name is missing"
        );
        assert!(refusal(&json!("<html>")).is_none());
    }
}
