//! See `ports::operator`.

pub mod backup;
mod doubts;
mod rotate;
pub(crate) mod secrets;
mod statistics;
mod sweep;

use async_trait::async_trait;
use domain::audit::{Action, NewEntry};
use domain::{ApiKeyId, MessageId, TenantId, Timestamp};
use futures::stream::BoxStream;
use ports::StoreResult;
use ports::access::ApiKey;
use ports::connections::{Connection, ConnectionSecrets};
use ports::health::Depths;
use ports::media::PendingMedia;
use ports::operator::{Indexed, OperatorStore, Wake};
use ports::tenants::{Tenant, TenantSettings};
use sea_orm::QueryResult;

use crate::connections::row::{COLUMNS as CONNECTION, SECRETS, from_row, secrets_from_row};
use crate::db::{self, Fault, Row, SqlStore, again, micros};
use crate::ids::{self, Kind};
use crate::sets::{param, set};
use crate::{access, contacts, media, tenants};

#[async_trait]
impl OperatorStore for SqlStore {
    async fn ping(&self) -> StoreResult<()> {
        db::all(self.reader(), "SELECT 1 AS one", []).await?;
        Ok(())
    }

    async fn missing_steps(&self) -> StoreResult<Vec<String>> {
        self.pending_migrations().await
    }

    async fn depths(&self, now: Timestamp) -> StoreResult<Depths> {
        Ok(crate::health::depths(self, now).await?)
    }

    async fn create_tenant(
        &self,
        name: &str,
        settings: &TenantSettings,
        at: Timestamp,
    ) -> StoreResult<Tenant> {
        let tx = self.begin().await?;
        let id = ids::take_one(&tx, Kind::Tenant).await?;
        let sql = "INSERT INTO tenants (tenant_id, name, settings, created_at) VALUES ($1, $2, $3, $4)";
        let values = [
            id.into(),
            db::clean(name).into_owned().into(),
            db::to_json(settings)?.into(),
            micros(at).into(),
        ];
        db::run(&*tx, sql, values).await?;
        let made = NewEntry::about(Action::TenantCreated, "tenant", id).at(at);
        tx.note(TenantId(id), made.after(serde_json::json!({ "name": name, "settings": settings })));
        tx.commit().await?;
        Ok(Tenant { id: TenantId(id), name: name.to_owned(), settings: settings.clone(), created_at: at })
    }

    async fn tenants(&self) -> StoreResult<Vec<Tenant>> {
        let sql = format!("SELECT {} FROM tenants ORDER BY tenant_id", tenants::COLUMNS);
        let rows = db::all(self.reader(), &sql, []).await?;
        Ok(rows.iter().map(tenants::from_row).collect::<Result<_, _>>()?)
    }

    async fn api_key_by_hash(&self, hash: &[u8; 32]) -> StoreResult<Option<ApiKey>> {
        let sql = format!("SELECT {} FROM api_keys WHERE hash = $1", access::KEY_COLUMNS);
        let row = db::one(self.reader(), &sql, [hash.to_vec().into()]).await?;
        Ok(row.as_ref().map(access::key_from_row).transpose()?)
    }

    async fn touch_api_keys(&self, used: Vec<(ApiKeyId, Timestamp)>) -> StoreResult<()> {
        Ok(again(|| touch_api_keys(self, &used)).await?)
    }

    async fn all_connections(&self) -> StoreResult<Vec<(Connection, ConnectionSecrets)>> {
        let sql = format!("SELECT {CONNECTION}, {SECRETS} FROM connections ORDER BY tenant_id, id");
        let rows = db::all(self.reader(), &sql, []).await?;
        let open = |row: &QueryResult| {
            let connection = from_row(row)?;
            let secrets = secrets_from_row(self.keyring(), connection.tenant_id, row)?;
            Ok((connection, secrets))
        };
        Ok(rows.iter().map(open).collect::<Result<_, Fault>>()?)
    }

