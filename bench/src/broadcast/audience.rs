//! Many contacts with consent, written past the server: a million of them by requests would take longer than what is
//! measured.

use anyhow::Result;

use crate::world::{CONTACTS, World};

/// Rows of one statement: other writers of a SQLite file wait meanwhile.
const AT_ONCE: u64 = 50_000;
/// Ids begin far above what the server gives out.
const FIRST_ID: u64 = 1_000_000_000;

impl World {
    /// Copies a contact until there are so many; answers how many there are.
    pub(crate) async fn fill_contacts(&self, count: u64) -> Result<u64> {
        let look = self.database().look().await?;
        let columns = look
            .texts(if look.is_postgres {
                "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'contacts'"
            } else {
                "SELECT name FROM pragma_table_info('contacts')"
            })
            .await?;
        let count = count.max(CONTACTS as u64);
        let values: Vec<String> = columns
            .iter()
            .map(|column| match column.as_str() {
                "id" => format!("{FIRST_ID} + n.n"),
                "phone" | "search" => "'+4916' || (100000000 + n.n)".into(),
                other => format!("c.{other}"),
            })
            .collect();
        let mut first = CONTACTS as u64;
        while first < count {
            let last = (first + AT_ONCE).min(count) - 1;
            look.run(&format!(
                "WITH RECURSIVE n(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM n WHERE n < {last}) \
                 INSERT INTO contacts ({}) SELECT {} FROM contacts AS c, n WHERE c.id = (SELECT MIN(id) FROM contacts)",
                columns.join(", "),
                values.join(", ")
            ))
            .await?;
            first = last + 1;
        }
        if look.is_postgres {
            look.run("VACUUM ANALYZE contacts").await?;
        }
        Ok(count)
    }
}
