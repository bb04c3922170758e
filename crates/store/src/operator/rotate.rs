//! Sealing everything with the current key.

use domain::TenantId;
use sea_orm::QueryResult;

use crate::connections::bump_version;
use crate::connections::row::place;
use crate::db::{self, Fault, Row, SqlStore, Tx};

const COLUMNS: [&str; 3] = ["access_token", "app_secret", "verify_token"];

/// Seals every secret anew; answers how many were sealed with another key.
pub(super) async fn rotate(store: &SqlStore) -> Result<u64, Fault> {
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update("c");
    let sql = format!(
        "SELECT c.tenant_id AS tenant_id, c.id AS id, c.access_token AS access_token, c.app_secret AS app_secret, \
         c.verify_token AS verify_token FROM connections c ORDER BY c.tenant_id, c.id{lock}"
    );
    let mut outdated = 0;
    for row in db::all(&*tx, &sql, []).await? {
        outdated += reseal(store, &tx, &row).await?;
    }
    bump_version(&tx).await?;
    tx.commit().await?;
    Ok(outdated)
}

async fn reseal(store: &SqlStore, tx: &Tx, row: &QueryResult) -> Result<u64, Fault> {
    let (tenant, ring) = (TenantId(row.get("tenant_id")?), store.keyring());
    let (mut outdated, mut values) = (0, vec![tenant.0.into(), row.get::<i64>("id")?.into()]);
    for column in COLUMNS {
        let sealed: Vec<u8> = row.get(column)?;
        outdated += u64::from(ring.is_outdated(&sealed));
        values.push(ring.seal(place(tenant, column), &ring.open(place(tenant, column), &sealed)?)?.into());
    }
    let sql = "UPDATE connections SET access_token = $3, app_secret = $4, verify_token = $5 WHERE tenant_id = $1 AND id = $2";
    db::run(&**tx, sql, values).await?;
    Ok(outdated)
}