    async fn connections_version(&self) -> StoreResult<i64> {
        let row = db::one(self.reader(), "SELECT value FROM versions WHERE name = 'connections'", []).await?;
        Ok(row.map_or(Ok(0), |row| row.get("value"))?)
    }

    async fn rule_on_doubts(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<MessageId>> {
        Ok(again(|| doubts::rule(self, now, limit)).await?)
    }

    async fn take_pending_media(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Vec<PendingMedia>> {
        Ok(again(|| take_pending_media(self, limit, now, until)).await?)
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        Ok(again(|| sweep::sweep(self, now, limit)).await?)
    }

    async fn index_contacts(&self, limit: u32) -> StoreResult<Indexed> {
        Ok(again(|| contacts::search::index(self, limit)).await?)
    }

    async fn gather_statistics(&self) -> StoreResult<u64> {
        Ok(statistics::gather(self).await?)
    }

    async fn rotate_secrets(&self) -> StoreResult<u64> {
        Ok(again(|| rotate::rotate(self)).await?)
    }

    fn tell(&self, wake: Wake) {
        self.wakes_hub().tell([wake]);
    }

    fn wakes(&self) -> BoxStream<'static, Wake> {
        self.wakes_hub().subscribe()
    }
}

impl SqlStore {
    /// Opens everything that is sealed, with the keys at hand; answers how many values there are.
    ///
    /// # Errors
    /// Internal, naming table and column, for the first one that does not open.
    pub async fn open_secrets(&self) -> StoreResult<u64> {
        Ok(secrets::open_all(self.reader(), self.keyring()).await?)
    }
}

set! {
    KeyUsed {
        id: Int i64,
        at: Int i64,
    }
}

async fn touch_api_keys(store: &SqlStore, used: &[(ApiKeyId, Timestamp)]) -> Result<(), Fault> {
    let mut latest = std::collections::BTreeMap::new();
    for (key, at) in used {
        let known = latest.entry(key.0).or_insert(micros(*at));
        *known = micros(*at).max(*known);
    }
    if latest.is_empty() {
        return Ok(());
    }
    let rows: Vec<KeyUsed> = latest.into_iter().map(|(id, at)| KeyUsed { id, at }).collect();
    let tx = store.begin().await?;
    let set = tx.dialect.set::<KeyUsed>(1, "r");
    let sql = format!(
        "UPDATE api_keys SET last_used_at = r.at FROM {set} WHERE api_keys.id = r.id \
         AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < r.at)"
    );
    db::run(&*tx, &sql, [param(&rows)?]).await?;
    tx.commit().await
}

/// Taking moves the time of the next try, so that a taker that died is followed by another.
async fn take_pending_media(
    store: &SqlStore,
    limit: u32,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<PendingMedia>, Fault> {
    let waiting = "SELECT 1 AS one FROM media WHERE fetch_at <= $1 ORDER BY fetch_at LIMIT 1";
    if db::one(store.reader(), waiting, [micros(now).into()]).await?.is_none() {
        return Ok(Vec::new());
    }
    let tx = store.begin().await?;
    let lock = tx.dialect.for_update_skip_locked("f");
    let sql = format!(
        "UPDATE media SET fetch_at = $2, attempts = attempts + 1 WHERE (tenant_id, id) IN \
         (SELECT f.tenant_id, f.id FROM media f WHERE f.fetch_at <= $1 ORDER BY f.fetch_at LIMIT $3{lock}) \
         RETURNING tenant_id, attempts, {}",
        media::COLUMNS
    );
    let rows =
        db::all(&*tx, &sql, [micros(now).into(), micros(until).into(), i64::from(limit).into()]).await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(PendingMedia {
                tenant_id: TenantId(row.get("tenant_id")?),
                media: media::from_row(row)?,
                attempts: i32::try_from(row.get::<i64>("attempts")?).unwrap_or(i32::MAX),
            })
        })
        .collect()
}
