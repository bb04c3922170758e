//! Making, changing, breaking and removing connections.

use domain::audit::{Action, NewEntry};
use domain::connections::ConnectionState;
use domain::{ConnectionId, TenantId, Timestamp};
use ports::connections::{Broken, Connection, ConnectionPatch, CreatedConnection, NewConnection};
use sea_orm::sea_query::{Expr, ExprTrait, Query, ReturningClause, UpdateStatement};
use sea_orm::{ConnectionTrait, Value};

use super::row;
use crate::SqlStore;
use crate::alerts;
use crate::audit::tell;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::ids::{self, Kind};

/// Tells every node that what it knows of connections is old. Part of the commit that changed one.
pub(crate) async fn bump_version(tx: &Tx) -> Result<(), Fault> {
    db::run(&**tx, "UPDATE versions SET value = value + 1 WHERE name = 'connections'", []).await?;
    Ok(())
}

/// One at a time may decide which connection of a tenant is the default.
async fn lock_default(tx: &Tx, tenant: TenantId) -> Result<(), Fault> {
    tx.dialect.own_lock(tx, &format!("connections/{tenant}")).await
}

pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    new: &NewConnection,
) -> Result<CreatedConnection, Fault> {
    let tx = store.begin().await?;
    lock_default(&tx, tenant).await?;
    let first = db::one(&*tx, "SELECT id FROM connections WHERE tenant_id = $1 LIMIT 1", [tenant.0.into()])
        .await?
        .is_none();
    if new.is_default && !first {
        clear_default(&tx, tenant).await?;
    }
    let Some(connection) = insert(&tx, store, tenant, new, new.is_default || first).await? else {
        return taken(&tx, tenant, &new.phone_number_id).await;
    };
    bump_version(&tx).await?;
    let made = NewEntry::about(Action::ConnectionCreated, "connection", connection.id).at(new.at);
    tx.note(tenant, made.after(tell::connection(&connection)));
    tx.commit().await?;
    Ok(CreatedConnection::Created(connection))
}

/// A number is linked once in the whole store, so this question alone is asked over all tenants; the answer names
/// the connection only to its own.
async fn taken(tx: &Tx, tenant: TenantId, phone_number_id: &str) -> Result<CreatedConnection, Fault> {
    let sql = "SELECT tenant_id, id FROM connections WHERE phone_number_id = $1";
    let row = db::one(&**tx, sql, [phone_number_id.into()]).await?;
    let row = row.ok_or_else(|| Fault::Conflict("the connection in the way is gone".into()))?;
    let ours = row.get::<i64>("tenant_id")? == tenant.0;
    Ok(CreatedConnection::Exists(if ours { Some(ConnectionId(row.get("id")?)) } else { None }))
}

async fn clear_default(tx: &Tx, tenant: TenantId) -> Result<(), Fault> {
    let sql = "UPDATE connections SET is_default = FALSE WHERE tenant_id = $1 AND is_default";
    db::run(&**tx, sql, [tenant.0.into()]).await?;
    Ok(())
}

/// `None` when the number is linked already.
async fn insert(
    tx: &Tx,
    store: &SqlStore,
    tenant: TenantId,
    new: &NewConnection,
    is_default: bool,
) -> Result<Option<Connection>, Fault> {
    let sql = format!(
        "INSERT INTO connections (tenant_id, id, name, phone_number_id, waba_id, app_id, display_phone_number, \
         state, is_default, rate_count, rate_period_ms, graph_url, token_expires_at, access_token, app_secret, \
         verify_token, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17) \
         ON CONFLICT (phone_number_id) DO NOTHING RETURNING {}",
        row::COLUMNS
    );
    let seal = |column, secret| store.keyring().seal(row::place(tenant, column), secret);
    let values: [Value; 17] = [
        tenant.0.into(),
        ids::take_one(tx, Kind::Connection).await?.into(),
        clean(&new.name).into_owned().into(),
        new.phone_number_id.as_str().into(),
        new.waba_id.as_str().into(),
        new.app_id.as_deref().into(),
        new.display_phone_number.as_deref().into(),
        ConnectionState::Active.as_str().into(),
        is_default.into(),
        i64::from(new.rate.count).into(),
        i64::try_from(new.rate.period_ms).map_err(Fault::internal)?.into(),
        new.graph_url.as_str().into(),
        new.token_expires_at.map(micros).into(),
        seal("access_token", &new.secrets.access_token)?.into(),
        seal("app_secret", &new.secrets.app_secret)?.into(),
        seal("verify_token", &new.secrets.verify_token)?.into(),
        micros(new.at).into(),
    ];
    db::one(&**tx, &sql, values).await?.as_ref().map(row::from_row).transpose()
}

pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    patch: &ConnectionPatch,
    at: Timestamp,
) -> Result<Option<Connection>, Fault> {
    let tx = store.begin().await?;
    let Some(before) = row::for_update(&tx, tenant, connection).await? else { return Ok(None) };
    let mut update = Query::update();
    update
        .table("connections")
        .value("updated_at", micros(at))
        .and_where(Expr::col("tenant_id").eq(tenant.0))
        .and_where(Expr::col("id").eq(connection.0))
        .returning(ReturningClause::Exprs(vec![Expr::cust(row::COLUMNS)]));
    set_facts(&mut update, patch)?;
    set_secrets(&mut update, store, tenant, patch)?;
    if patch.is_default == Some(true) {
        lock_default(&tx, tenant).await?;
        clear_default(&tx, tenant).await?;
        update.value("is_default", true);
    }
    // Without a row the transaction is dropped, and with it the cleared default.
    let Some(updated) = tx.query_one(&update).await? else { return Ok(None) };
    let updated = row::from_row(&updated)?;
    bump_version(&tx).await?;
    note_change(&tx, &before, &updated, patch, at);
    tx.commit().await?;
    Ok(Some(updated))
}

