//! `/metrics`: numbers about this node, in Prometheus' text format.
//!
//! Installed only when a setting opens it (`metrics_listen`, `metrics_token`): without a recorder, counting costs
//! nothing anywhere. What happens is counted where it happens; what stands somewhere (a queue, a pool) is looked up
//! when somebody asks, at most once in a while.

mod gateway;
mod process;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::health::Health;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use ports::health::Depths;
use store::SqlStore;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http;

pub(crate) use gateway::CountedGateway;

/// How often histograms are put together when nobody asks.
const UPKEEP: Duration = Duration::from_secs(10);
/// What was looked up so lately is not looked up again.
const FRESH: Duration = Duration::from_secs(2);
/// A database that hangs must not keep the rest from being told.
const PATIENCE: Duration = Duration::from_secs(3);
/// A number of something that is gone is told no longer.
const FORGOTTEN: Duration = Duration::from_secs(600);

const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const GROUPS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
const PRIORITIES: [&str; 3] = ["reply", "transactional", "bulk"];

/// Starts counting, when a setting opens `/metrics`.
pub(crate) fn start(config: &Config) -> Result<Option<PrometheusHandle>> {
    if !config.counts() {
        return Ok(None);
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_transactions".into()), &GROUPS))
        .context("the buckets of histograms")?
        .idle_timeout(metrics_util::MetricKindMask::GAUGE, Some(FORGOTTEN))
        .install_recorder()
        .context("metrics cannot be counted")?;
    describe();
    gauge!("waxwing_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(Some(handle))
}

fn describe() {
    describe_histogram!(
        "waxwing_http_request_duration_seconds",
        "Time until an answer began, by route, method and class of the status."
    );
    describe_histogram!("waxwing_meta_call_duration_seconds", "Time of calls to Meta, by call and outcome.");
    describe_histogram!("waxwing_store_group_transactions", "Transactions that shared a commit (SQLite).");
    describe_counter!("waxwing_statuses_projected_total", "Statuses out of webhooks that were applied.");
    describe_counter!(
        "waxwing_inbound_messages_projected_total",
        "Messages of customers out of webhooks that were applied."
    );
    describe_counter!("waxwing_webhook_bodies_projected_total", "Bodies of webhooks that were applied.");
    describe_gauge!("waxwing_queue_due_messages", "Messages that are due and wait, by priority.");
    describe_gauge!(
        "waxwing_queue_oldest_age_seconds",
        "For how long the message has been due that waits longest, by priority."
    );
    describe_gauge!("waxwing_queue_sending_messages", "Messages that are being sent.");
    describe_gauge!("waxwing_in_doubt_messages", "Messages of which nobody knows whether Meta took them.");
    describe_gauge!("waxwing_webhook_inbox_bodies", "Bodies of webhooks that wait to be applied.");
    describe_gauge!("waxwing_webhook_inbox_oldest_age_seconds", "Age of the oldest body that waits.");
    describe_gauge!("waxwing_broadcasts_sending", "Broadcasts that are being sent.");
    describe_gauge!("waxwing_broadcasts_scheduled", "Broadcasts that wait for their time.");
    describe_gauge!("waxwing_lanes_held", "Numbers that this node sends from.");
    describe_gauge!(
        "waxwing_rate_in_use_ratio",
        "Share of the pace of this node's numbers that was used in the last minute; by number when there are few."
    );
    describe_gauge!(
        "waxwing_rate_limit_messages_per_second",
        "Pace of this node's numbers; by number when there are few."
    );
    describe_gauge!("waxwing_store_connections", "Connections to the database, by pool and state.");
    describe_gauge!("waxwing_store_up", "1 while the database answers.");
    describe_gauge!("waxwing_build_info", "1, with the version of this program.");
}

/// What `/metrics` answers with.
#[derive(Clone)]
pub(crate) struct Page {
    handle: PrometheusHandle,
    health: Health,
    store: SqlStore,
    /// Numbers that get series of their own, at most.
    numbers: usize,
    looked_at: Arc<Mutex<Option<Instant>>>,
}

impl Page {
    pub(crate) fn new(handle: PrometheusHandle, health: Health, store: SqlStore, config: &Config) -> Self {
        Self { handle, health, store, numbers: config.metrics_numbers, looked_at: Arc::default() }
    }

    /// Puts histograms together until `stop`, so that they do not grow while nobody asks.
    pub(crate) fn keep_up(&self, stop: CancellationToken) {
        let handle = self.handle.clone();
        tokio::spawn(async move {
            while tokio::time::timeout(UPKEEP, stop.cancelled()).await.is_err() {
                handle.run_upkeep();
            }
        });
    }

    /// The page.
    pub(crate) async fn text(&self) -> String {
        self.look().await;
        let mut text = self.handle.render();
        process::write(&mut text);
        text
    }

    async fn look(&self) {
        let mut looked_at = self.looked_at.lock().await;
        if looked_at.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        self.numbers_of_this_node();
        let depths = tokio::time::timeout(PATIENCE, self.health.depths()).await;
        let up = matches!(depths, Ok(Ok(_)));
        gauge!("waxwing_store_up").set(f64::from(u8::from(up)));
        if let Ok(Ok(depths)) = depths {
            self.depths(&depths);
        }
        *looked_at = Some(Instant::now());
    }

    fn numbers_of_this_node(&self) {
        for pool in self.store.pools() {
            gauge!("waxwing_store_connections", "pool" => pool.name, "state" => "idle").set(pool.idle as f64);
            let used = pool.open.saturating_sub(pool.idle);
            gauge!("waxwing_store_connections", "pool" => pool.name, "state" => "used").set(used as f64);
        }
        gauge!("waxwing_lanes_held").set(self.health.lanes_held() as f64);
        let rates = self.health.rates();
        let by_number = rates.len() <= self.numbers;
        for (connection, limit, in_use) in &rates {
            if !by_number {
                break;
            }
            let id = connection.to_string();
            gauge!("waxwing_rate_limit_messages_per_second", "connection_id" => id.clone()).set(*limit);
            gauge!("waxwing_rate_in_use_ratio", "connection_id" => id).set(*in_use);
        }
        if !by_number {
            let limit: f64 = rates.iter().map(|(_, limit, _)| limit).sum();
            let used: f64 = rates.iter().map(|(_, limit, in_use)| limit * in_use).sum();
            gauge!("waxwing_rate_limit_messages_per_second").set(limit);
            gauge!("waxwing_rate_in_use_ratio").set(if limit > 0.0 { used / limit } else { 0.0 });
        }
    }

    fn depths(&self, depths: &Depths) {
        let now = self.health.now();
        let age = |since: Option<domain::Timestamp>| {
            since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
        };
        for (priority, queue) in PRIORITIES.into_iter().zip(depths.queues) {
            gauge!("waxwing_queue_due_messages", "priority" => priority).set(queue.due as f64);
            gauge!("waxwing_queue_oldest_age_seconds", "priority" => priority).set(age(queue.oldest_due_at));
        }
        gauge!("waxwing_queue_sending_messages").set(depths.sending as f64);
        gauge!("waxwing_in_doubt_messages").set(depths.in_doubt as f64);
        gauge!("waxwing_webhook_inbox_bodies").set(depths.inbox as f64);
        gauge!("waxwing_webhook_inbox_oldest_age_seconds").set(age(depths.inbox_oldest_at));
        gauge!("waxwing_broadcasts_sending").set(depths.broadcasts_sending as f64);
        gauge!("waxwing_broadcasts_scheduled").set(depths.broadcasts_scheduled as f64);
    }
}

/// Answers `/metrics`, and nothing else, on an address of its own.
pub(crate) async fn serve(address: &str, page: Page, stop: CancellationToken) -> Result<()> {
    let listener = http::bind(address, "--metrics-listen").await?;
    tracing::info!(address = %listener.local_addr()?, "metrics are served");
    let answer = move || {
        let page = page.clone();
        async move { response(page.text().await) }
    };
    let router = Router::new().route("/metrics", get(answer));
    let stopped = stop.cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::warn!(%error, "the metrics ended badly");
        }
    });
    Ok(())
}

fn response(text: String) -> Response {
    ([(axum::http::header::CONTENT_TYPE, api::metrics::CONTENT_TYPE)], text).into_response()
}
