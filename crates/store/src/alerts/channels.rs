//! See `ports::alerts::channels`. Addresses and secrets lie sealed.

use async_trait::async_trait;
use domain::alerts::Severity;
use domain::audit::{Action, NewEntry};
use domain::{AlertChannelId, TenantId, Timestamp};
use ports::alerts::channels::{Channel, ChannelPatch, ChannelStore, Delivery, NewChannel, Parcel, Target};
use ports::{Page, Paging, StoreResult};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use secrecy::ExposeSecret;

use super::deliveries;
use crate::SqlStore;
use crate::audit::tell;
use crate::db::{self, Fault, Row, Tx, clean, micros};
use crate::dialect::As;
use crate::ids::{self, Kind};
use crate::lists::{self, List};
use crate::secrets::{Keyring, Place};

const COLUMNS: &str = "tenant_id, id, name, kind, shown, address, secret, min_severity, kinds, enabled, \
     created_at, updated_at, delivered_at, error, error_at";

fn place(tenant: TenantId, column: &'static str) -> Place {
    Place { tenant, table: "alert_channels", column }
}

fn from_row(row: &QueryResult) -> Result<Channel, Fault> {
    let severity: i64 = row.get("min_severity")?;
    Ok(Channel {
        id: AlertChannelId(row.get("id")?),
        tenant_id: TenantId(row.get("tenant_id")?),
        name: row.get("name")?,
        kind: row.word("kind")?,
        shown: row.get("shown")?,
        min_severity: Severity::ALL.into_iter().find(|one| *one as i64 == severity).unwrap_or(Severity::Info),
        kinds: row.json("kinds")?,
        enabled: row.get("enabled")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        delivered_at: row.time_opt("delivered_at")?,
        error: row.get("error")?,
        error_at: row.time_opt("error_at")?,
    })
}

/// A channel with where it leads.
pub(super) async fn find<C: ConnectionTrait>(
    store: &SqlStore,
    on: &C,
    tenant: TenantId,
    channel: AlertChannelId,
) -> Result<Option<(Channel, Target)>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM alert_channels WHERE tenant_id = $1 AND id = $2");
    let Some(row) = db::one(on, &sql, [tenant.0.into(), channel.0.into()]).await? else { return Ok(None) };
    let ring = store.keyring();
    let secret: Option<Vec<u8>> = row.get("secret")?;
    let target = Target {
        address: ring.open(place(tenant, "address"), &row.get::<Vec<u8>>("address")?)?,
        secret: secret.map(|sealed| ring.open(place(tenant, "secret"), &sealed)).transpose()?,
    };
    Ok(Some((from_row(&row)?, target)))
}

#[async_trait]
impl ChannelStore for SqlStore {
    async fn create_channel(&self, tenant: TenantId, channel: NewChannel) -> StoreResult<Channel> {
        Ok(create(self, tenant, channel).await?)
    }

    async fn channels(&self, tenant: TenantId, paging: &Paging) -> StoreResult<Page<Channel>> {
        let from =
            Query::select().from("alert_channels").and_where(Expr::col("tenant_id").eq(tenant.0)).take();
        let list = List { from, columns: COLUMNS, keys: &[("id", As::Int)], order: Order::Asc };
        Ok(lists::page(self.reader(), list, paging, from_row).await?)
    }

    async fn channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
    ) -> StoreResult<Option<(Channel, Target)>> {
        Ok(find(self, self.reader(), tenant, channel).await?)
    }

    async fn update_channel(
        &self,
        tenant: TenantId,
        channel: AlertChannelId,
        patch: ChannelPatch,
        at: Timestamp,
    ) -> StoreResult<Option<Channel>> {
        Ok(update(self, tenant, channel, patch, at).await?)
    }

    async fn delete_channel(&self, tenant: TenantId, channel: AlertChannelId) -> StoreResult<bool> {
        let tx = self.begin().await?;
        let values: [Value; 2] = [tenant.0.into(), channel.0.into()];
        let sql = format!("DELETE FROM alert_channels WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}");
        let gone = db::one(&*tx, &sql, values.clone()).await?.as_ref().map(from_row).transpose()?;
        let sql = "DELETE FROM alert_deliveries WHERE tenant_id = $1 AND channel_id = $2";
        db::run(&*tx, sql, values).await?;
        if let Some(gone) = &gone {
            let entry = NewEntry::about(Action::AlertChannelDeleted, "alert_channel", channel);
            tx.note(tenant, entry.before(tell::channel(gone)));
        }
        tx.commit().await?;
        Ok(gone.is_some())
    }

    async fn take_parcels(&self, now: Timestamp, until: Timestamp, limit: u32) -> StoreResult<Vec<Parcel>> {
        Ok(deliveries::take(self, now, until, limit).await?)
    }

    async fn settle_parcel(&self, parcel: &Parcel, delivery: Delivery, at: Timestamp) -> StoreResult<()> {
        Ok(deliveries::settle(self, parcel, &delivery, at).await?)
    }

    async fn next_parcel(&self) -> StoreResult<Option<Timestamp>> {
        Ok(deliveries::next(self).await?)
    }
}

