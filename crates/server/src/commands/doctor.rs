//! `waxwing doctor`: what keeps a server from working, and what to do about it.

mod connections;
mod machine;
mod network;
mod store;

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::say;
use crate::config::{CommonFlags, Config};
use crate::node::{Node, Parts};

#[derive(Args)]
#[command(
    after_help = "Changes nothing, except that it subscribes an app to its account's webhooks where that is missing. \
                  The exit code is 1 when something failed.\n\nExamples:\n  waxwing doctor --data /var/lib/waxwing\n  waxwing doctor --json"
)]
pub(crate) struct Doctor {
    /// Asks nobody outside of this machine
    #[arg(long)]
    offline: bool,
    /// Prints one JSON object: healthy, and findings with what, verdict, found, advice
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: String,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
enum Verdict {
    Good {
        found: String,
    },
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
        Self { what: what.into(), verdict: Verdict::Good { found: found.into() } }
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Warning { found: found.into(), advice: advice.into() } }
    }

    fn failed(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Failed { found: found.into(), advice: advice.into() } }
    }

    fn print(&self) -> io::Result<()> {
        let (mark, found, advice) = match &self.verdict {
            Verdict::Good { found } => ("ok     ", found, None),
            Verdict::Warning { found, advice } => ("warning", found, Some(advice)),
            Verdict::Failed { found, advice } => ("FAILED ", found, Some(advice)),
        };
        say!("{mark}  {}: {found}", self.what)?;
        if let Some(advice) = advice {
            say!("         → {advice}")?;
        }
        Ok(())
    }
}

impl Doctor {
    pub(crate) async fn run(self, common: &CommonFlags) -> Result<ExitCode> {
        let config = Config::for_command(common)?;
        let mut report = Report { json: self.json, findings: Vec::new() };
        report.add(machine::look(&config))?;
        report.add(machine::door(&config).await)?;
        let parts = Parts::of(&config);
        let (findings, store) = store::look(&config).await;
        report.add(findings)?;
        if !self.offline {
            let others = store::graph_urls(store.as_ref()).await;
            report.add(network::look(&config, parts.clock.now(), &others).await)?;
        }
        if let Some(store) = store {
            let node = Node::over(store, &config, parts).await?;
            report.add(connections::look(&node, self.offline).await)?;
        }
        report.end()
    }
}

/// All findings: printed one by one for a person, at once for a program.
struct Report {
    json: bool,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, findings: Vec<Finding>) -> io::Result<()> {
        if !self.json {
            findings.iter().try_for_each(Finding::print)?;
        }
        self.findings.extend(findings);
        Ok(())
    }

    fn end(self) -> Result<ExitCode> {
        let healthy = !self.findings.iter().any(|finding| matches!(finding.verdict, Verdict::Failed { .. }));
        if self.json {
            let whole = serde_json::json!({ "healthy": healthy, "findings": self.findings });
            say!("{}", serde_json::to_string_pretty(&whole)?)?;
        } else {
            say!(
                "\n{}",
                if healthy { "Nothing is in the way." } else { "Something is in the way, see above." }
            )?;
        }
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
