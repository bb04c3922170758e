//! `waxwing audit`: the audit trail of a tenant.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use domain::TenantId;
use domain::audit::verify::Known;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::output::{is_read, remark, say};
use crate::config::{CommonFlags, Config};
use crate::node::{Node, Parts};
use crate::private;

#[derive(Args)]
#[command(after_help = "Example:\n  waxwing audit verify --tenant 1")]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Walks along the whole trail: finds every change, removal and reordering
    #[command(
        after_help = "The exit code is 0 when the trail is whole, 1 when it is broken. Note its end somewhere else: \
                      given as --known later, it proves that nothing was rolled back.\n\nExamples:\n  \
                      waxwing audit verify --tenant 1\n  waxwing audit verify --tenant 1 --known 120:9f86d0…"
    )]
    Verify {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// The end of the trail as it was noted earlier: NUMBER:HASH
        #[arg(long, value_name = "NUMBER:HASH", value_parser = known)]
        known: Option<Known>,
    },
    /// Writes the whole trail as JSON lines
    #[command(after_help = "Example:\n  waxwing audit export --tenant 1 --out audit.jsonl")]
    Export {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
        /// File to write; without it standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl Audit {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<ExitCode> {
        let config = Config::for_command(common)?;
        let node = Node::open(&config, Parts::of(&config)).await?;
        let (AuditCommand::Verify { tenant, .. } | AuditCommand::Export { tenant, .. }) = &self.command;
        node.engine.tenants.get(*tenant).await.with_context(|| format!("tenant {tenant}"))?;
        match self.command {
            AuditCommand::Verify { tenant, known } => verify(&node, tenant, known).await,
            AuditCommand::Export { tenant, out } => {
                export(&node, tenant, out).await.map(|()| ExitCode::SUCCESS)
            }
        }
    }
}

async fn verify(node: &Node, tenant: TenantId, known: Option<Known>) -> Result<ExitCode> {
    let verdict = node.engine.audit.verify(tenant, known).await?;
    for broken in &verdict.broken {
        remark!("entry {}: {}: {}", broken.seq, broken.what.as_str(), broken.what.sentence());
    }
    if !verdict.is_valid() {
        remark!("The trail is broken: {} places, {} entries", verdict.broken_total, verdict.entries);
        return Ok(ExitCode::FAILURE);
    }
    match &verdict.head {
        Some(head) => {
            say!(
                "The trail is whole: {} entries, it ends at {}:{}",
                verdict.entries,
                head.seq,
                hex::encode(&head.hash)
            )?;
        }
        None => say!("The trail is empty")?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(node: &Node, tenant: TenantId, out: Option<PathBuf>) -> Result<()> {
    let mut lines = node.engine.audit.export(tenant).await?;
    let mut to: Box<dyn tokio::io::AsyncWrite + Unpin> = match &out {
        Some(path) => {
            let file =
                private::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
            Box::new(tokio::fs::File::from_std(file))
        }
        None => Box::new(tokio::io::stdout()),
    };
    while let Some(part) = lines.next().await {
        if !is_read(to.write_all(&part.context("the export broke off")?).await)? {
            return Ok(());
        }
    }
    is_read(to.flush().await)?;
    Ok(())
}

fn known(text: &str) -> Result<Known, String> {
    let wrong = "must be NUMBER:HASH as `waxwing audit verify` told it";
    let (seq, hash) = text.split_once(':').ok_or(wrong)?;
    let seq = seq.parse::<i64>().ok().filter(|seq| *seq > 0).ok_or(wrong)?;
    let hash = hex::decode(hash).ok().filter(|hash| hash.len() == 32).ok_or(wrong)?;
    Ok(Known { seq, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_of_the_trail_is_a_number_and_a_hash() {
        let hash = "ab".repeat(32);
        assert_eq!(known(&format!("12:{hash}")), Ok(Known { seq: 12, hash: vec![0xab; 32] }));
        for wrong in ["12", "12:", "x:ab", &format!("0:{hash}"), "12:abcd"] {
            assert!(known(wrong).is_err(), "{wrong}");
        }
    }
}
