//! A connection's row, and its secrets.

use domain::pacing::Rate;
use domain::{ConnectionId, TenantId};
use ports::connections::{Connection, ConnectionSecrets};
use sea_orm::QueryResult;

use crate::db::{self, Fault, Row, Tx};
use crate::secrets::{Keyring, Place};

/// The columns that [`from_row`] reads: no secrets.
pub(crate) const COLUMNS: &str = "tenant_id, id, name, phone_number_id, waba_id, business_id, app_id, display_phone_number, \
     verified_name, quality_rating, messaging_limit, state, state_reason, is_default, rate_count, \
     rate_period_ms, graph_url, token_expires_at, handshake_at, last_webhook_at, created_at, updated_at";

/// The columns that [`secrets_from_row`] reads, sealed.
pub(crate) const SECRETS: &str = "access_token, app_secret, verify_token";

/// A connection out of [`COLUMNS`].
pub(crate) fn from_row(row: &QueryResult) -> Result<Connection, Fault> {
    Ok(Connection {
        id: ConnectionId(row.get("id")?),
        tenant_id: TenantId(row.get("tenant_id")?),
        name: row.get("name")?,
        phone_number_id: row.get("phone_number_id")?,
        waba_id: row.get("waba_id")?,
        business_id: row.get("business_id")?,
        app_id: row.get("app_id")?,
        display_phone_number: row.get("display_phone_number")?,
        verified_name: row.get("verified_name")?,
        quality_rating: row.get("quality_rating")?,
        messaging_limit: row.get("messaging_limit")?,
        state: row.word("state")?,
        state_reason: row.get("state_reason")?,
        is_default: row.get("is_default")?,
        rate: rate_from_row(row)?,
        graph_url: row.get("graph_url")?,
        token_expires_at: row.time_opt("token_expires_at")?,
        handshake_at: row.time_opt("handshake_at")?,
        last_webhook_at: row.time_opt("last_webhook_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// A connection that nobody else changes until the commit.
pub(super) async fn for_update(
    tx: &Tx,
    tenant: TenantId,
    connection: ConnectionId,
) -> Result<Option<Connection>, Fault> {
    let lock = tx.dialect.for_update("connections");
    let sql = format!("SELECT {COLUMNS} FROM connections WHERE tenant_id = $1 AND id = $2{lock}");
    let row = db::one(&**tx, &sql, [tenant.0.into(), connection.0.into()]).await?;
    row.as_ref().map(from_row).transpose()
}

/// Out of `rate_count, rate_period_ms`.
pub(crate) fn rate_from_row(row: &QueryResult) -> Result<Rate, Fault> {
    Ok(Rate {
        count: u32::try_from(row.get::<i64>("rate_count")?).map_err(Fault::internal)?,
        period_ms: u64::try_from(row.get::<i64>("rate_period_ms")?).map_err(Fault::internal)?,
    })
}

/// Where a secret of a connection lies.
pub(crate) fn place(tenant: TenantId, column: &'static str) -> Place {
    Place { tenant, table: "connections", column }
}

/// The secrets out of [`SECRETS`], opened.
pub(crate) fn secrets_from_row(
    keyring: &Keyring,
    tenant: TenantId,
    row: &QueryResult,
) -> Result<ConnectionSecrets, Fault> {
    let open = |column: &'static str| keyring.open(place(tenant, column), &row.get::<Vec<u8>>(column)?);
    Ok(ConnectionSecrets {
        access_token: open("access_token")?,
        app_secret: open("app_secret")?,
        verify_token: open("verify_token")?,
    })
}
