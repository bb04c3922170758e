//! One broadcast, from its making to its end.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::clock;
use crate::world::{TEMPLATE, World, until};

/// How long anything may take.
const LONGEST: Duration = Duration::from_secs(1_800);

/// A draft to everybody.
pub(super) struct Broadcast {
    path: String,
}

impl Broadcast {
    /// Over these numbers.
    pub(super) async fn make(world: &World, connections: &[i64]) -> Result<Self> {
        let body = json!({
            "name": "Bench", "template_name": TEMPLATE, "template_language": "en_US",
            "template_params": ["{{contact.name|friend}}", "A-1001"],
            "audience": { "all": true }, "connection_ids": connections,
        });
        let made = world.api().post("/broadcasts", body).await?;
        let id = made["id"].as_i64().with_context(|| format!("a broadcast without id: {made}"))?;
        Ok(Self { path: format!("/broadcasts/{id}") })
    }

    async fn send(&self, world: &World) -> Result<()> {
        world.api().post(&format!("{}/send", self.path), json!({})).await.map(drop)
    }

    async fn shown(&self, world: &World) -> Result<Value> {
        world.api().get(&self.path).await
    }

    /// From the start until every recipient is known.
    pub(super) async fn freeze(&self, world: &World, recipients: u64) -> Result<Duration> {
        let begun = clock::now();
        self.send(world).await?;
        until(LONGEST, "the audience is frozen", async || {
            Ok((self.shown(world).await?["audience_frozen"] == true).then_some(()))
        })
        .await?;
        let elapsed = begun.elapsed();
        let counts = self.shown(world).await?["counts"].clone();
        ensure!(counts["total"].as_u64() == Some(recipients), "{recipients} were meant: {counts}");
        Ok(elapsed)
    }

    pub(super) async fn cancel(&self, world: &World) -> Result<()> {
        world.api().post(&format!("{}/cancel", self.path), json!({})).await?;
        until(LONGEST, "nothing of it is on its way", async || {
            Ok((self.shown(world).await?["counts"]["queued"] == 0).then_some(()))
        })
        .await
    }

    /// From the start until Meta took the last one.
    pub(super) async fn run(&self, world: &World, recipients: u64) -> Result<Duration> {
        let before = world.accepted().await?;
        let begun = clock::now();
        self.send(world).await?;
        until(LONGEST, "the simulator has accepted everything", async || {
            Ok((world.accepted().await? >= before + recipients).then_some(()))
        })
        .await?;
        let elapsed = begun.elapsed();
        until(LONGEST, "the broadcast is over", async || {
            Ok((self.shown(world).await?["status"] == "completed").then_some(()))
        })
        .await?;
        let counts = self.shown(world).await?["counts"].clone();
        ensure!(counts["sent"].as_u64() == Some(recipients), "not all were sent: {counts}");
        let accepted = world.accepted().await? - before;
        ensure!(accepted == recipients, "{recipients} recipients, {accepted} accepted");
        Ok(elapsed)
    }
}

impl World {
    /// Sets the limit of a number, per second.
    pub(super) async fn limit(&self, connection: i64, per_second: u32) -> Result<()> {
        let body = json!({ "rate_limit": { "limit": per_second, "period_seconds": 1 } });
        self.api().patch(&format!("/connections/{connection}"), body).await.map(drop)
    }
}
