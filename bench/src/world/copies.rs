//! Many messages that were sent: one is really sent, the others are copies of its row.
//!
//! Hundreds of thousands of sends would take longer than what is measured with them, which is their statuses.

use anyhow::{Context, Result};
use serde_json::json;

use super::{CONTACTS, TEMPLATE, World, phone};

/// Ids of copies begin here, far above what the server gives out.
const FIRST_ID: i64 = 1_000_000_000;
/// Rows of one statement: other writers of a SQLite file wait meanwhile.
const AT_ONCE: usize = 20_000;

/// Messages that exist, known by their position.
#[derive(Debug, Clone)]
pub(crate) struct Copies {
    wamid: String,
    pub(crate) count: usize,
}

impl Copies {
    /// The wamid of a copy.
    pub(crate) fn wamid(&self, index: usize) -> String {
        format!("{}{index:08}", self.wamid)
    }

    /// Our id of a copy.
    pub(crate) fn id(index: usize) -> i64 {
        FIRST_ID + i64::try_from(index).unwrap_or(i64::MAX)
    }
}

impl World {
    /// Sends a message and copies it so many times, to the contacts in turn.
    pub(crate) async fn sent_messages(&self, count: usize) -> Result<Copies> {
        let body = json!({ "to": phone(0), "template_name": TEMPLATE, "template_params": ["Ada", "A-1001"] });
        let sent = self.api().post("/messages", body).await?;
        let id = sent["message_id"].as_i64().with_context(|| format!("not sent: {sent}"))?;
        let wamid = sent["wamid"].as_str().with_context(|| format!("not sent: {sent}"))?;
        let look = self.database().look().await?;
        let columns = look
            .texts(if look.is_postgres {
                "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'messages'"
            } else {
                "SELECT name FROM pragma_table_info('messages')"
            })
            .await?;
        for first in (0..count).step_by(AT_ONCE) {
            look.run(&copy(&columns, id, first, AT_ONCE.min(count - first))).await?;
        }
        if look.is_postgres {
            // Rows that came at once are not counted yet; a table that grew was.
            look.run("VACUUM ANALYZE messages").await?;
        }
        Ok(Copies { wamid: wamid.to_owned(), count })
    }
}

fn copy(columns: &[String], id: i64, first: usize, count: usize) -> String {
    let last = first + count - 1;
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            "id" => format!("{FIRST_ID} + n.n"),
            "wamid" => "m.wamid || substr('00000000' || n.n, length('00000000' || n.n) - 7)".into(),
            "contact_id" => {
                format!("(SELECT MIN(id) FROM contacts WHERE tenant_id = m.tenant_id) + n.n % {CONTACTS}")
            }
            "conversation_id" => "NULL".into(),
            other => format!("m.{other}"),
        })
        .collect();
    format!(
        "WITH RECURSIVE n(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM n WHERE n < {last}) \
         INSERT INTO messages ({}) SELECT {} FROM messages AS m, n WHERE m.id = {id}",
        columns.join(", "),
        values.join(", ")
    )
}
