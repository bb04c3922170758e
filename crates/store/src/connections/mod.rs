//! See `ports::connections`.

pub(crate) mod row;
mod write;

use async_trait::async_trait;
use domain::{ConnectionId, TenantId, Timestamp};
use ports::StoreResult;
use ports::connections::{
    Broken, Connection, ConnectionPatch, ConnectionSecrets, ConnectionStore, CreatedConnection, NewConnection,
};
use ports::operator::Wake;

use crate::SqlStore;
use crate::db;

pub(crate) use write::{bump_version, turn_to_error};

#[async_trait]
impl ConnectionStore for SqlStore {
    async fn create_connection(
        &self,
        tenant: TenantId,
        connection: NewConnection,
    ) -> StoreResult<CreatedConnection> {
        let created = db::again(|| write::create(self, tenant, &connection)).await?;
        if let CreatedConnection::Created(connection) = &created {
            self.wakes_hub().tell([Wake::Lane(connection.id)]);
        }
        Ok(created)
    }

    async fn connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> StoreResult<Option<Connection>> {
        let sql = format!("SELECT {} FROM connections WHERE tenant_id = $1 AND id = $2", row::COLUMNS);
        let found = db::one(self.reader(), &sql, [tenant.0.into(), connection.0.into()]).await?;
        Ok(found.as_ref().map(row::from_row).transpose()?)
    }

    async fn connections(&self, tenant: TenantId) -> StoreResult<Vec<Connection>> {
        let sql = format!(
            "SELECT {} FROM connections WHERE tenant_id = $1 ORDER BY is_default DESC, id",
            row::COLUMNS
        );
        let rows = db::all(self.reader(), &sql, [tenant.0.into()]).await?;
        Ok(rows.iter().map(row::from_row).collect::<Result<_, _>>()?)
    }

    async fn connection_secrets(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> StoreResult<Option<ConnectionSecrets>> {
        let sql = format!("SELECT {} FROM connections WHERE tenant_id = $1 AND id = $2", row::SECRETS);
        let found = db::one(self.reader(), &sql, [tenant.0.into(), connection.0.into()]).await?;
        let opened = found.map(|found| row::secrets_from_row(self.keyring(), tenant, &found));
        Ok(opened.transpose()?)
    }

    async fn update_connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        patch: ConnectionPatch,
        at: Timestamp,
    ) -> StoreResult<Option<Connection>> {
        let updated = db::again(|| write::update(self, tenant, connection, &patch, at)).await?;
        if updated.is_some() {
            self.wakes_hub().tell([Wake::Lane(connection)]);
        }
        Ok(updated)
    }

    async fn break_connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        broken: &Broken,
        at: Timestamp,
    ) -> StoreResult<bool> {
        let moved = db::again(|| write::break_connection(self, tenant, connection, broken, at)).await?;
        if moved {
            self.wakes_hub().tell([Wake::Lane(connection)]);
        }
        Ok(moved)
    }

    async fn delete_connection(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        at: Timestamp,
    ) -> StoreResult<bool> {
        let deleted = db::again(|| write::delete(self, tenant, connection, at)).await?;
        if deleted {
            self.wakes_hub().tell([Wake::Lane(connection)]);
        }
        Ok(deleted)
    }
}