async fn create(store: &SqlStore, tenant: TenantId, channel: NewChannel) -> Result<Channel, Fault> {
    let ring = store.keyring();
    let address = ring.seal(place(tenant, "address"), &channel.target.address)?;
    let secret = channel
        .target
        .secret
        .as_ref()
        .map(|secret| ring.seal(place(tenant, "secret"), secret))
        .transpose()?;
    let tx = store.begin().await?;
    let id = ids::take_one(&tx, Kind::AlertChannel).await?;
    let sql = format!(
        "INSERT INTO alert_channels (tenant_id, id, name, kind, shown, address, secret, min_severity, kinds, \
         enabled, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) \
         RETURNING {COLUMNS}"
    );
    let values: [Value; 11] = [
        tenant.0.into(),
        id.into(),
        clean(&channel.name).as_ref().into(),
        channel.kind.as_str().into(),
        clean(&channel.shown).as_ref().into(),
        address.into(),
        secret.into(),
        (channel.min_severity as i64).into(),
        db::to_json(&channel.kinds)?.into(),
        channel.enabled.into(),
        micros(channel.at).into(),
    ];
    let row = db::one(&*tx, &sql, values).await?;
    let made = from_row(&row.ok_or_else(|| Fault::internal("a channel that was made is not there"))?)?;
    let entry = NewEntry::about(Action::AlertChannelCreated, "alert_channel", made.id).at(channel.at);
    tx.note(tenant, entry.after(tell::channel(&made)));
    tx.commit().await?;
    Ok(made)
}

async fn update(
    store: &SqlStore,
    tenant: TenantId,
    channel: AlertChannelId,
    patch: ChannelPatch,
    at: Timestamp,
) -> Result<Option<Channel>, Fault> {
    let wanted = patch.address.as_ref().map(|(address, _)| address.clone());
    let (address, shown) = match patch.address {
        Some((address, shown)) => {
            (Some(store.keyring().seal(place(tenant, "address"), &address)?), Some(shown))
        }
        None => (None, None),
    };
    let kinds = patch.kinds.as_ref().map(db::to_json).transpose()?;
    let sql = format!(
        "UPDATE alert_channels SET name = COALESCE($3, name), address = COALESCE($4, address), \
         shown = COALESCE($5, shown), min_severity = COALESCE($6, min_severity), kinds = COALESCE($7, kinds), \
         enabled = COALESCE($8, enabled), updated_at = $9 WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let values: [Value; 9] = [
        tenant.0.into(),
        channel.0.into(),
        patch.name.map(|name| clean(&name).into_owned()).into(),
        address.into(),
        shown.map(|shown| clean(&shown).into_owned()).into(),
        patch.min_severity.map(|severity| severity as i64).into(),
        kinds.into(),
        patch.enabled.into(),
        micros(at).into(),
    ];
    let tx = store.begin().await?;
    let before = find(store, &*tx, tenant, channel).await?;
    let changed = db::one(&*tx, &sql, values).await?.as_ref().map(from_row).transpose()?;
    if let (Some((before, target)), Some(after)) = (before, &changed) {
        let entry = NewEntry::about(Action::AlertChannelChanged, "alert_channel", channel).at(at);
        let mut told = tell::channel(after);
        // Where it leads is a secret or somebody's address: that it leads elsewhere now is not.
        if wanted.is_some_and(|wanted| wanted.expose_secret() != target.address.expose_secret()) {
            told["address_changed"] = true.into();
        }
        tx.note(tenant, entry.changed(&tell::channel(&before), &told));
    }
    tx.commit().await?;
    Ok(changed)
}

/// Opens the secrets of all channels; answers how many there are.
pub(crate) async fn open<C: ConnectionTrait>(on: &C, ring: &Keyring) -> Result<u64, Fault> {
    let mut opened = 0;
    for row in db::all(on, "SELECT tenant_id, address, secret FROM alert_channels", []).await? {
        let tenant = TenantId(row.get("tenant_id")?);
        for column in ["address", "secret"] {
            if let Some(sealed) = row.get::<Option<Vec<u8>>>(column)? {
                ring.open(place(tenant, column), &sealed)?;
                opened += 1;
            }
        }
    }
    Ok(opened)
}

/// Seals the secrets of all channels with the current key; answers how many were sealed with another.
pub(crate) async fn reseal(store: &SqlStore, tx: &Tx) -> Result<u64, Fault> {
    let lock = tx.dialect.for_update("c");
    let sql = format!(
        "SELECT c.tenant_id AS tenant_id, c.id AS id, c.address AS address, c.secret AS secret \
         FROM alert_channels c ORDER BY c.tenant_id, c.id{lock}"
    );
    let (ring, mut outdated) = (store.keyring(), 0);
    for row in db::all(&**tx, &sql, []).await? {
        let tenant = TenantId(row.get("tenant_id")?);
        let mut again = |column: &'static str, sealed: Option<Vec<u8>>| -> Result<Option<Vec<u8>>, Fault> {
            let Some(sealed) = sealed else { return Ok(None) };
            outdated += u64::from(ring.is_outdated(&sealed));
            Ok(Some(ring.seal(place(tenant, column), &ring.open(place(tenant, column), &sealed)?)?))
        };
        let address = again("address", row.get("address")?)?;
        let secret = again("secret", row.get("secret")?)?;
        let sql = "UPDATE alert_channels SET address = $3, secret = $4 WHERE tenant_id = $1 AND id = $2";
        let values = [tenant.0.into(), row.get::<i64>("id")?.into(), address.into(), secret.into()];
        db::run(&**tx, sql, values).await?;
    }
    Ok(outdated)
}
