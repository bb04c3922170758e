//! `waxwing doctor`: what keeps a server from working, and what to do about it.

mod connections;
mod machine;
mod network;
mod store;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::config::{CommonFlags, Config};
use crate::node::{Node, Parts};

#[derive(Args)]
#[command(
    after_help = "Changes nothing, except that it subscribes an app to its account's webhooks where that is missing. \
                  The exit code is 1 when something failed.\n\nExample:\n  waxwing doctor --data /var/lib/waxwing"
)]
pub(crate) struct Doctor {
    /// Asks nobody outside of this machine
    #[arg(long)]
    offline: bool,
}

/// One thing that was looked at.
struct Finding {
    what: String,
    verdict: Verdict,
}

enum Verdict {
    Good(String),
    /// Works now; somebody should act before it does not.
    Warning {
        found: String,
        advice: String,
    },
    Failed {
        found: String,
        advice: String,
    },
}

impl Finding {
    fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Good(found.into()) }
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Warning { found: found.into(), advice: advice.into() } }
    }

    fn failed(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Failed { found: found.into(), advice: advice.into() } }
    }

    fn print(&self) {
        let (mark, found, advice) = match &self.verdict {
            Verdict::Good(found) => ("ok     ", found, None),
            Verdict::Warning { found, advice } => ("warning", found, Some(advice)),
            Verdict::Failed { found, advice } => ("FAILED ", found, Some(advice)),
        };
        println!("{mark}  {}: {found}", self.what);
        if let Some(advice) = advice {
            println!("         → {advice}");
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<ExitCode> {
        let config = Config::for_command(common)?;
        let mut healthy = true;
        let mut show = |findings: Vec<Finding>| {
            findings.iter().for_each(Finding::print);
            healthy &= !findings.iter().any(|finding| matches!(finding.verdict, Verdict::Failed { .. }));
        };
        show(machine::look(&config));
        let parts = Parts::of(&config);
        let (findings, store) = store::look(&config).await;
        show(findings);
        if !self.offline {
            show(network::look(&config, parts.clock.now()).await);
        }
        if let Some(store) = store {
            let node = Node::over(store, &config, parts).await?;
            show(connections::look(&node, self.offline).await);
        }
        println!(
            "\n{}",
            if healthy { "Nothing is in the way." } else { "Something is in the way, see above." }
        );
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
