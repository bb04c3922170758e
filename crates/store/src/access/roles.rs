//! Roles that a tenant made.

use domain::access::permissions::Permissions;
use domain::audit::{Action, NewEntry};
use domain::{RoleId, TenantId, Timestamp};
use ports::access::members::{ChangedRole, OwnRole};
use sea_orm::{ConnectionTrait, QueryResult};

use super::members::alone;
use crate::SqlStore;
use crate::db::{self, Fault, Row, Tx, clean, micros, time};
use crate::ids::{self, Kind};

const COLUMNS: &str = "id, name, permissions, created_at, updated_at";

fn from_row(row: &QueryResult) -> Result<OwnRole, Fault> {
    Ok(OwnRole {
        id: RoleId(row.get("id")?),
        name: row.get("name")?,
        permissions: row.json("permissions")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(super) async fn list(store: &SqlStore, tenant: TenantId) -> Result<Vec<OwnRole>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM roles WHERE tenant_id = $1 ORDER BY name");
    let rows = db::all(store.reader(), &sql, [tenant.0.into()]).await?;
    rows.iter().map(from_row).collect()
}

pub(super) async fn find<C: ConnectionTrait>(
    on: &C,
    tenant: TenantId,
    role: RoleId,
) -> Result<Option<OwnRole>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM roles WHERE tenant_id = $1 AND id = $2");
    db::one(on, &sql, [tenant.0.into(), role.0.into()]).await?.as_ref().map(from_row).transpose()
}

async fn owner_of_name(tx: &Tx, tenant: TenantId, name: &str) -> Result<Option<RoleId>, Fault> {
    let sql = "SELECT id FROM roles WHERE tenant_id = $1 AND name = $2";
    let found = db::one(&**tx, sql, [tenant.0.into(), name.into()]).await?;
    found.map(|row| row.get("id").map(RoleId)).transpose()
}

pub(super) async fn create(
    store: &SqlStore,
    tenant: TenantId,
    name: &str,
    permissions: Permissions,
    by: Permissions,
    at: Timestamp,
) -> Result<ChangedRole, Fault> {
    if let Some(beyond) = permissions.beyond(by) {
        return Ok(ChangedRole::Beyond(beyond));
    }
    let name = clean(name).into_owned();
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    if let Some(other) = owner_of_name(&tx, tenant, &name).await? {
        return Ok(ChangedRole::Taken(other));
    }
    let id = ids::take_one(&tx, Kind::Role).await?;
    let sql = "INSERT INTO roles (tenant_id, id, name, permissions, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $5)";
    let kept = db::to_json(&permissions)?;
    let values = [tenant.0.into(), id.into(), name.as_str().into(), kept.into(), micros(at).into()];
    db::run(&*tx, sql, values).await?;
    let told = serde_json::json!({ "name": name, "permissions": permissions });
    tx.note(tenant, NewEntry::about(Action::RoleCreated, "role", id).at(at).after(told));
    tx.commit().await?;
    let at = time(micros(at));
    Ok(ChangedRole::Changed(OwnRole { id: RoleId(id), name, permissions, created_at: at, updated_at: at }))
}

pub(super) async fn update(
    store: &SqlStore,
    tenant: TenantId,
    role: RoleId,
    (name, permissions): (Option<&str>, Option<Permissions>),
    by: Permissions,
    at: Timestamp,
) -> Result<ChangedRole, Fault> {
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    let Some(mut known) = find(&*tx, tenant, role).await? else { return Ok(ChangedRole::NotFound) };
    let before = serde_json::json!({ "name": known.name, "permissions": known.permissions });
    let wanted = permissions.unwrap_or(known.permissions);
    if let Some(beyond) = known.permissions.beyond(by).or(wanted.beyond(by)) {
        return Ok(ChangedRole::Beyond(beyond));
    }
    if let Some(name) = name {
        known.name = clean(name).into_owned();
        if let Some(other) = owner_of_name(&tx, tenant, &known.name).await?.filter(|other| *other != role) {
            return Ok(ChangedRole::Taken(other));
        }
    }
    known.permissions = wanted;
    known.updated_at = known.updated_at.max(time(micros(at)));
    let sql =
        "UPDATE roles SET name = $3, permissions = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2";
    let values = [
        tenant.0.into(),
        role.0.into(),
        known.name.as_str().into(),
        db::to_json(&wanted)?.into(),
        micros(known.updated_at).into(),
    ];
    db::run(&*tx, sql, values).await?;
    let after = serde_json::json!({ "name": known.name, "permissions": known.permissions });
    tx.note(tenant, NewEntry::about(Action::RoleChanged, "role", role).at(at).changed(&before, &after));
    tx.commit().await?;
    Ok(ChangedRole::Changed(known))
}

pub(super) async fn delete(
    store: &SqlStore,
    tenant: TenantId,
    role: RoleId,
    by: Permissions,
) -> Result<ChangedRole, Fault> {
    let tx = store.begin().await?;
    alone(&tx, tenant).await?;
    let Some(known) = find(&*tx, tenant, role).await? else { return Ok(ChangedRole::NotFound) };
    if let Some(beyond) = known.permissions.beyond(by) {
        return Ok(ChangedRole::Beyond(beyond));
    }
    let sql = "SELECT COUNT(*) AS n FROM members WHERE tenant_id = $1 AND role_id = $2";
    let used = db::one(&*tx, sql, [tenant.0.into(), role.0.into()]).await?;
    let used: i64 = used.map_or(Ok(0), |row| row.get("n"))?;
    if used > 0 {
        return Ok(ChangedRole::InUse(u64::try_from(used).unwrap_or_default()));
    }
    db::run(&*tx, "DELETE FROM roles WHERE tenant_id = $1 AND id = $2", [tenant.0.into(), role.0.into()])
        .await?;
    let told = serde_json::json!({ "name": known.name, "permissions": known.permissions });
    tx.note(tenant, NewEntry::about(Action::RoleDeleted, "role", role).before(told));
    tx.commit().await?;
    Ok(ChangedRole::Changed(known))
}
