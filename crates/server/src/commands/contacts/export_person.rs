//! `waxwing contacts export-person`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use domain::ContactId;
use reqwest::Method;
use tokio::io::AsyncWriteExt as _;

use crate::client::{Client, ClientFlags};
use crate::private;

#[derive(Args)]
pub(super) struct ExportPerson {
    #[command(flatten)]
    client: ClientFlags,
    /// Id of the contact
    #[arg(long, value_name = "ID")]
    contact: ContactId,
    /// ZIP file to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

impl ExportPerson {
    pub(super) async fn run(self) -> Result<()> {
        let client = Client::of(self.client)?;
        let request = client.request(Method::GET, &format!("/contacts/{}/export", self.contact));
        let mut answer = client.answer(request).await?;
        let file = private::create(&self.out)
            .with_context(|| format!("{} cannot be written", self.out.display()))?;
        let mut file = tokio::fs::File::from_std(file);
        while let Some(part) = answer.chunk().await.context("the export broke off; the file is not whole")? {
            file.write_all(&part).await?;
        }
        file.flush().await?;
        Ok(())
    }
}
