//! The least that any server must write for a list of contacts: a row with a unique number and a row of consent for
//! each, a thousand a commit, durable.

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};
use serde_json::json;

use super::Person;
use crate::floors::bare_store;

const ROWS: usize = 1_000;

pub(super) struct Floor {
    connection: DatabaseConnection,
    contacts: String,
    consents: String,
    next: std::sync::atomic::AtomicI64,
}

impl Floor {
    pub(super) async fn open(database: &str) -> Result<Self> {
        let connection = bare_store::connect(database, 1).await?;
        let is_postgres = database.starts_with("postgres");
        let end = if is_postgres { "" } else { " WITHOUT ROWID" };
        for statement in [
            format!(
                "CREATE TABLE people (tenant_id BIGINT NOT NULL, id BIGINT NOT NULL, phone TEXT, name TEXT, \
                 fields TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, id)){end}"
            ),
            "CREATE UNIQUE INDEX people_phone ON people (tenant_id, phone)".to_owned(),
            format!(
                "CREATE TABLE consents (tenant_id BIGINT NOT NULL, id BIGINT NOT NULL, contact_id BIGINT NOT NULL, \
                 evidence TEXT NOT NULL, PRIMARY KEY (tenant_id, id)){end}"
            ),
            "CREATE INDEX consents_contact ON consents (tenant_id, contact_id, id)".to_owned(),
        ] {
            connection.execute_unprepared(&statement).await?;
        }
        let rows = if is_postgres {
            "json_to_recordset($1::json) AS r(id bigint, phone text, name text)"
        } else {
            "(SELECT value ->> 'id' AS id, value ->> 'phone' AS phone, value ->> 'name' AS name FROM jsonb_each($1)) AS r"
        };
        let contacts = format!(
            "INSERT INTO people (tenant_id, id, phone, name, fields, created_at) \
             SELECT 1, r.id, r.phone, r.name, '{{\"city\":\"Springfield\"}}', 1800000000000000 FROM {rows}"
        );
        let consents = format!(
            "INSERT INTO consents (tenant_id, id, contact_id, evidence) \
             SELECT 1, r.id, r.id, '{{\"file\":\"list.csv\",\"source\":\"web form\"}}' FROM {rows}"
        );
        Ok(Self { connection, contacts, consents, next: 1.into() })
    }

    pub(super) async fn write(&self, people: &[Person]) -> Result<()> {
        for batch in people.chunks(ROWS) {
            let first = self.next.fetch_add(batch.len() as i64, std::sync::atomic::Ordering::Relaxed);
            let rows: Vec<_> = batch
                .iter()
                .zip(first..)
                .map(|(person, id)| json!({"id": id, "phone": person.phone, "name": person.name}))
                .collect();
            let set = serde_json::to_string(&rows)?;
            let tx = self.connection.begin().await?;
            for sql in [&self.contacts, &self.consents] {
                let values = [set.clone().into()];
                tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values))
                    .await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}
