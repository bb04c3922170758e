//! `waxwing contacts erase`.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use domain::ContactId;
use serde_json::{Value, json};

use crate::client::{Client, ClientFlags};
use crate::commands::output::say;

/// Between two looks at an erasure that takes longer.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct Erase {
    #[command(flatten)]
    client: ClientFlags,
    /// Id of the contact
    #[arg(long, value_name = "ID")]
    contact: ContactId,
}

impl Erase {
    pub(super) async fn run(self) -> Result<()> {
        let client = Client::of(self.client)?;
        let mut erasure = client.post(&format!("/contacts/{}/erase", self.contact), &json!({})).await?;
        while erasure["state"] == "running" {
            tokio::time::sleep(LOOK).await;
            erasure = client.get(&format!("/erasures/{}", id(&erasure)?)).await?;
        }
        say!("{}", serde_json::to_string_pretty(&erasure)?)?;
        Ok(())
    }
}

fn id(erasure: &Value) -> Result<i64> {
    erasure["erasure_id"].as_i64().context("the server's answer names no erasure")
}
