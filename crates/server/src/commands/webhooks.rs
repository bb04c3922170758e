//! `waxwing webhooks`.

use anyhow::Result;
use clap::{Args, Subcommand};
use domain::TenantId;
use ports::webhooks::AsideReason;

use super::output::say;
use crate::config::{CommonFlags, Config};
use crate::node::{Node, Parts};

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing webhooks retry --tenant 1")]
pub(crate) struct Webhooks {
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Subcommand)]
enum WebhooksCommand {
    /// Applies items again that were set aside because applying them failed
    #[command(after_help = "Example:\n  waxwing webhooks retry --tenant 1")]
    Retry {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
    },
}

impl Webhooks {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        let WebhooksCommand::Retry { tenant } = self.command;
        let node = Node::open(&config, Parts::of(&config)).await?;
        node.engine.tenants.get(tenant).await?;
        let outcome = node.engine.webhooks.retry(tenant, AsideReason::Poison).await?;
        say!("{} applied, {} failed again", outcome.applied, outcome.left)?;
        Ok(())
    }
}
