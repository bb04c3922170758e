//! `waxwing openapi`.

use anyhow::Result;
use clap::Args;

use super::output::say;

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing openapi > openapi.json")]
pub(crate) struct Openapi {}

impl Openapi {
    #[allow(clippy::unused_self, reason = "every command has this shape")]
    pub(crate) fn run(self) -> Result<()> {
        let text = serde_json::to_string_pretty(&api::openapi())?;
        Ok(say!("{text}")?)
    }
}
