//! Segments, and what they ask of a contact.

use domain::contacts::Identity;
use domain::phone::PhoneNumber;
use sea_orm::{ConnectionTrait, DbErr, Value};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::step;
use crate::db::{self, Fault, Row};
use crate::dialect::{As, Dialect};
use crate::ids::Kind;

pub(super) struct Segments;

impl MigrationName for Segments {
    fn name(&self) -> &str {
        "m0002_segments"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Segments {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        step(manager, &[include_str!("segments.sql")], &[Kind::Segment]).await?;
        let on = manager.get_connection();
        fill_countries(on, Dialect::of(on.get_database_backend()))
            .await
            .map_err(|fault| DbErr::Migration(fault.to_string()))
    }
}

/// Contacts per statement.
const PAGE: usize = 2_000;

/// The country of every contact that there is, page by page.
async fn fill_countries<C: ConnectionTrait>(on: &C, dialect: Dialect) -> Result<(), Fault> {
    let read = format!(
        "SELECT c.tenant_id AS tenant_id, c.id AS id, c.phone AS phone, c.bsuid AS bsuid FROM contacts c \
         WHERE (c.tenant_id, c.id) > ($1, $2) ORDER BY c.tenant_id, c.id LIMIT {PAGE}"
    );
    let set = dialect.rows(1, &[("tenant", As::Int), ("id", As::Int), ("country", As::Text)], "r");
    let write = format!(
        "UPDATE contacts SET country = r.country FROM {set} \
         WHERE contacts.tenant_id = r.tenant AND contacts.id = r.id"
    );
    let mut last: (i64, i64) = (i64::MIN, i64::MIN);
    loop {
        let rows = db::all(on, &read, [last.0.into(), last.1.into()]).await?;
        let mut countries = Vec::with_capacity(rows.len());
        for row in &rows {
            last = (row.get("tenant_id")?, row.get("id")?);
            let phone = row.get::<Option<String>>("phone")?;
            let identity = Identity {
                phone: phone.as_deref().and_then(PhoneNumber::from_e164),
                bsuid: row.get("bsuid")?,
            };
            if let Some(country) = identity.country() {
                countries.push(serde_json::json!({ "tenant": last.0, "id": last.1, "country": country }));
            }
        }
        if !countries.is_empty() {
            db::run(on, &write, [Value::from(db::to_json(&countries)?)]).await?;
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DatabaseTransaction;
    use sea_orm_migration::MigratorTrait;

    use super::*;
    use crate::{SqlStore, StoreConfig};

    /// More than a page of contacts of before, in two tenants.
    const MANY: i64 = 2_500;

    async fn contacts_of_before_get_their_country(url: &str) {
        let store = SqlStore::connect(StoreConfig::new(url, [7; 32])).await.unwrap();
        let tx = store.begin().await.unwrap();
        super::super::Migrator::up(&*tx, Some(1)).await.unwrap();
        for tenant in [1, 2] {
            contacts(&tx, tenant).await;
        }
        super::super::run(store.dialect(), &tx).await.unwrap();
        let sql = "SELECT c.country AS country, COUNT(*) AS number FROM contacts c GROUP BY c.country";
        let mut found = Vec::new();
        for row in db::all(&*tx, sql, []).await.unwrap() {
            let country = row.get::<Option<String>>("country").unwrap();
            found.push((country, row.get::<i64>("number").unwrap()));
        }
        found.sort();
        let half = MANY - 2;
        let expected = [
            (None, 2),
            (Some("BR".to_owned()), 2),
            (Some("DE".to_owned()), half),
            (Some("US".to_owned()), half),
        ];
        assert_eq!(found, expected);
        tx.commit().await.unwrap();
        store.close().await.unwrap();
    }

    /// One known by a user id alone, one known by nothing any more, all others by numbers of the tenant's country.
    async fn contacts(tx: &DatabaseTransaction, tenant: i64) {
        let prefix = if tenant == 1 { "+49151200" } else { "+1555100" };
        let rows: Vec<String> = (1..=MANY)
            .map(|id| {
                let (phone, bsuid) = match id {
                    1 => ("NULL".to_owned(), "'BR.1'"),
                    2 => ("NULL".to_owned(), "NULL"),
                    _ => (format!("'{prefix}{id:04}'"), "NULL"),
                };
                format!("({tenant}, {id}, {phone}, {bsuid}, '[]', '{{}}', '', FALSE, FALSE, FALSE, 0, 0)")
            })
            .collect();
        let sql = format!(
            "INSERT INTO contacts (tenant_id, id, phone, bsuid, tags, fields, search, opted_in, marketing_stopped, \
             wrote_after_opt_out, created_at, updated_at) VALUES {}",
            rows.join(", ")
        );
        tx.execute_unprepared(&sql).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn contacts_of_before_get_their_country_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        contacts_of_before_get_their_country(&folder.path().join("waxwing.db").display().to_string()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn contacts_of_before_get_their_country_on_postgres() {
        let database = tokio::task::spawn_blocking(test_postgres::database).await.unwrap();
        contacts_of_before_get_their_country(&database.url).await;
    }
}
