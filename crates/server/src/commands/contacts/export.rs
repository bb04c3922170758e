//! `waxwing contacts export`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use reqwest::Method;
use tokio::io::AsyncWriteExt as _;

use crate::client::{Client, ClientFlags};
use crate::commands::output::is_read;
use crate::private;

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    client: ClientFlags,
    /// File to write; without it standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only those who opted in (true), or only the others (false)
    #[arg(long, value_name = "BOOL")]
    opted_in: Option<bool>,
    /// Only those with this tag; several: with every one of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only those whose name, number or username holds this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those of this segment
    #[arg(long, value_name = "ID")]
    segment: Option<i64>,
    /// Begins with the mark by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
}

impl Export {
    pub(super) async fn run(self) -> Result<()> {
        let client = Client::of(self.client)?;
        let mut query: Vec<(&str, String)> = Vec::new();
        query.extend(self.opted_in.map(|flag| ("opted_in", flag.to_string())));
        query.extend(self.tags.into_iter().map(|tag| ("tags", tag)));
        query.extend(self.search.map(|text| ("search", text)));
        query.extend(self.segment.map(|segment| ("segment", segment.to_string())));
        query.extend(self.bom.then(|| ("bom", "true".to_owned())));
        let request = client.request(Method::GET, "/contacts/export.csv").query(&query);
        let mut answer = client.answer(request).await?;
        let mut to: Box<dyn tokio::io::AsyncWrite + Unpin> = match &self.out {
            Some(path) => {
                let file =
                    private::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
                Box::new(tokio::fs::File::from_std(file))
            }
            None => Box::new(tokio::io::stdout()),
        };
        while let Some(part) = answer.chunk().await.context("the export broke off")? {
            if !is_read(to.write_all(&part).await)? {
                return Ok(());
            }
        }
        is_read(to.flush().await)?;
        Ok(())
    }
}
