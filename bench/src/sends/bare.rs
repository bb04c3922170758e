//! The bare HTTP client: the bodies that Waxwing sends, posted straight to the simulator.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::clock;
use crate::world::{World, phone};

/// Calls in flight, as many as Waxwing has per number.
const IN_FLIGHT: usize = 256;

/// What is posted where.
#[derive(Debug, Clone)]
pub(crate) struct Bare {
    url: String,
    token: String,
    body: Value,
}

impl Bare {
    /// Takes the body of the last message that the simulator accepted of Waxwing.
    pub(crate) async fn like_last(world: &World) -> Result<Self> {
        let accepted = world.accepted().await?;
        let entries = world.sim().get(&format!("/ledger?after={}", accepted.saturating_sub(1))).await?;
        let body = entries[0]["body"].clone();
        let body = body.as_str().map_or(Ok(body.clone()), serde_json::from_str)?;
        ensure!(body["type"] == "template", "the simulator keeps no such body: {entries}");
        let url = format!("http://{}/v25.0/{}/messages", world.simulator_address, world.numbers[0]);
        Ok(Self { url, token: World::access_token().to_owned(), body })
    }

    /// Posts so many on threads of its own; messages per second.
    pub(crate) async fn per_second(&self, count: usize) -> Result<f64> {
        let bare = self.clone();
        let elapsed = tokio::task::spawn_blocking(move || {
            tokio::runtime::Runtime::new()?.block_on(bare.post_all(count))
        });
        Ok(count as f64 / elapsed.await.context("the bare client ended badly")??.as_secs_f64())
    }

    async fn post_all(self, count: usize) -> Result<Duration> {
        let client = reqwest::Client::builder().pool_max_idle_per_host(IN_FLIGHT).build()?;
        let next = Arc::new(AtomicUsize::new(0));
        let start = clock::now();
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let (client, next, mut bare) = (client.clone(), Arc::clone(&next), self.clone());
            clients.spawn(async move {
                loop {
                    let message = next.fetch_add(1, Ordering::Relaxed);
                    if message >= count {
                        return anyhow::Ok(());
                    }
                    bare.body["to"] = phone(message).into();
                    let request = client.post(&bare.url).bearer_auth(&bare.token).json(&bare.body);
                    let answer: Value = request.send().await?.error_for_status()?.json().await?;
                    ensure!(answer["messages"][0]["id"].is_string(), "not accepted: {answer}");
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended.context("a bare client ended badly")??;
        }
        Ok(start.elapsed())
    }
}
