//! `waxwing contacts imports`, `waxwing contacts import-cancel`.

use anyhow::Result;
use clap::Args;
use domain::ImportId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, ClientFlags};
use crate::commands::output::{remark, say};

/// Entries of the list that are shown.
const LISTED: usize = 100;

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    client: ClientFlags,
}

#[derive(Args)]
pub(super) struct Cancel {
    /// Id of the import
    #[arg(value_name = "ID")]
    import: ImportId,
    #[command(flatten)]
    client: ClientFlags,
}

impl List {
    pub(super) async fn run(self) -> Result<()> {
        let client = Client::of(self.client)?;
        let query = [("page_size", LISTED.to_string())];
        let found = client.data(client.request(Method::GET, "/contacts/imports").query(&query)).await?;
        let items = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        for import in items {
            say!("{}", line(import))?;
        }
        let total = found["total"].as_u64().unwrap_or_default();
        if total > items.len() as u64 {
            remark!("the newest {} of {total}", items.len());
        }
        Ok(())
    }
}

impl Cancel {
    pub(super) async fn run(self) -> Result<()> {
        let client = Client::of(self.client)?;
        let stopped = client.post(&format!("/contacts/import/{}/cancel", self.import), &json!({})).await?;
        say!("{}", line(&stopped))?;
        Ok(())
    }
}

/// Tabs between what a script may want.
fn line(import: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [
        import["import_id"].to_string(),
        text(&import["state"]),
        format!("{} rows", import["processed"]),
        text(&import["filename"]),
    ]
    .join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_a_line_with_tabs() {
        let import = json!({"import_id": 7, "state": "running", "processed": 12000, "filename": "list.csv"});
        assert_eq!(line(&import), "7\trunning\t12000 rows\tlist.csv");
    }
}
