//! Sends spans to a collector: OTLP by HTTP, protobuf.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::layer::Dropped;
use super::span::{Ids, Step};

/// Most spans in one request.
const LARGEST_BATCH: usize = 512;
/// How long spans are gathered.
const GATHER: Duration = Duration::from_secs(1);
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Speaks to one collector.
pub(super) struct Exporter(SpanExporter);

/// The program's own HTTP client, so that there is one of it.
#[derive(Debug, Clone)]
struct Client(reqwest::Client);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let answer = self.0.execute(request.try_into()?).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = http::Response::builder().status(status).body(answer.bytes().await?)?;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl Exporter {
    /// To `{endpoint}/v1/traces`. `headers` are `name=value`.
    pub(super) fn new(endpoint: &str, headers: Vec<String>, node: &str) -> Result<Self> {
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            bail!("is no address of a collector: it begins with http:// or https://");
        }
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("waxwing/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(http))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_headers(pairs(headers)?)
            .with_timeout(PATIENCE)
            .build()?;
        exporter.set_resource(
            &Resource::builder_empty()
                .with_attributes([
                    KeyValue::new("service.name", "waxwing"),
                    KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                    KeyValue::new("service.instance.id", node.to_owned()),
                ])
                .build(),
        );
        Ok(Self(exporter))
    }

    /// Sends what comes until `stop`, then what is left. A collector that is not there costs its spans, nothing else.
    pub(super) async fn run(
        self,
        mut taken: mpsc::Receiver<Step>,
        dropped: Dropped,
        ids: Ids,
        stop: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(LARGEST_BATCH);
        let mut fails = false;
        loop {
            let stopping = stop.is_cancelled();
            while batch.len() < LARGEST_BATCH {
                match taken.try_recv() {
                    Ok(step) => batch.push(ids.span(step)),
                    Err(_) => break,
                }
            }
            let full = batch.len() == LARGEST_BATCH;
            if !batch.is_empty() {
                let sent = self.0.export(std::mem::take(&mut batch)).await;
                if let Err(error) = &sent
                    && !fails
                {
                    tracing::warn!(%error, "spans could not be sent to the collector");
                }
                fails = sent.is_err();
            }
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                tracing::warn!(lost, "the collector is too slow: spans were dropped");
            }
            if stopping && !full {
                return;
            }
            if !full {
                // Either ends the wait.
                let _ = tokio::time::timeout(GATHER, stop.cancelled()).await;
            }
        }
    }
}

fn pairs(headers: Vec<String>) -> Result<HashMap<String, String>> {
    let pair = |header: String| {
        let (name, value) = header.split_once('=').context("otlp_headers: each is name=value")?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    headers.into_iter().map(pair).collect()
}
