//! One call: the request goes out, the answer is read whole or in parts, and both ends are judged.

use std::time::Duration;

use ports::gateway::{Access, GatewayError};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::MetaClient;
use crate::outcome;

/// Bytes of an answer that is read whole; far above any page of a list.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

impl MetaClient {
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        access: &Access,
        mut url: Url,
        query: &[(&str, &str)],
    ) -> Result<T, GatewayError> {
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.request(Method::GET, url, &access.token, self.patience.answer)?;
        read(self.perform(request).await?).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        access: &Access,
        url: Url,
        body: &impl Serialize,
    ) -> Result<T, GatewayError> {
        let request = self.request(Method::POST, url, &access.token, self.patience.answer)?.json(body);
        read(self.perform(request).await?).await
    }

    /// A request with the token in its header, where nothing prints it.
    pub(crate) fn request(
        &self,
        method: Method,
        url: Url,
        token: &SecretString,
        timeout: Duration,
    ) -> Result<RequestBuilder, GatewayError> {
        self.guard.check(&url).map_err(outcome::not_allowed)?;
        let authorization = authorization("Bearer", token)?;
        Ok(self.http.request(method, url).header(AUTHORIZATION, authorization).timeout(timeout))
    }

    /// Sends, and answers with a success of Meta's whose body is still to be read.
    pub(crate) async fn perform(&self, request: RequestBuilder) -> Result<Response, GatewayError> {
        let response = request.send().await.map_err(outcome::of_failure)?;
        let status = response.status();
        tracing::debug!(http.status = status.as_u16(), "Meta answered");
        if status.is_success() {
            return Ok(response);
        }
        let body = whole(response).await;
        Err(outcome::of_refusal(status, body.ok().as_deref()))
    }
}

pub(crate) fn authorization(scheme: &str, token: &SecretString) -> Result<HeaderValue, GatewayError> {
    let value = HeaderValue::try_from(format!("{scheme} {}", token.expose_secret()));
    let mut value = value
        .map_err(|_| GatewayError::NotSent("the access token holds characters that no token has".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The answer as JSON of its type; one that cannot be read leaves open what Meta did.
pub(crate) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, GatewayError> {
    let body = whole(response).await?;
    serde_json::from_slice(&body)
        .map_err(|fault| GatewayError::Unknown(format!("Meta's answer cannot be read: {fault}")))
}

async fn whole(mut response: Response) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(outcome::of_cut)? {
        if body.len() + part.len() > ANSWER_LIMIT {
            return Err(GatewayError::Unknown("Meta's answer is too long".into()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
