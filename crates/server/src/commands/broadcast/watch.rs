//! `waxwing broadcast watch`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Error, Result};
use domain::BroadcastId;
use serde_json::Value;

use super::line;
use crate::bar::Bar;
use crate::client::Client;
use crate::commands::output::say;

/// A server that restarts is asked again so often, with a pause each.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);
/// Where nothing can be drawn anew, a line is worth it after so many percent.
const STEP: u64 = 5;

/// Follows it to its end.
pub(super) async fn watch(client: &Client, broadcast: BroadcastId) -> Result<ExitCode> {
    // A wrong id or key ends it here, and not in an endless series of tries.
    let first = client.get(&format!("/broadcasts/{broadcast}")).await?;
    say!("{}", first["name"].as_str().unwrap_or_default())?;
    let mut view = View { bar: Bar::new(), shown: None };
    view.show(&first);
    let mut latest = first;
    let mut tries = 0;
    while !line::is_over(&latest) {
        match follow(client, broadcast, &mut view, &mut latest).await {
            Ok(()) => tries = 0,
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tries += 1,
        }
        if !line::is_over(&latest) {
            tokio::time::sleep(PAUSE).await;
        }
    }
    view.bar.end();
    Ok(if latest["status"] == "completed" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One connection's worth of events.
async fn follow(
    client: &Client,
    broadcast: BroadcastId,
    view: &mut View,
    latest: &mut Value,
) -> Result<(), Error> {
    let mut events = client.events(&format!("/broadcasts/{broadcast}/events")).await?;
    while let Some(event) = events.next().await? {
        if event.name == "progress" {
            *latest = event.data;
            view.show(latest);
        }
        if line::is_over(latest) {
            break;
        }
    }
    Ok(())
}

struct View {
    bar: Bar,
    /// Status and percent that were shown last.
    shown: Option<(Value, u64)>,
}

impl View {
    fn show(&mut self, broadcast: &Value) {
        let (done, total) = line::standing(broadcast);
        let percent = (done * 100).checked_div(total).unwrap_or_default();
        let same = |shown: &(Value, u64)| shown.0 == broadcast["status"] && percent < shown.1 + STEP;
        if !self.bar.redraws() && self.shown.as_ref().is_some_and(same) && !line::is_over(broadcast) {
            return;
        }
        self.shown = Some((broadcast["status"].clone(), percent));
        self.bar.show(&line::watched(broadcast));
    }
}
