//! Sealing everything with the current key.

use domain::{AccountId, TenantId};
use sea_orm::QueryResult;

use crate::access::accounts;
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
    outdated += reseal_accounts(store, &tx).await?;
    outdated += crate::erasure::reseal(store, &tx).await?;
    outdated += crate::alerts::reseal(store, &tx).await?;
    for row in db::all(&*tx, "SELECT tenant_id, chain_key FROM audit_heads ORDER BY tenant_id", []).await? {
        outdated += reseal_chain_key(store, &tx, &row).await?;
    }
    bump_version(&tx).await?;
    tx.commit().await?;
    Ok(outdated)
}

async fn reseal_chain_key(store: &SqlStore, tx: &Tx, row: &QueryResult) -> Result<u64, Fault> {
    let (tenant, ring) = (TenantId(row.get("tenant_id")?), store.keyring());
    let (place, sealed) = (crate::audit::row::place(tenant), row.get::<Vec<u8>>("chain_key")?);
    let anew = ring.seal(place, &ring.open(place, &sealed)?)?;
    let sql = "UPDATE audit_heads SET chain_key = $2 WHERE tenant_id = $1";
    db::run(&**tx, sql, [tenant.0.into(), anew.into()]).await?;
    Ok(u64::from(ring.is_outdated(&sealed)))
}

async fn reseal_accounts(store: &SqlStore, tx: &Tx) -> Result<u64, Fault> {
    let (ring, mut outdated) = (store.keyring(), 0);
    let sql = format!(
        "SELECT a.id AS id, a.totp_secret AS totp_secret FROM accounts a WHERE a.totp_secret IS NOT NULL \
         ORDER BY a.id{}",
        tx.dialect.for_update("a")
    );
    for row in db::all(&**tx, &sql, []).await? {
        let (id, sealed): (i64, Vec<u8>) = (row.get("id")?, row.get("totp_secret")?);
        let place = accounts::place(AccountId(id));
        outdated += u64::from(ring.is_outdated(&sealed));
        let anew = ring.seal(place, &ring.open(place, &sealed)?)?;
        db::run(&**tx, "UPDATE accounts SET totp_secret = $2 WHERE id = $1", [id.into(), anew.into()])
            .await?;
    }
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
