//! The commands of `waxwing`, one a file.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod broadcast;
pub(crate) mod contacts;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod key;
pub(crate) mod member;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod output;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod tenant;
pub(crate) mod webhooks;

use anyhow::Result;
use clap::{Parser, Subcommand};
use domain::audit::Actor;
use ports::audit::acting;

use crate::config::CommonFlags;

/// A server for the WhatsApp Business Cloud API.
#[derive(Parser)]
#[command(name = "waxwing", version, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  waxwing demo\n  waxwing serve --listen 0.0.0.0:8080 --data /var/lib/waxwing"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: CommonFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server
    Serve(serve::Serve),
    /// Runs the server with a simulator of Meta and a seeded tenant, to try things out
    Demo(demo::Demo),
    /// Runs the simulator of Meta alone
    Simulate(simulate::Simulate),
    /// Brings the database's tables up to date and ends
    Migrate(migrate::Migrate),
    /// Makes and lists tenants
    Tenant(tenant::Tenant),
    /// Invites, lists and disables people who work with a tenant
    Member(member::Member),
    /// Makes, lists and revokes API keys; renews the key that seals secrets
    Key(key::Key),
    /// Lists, watches, pauses, resumes and cancels broadcasts of a running server
    Broadcast(broadcast::Broadcast),
    /// Imports and exports contacts of a running server
    Contacts(contacts::Contacts),
    /// Drives webhook items again that could not be applied
    Webhooks(webhooks::Webhooks),
    /// Verifies and exports the audit trail of a tenant
    Audit(audit::Audit),
    /// Writes everything into a folder, while the server runs
    Backup(backup::Backup),
    /// Fills an empty store from a backup
    Restore(restore::Restore),
    /// Looks for what keeps a server from working, and says what to do
    Doctor(doctor::Doctor),
    /// Prints the OpenAPI description of the HTTP API
    Openapi(openapi::Openapi),
}

impl Command {
    /// For the audit trail: whose doing it is.
    fn name(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Demo(_) => "demo",
            Self::Simulate(_) => "simulate",
            Self::Migrate(_) => "migrate",
            Self::Tenant(_) => "tenant",
            Self::Key(_) => "key",
            Self::Member(_) => "member",
            Self::Broadcast(_) => "broadcast",
            Self::Contacts(_) => "contacts",
            Self::Webhooks(_) => "webhooks",
            Self::Audit(_) => "audit",
            Self::Backup(_) => "backup",
            Self::Restore(_) => "restore",
            Self::Doctor(_) => "doctor",
            Self::Openapi(_) => "openapi",
        }
    }
}

impl Cli {
    /// Does what was asked; the exit code is the process's.
    pub(crate) fn run(self) -> Result<std::process::ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let actor = Actor::command(self.command.name());
        let outcome = runtime.block_on(acting(actor, self.dispatch()));
        // A task that does not end (a DNS lookup) must not keep the process.
        runtime.shutdown_background();
        outcome
    }

    async fn dispatch(self) -> Result<std::process::ExitCode> {
        let common = &self.common;
        match self.command {
            Command::Serve(command) => command.run(common).await?,
            Command::Demo(command) => command.run(common).await?,
            Command::Simulate(command) => command.run(common).await?,
            Command::Migrate(command) => command.run(common).await?,
            Command::Tenant(command) => command.run(common).await?,
            Command::Member(command) => command.run(common).await?,
            Command::Key(command) => command.run(common).await?,
            Command::Broadcast(command) => return command.run().await,
            Command::Contacts(command) => return command.run().await,
            Command::Webhooks(command) => command.run(common).await?,
            Command::Audit(command) => return command.run(common).await,
            Command::Backup(command) => command.run(common).await?,
            Command::Restore(command) => command.run(common).await?,
            Command::Doctor(command) => return command.run(common).await,
            Command::Openapi(command) => command.run()?,
        }
        Ok(std::process::ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    help.contains(path.trim_start()),
                    "`{path} --help` shows no example of itself: {help}"
                );
                check(sub, &path);
            }
        }
        check(&Cli::command(), "waxwing");
    }
}
