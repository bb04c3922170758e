//! `waxwing broadcast`: broadcasts of a running server, at its HTTP API.

mod line;
mod watch;

use anyhow::Result;
use clap::{Args, Subcommand};
use domain::BroadcastId;
use serde_json::{Value, json};

use super::output::{remark, say};
use crate::client::{Client, ClientFlags};

/// Entries of the list that are shown.
const LISTED: usize = 100;

#[derive(Args)]
#[command(
    after_help = "The server and the key are told by WAXWING_URL and WAXWING_API_KEY, the tenant by --tenant or WAXWING_TENANT; \
                  after `. waxwing-data/demo.env` (with `set -a`) all three are known.\n\nExample:\n  waxwing broadcast watch 1 --tenant 1"
)]
pub(crate) struct Broadcast {
    #[command(subcommand)]
    command: BroadcastCommand,
}

#[derive(Subcommand)]
enum BroadcastCommand {
    /// Lists broadcasts, newest first
    #[command(after_help = "Example:\n  waxwing broadcast list --tenant 1 --status sending")]
    List {
        #[command(flatten)]
        client: ClientFlags,
        /// Only those that stand so: draft, scheduled, sending, paused, completed, failed or cancelled
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
    },
    /// Shows how far a broadcast has come, until it ends
    #[command(
        after_help = "The exit code is 0 when it completed, 1 when it failed or was cancelled.\n\nExample:\n  \
                      waxwing broadcast watch 1 --tenant 1"
    )]
    Watch(Which),
    /// Holds a broadcast within a second; nobody gets anything twice when it goes on
    #[command(after_help = "Example:\n  waxwing broadcast pause 1 --tenant 1")]
    Pause(Which),
    /// Lets a paused broadcast go on where it stopped
    #[command(after_help = "Example:\n  waxwing broadcast resume 1 --tenant 1")]
    Resume(Which),
    /// Calls off a broadcast: what has gone out stays out, the rest is not sent
    #[command(after_help = "Example:\n  waxwing broadcast cancel 1 --tenant 1")]
    Cancel(Which),
}

#[derive(Args)]
struct Which {
    /// Id of the broadcast
    #[arg(value_name = "ID")]
    broadcast: BroadcastId,
    #[command(flatten)]
    client: ClientFlags,
}

impl Broadcast {
    pub(crate) async fn run(self) -> Result<std::process::ExitCode> {
        match self.command {
            BroadcastCommand::List { client, status } => list(&Client::of(client)?, status).await?,
            BroadcastCommand::Watch(Which { broadcast, client }) => {
                return watch::watch(&Client::of(client)?, broadcast).await;
            }
            BroadcastCommand::Pause(which) => step(which, "pause").await?,
            BroadcastCommand::Resume(which) => step(which, "resume").await?,
            BroadcastCommand::Cancel(which) => step(which, "cancel").await?,
        }
        Ok(std::process::ExitCode::SUCCESS)
    }
}

async fn list(client: &Client, status: Option<String>) -> Result<()> {
    let page_size = LISTED.to_string();
    let mut query = vec![("page_size", page_size.as_str())];
    query.extend(status.as_deref().map(|status| ("status", status)));
    let found = client.data(client.request(reqwest::Method::GET, "/broadcasts").query(&query)).await?;
    let items = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    for broadcast in items {
        say!("{}", line::listed(broadcast))?;
    }
    let total = found["total"].as_u64().unwrap_or_default();
    if total > items.len() as u64 {
        remark!("the newest {} of {total}", items.len());
    }
    Ok(())
}

async fn step(which: Which, verb: &str) -> Result<()> {
    let client = Client::of(which.client)?;
    let moved: Value = client.post(&format!("/broadcasts/{}/{verb}", which.broadcast), &json!({})).await?;
    say!("{}", line::listed(&moved))?;
    Ok(())
}
