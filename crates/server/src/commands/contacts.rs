//! `waxwing contacts`: lists of contacts in and out of a running server, at its HTTP API.

mod erase;
mod export;
mod export_person;
mod import;
mod imports;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Args)]
#[command(
    after_help = "The server and the key are told by WAXWING_URL and WAXWING_API_KEY, the tenant by --tenant or WAXWING_TENANT.\
                  \n\nExample:\n  waxwing contacts import customers.csv --tenant 1 --default-country DE"
)]
pub(crate) struct Contacts {
    #[command(subcommand)]
    command: ContactsCommand,
}

#[derive(Subcommand)]
enum ContactsCommand {
    /// Imports a list of contacts: CSV, XLSX or JSON
    #[command(
        after_help = "Columns are known by their headings; --map tells what is not (phone, name, first_name, last_name, language, \
                      time_zone, tags, opted_in, consent_source, consent_time, consent_evidence, opted_out, opted_out_at, \
                      fields.NAME, ignore). The exit code is 0 when every row was read, 1 when the import failed or was \
                      cancelled.\n\nExamples:\n  \
                      waxwing contacts import customers.csv --tenant 1 --dry-run\n  \
                      waxwing contacts import customers.xlsx --tenant 1 --default-country DE --map Kontakt=phone --tag fair"
    )]
    Import(import::Import),
    /// Lists imports, newest first
    #[command(after_help = "Example:\n  waxwing contacts imports --tenant 1")]
    Imports(imports::List),
    /// Stops an import; contacts that it made stay
    #[command(name = "import-cancel", after_help = "Example:\n  waxwing contacts import-cancel 7 --tenant 1")]
    ImportCancel(imports::Cancel),
    /// Writes contacts as a CSV that an import reads back
    #[command(
        after_help = "Example:\n  waxwing contacts export --tenant 1 --opted-in true --out contacts.csv"
    )]
    Export(export::Export),
    /// Writes all that is known of one person into a ZIP: JSON files, and the files sent and received
    #[command(
        name = "export-person",
        after_help = "Example:\n  waxwing contacts export-person --tenant 1 --contact 4711 -o person.zip"
    )]
    ExportPerson(export_person::ExportPerson),
    /// Erases one person for good and prints the receipt
    #[command(
        after_help = "Identity, messages, files and notes are removed; the consent ledger stays without its evidence, and an \
                      opt-out holds when the number comes back. There is no way back.\n\nExample:\n  \
                      waxwing contacts erase --tenant 1 --contact 4711"
    )]
    Erase(erase::Erase),
}

impl Contacts {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self.command {
            ContactsCommand::Import(command) => command.run().await,
            ContactsCommand::Imports(command) => command.run().await.map(|()| ExitCode::SUCCESS),
            ContactsCommand::ImportCancel(command) => command.run().await.map(|()| ExitCode::SUCCESS),
            ContactsCommand::Export(command) => command.run().await.map(|()| ExitCode::SUCCESS),
            ContactsCommand::ExportPerson(command) => command.run().await.map(|()| ExitCode::SUCCESS),
            ContactsCommand::Erase(command) => command.run().await.map(|()| ExitCode::SUCCESS),
        }
    }
}
