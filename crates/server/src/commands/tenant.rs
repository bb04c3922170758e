//! `waxwing tenant`.

use anyhow::Result;
use clap::{Args, Subcommand};
use engine::tenants::SettingsPatch;

use super::output::{remark, say};
use crate::config::{CommonFlags, Config};
use crate::node::{Node, Parts};

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing tenant create --name \"Acme\"")]
pub(crate) struct Tenant {
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Makes a tenant and prints its id
    #[command(after_help = "Example:\n  waxwing tenant create --name \"Acme\"")]
    Create {
        /// What the business is called
        #[arg(long)]
        name: String,
    },
    /// Lists tenants: id, when made, name
    #[command(after_help = "Example:\n  waxwing tenant list")]
    List,
}

impl Tenant {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<()> {
        let config = Config::for_command(common)?;
        let node = Node::open(&config, Parts::of(&config)).await?;
        match self.command {
            TenantCommand::Create { name } => {
                let tenant = node.engine.tenants.create(&name, SettingsPatch::default()).await?;
                remark!(
                    "Tenant {} \"{}\" was made. A key for it: waxwing key create --tenant {} --name NAME",
                    tenant.id,
                    tenant.name,
                    tenant.id
                );
                say!("{}", tenant.id)?;
            }
            TenantCommand::List => {
                for tenant in node.engine.tenants.list().await? {
                    say!("{}\t{:.0}\t{}", tenant.id, tenant.created_at, tenant.name)?;
                }
            }
        }
        Ok(())
    }
}
