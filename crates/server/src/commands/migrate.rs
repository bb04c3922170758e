//! `waxwing migrate`.

use anyhow::Result;
use clap::Args;

use super::output::say;
use crate::config::{CommonFlags, Config};
use crate::node::{database_name, open_current_store};

#[derive(Args)]
#[command(after_help = "`waxwing serve` does this itself when it starts.\n\nExample:\n  \
                  waxwing migrate --database-url postgres://waxwing@db/waxwing")]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        open_current_store(&config).await?;
        say!("{} is up to date", database_name(&config))?;
        Ok(())
    }
}
