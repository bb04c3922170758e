//! `waxwing openapi`.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use clap::Args;

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing openapi > openapi.json")]
pub(crate) struct Openapi {}

impl Openapi {
    #[allow(clippy::unused_self, reason = "every command has this shape")]
    pub(crate) fn run(self) -> Result<()> {
        let text = serde_json::to_string_pretty(&api::openapi())?;
        match writeln!(std::io::stdout(), "{text}") {
            // Whoever reads has read enough.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}
