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