/// What Meta told again and again is told once: when it is new.
fn note_change(tx: &Tx, before: &Connection, after: &Connection, patch: &ConnectionPatch, at: Timestamp) {
    let (was, mut is) = domain::audit::change(&tell::connection(before), &tell::connection(after));
    let secrets = [
        ("access_token", patch.access_token.is_some()),
        ("app_secret", patch.app_secret.is_some()),
        ("verify_token", patch.verify_token.is_some()),
    ];
    let replaced: Vec<&str> = secrets.iter().filter(|(_, new)| *new).map(|(name, _)| *name).collect();
    if !replaced.is_empty() {
        is["replaced"] = replaced.into();
    }
    if is != serde_json::json!({}) {
        let entry = NewEntry::about(Action::ConnectionChanged, "connection", after.id).at(at);
        tx.note(after.tenant_id, entry.before(was).after(is));
    }
}

fn set_facts(update: &mut UpdateStatement, patch: &ConnectionPatch) -> Result<(), Fault> {
    let texts = [
        ("name", &patch.name),
        ("business_id", &patch.business_id),
        ("app_id", &patch.app_id),
        ("display_phone_number", &patch.display_phone_number),
        ("verified_name", &patch.verified_name),
        ("quality_rating", &patch.quality_rating),
        ("messaging_limit", &patch.messaging_limit),
        ("graph_url", &patch.graph_url),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            update.value(column, clean(text).into_owned());
        }
    }
    if let Some(rate) = patch.rate {
        update.value("rate_count", i64::from(rate.count));
        update.value("rate_period_ms", i64::try_from(rate.period_ms).map_err(Fault::internal)?);
    }
    if let Some(expires_at) = patch.token_expires_at {
        update.value("token_expires_at", expires_at.map(micros));
    }
    if let Some(handshake_at) = patch.handshake_at {
        update.value("handshake_at", micros(handshake_at));
    }
    if let Some((state, reason)) = &patch.state {
        update.value("state", state.as_str());
        update.value("state_reason", reason.as_deref().map(|reason| clean(reason).into_owned()));
    }
    Ok(())
}

fn set_secrets(
    update: &mut UpdateStatement,
    store: &SqlStore,
    tenant: TenantId,
    patch: &ConnectionPatch,
) -> Result<(), Fault> {
    let secrets = [
        ("access_token", &patch.access_token),
        ("app_secret", &patch.app_secret),
        ("verify_token", &patch.verify_token),
    ];
    for (column, secret) in secrets {
        if let Some(secret) = secret {
            update.value(column, store.keyring().seal(row::place(tenant, column), secret)?);
        }
    }
    Ok(())
}

/// See [`turn_to_error`]; one commit.
pub(super) async fn break_connection(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    broken: &Broken,
    at: Timestamp,
) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    let moved = turn_to_error(&tx, tenant, connection, broken, at).await?;
    tx.commit().await?;
    Ok(moved)
}

/// Moves `active → error`, with its alert; answers whether this call moved it.
pub(crate) async fn turn_to_error(
    tx: &Tx,
    tenant: TenantId,
    connection: ConnectionId,
    broken: &Broken,
    at: Timestamp,
) -> Result<bool, Fault> {
    let sql = "UPDATE connections SET state = $3, state_reason = $4, updated_at = $5, \
               token_expires_at = COALESCE($7, token_expires_at) \
               WHERE tenant_id = $1 AND id = $2 AND state = $6";
    let values: [Value; 7] = [
        tenant.0.into(),
        connection.0.into(),
        ConnectionState::Error.as_str().into(),
        clean(&broken.reason).into_owned().into(),
        micros(at).into(),
        ConnectionState::Active.as_str().into(),
        broken.token_expired_at.map(micros).into(),
    ];
    let moved = db::run(&**tx, sql, values).await? > 0;
    if moved {
        bump_version(tx).await?;
        alerts::raise_in(tx, broken.alert.as_slice()).await?;
        let entry = NewEntry::about(Action::ConnectionBroken, "connection", connection).at(at);
        tx.note(tenant, entry.after(serde_json::json!({ "reason": broken.reason })));
    }
    Ok(moved)
}

pub(super) async fn delete(
    store: &SqlStore,
    tenant: TenantId,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<bool, Fault> {
    let tx = store.begin().await?;
    lock_default(&tx, tenant).await?;
    let ids = [tenant.0.into(), connection.0.into()];
    let sql = format!("DELETE FROM connections WHERE tenant_id = $1 AND id = $2 RETURNING {}", row::COLUMNS);
    let Some(gone) = db::one(&*tx, &sql, ids.clone()).await? else { return Ok(false) };
    let entry = NewEntry::about(Action::ConnectionDeleted, "connection", connection).at(at);
    tx.note(tenant, entry.before(tell::connection(&row::from_row(&gone)?)));
    crate::messages::end_of_queue(&tx, tenant, connection, at).await?;
    // Whoever holds the lane notices that its lease is lost.
    db::run(&*tx, "DELETE FROM lanes WHERE tenant_id = $1 AND connection_id = $2", ids).await?;
    if gone.get::<bool>("is_default")? {
        let sql = "UPDATE connections SET is_default = TRUE, updated_at = $2 WHERE tenant_id = $1 AND id = \
                   (SELECT MIN(o.id) FROM connections o WHERE o.tenant_id = $1)";
        db::run(&*tx, sql, [tenant.0.into(), micros(at).into()]).await?;
    }
    bump_version(&tx).await?;
    tx.commit().await?;
    Ok(true)
}
